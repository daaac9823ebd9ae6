"""Settings against the wire protocols they are read through."""

import threading
import time

import pytest

from lamppost.errors import OperatorError, SettingMissing
from lamppost.settings import source
from tests.contracts.fake_settings import Shop, Sidecar, beside, served

NAME = "bday/db-credentials"
URL = "/bday/webhook-url"


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch):
    for name in (
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
        "SSM_PARAMETER_STORE_TTL",
        "AWS_ENDPOINT_URL_SSM",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session")
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    source.forget()
    yield
    source.forget()


@pytest.fixture
def shop(monkeypatch):
    stock = Shop()
    stock.secrets[NAME] = "old"
    stock.parameters[URL] = "https://a.example/hook?x=ü"
    with served(stock) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield stock


@pytest.fixture
def sidecar(shop, monkeypatch):
    cache = Sidecar(shop)
    with beside(cache) as port:
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(port))
        yield cache


class Clocks:
    """Both clocks of a process, moved by hand."""

    def __init__(self, monkeypatch):
        self.monotonic, self.wall = 1000.0, 1_800_000_000.0
        monkeypatch.setattr(source.time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(source.time, "time", lambda: self.wall)


def test_a_signed_request_brings_both_kinds(shop):
    assert source.secret(NAME) == "old"
    assert source.parameter(URL) == "https://a.example/hook?x=ü"
    assert all("Signature=" in headers["Authorization"] for headers in shop.headers)


def test_each_service_may_have_an_endpoint_of_its_own(shop, monkeypatch):
    other = Shop()
    other.parameters[URL] = "elsewhere"
    with served(other) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", endpoint)
        assert (source.parameter(URL), source.secret(NAME)) == ("elsewhere", "old")


def test_a_value_is_asked_for_once_while_it_is_fresh(shop):
    assert [source.secret(NAME) for _ in range(5)] == ["old"] * 5
    assert shop.asked == [NAME]


def test_the_extension_is_asked_first_with_the_session_token(sidecar, shop):
    assert source.secret(NAME) == "old"
    assert sidecar.asked == ["/secretsmanager/get?secretId=bday%2Fdb-credentials"]
    assert sidecar.tokens == ["a-session"]
    assert shop.headers == []


def test_an_extension_that_is_not_ready_is_waited_for(sidecar, shop):
    sidecar.not_ready = 3
    assert source.secret(NAME) == "old"
    assert len(sidecar.asked) == 4
    assert shop.headers == []


def test_without_an_extension_on_its_port_the_request_is_signed(shop, monkeypatch):
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "1")
    assert source.secret(NAME) == "old"


def test_fresh_goes_past_the_extension_which_would_still_say_the_old(sidecar, shop):
    source.secret(NAME)
    shop.secrets[NAME] = "new"
    source.forget(NAME)
    assert source.secret(NAME) == "old"
    assert source.secret(NAME, fresh=True) == "new"
    assert source.secret(NAME) == "new"


def test_an_extension_that_keeps_parameters_five_minutes_is_not_asked_for_them(sidecar, shop):
    assert source.parameter(URL)
    assert sidecar.asked == []


def test_an_extension_told_to_forget_soon_is_asked_for_parameters(sidecar, shop, monkeypatch):
    monkeypatch.setenv("SSM_PARAMETER_STORE_TTL", "20")
    assert source.parameter(URL)
    assert sidecar.asked == ["/systemsmanager/parameters/get?name=%2Fbday%2Fwebhook-url&withDecryption=true"]
    clocks = source.time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source.time, "monotonic", lambda: clocks + 41)
        source.parameter(URL)
    assert len(sidecar.asked) == 2


@pytest.mark.parametrize(
    ("read", "name", "seconds"), [(source.secret, NAME, 300), (source.parameter, URL, 60)]
)
def test_a_value_is_read_again_after_its_time(shop, monkeypatch, read, name, seconds):
    clocks = Clocks(monkeypatch)
    read(name)
    clocks.monotonic += seconds - 1
    clocks.wall += seconds - 1
    read(name)
    assert len(shop.asked) == 1
    clocks.monotonic += 1
    clocks.wall += 1
    read(name)
    assert len(shop.asked) == 2


def test_a_frozen_sandbox_whose_monotonic_clock_stood_still_reads_again(shop, monkeypatch):
    clocks = Clocks(monkeypatch)
    source.parameter(URL)
    clocks.wall += 3600
    source.parameter(URL)
    assert len(shop.asked) == 2


def test_a_missing_parameter_names_the_command_that_sets_it_and_is_never_remembered(shop):
    with pytest.raises(SettingMissing) as missing:
        source.parameter("/bday/other")
    assert missing.value.fix.startswith("aws ssm put-parameter --name /bday/other ")
    shop.parameters["/bday/other"] = "now"
    assert source.parameter("/bday/other") == "now"


def test_a_missing_secret_names_the_command_that_makes_it(shop):
    with pytest.raises(SettingMissing) as missing:
        source.secret("bday/none")
    assert missing.value.fix.startswith("aws secretsmanager create-secret --name bday/none ")


def test_a_setting_we_may_not_read_names_the_grant(shop):
    shop.forbidden.add(NAME)
    with pytest.raises(OperatorError) as refused:
        source.secret(NAME)
    assert refused.value.code == "grant_missing"
    assert "secretsmanager:GetSecretValue" in refused.value.fix


def test_a_throttled_read_is_tried_again(shop):
    shop.failures = [(400, "ThrottlingException"), (500, "InternalServiceError")]
    assert source.secret(NAME) == "old"
    assert len(shop.asked) == 3


def test_an_unreachable_service_says_which_way_is_missing(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(OperatorError) as unreachable:
        source.secret(NAME)
    assert unreachable.value.code == "settings_unreachable"
    assert "interface endpoint" in unreachable.value.fix


def test_a_secret_never_travels_in_the_clear_beyond_this_machine(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://10.0.0.5:4566")
    with pytest.raises(OperatorError, match="in the clear"):
        source.secret(NAME)


def test_without_credentials_an_operator_is_told_which(shop, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(OperatorError) as error:
        source.secret(NAME)
    assert error.value.code == "credentials_missing"


def test_threads_that_want_the_same_value_share_one_read(shop):
    shop.answering.clear()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(source.secret(NAME))) for _ in range(8)]
    for thread in threads:
        thread.start()
    shop.answering.set()
    for thread in threads:
        thread.join()
    assert found == ["old"] * 8
    assert shop.asked == [NAME]


def test_threads_refused_with_the_same_value_share_one_fresh_read(shop):
    source.secret(NAME)
    shop.secrets[NAME] = "new"
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(source.secret(NAME, refused="old"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["new"] * 8
    assert shop.asked == [NAME] * 2


def test_a_read_that_began_before_forget_is_not_remembered_after_it(shop):
    shop.answering.clear()
    thread = threading.Thread(target=source.secret, args=(NAME,))
    thread.start()
    while not shop.asked:
        time.sleep(0)
    source.forget(NAME)
    shop.answering.set()
    thread.join()
    source.secret(NAME)
    assert shop.asked == [NAME] * 2


def test_no_value_stands_in_an_exception(shop):
    shop.secrets[NAME] = '{"password": "hunter2"'
    from lamppost.db import credentials

    with pytest.raises(OperatorError) as error:
        credentials.from_secret(NAME, {})
    chain = [
        error.value,
        error.value.__cause__,
        error.value.__context__ if not error.value.__suppress_context__ else None,
    ]
    assert not any("hunter2" in repr(link) for link in chain)

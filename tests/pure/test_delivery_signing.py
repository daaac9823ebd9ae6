"""Signatures by Standard Webhooks: what we sign a receiver can check, and nothing else passes."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from lamppost.delivery import signing
from lamppost.delivery.signing import BadSignature
from lamppost.errors import OperatorError

# The specification's own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330
NOW = datetime.fromtimestamp(AT, UTC)
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def signed(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return dict(signing.headers(signing.keys(secret), ID, AT, body))


def check(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    signing.verify(signing.keys(SECRET), headers, body, now=now)


def test_the_published_example_comes_out() -> None:
    assert signed()["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    check(signed())


def test_the_same_json_spaced_otherwise_is_another_message() -> None:
    with pytest.raises(BadSignature):
        check(signed(), b'{"test":2432232314}')


@pytest.mark.parametrize("away", [301, -301])
def test_a_message_from_another_time_is_refused(away: int) -> None:
    with pytest.raises(BadSignature, match="five minutes"):
        check(signed(), now=NOW + timedelta(seconds=away))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "1.5"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"webhook-id": ""},
        {"webhook-id": "msg_other"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "v1,é"},
    ],
)
def test_headers_that_are_not_ours_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        check({**signed(), **change})


def test_an_unknown_version_before_a_good_one_does_no_harm() -> None:
    good = signed()
    check({**good, "webhook-signature": "v9,xx " + good["webhook-signature"]})


def test_while_a_secret_is_replaced_both_sign() -> None:
    new = base64.b64encode(b"n" * 32).decode()
    headers = signed(secret=f"whsec_{new} {SECRET}")
    assert len(headers["webhook-signature"].split()) == 2
    check(headers)


def test_a_random_password_of_letters_and_digits_serves_as_a_secret() -> None:
    assert len(signing.keys("Zx8" * 16)[0]) == 36


@pytest.mark.parametrize(
    "secret",
    ["", "  ", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 200, "whsec_not base64!", "whsec_a-_b" * 8],
)
def test_a_secret_that_cannot_sign_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(OperatorError) as caught:
        signing.keys(secret)
    assert caught.value.code == "signing_secret_invalid"
    assert len(secret) < 8 or secret not in str(caught.value)

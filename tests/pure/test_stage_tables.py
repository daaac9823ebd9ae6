"""Tables of a stage: people, edge and domain are whole, or refused with what to write instead."""

from pathlib import Path

import pytest

from lamppost.cloud import stages
from lamppost.cloud.domain_settings import Domain
from lamppost.cloud.edge_settings import Edge
from lamppost.cloud.identity_settings import People
from lamppost.errors import OperatorError

HEAD = 'system = "shop"\nprefix = "Shop"\n'
DEV = HEAD + '[stages.dev]\nregion = "eu-central-1"\n'
PR = HEAD + '[stages.pr]\nregion = "eu-central-1"\nephemeral = true\n'
ID = "0a1b2c3d-0000-4000-8000-0123456789ab"
HERE = f"arn:aws:acm:eu-central-1:123456789012:certificate/{ID}"
EDGE = f"arn:aws:acm:us-east-1:123456789012:certificate/{ID}"
ZONE = 'zone = "shop.example"\nzone_id = "Z0123456789ABC"\n'
APIS = f'apis = "api.shop.example"\ncertificate = "{HERE}"\n'
HOST, CERTIFICATE = APIS.split("\n")[:2]
SITE = f'site = "www.shop.example"\nsite_certificate = "{EDGE}"\n'
ACL = f"arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/{ID}"


def read(folder: Path, text: str) -> stages.Stages:
    path = folder / "stages.toml"
    path.write_text(text)
    return stages.read(path)


def refused(folder: Path, text: str) -> tuple[str, str]:
    with pytest.raises(OperatorError) as told:
        read(folder, text)
    assert told.value.code == "stages_invalid"
    return told.value.what, told.value.fix


def test_a_stage_without_tables_has_accounts_for_anyone_and_nothing_else(tmp_path: Path) -> None:
    settings = read(tmp_path, DEV).stages["dev"]
    assert (settings.people, settings.edge, settings.domain) == (People(), None, None)


def test_a_whole_stage_is_taken_as_written(tmp_path: Path) -> None:
    text = (
        f'{DEV}[stages.dev.edge]\nwaf = "{ACL}"\nlogs = true\npages = ["http://localhost:5173"]\n'
        f"[stages.dev.domain]\n{ZONE}{APIS}{SITE}"
        '[stages.dev.people]\nsign_up = "invited"\nlogin = "shop-dev"\ncallbacks = ["https://www.shop.example/in"]\n'
    )
    settings = read(tmp_path, text).stages["dev"]
    assert settings.edge == Edge(waf=ACL, logs=True, pages=("http://localhost:5173",))
    assert settings.domain == Domain(
        zone="shop.example",
        zone_id="Z0123456789ABC",
        apis="api.shop.example",
        certificate=HERE,
        site="www.shop.example",
        site_certificate=EDGE,
    )
    assert settings.people.login == "shop-dev"


@pytest.mark.parametrize(
    ("more", "what", "fix"),
    [
        ('zone = "shop.example"\n', "missing required field `zone_id`", "mend the value"),
        (ZONE, "a domain without a host", "apis, site or both"),
        (ZONE + HOST, "half a domain: apis and certificate", "give both"),
        (ZONE + CERTIFICATE, "half a domain: apis and certificate", "give both"),
        (ZONE + SITE.partition("\n")[0], "half a domain: site and site_certificate", "give both"),
        (ZONE + APIS.replace("eu-central-1", "us-east-1"), "domain certificate", "in eu-central-1"),
        (ZONE + SITE.replace("us-east-1", "eu-central-1"), "domain site_certificate", "in us-east-1"),
        (ZONE + APIS.replace("api.shop.example", "api.other.example"), "'api.other.example'", "in the zone"),
        (ZONE + APIS.replace("api.shop.example", "myshop.example"), "'myshop.example'", "in the zone"),
        (ZONE + APIS.replace("api.shop", "*.shop"), "'*.shop.example'", "in the zone"),
        (ZONE.replace("Z0", "/hostedzone/Z0") + APIS, "zone_id", "begins with Z"),
        (ZONE + APIS + "apex = true", "unknown field `apex`", "known are apis, certificate"),
        (ZONE + APIS + SITE.replace("www.", "api."), "one host for APIs and site", "each its own"),
    ],
)
def test_half_a_domain_is_refused(tmp_path: Path, more: str, what: str, fix: str) -> None:
    told = refused(tmp_path, f"{DEV}edge = {{}}\n[stages.dev.domain]\n{more}\n")
    assert what in told[0]
    assert fix in told[1]


def test_a_site_needs_an_edge(tmp_path: Path) -> None:
    told = refused(tmp_path, f"{DEV}[stages.dev.domain]\n{ZONE}{SITE}")
    assert "no edge" in told[0]


def test_a_certificate_is_of_the_stages_own_account(tmp_path: Path) -> None:
    told = refused(tmp_path, f'{DEV}account = "999999999999"\n[stages.dev.domain]\n{ZONE}{APIS}')
    assert "account 123456789012" in told[0]


def test_names_of_previews_tell_them_apart(tmp_path: Path) -> None:
    assert "many stages" in refused(tmp_path, f"{PR}[stages.pr.domain]\n{ZONE}{APIS}")[0]
    apart = APIS.replace("api.", "api-{env}.")
    assert read(tmp_path, f"{PR}[stages.pr.domain]\n{ZONE}{apart}").stages["pr"].domain
    login = '[stages.pr.people]\nlogin = "shop"\ncallbacks = ["https://a.example/"]\n'
    assert "many stages" in refused(tmp_path, PR + login)[0]


@pytest.mark.parametrize(
    ("more", "what", "fix"),
    [
        (f'waf = "{ACL.replace("us-east-1", "eu-central-1")}"', "edge waf", "us-east-1"),
        (f'waf = "{ACL.replace("global", "regional")}"', "edge waf", "CLOUDFRONT"),
        ('pages = ["*"]', "edge page '*'", "as browsers do"),
        ('pages = ["https://www.example.com/"]', "edge page", "as browsers do"),
        ('pages = ["http://www.example.com"]', "edge page", "as browsers do"),
        ('reach = "300"', "Invalid enum value '300'", "mend the value"),
        ("loggs = true", "unknown field `loggs`", "did you mean logs?"),
    ],
)
def test_a_mistake_at_the_edge_is_named(tmp_path: Path, more: str, what: str, fix: str) -> None:
    told = refused(tmp_path, f"{DEV}[stages.dev.edge]\n{more}\n")
    assert what in told[0]
    assert fix in told[1]


@pytest.mark.parametrize(
    ("more", "what", "fix"),
    [
        ('login = "shop"', "half a login page", "give both"),
        ('callbacks = ["https://a.example/"]', "half a login page", "give both"),
        ('login = "my-cognito"\ncallbacks = ["https://a.example/"]', "login 'my-cognito'", "without"),
        ('login = "shop"\ncallbacks = ["http://a.example/"]', "login address", "https://"),
        ('login = "shop"\ncallbacks = ["https://a.example/#in"]', "login address", "without #"),
        ('groups = ["two words"]', "group 'two words'", "letters"),
        ('sign_up = "nobody"', "Invalid enum value 'nobody'", "mend the value"),
        ('sender = "Shop <hello@shop.example>"', "sender 'Shop", "the address alone"),
        ("group = []", "unknown field `group`", "did you mean groups?"),
    ],
)
def test_a_mistake_about_people_is_named(tmp_path: Path, more: str, what: str, fix: str) -> None:
    told = refused(tmp_path, f"{DEV}[stages.dev.people]\n{more}\n")
    assert what in told[0]
    assert fix in told[1]

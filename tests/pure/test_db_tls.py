"""Which protection a host gets, and the certificates that are shipped."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lamppost.db import tls
from lamppost.errors import OperatorError

REGIONS = ("us-east-1", "us-east-2", "eu-central-1", "ap-southeast-2", "sa-east-1")


def certificates(path: str) -> list[str]:
    text = Path(path).read_text()
    return [f"-----BEGIN CERTIFICATE-----{part}" for part in text.split("-----BEGIN CERTIFICATE-----")[1:]]


@pytest.mark.parametrize("path", [tls.RDS_BUNDLE, tls.PROXY_BUNDLE])
def test_every_shipped_certificate_is_an_authority_that_is_still_valid(path):
    found = certificates(path)
    for pem in found:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pem)
        (certificate,) = context.get_ca_certs()
        assert certificate["issuer"] == certificate["subject"]
        assert (
            ssl.cert_time_to_seconds(certificate["notAfter"]) > datetime(2030, 1, 1, tzinfo=UTC).timestamp()
        )
    assert len(set(found)) == len(found) > 4


def test_the_rds_bundle_holds_amazon_rds_and_nobody_else_three_authorities_a_region():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.RDS_BUNDLE)
    subjects = [dict(pair[0] for pair in one["subject"]) for one in context.get_ca_certs()]
    assert {subject["organizationalUnitName"] for subject in subjects} == {"Amazon RDS"}
    for region in REGIONS:
        assert sum(f" {region} " in subject["commonName"] for subject in subjects) == 3


@pytest.mark.parametrize(
    "host", ["db.example", "10.0.0.4", "127.0.0.1.example", "localhost.example", "::2", "1270.0.0.1"]
)
def test_a_host_elsewhere_must_prove_its_name(host):
    assert tls.parameters(host) == {
        "sslmode": "verify-full",
        "sslrootcert": tls.RDS_BUNDLE,
        "ssl_min_protocol_version": "TLSv1.2",
    }


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "/var/run/postgresql", "@abstract"]
)
def test_this_machine_needs_no_proof_and_gets_no_password_in_the_clear(host):
    assert tls.parameters(host) == {"sslmode": "prefer", "require_auth": "!password"}


def test_rds_proxy_shows_certificates_of_another_authority():
    assert tls.parameters("p.proxy.example", proxy=True)["sslrootcert"] == tls.PROXY_BUNDLE


def test_a_bundle_of_the_operators_own_is_asked_for_on_loopback_too(tmp_path):
    own = tmp_path / "own.pem"
    own.touch()
    assert tls.parameters("localhost", bundle=str(own))["sslmode"] == "verify-full"
    with pytest.raises(OperatorError, match="DB_SSL_ROOT_CERT"):
        tls.parameters("db.example", bundle=str(tmp_path / "none.pem"))

"""Our signatures against botocore's."""

import datetime

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lamppost.settings.signing import Keys, signed

AT = 1_795_227_840.75


def botocore_signs(
    keys: Keys, service: str, region: str, host: str, target: str, body: bytes
) -> dict[str, str]:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = AWSRequest("POST", f"https://{host}/", data=body, headers=headers)
    botocore.auth.SigV4Auth(Credentials(*keys), service, region).add_auth(request)
    return dict(request.headers.items())


@pytest.fixture(autouse=True)
def _a_fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime.datetime.fromtimestamp(AT, datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE//session=="])
@pytest.mark.parametrize("host", ["secretsmanager.us-east-2.amazonaws.com", "127.0.0.1:8001"])
def test_a_request_is_signed_as_botocore_signs_it(token, host):
    keys = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    ours = signed(
        keys,
        service="secretsmanager",
        region="us-east-2",
        host=host,
        target="secretsmanager.GetSecretValue",
        body=b'{"SecretId":"bday/db-credentials"}',
        at=AT,
    )
    theirs = botocore_signs(
        keys,
        "secretsmanager",
        "us-east-2",
        host,
        "secretsmanager.GetSecretValue",
        b'{"SecretId":"bday/db-credentials"}',
    )
    assert ours == theirs


@given(body=st.binary(max_size=200), secret=st.text(min_size=1, max_size=60))
def test_any_body_and_key_are_signed_as_botocore_signs_them(body, secret):
    moment = datetime.datetime.fromtimestamp(AT, datetime.UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))
        keys = Keys("AKIDEXAMPLE", secret, None)
        place = {"service": "ssm", "region": "eu-central-1", "host": "ssm.eu-central-1.amazonaws.com"}
        ours = signed(keys, target="AmazonSSM.GetParameter", body=body, at=AT, **place)
        theirs = botocore_signs(keys, *place.values(), "AmazonSSM.GetParameter", body)
    assert ours == theirs

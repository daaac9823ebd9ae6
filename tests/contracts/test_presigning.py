"""Our presigned URLs and signed headers against botocore's."""

import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lamppost.settings.presigning import encoded_path, presigned, signed_headers
from lamppost.settings.signing import Keys, sha256

AT = 1_795_227_840.75
MOMENT = datetime.datetime.fromtimestamp(AT, datetime.UTC).replace(tzinfo=None)
HOST = "orders-files-000000000000.s3.us-east-2.amazonaws.com"
KEY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)
VALUE = st.text("abcdefgh ,/+=%&;\"'é", min_size=1, max_size=20).map(str.strip).filter(bool)


def botocores(auth: type, request: AWSRequest, keys: Keys, *more: Any) -> AWSRequest:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: MOMENT)
        auth(Credentials(*keys), "s3", "us-east-2", *more).add_auth(request)
    return request


@given(key=KEY, name=VALUE, token=st.sampled_from([None, "FwoGZXIvYXdzE//session=="]))
def test_any_key_is_presigned_as_botocore_presigns_it(key: str, name: str, token: str | None) -> None:
    keys = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    headers = {"content-type": "image/png", "content-length": "5", "x-amz-checksum-sha256": "abc="}
    asked = {"response-content-disposition": name}
    ours = presigned(
        keys, method="PUT", region="us-east-2", host=HOST, path=f"/{key}", query=asked, headers=headers,
        expires=600, at=AT,
    )  # fmt: skip
    request = AWSRequest("PUT", f"https://{HOST}{encoded_path(f'/{key}')}", headers=headers, params=asked)
    theirs = botocores(botocore.auth.S3SigV4QueryAuth, request, keys, 600)
    assert dict(parse_qsl(ours)) == dict(parse_qsl(urlsplit(theirs.url).query))


@given(key=KEY, body=st.binary(max_size=50), token=st.sampled_from([None, "session=="]))
def test_any_request_is_signed_as_botocore_signs_it(key: str, body: bytes, token: str | None) -> None:
    keys = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    ours = signed_headers(
        keys, method="PUT", region="us-east-2", host=HOST, path=f"/{key}",
        headers={"content-type": "image/png"}, payload=sha256(body), at=AT,
    )  # fmt: skip
    request = AWSRequest(
        "PUT", f"https://{HOST}{encoded_path(f'/{key}')}", headers={"content-type": "image/png"}, data=body
    )
    request.context["payload_signing_enabled"] = True
    theirs = botocores(botocore.auth.S3SigV4Auth, request, keys)
    assert ours["authorization"] == theirs.headers["Authorization"]

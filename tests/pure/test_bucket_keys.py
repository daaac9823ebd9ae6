"""Which keys, types, sizes, checksums and file names are taken: none leads elsewhere."""

import base64
import hashlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.derive.manifest import BucketEntry
from lamppost.errors import AuthorError, CallerError
from lamppost.runtime.bucket_requests import Place
from lamppost.runtime.buckets import LiveObjects
from lamppost.runtime.object_keys import check_key, check_upload, disposition

CHECKSUM = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
PLACE = Place("files", "us-east-2", "http://127.0.0.1:1", "127.0.0.1:1", "/files/")
ENTRY = BucketEntry("files", "", None, ("image/png",), 100, (), "lamppost-answers/", 1)
TENANT = UUID("0190d3a4-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\..\\b", "%2e%2e/a",
        "%252e%252e/a", "a\x00b", "a\r\nb", "a\x7f", "e\u0301.png", "a\u202egnp.exe", "\ud800", "k" * 1025,
        "é" * 513, "\ufeffa", "lamppost-answers/1",
    ],
    ids=ascii,
)  # fmt: skip
def test_a_key_that_leads_elsewhere_or_reads_like_another_is_refused(key: str) -> None:
    with pytest.raises(CallerError) as refused:
        check_key("", key)
    assert (refused.value.status, refused.value.code) == (422, "object_key_invalid")


@pytest.mark.parametrize("key", ["a", "a/b.png", "été/à la carte.pdf", "k" * 1024, "é" * 512, "...a", "日本"])
def test_an_honest_key_is_taken_as_it_is(key: str) -> None:
    assert check_key("", key) == key


def test_the_prefix_counts_towards_a_keys_length() -> None:
    with pytest.raises(CallerError):
        check_key("tenant/", "k" * 1020)


@given(st.text())
def test_no_key_leaves_its_tenant(key: str) -> None:
    try:
        whole = check_key(f"{TENANT}/", key)
    except CallerError:
        return
    segments = whole.split("/")
    assert segments[0] == str(TENANT)
    assert not {"", ".", ".."} & set(segments)


def test_a_tenant_is_a_uuid_and_nothing_else() -> None:
    mistake: Any = "../other"
    with pytest.raises(AuthorError):
        LiveObjects(ENTRY, PLACE, "").of(mistake)


@pytest.mark.parametrize(
    ("kind", "size", "checksum", "status"),
    [
        ("text/html", 5, CHECKSUM, 415),
        ("image/png\r\nx-amz-acl: public-read", 5, CHECKSUM, 415),
        ("IMAGE/PNG", 5, CHECKSUM, 415),
        ("image/png", 101, CHECKSUM, 413),
        ("image/png", -1, CHECKSUM, 422),
        ("image/png", 5, "", 422),
        ("image/png", 5, hashlib.sha256(b"hello").hexdigest(), 422),
        ("image/png", 5, CHECKSUM + "\r\n", 422),
        ("image/png", 5, CHECKSUM[:-2] + chr(ord(CHECKSUM[-2]) + 1) + "=", 422),
        ("image/png", 5, CHECKSUM.replace("=", "é"), 422),
    ],
)
def test_an_upload_the_bucket_does_not_take_is_refused(
    kind: str, size: int, checksum: str, status: int
) -> None:
    with pytest.raises(CallerError) as refused:
        check_upload(kind, size, checksum, types=("image/png",), largest=100)
    assert refused.value.status == status


@given(st.text())
def test_a_file_name_stays_inside_its_header(name: str) -> None:
    said = disposition(name, inline=False)
    assert said.isascii()
    assert said.isprintable()
    assert said.startswith("attachment; filename=")
    assert said.count('"') == 2


def test_a_file_name_is_shown_as_it_was_where_that_is_possible() -> None:
    assert disposition("invoice 7.pdf", inline=False) == 'attachment; filename="invoice 7.pdf"'
    assert disposition("été.pdf", inline=True).endswith("filename*=UTF-8''%C3%A9t%C3%A9.pdf")
    assert disposition('../"x".html', inline=False).startswith('attachment; filename="__x_.html"')

"""S3 as boto3 and the links of `ctx.bucket` see it."""

import hashlib
import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ClientError

from lamppost.derive.manifest import BucketEntry
from lamppost.errors import AuthorError, CallerError, OperatorError
from lamppost.local.aws.s3_signatures import OPERATOR
from lamppost.runtime import bucket_requests
from lamppost.runtime.buckets import LiveObjects
from lamppost.settings.presigning import presigned
from tests.contracts.s3_house import FILES, KEYS, ORIGIN, Heard, S3House, checksum_of, s3_house

HELLO = b"hello, world"
ENTRY = BucketEntry(
    "orders-files", "", None, ("text/plain", "image/png"), 1_000_000, (), "lamppost-answers/", 1
)
TENANT = UUID("0190d3a4-0000-7000-8000-000000000001")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[S3House]:
    with s3_house(tmp_path) as made:
        yield made


@pytest.fixture
def mine(house: S3House, monkeypatch: pytest.MonkeyPatch) -> LiveObjects:
    """What `ctx.bucket("orders-files/mine")` is in a function."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", house.url)
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEYS.token))
    return LiveObjects(ENTRY, bucket_requests.at(FILES), "mine/")


def permission(objects: LiveObjects, key: str = "a.txt", body: bytes = HELLO, **more: Any) -> Any:
    return objects.upload(key, type="text/plain", size=len(body), checksum=checksum_of(body), **more)


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# --- what ctx.bucket gives


def test_a_client_brings_an_object_and_another_fetches_it(house: S3House, mine: LiveObjects) -> None:
    assert mine.head("a.txt") is None
    assert house.send(permission(mine), HELLO).status == 200
    stored = mine.head("a.txt")
    assert stored is not None
    assert (stored.size, stored.type, stored.checksum) == (len(HELLO), "text/plain", checksum_of(HELLO))
    fetched = house.ask("GET", mine.link("a.txt", filename="été.txt"))
    assert (fetched.status, fetched.body) == (200, HELLO)
    assert fetched.headers["content-disposition"].endswith("filename*=UTF-8''%C3%A9t%C3%A9.txt")
    assert fetched.headers["cache-control"] == "private"


def test_a_permission_used_twice_stores_the_same_bytes(house: S3House, mine: LiveObjects) -> None:
    granted = permission(mine)
    assert [house.send(granted, HELLO).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("key", ["été/à la carte.txt", "日本.txt", "a+b&c=d;e ~!'()*,:@$#?.txt", "k" * 1019])
def test_any_honest_key_is_brought_and_fetched(house: S3House, mine: LiveObjects, key: str) -> None:
    assert house.send(permission(mine, key), HELLO).status == 200
    assert house.ask("GET", mine.link(key)).body == HELLO
    assert house.client().get_object(Bucket=FILES, Key=f"mine/{key}")["Body"].read() == HELLO


def test_a_function_stores_and_reads_an_object_itself(mine: LiveObjects) -> None:
    assert mine.put("b.txt", HELLO, type="text/plain").checksum == checksum_of(HELLO)
    assert mine.get("b.txt") == HELLO
    assert mine.get("c.txt") is None


@pytest.mark.parametrize(
    ("change", "status", "refusal"),
    [
        ({"content_type": "text/html"}, 403, "SignatureDoesNotMatch"),
        ({"x_amz_checksum_sha256": checksum_of(b"other")}, 403, "SignatureDoesNotMatch"),
        ({"content_length": "13"}, 403, "SignatureDoesNotMatch"),
        ({"x_amz_acl": "public-read"}, 403, "AccessDenied"),
        ({"x_amz_meta_owner": "me"}, 403, "AccessDenied"),
        ({"authorization": "Bearer x"}, 400, "InvalidArgument"),
    ],
)
def test_a_client_that_sends_something_else_is_refused(
    house: S3House, mine: LiveObjects, change: dict[str, str], status: int, refusal: str
) -> None:
    body = HELLO + b"!" if "content_length" in change else HELLO
    heard = house.send(permission(mine), body, **change)
    assert (heard.status, heard.code) == (status, refusal)
    assert mine.head("a.txt") is None


def test_other_bytes_of_the_same_length_are_refused(house: S3House, mine: LiveObjects) -> None:
    heard = house.send(permission(mine), b"hello, w0rld")
    assert (heard.status, heard.code) == (400, "BadDigest")
    assert mine.head("a.txt") is None


def _elsewhere(url: str) -> list[str]:
    return [
        url.replace("/mine/a.txt", "/mine/b.txt"),
        url.replace("/mine/a.txt", "/a.txt"),
        url.replace("/mine/", "//mine/"),
        url.replace("/mine/a.txt", "/mine/%2561.txt"),
        url.replace("X-Amz-Expires=600", "X-Amz-Expires=601"),
        url.replace("X-Amz-Date=20", "X-Amz-Date=21"),
        url.replace("response-cache-control=private", "response-cache-control=public"),
        url + "&response-content-type=text%2Fhtml",
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
    ]


@pytest.mark.parametrize("number", range(10))
def test_a_link_opens_one_object_as_it_says_and_nothing_else(
    house: S3House, mine: LiveObjects, number: int
) -> None:
    house.send(permission(mine), HELLO)
    link = mine.link("a.txt")
    changed = _elsewhere(link)[number]
    assert changed != link
    heard = house.ask("GET", changed)
    assert heard.status in (400, 403)
    assert heard.code in ("SignatureDoesNotMatch", "AuthorizationQueryParametersError", "AccessDenied")
    assert house.ask("PUT", link, b"x").status == 403
    assert house.ask("DELETE", link).status == 403
    assert house.ask("GET", link).body == HELLO


def test_a_link_ends_when_it_said_and_does_not_begin_before(house: S3House, mine: LiveObjects) -> None:
    house.send(permission(mine), HELLO)
    link = mine.link("a.txt", expires=timedelta(minutes=1))
    house.ahead = 62
    assert (house.ask("GET", link).status, house.ask("GET", link).code) == (403, "AccessDenied")
    house.ahead = -16 * 60
    assert b"not yet valid" in house.ask("GET", link).body
    house.ahead = 0
    assert house.ask("GET", link).status == 200


def test_a_link_of_unknown_keys_or_another_session_is_refused(
    house: S3House, mine: LiveObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    assert house.ask("GET", mine.link("a.txt")).code == "InvalidToken"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIASTRANGER")
    assert house.ask("GET", mine.link("a.txt")).code == "InvalidAccessKeyId"


def test_a_function_signs_nothing_outside_its_place(house: S3House, mine: LiveObjects) -> None:
    elsewhere = LiveObjects(ENTRY, bucket_requests.at(FILES), "others/")
    assert house.send(permission(elsewhere), HELLO).code == "AccessDenied"
    assert house.ask("GET", elsewhere.link("a.txt")).code == "AccessDenied"
    with pytest.raises(OperatorError) as refused:
        elsewhere.head("a.txt")
    assert refused.value.code == "bucket_refused"


def test_a_function_deletes_where_that_is_declared_and_nowhere_else(
    house: S3House, mine: LiveObjects
) -> None:
    drafts = LiveObjects(ENTRY, bucket_requests.at(FILES), "mine/drafts/", deletes=True)
    tenant, other = (drafts.of(uuid4()) for _ in range(2))
    for each in (tenant, other):
        each.put("a.txt", HELLO, type="text/plain")
    tenant.delete("a.txt")
    tenant.delete("a.txt")
    assert tenant.get("a.txt") is None
    assert house.ask("GET", tenant.link("a.txt")).code == "NoSuchKey"
    assert other.get("a.txt") == HELLO
    with pytest.raises(CallerError, match="begins or ends"):
        tenant.delete("../a.txt")
    mine.put("a.txt", HELLO, type="text/plain")
    with pytest.raises(AuthorError) as undeclared:
        mine.delete("a.txt")
    assert undeclared.value.code == "delete_undeclared"
    with pytest.raises(OperatorError) as refused:
        LiveObjects(ENTRY, bucket_requests.at(FILES), "mine/", deletes=True).delete("a.txt")
    assert refused.value.code == "bucket_refused"
    assert mine.get("a.txt") == HELLO


@pytest.mark.parametrize("host", [False, True])
def test_more_than_the_port_takes_is_refused_in_s3s_words_before_it_is_read(
    house: S3House, host: bool
) -> None:
    """To a client that reads XML, a problem in JSON would be no answer."""
    port = house.url.rpartition(":")[2]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    connection.putrequest("PUT", "/a" if host else f"/{FILES}/a", skip_host=True)
    connection.putheader("host", f"{FILES}.localhost:{port}" if host else f"127.0.0.1:{port}")
    connection.putheader("content-length", str(64 * 1024 * 1024 + 1))
    connection.endheaders()
    heard = Heard(connection.getresponse())
    connection.close()
    assert (heard.status, heard.code) == (400, "EntityTooLarge")
    assert heard.headers["content-type"] == "application/xml"


def test_one_tenants_link_does_not_open_anothers_object(house: S3House, mine: LiveObjects) -> None:
    other = UUID(int=TENANT.int + 1)
    mine.of(other).put("a.txt", HELLO, type="text/plain")
    link = mine.of(TENANT).link("a.txt")
    assert house.ask("GET", link).code == "NoSuchKey"
    assert house.ask("GET", link.replace(str(TENANT), str(other))).code == "SignatureDoesNotMatch"


def test_a_clock_that_is_wrong_is_told(house: S3House, mine: LiveObjects) -> None:
    house.ahead = 3600
    with pytest.raises(OperatorError, match="RequestTimeTooSkewed"):
        mine.get("a.txt")


# --- strangers


def test_without_a_signature_nobody_gets_in(house: S3House) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
        assert house.ask(method, f"{house.url}/{FILES}/mine/a.txt", b"x").status == 403
    assert house.ask("GET", f"{house.url}/orders-files").status == 403


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("mine/%00", "InvalidURI"),
        ("mine/%ff", "InvalidURI"),
        ("mine/%2e%2e/a.txt", "InvalidURI"),
        ("../mine/a.txt", "InvalidURI"),
        ("k" * 1025, "KeyTooLongError"),
        (quote("é" * 513), "KeyTooLongError"),
    ],
)
def test_an_address_that_is_no_key_is_refused(house: S3House, path: str, refusal: str) -> None:
    heard = house.ask("GET", f"{house.url}/{FILES}/{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert (heard.status, heard.code) == (400, refusal)


def test_keys_that_look_alike_are_two_objects(house: S3House) -> None:
    s3 = house.client()
    for key, body in (
        ("mine/e\u0301", b"1"),
        ("mine/\u00e9", b"2"),
        ("mine/%2e", b"3"),
        ("/mine/a", b"4"),
        ("a ", b"5"),
    ):
        s3.put_object(Bucket=FILES, Key=key, Body=body)
        assert s3.get_object(Bucket=FILES, Key=key)["Body"].read() == body
    assert s3.get_object(Bucket=FILES, Key="mine/e\u0301")["Body"].read() == b"1"


def test_a_query_that_says_a_thing_twice_is_refused(house: S3House, mine: LiveObjects) -> None:
    heard = house.ask("GET", mine.link("a.txt") + "&X-Amz-Expires=604800")
    assert heard.code == "AuthorizationQueryParametersError"


# --- pages


def test_a_page_of_a_listed_origin_may_use_links_and_no_other_may(house: S3House, mine: LiveObjects) -> None:
    granted = permission(mine)
    asks = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
    allowed = house.ask("OPTIONS", granted.url, headers={"origin": ORIGIN, **asks})
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["access-control-allow-headers"] == "content-type"
    refused = house.ask("OPTIONS", granted.url, headers={"origin": "https://evil.example", **asks})
    assert (refused.status, refused.code) == (403, "AccessForbidden")
    assert "access-control-allow-origin" not in refused.headers
    deletes = {"origin": ORIGIN, "access-control-request-method": "DELETE"}
    assert house.ask("OPTIONS", granted.url, headers=deletes).status == 403
    assert house.send(granted, HELLO, origin=ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    # A page reads refusals too, or it could not tell its user what is wrong.
    assert (
        house.send(granted, HELLO[:-1] + b"?", origin=ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    )


def test_a_page_sent_here_for_a_large_answer_may_read_it_and_send_nothing(
    house: S3House, mine: LiveObjects
) -> None:
    house.send(permission(mine), HELLO)
    read = house.ask("GET", mine.link("a.txt"), headers={"origin": "null"})
    assert read.headers["access-control-allow-origin"] == "null"
    sent = house.send(permission(mine), HELLO, origin="null")
    assert "access-control-allow-origin" not in sent.headers


def test_nothing_stored_runs_on_the_ports_own_origin(house: S3House) -> None:
    house.client().put_object(Bucket=FILES, Key="page.html", Body=b"<script>", ContentType="text/html")
    link = house.client().generate_presigned_url("get_object", Params={"Bucket": FILES, "Key": "page.html"})
    heard = house.ask("GET", link)
    assert (heard.headers["x-content-type-options"], heard.headers["content-security-policy"]) == (
        "nosniff",
        "sandbox",
    )


# --- boto3


def test_boto3_puts_gets_and_heads(house: S3House) -> None:
    s3 = house.client()
    put = s3.put_object(
        Bucket="orders-files", Key="a", Body=HELLO, ContentType="text/plain", Metadata={"who": "me"}
    )
    got = s3.get_object(Bucket=FILES, Key="a")
    assert got["Body"].read() == HELLO
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (put["ETag"], "text/plain", {"who": "me"})
    assert put["ETag"] == f'"{hashlib.md5(HELLO).hexdigest()}"'
    head = s3.head_object(Bucket=FILES, Key="a", ChecksumMode="ENABLED")
    assert head["ContentLength"] == len(HELLO)
    assert head["ChecksumCRC32"] == put["ChecksumCRC32"]


def test_boto3_sends_a_file_and_fetches_it(house: S3House, tmp_path: Path) -> None:
    (tmp_path / "sent").write_bytes(b"x" * 3_000_000)
    house.client().upload_file(str(tmp_path / "sent"), FILES, "big")
    house.client().download_file(FILES, "big", str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == (tmp_path / "sent").read_bytes()


@pytest.mark.parametrize(
    ("algorithm", "right"),
    [
        ("CRC32", "y/Q5Jg=="),
        ("CRC32C", "4waSgw=="),
        ("CRC64NVME", "rosUhgp5mIg="),
        ("SHA1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
        ("SHA256", checksum_of(b"123456789")),
    ],
)
def test_every_checksum_is_compared(house: S3House, algorithm: str, right: str) -> None:
    s3, name = house.client(), f"Checksum{algorithm}"
    s3.put_object(Bucket=FILES, Key="a", Body=b"123456789", **{name: right})
    assert s3.head_object(Bucket=FILES, Key="a", ChecksumMode="ENABLED")[name] == right
    for body, given, refusal in (
        (b"123456780", right, "BadDigest"),
        (b"123456789", "AAAA", "InvalidRequest"),
    ):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=FILES, Key="b", Body=body, **{name: given})
        assert code(refused) == (refusal, 400)


def test_boto3_presigns_both_ways(house: S3House) -> None:
    s3 = house.client()
    what = {"Bucket": FILES, "Key": "a b/é.txt", "ContentType": "text/plain", "ContentLength": len(HELLO)}
    url = s3.generate_presigned_url("put_object", Params=what)
    headers = {"content-type": "text/plain", "content-length": str(len(HELLO))}
    assert house.ask("PUT", url, HELLO, headers).status == 200
    url = s3.generate_presigned_url("get_object", Params={"Bucket": FILES, "Key": "a b/é.txt"})
    assert house.ask("GET", url).body == HELLO
    assert house.ask("GET", url, headers={"range": "bytes=0-4"}).body == b"hello"


def test_a_bucket_is_also_a_host(house: S3House) -> None:
    host = f"{FILES}.localhost:{house.url.rpartition(':')[2]}"
    house.client().put_object(Bucket=FILES, Key="a", Body=HELLO)
    query = presigned(
        OPERATOR, method="GET", region="us-east-2", host=host, path="/a", query={}, headers={}, expires=60,
        at=time.time(),
    )  # fmt: skip
    assert house.ask("GET", f"{house.url}/a?{query}", headers={"host": host}).body == HELLO
    assert house.ask("GET", f"{house.url}/b?{query}", headers={"host": host}).status == 403
    assert house.ask("GET", f"{house.url}/a?{query}", headers={"host": "evil.example"}).status == 403


def _framed(body: bytes, trailer: str = "") -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:]))
    return chunks + b"0\r\n" + trailer.encode() + b"\r\n"


def test_a_body_in_awss_own_chunks_is_unframed_and_its_trailer_compared(house: S3House) -> None:
    body = b"123456789"
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=any/20261121/us-east-2/s3/aws4_request,"
        " SignedHeaders=host, Signature=00",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "9",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    url = f"{house.url}/{FILES}/a"
    right, wrong = "x-amz-checksum-crc32:y/Q5Jg==\r\n", "x-amz-checksum-crc32:AAAAAA==\r\n"
    assert house.ask("PUT", url, _framed(body, right), headers).status == 200
    got = house.client().get_object(Bucket=FILES, Key="a")
    assert (got["Body"].read(), got.get("ContentEncoding")) == (body, None)
    for framed, refusal in (
        (_framed(body, wrong), "BadDigest"),
        (_framed(body), "MalformedTrailerError"),
        (_framed(body + b"0", right), "IncompleteBody"),
        (_framed(body, right)[:9], "IncompleteBody"),
        (b"zz\r\n", "IncompleteBody"),
    ):
        assert house.ask("PUT", url, framed, headers).code == refusal
    assert house.client().get_object(Bucket=FILES, Key="a")["Body"].read() == body


def test_ranges_and_conditions_are_kept(house: S3House) -> None:
    s3 = house.client()
    etag = s3.put_object(Bucket=FILES, Key="a", Body=HELLO)["ETag"]
    for wanted, got in (
        ("bytes=0-4", b"hello"),
        ("bytes=7-", b"world"),
        ("bytes=-5", b"world"),
        ("bytes=7-99", b"world"),
    ):
        assert s3.get_object(Bucket=FILES, Key="a", Range=wanted)["Body"].read() == got
    assert s3.get_object(Bucket=FILES, Key="a", Range="bytes=0-4")["ContentRange"] == "bytes 0-4/12"
    for condition, expected in (
        ({"Range": "bytes=12-"}, ("InvalidRange", 416)),
        ({"IfMatch": '"other"'}, ("PreconditionFailed", 412)),
        ({"IfNoneMatch": etag}, ("304", 304)),
    ):
        with pytest.raises(ClientError) as refused:
            s3.get_object(Bucket=FILES, Key="a", **condition)
        assert code(refused) == expected
    assert s3.get_object(Bucket=FILES, Key="a", IfMatch=etag)["Body"].read() == HELLO


def test_an_object_is_made_only_where_none_is(house: S3House) -> None:
    s3 = house.client()
    first = s3.put_object(Bucket=FILES, Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"other"'}):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=FILES, Key="a", Body=b"2", **condition)
        assert code(refused) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=FILES, Key="a", Body=b"3", IfMatch=first)
    assert s3.get_object(Bucket=FILES, Key="a")["Body"].read() == b"3"


def test_of_many_who_make_one_object_one_succeeds_and_of_many_who_replace_it_the_last_is_whole(
    house: S3House,
) -> None:
    outcomes: list[int] = []
    bodies = [bytes([number]) * 200_000 for number in range(8)]

    def write(body: bytes, **how: str) -> None:
        try:
            house.client().put_object(Bucket=FILES, Key=how.pop("key"), Body=body, **how)
            outcomes.append(200)
        except ClientError as refused:
            outcomes.append(refused.response["ResponseMetadata"]["HTTPStatusCode"])

    for how in ({"key": "once", "IfNoneMatch": "*"}, {"key": "often"}):
        writers = [threading.Thread(target=write, args=(body,), kwargs=how) for body in bodies]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert sorted(outcomes) == [200] * 9 + [412] * 7
    for key in ("once", "often"):
        assert house.client().get_object(Bucket=FILES, Key=key)["Body"].read() in bodies


def test_what_is_missing_or_not_served_says_so(house: S3House) -> None:
    s3 = house.client()
    for call, given, expected in (
        ("get_object", {"Bucket": FILES, "Key": "none"}, ("NoSuchKey", 404)),
        ("head_object", {"Bucket": FILES, "Key": "none"}, ("404", 404)),
        ("get_object", {"Bucket": "nobodys", "Key": "a"}, ("NoSuchBucket", 404)),
        ("create_multipart_upload", {"Bucket": FILES, "Key": "a"}, ("NotImplemented", 501)),
        ("get_bucket_policy", {"Bucket": FILES}, ("NotImplemented", 501)),
        ("create_bucket", {"Bucket": FILES}, ("NotImplemented", 501)),
        (
            "put_object",
            {"Bucket": FILES, "Key": "a", "Body": b"", "ACL": "public-read"},
            ("AccessControlListNotSupported", 400),
        ),
        (
            "put_object",
            {"Bucket": FILES, "Key": "a", "Metadata": {"a": "b" * 2050}},
            ("MetadataTooLarge", 400),
        ),
        (
            "put_object",
            {"Bucket": FILES, "Key": "a", "Body": b"x", "ContentMD5": "AAAA"},
            ("InvalidDigest", 400),
        ),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(s3, call)(**given)
        assert code(refused) == expected, call


def test_objects_are_listed_and_deleted_by_the_operator(house: S3House) -> None:
    s3 = house.client()
    for key in ("b/1", "b/2", "a", "c é<&>"):
        s3.put_object(Bucket=FILES, Key=key, Body=b"x")
    listed = s3.list_objects_v2(Bucket=FILES, Delimiter="/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["a", "c é<&>"]
    assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == ["b/"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=FILES, PaginationConfig={"PageSize": 1})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == ["a", "b/1", "b/2", "c é<&>"]
    s3.delete_object(Bucket=FILES, Key="a")
    s3.delete_object(Bucket=FILES, Key="a")
    assert s3.list_objects_v2(Bucket=FILES, Prefix="a").get("Contents") is None
    with pytest.raises(ClientError) as refused:
        house.client(keys=KEYS).delete_object(Bucket=FILES, Key="mine/a")
    assert code(refused) == ("AccessDenied", 403)


def test_an_object_goes_when_its_days_are_over(house: S3House) -> None:
    s3 = house.client()
    s3.put_object(Bucket="orders-letters", Key="a", Body=b"x")
    s3.put_object(Bucket=FILES, Key="a", Body=b"x")
    s3.put_object(Bucket=FILES, Key="lamppost-answers/a", Body=b"x")
    house.ahead = 2 * 86_400 + 1
    for bucket, key, there in (("orders-letters", "a", 0), (FILES, "a", 1), (FILES, "lamppost-answers/a", 0)):
        assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == there
    house.s3.expire()
    assert [meta.key for meta in house.store.listed(FILES)] == ["a"]


# --- curl


def test_curl_sends_and_fetches_with_what_the_permission_says(
    house: S3House, mine: LiveObjects, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(HELLO)
    granted = permission(mine)
    given = [part for name, value in granted.headers.items() for part in ("-H", f"{name}: {value}")]
    curl = ["curl", "--silent", "--show-error", "--fail"]
    subprocess.run([*curl, "-T", str(tmp_path / "a"), *given, granted.url], check=True)
    got = subprocess.run([*curl, mine.link("a.txt")], check=True, capture_output=True)
    assert got.stdout == HELLO

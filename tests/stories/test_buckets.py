"""Files by link, and answers that are too large to send, in a whole system."""

import hashlib
import json
import shutil
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.contracts import aws_cli
from tests.running import Answer, House, until

FILES = Path(__file__).parents[1] / "data" / "files"
HELLO = b"hello, world"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("files")
    shared = House(folder / "data", root=_copied(folder))
    yield shared.up()
    shared.end()


def _copied(folder: Path) -> Path:
    shutil.copytree(FILES, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "repository"


def ask(house: House, method: str, path: str, body: Any = None) -> Answer:
    return house.ask(method, path, body, api="files")


def wish(body: bytes = HELLO, **other: Any) -> dict[str, Any]:
    checksum = b64encode(hashlib.sha256(body).digest()).decode()
    return {"name": "a.txt", "type": "text/plain", "size": len(body), "checksum": checksum, **other}


def bring(house: House, tenant: str, body: bytes = HELLO) -> Answer:
    granted = ask(house, "POST", f"/files/{tenant}", wish(body)).json
    return house.ask(granted["method"], granted["url"], body, granted["headers"])


def client(house: House) -> Any:
    import boto3

    return boto3.client(
        "s3", endpoint_url=house.running["aws"], region_name="us-east-2", aws_access_key_id="local",
        aws_secret_access_key="local",
    )  # fmt: skip


def test_a_file_is_brought_and_fetched_by_link(files: House) -> None:
    tenant = str(uuid4())
    assert ask(files, "GET", f"/files/{tenant}/a.txt").status == 404
    assert bring(files, tenant).status == 200
    found = ask(files, "GET", f"/files/{tenant}/a.txt").json
    assert (found["size"], found["type"]) == (len(HELLO), "text/plain")
    assert files.ask("GET", found["link"]).body == HELLO
    assert ask(files, "GET", f"/files/{uuid4()}/a.txt").status == 404


@pytest.mark.parametrize(
    ("other", "status", "code"),
    [
        ({"name": "../a.txt"}, 422, "object_key_invalid"),
        ({"name": "%2e%2e/b"}, 422, "object_key_invalid"),
        ({"name": "x" * 1000}, 422, "object_key_invalid"),
        ({"type": "text/html"}, 415, "object_type_refused"),
        ({"type": "text/plain\r\nx: y"}, 415, "object_type_refused"),
        ({"size": 10 * 1024 * 1024 + 1}, 413, "object_too_large"),
        ({"size": -1}, 422, "object_size_invalid"),
        ({"checksum": "abc"}, 422, "object_checksum_invalid"),
    ],
)
def test_a_wish_the_bucket_does_not_take_is_refused(files: House, other: Any, status: int, code: str) -> None:
    refused = ask(files, "POST", f"/files/{uuid4()}", wish(**other))
    assert (refused.status, refused.json["code"]) == (status, code)


def test_a_function_stores_a_little_by_itself(files: House) -> None:
    tenant = uuid4()
    assert ask(files, "PUT", f"/notes/{tenant}", {"text": "été"}).status == 204
    assert ask(files, "GET", f"/notes/{tenant}").body == "été".encode()


def test_a_place_that_is_not_declared_is_the_authors_mistake(files: House) -> None:
    assert ask(files, "GET", "/elsewhere").status == 500
    assert until(lambda: "without declaring it" in files.logs("files.plain"))


def test_a_large_answer_is_stored_and_answered_with_a_link(files: House) -> None:
    small = ask(files, "GET", "/report?megabytes=4")
    assert (small.status, len(small.json)) == (200, 4096)
    large = ask(files, "GET", "/report?megabytes=8")
    assert large.status == 303
    assert large.headers["location"] == large.json["location"]
    assert large.json["type"] == "application/json"
    fetched = files.ask("GET", large.headers["location"])
    assert (fetched.status, fetched.headers["content-type"]) == (200, "application/json")
    assert len(json.loads(fetched.body)) == 8192
    assert len(fetched.body) == large.json["size"]


def test_a_large_picture_keeps_its_type_and_the_answer_its_own_headers(files: House) -> None:
    large = ask(files, "GET", "/picture?megabytes=5")
    assert (large.status, large.headers["x-kind"], large.headers["set-cookie"]) == (303, "picture", "seen=1")
    fetched = files.ask("GET", large.headers["location"])
    assert (fetched.headers["content-type"], fetched.body) == ("image/png", b"\xff" * 5 * 1024 * 1024)


def test_a_large_answer_without_a_bucket_is_a_500_and_the_log_says_what_to_declare(files: House) -> None:
    refused = ask(files, "GET", "/plain-report?megabytes=8")
    assert (refused.status, refused.json["code"]) == (500, "answer_too_large")
    assert until(lambda: "answer.too_large" in files.logs("files.plain"))
    assert "stores=" in files.logs("files.plain")


def test_objects_outlive_a_restart_and_functions_links_do_not(
    new_house: Callable[..., House], tmp_path: Path
) -> None:
    house = new_house(root=_copied(tmp_path)).up()
    tenant = str(uuid4())
    bring(house, tenant)
    link = ask(house, "GET", f"/files/{tenant}/a.txt").json["link"]
    before = house.running["aws"]
    house.kill()
    house.up()
    assert b"InvalidAccessKeyId" in house.ask("GET", link.replace(before, house.running["aws"])).body
    again = ask(house, "GET", f"/files/{tenant}/a.txt").json["link"]
    assert house.ask("GET", again).body == HELLO


def test_a_kill_in_the_middle_of_uploads_leaves_whole_objects(
    new_house: Callable[..., House], tmp_path: Path
) -> None:
    house = new_house(root=_copied(tmp_path)).up()
    bodies = [bytes([number]) * 2_000_000 for number in range(4)]
    for key in "abcd":
        client(house).put_object(Bucket="test-files", Key=key, Body=bodies[0])
    for _ in range(3):
        begun = threading.Barrier(5)
        writers = [
            threading.Thread(target=_write_until_it_dies, args=(house, key, bodies, begun)) for key in "abcd"
        ]
        for writer in writers:
            writer.start()
        half = _begin_an_upload(house)
        begun.wait()
        house.kill()
        for writer in writers:
            writer.join()
        half.close()
        house.up()
        for key in "abcd":
            got = client(house).get_object(Bucket="test-files", Key=key)
            body = got["Body"].read()
            assert body in bodies
            assert got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert list((house.data / "objects").glob("*/.new/*")) == []
    assert {path.stat().st_mode & 0o077 for path in (house.data / "objects").rglob("*")} == {0}


def _write_until_it_dies(house: House, key: str, bodies: list[bytes], begun: threading.Barrier) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    s3 = client(house)
    s3.put_object(Bucket="test-files", Key=key, Body=bodies[1])
    begun.wait()
    try:
        while True:
            for body in bodies:
                s3.put_object(Bucket="test-files", Key=key, Body=body)
    except (BotoCoreError, ClientError, OSError):
        return


def _begin_an_upload(house: House) -> socket.socket:
    """Half of a new body for the object `a`; the rest never comes."""
    host, _, port = house.running["aws"].removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        "PUT /test-files/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=any/20261121/us-east-2/s3/aws4_request,"
        " SignedHeaders=host, Signature=00\r\n\r\n"
    )
    connection.sendall(head.encode() + b"y" * 500)
    return connection


def test_the_aws_command_line_copies_lists_and_presigns(files: House, tmp_path: Path) -> None:
    def aws(command: str) -> str:
        done = aws_cli.run(command, files.running["aws"], tmp_path, keys="local")
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "a.txt").write_bytes(HELLO)
    aws("aws s3 cp a.txt s3://test-files/by-hand/a.txt")
    assert "test-dev-files-000000000000" in aws("aws s3 ls")
    assert "a.txt" in aws("aws s3 ls s3://test-files/by-hand/")
    aws("aws s3 cp s3://test-files/by-hand/a.txt b.txt")
    assert (tmp_path / "b.txt").read_bytes() == HELLO
    aws("aws s3api put-object --bucket test-files --key c --body a.txt --content-type text/plain")
    assert json.loads(aws("aws s3api head-object --bucket test-files --key c"))["ContentLength"] == len(HELLO)
    assert files.ask("GET", aws("aws s3 presign s3://test-files/by-hand/a.txt").strip()).body == HELLO
    aws("aws s3 rm s3://test-files/by-hand/a.txt")
    assert "a.txt" not in aws("aws s3 ls s3://test-files/")

"""What does a link cost, and how fast do objects come and go on one machine?

    python -m benchmarks.objects [--rounds 2000]

Links: ours against boto3's generate_presigned_url (in turns, one warm process), and what importing each costs
a cold start. Objects: PUT (synced to the disk) and GET by link over loopback, one caller.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lamppost.derive.manifest import BucketEntry
from lamppost.runtime import bucket_requests
from lamppost.runtime.buckets import LiveObjects
from tests.contracts.s3_house import FILES, KEYS, S3House, checksum_of, s3_house

ENTRY = BucketEntry("orders-files", "", None, ("text/plain",), 60_000_000, (), "lamppost-answers/", 1)


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def links(house: S3House, mine: LiveObjects, rounds: int) -> None:
    theirs = house.client(keys=KEYS)
    checksum = checksum_of(b"hello")
    what = {
        "Bucket": FILES,
        "Key": "mine/a",
        "ContentType": "text/plain",
        "ContentLength": 5,
        "ChecksumSHA256": checksum,
    }
    there = {"Bucket": FILES, "Key": "mine/a"}
    kinds: dict[str, Callable[[], object]] = {
        "upload, ours": lambda: mine.upload("a", type="text/plain", size=5, checksum=checksum),
        "upload, boto3": lambda: theirs.generate_presigned_url("put_object", Params=what),
        "link, ours": lambda: mine.link("a"),
        "link, boto3": lambda: theirs.generate_presigned_url("get_object", Params=there),
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, call in kinds.items():
            taken[name].append(timed(call) * 1e6)
    for name, times in taken.items():
        print(f"{name:22} p50 {statistics.median(times):7.0f} us")


def imports() -> None:
    for name, code in (
        ("lamppost.runtime.buckets", "import lamppost.runtime.buckets"),
        ("boto3 and a client", "import boto3; boto3.client('s3', region_name='us-east-2')"),
    ):
        # What a function with a database has loaded anyway.
        script = (
            f"import psycopg, time; begun = time.process_time(); {code}; print(time.process_time() - begun)"
        )
        times = [
            float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
            for _ in range(5)
        ]
        print(f"import {name:26} {statistics.median(times) * 1000:6.0f} ms of CPU")


def objects(house: S3House, mine: LiveObjects) -> None:
    for size, rounds in ((1_000, 300), (1_000_000, 60), (25_000_000, 6)):
        body = os.urandom(size)
        granted = mine.upload("big", type="text/plain", size=size, checksum=checksum_of(body))
        put = statistics.median(timed(partial(house.send, granted, body)) for _ in range(rounds))
        link = mine.link("big")
        got = statistics.median(timed(partial(house.ask, "GET", link)) for _ in range(rounds))
        for name, seconds in (("PUT", put), ("GET", got)):
            print(
                f"{name} {size:>10,} bytes   p50 {seconds * 1000:7.2f} ms   {size / seconds / 1e6:7.1f} MB/s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, s3_house(Path(folder)) as house:
        os.environ.update(
            AWS_ENDPOINT_URL=house.url,
            AWS_REGION="us-east-2",
            AWS_ACCESS_KEY_ID=KEYS.access,
            AWS_SECRET_ACCESS_KEY=KEYS.secret,
            AWS_SESSION_TOKEN=str(KEYS.token),
        )
        mine = LiveObjects(ENTRY, bucket_requests.at(FILES), "mine/")
        links(house, mine, given.rounds)
        imports()
        objects(house, mine)


if __name__ == "__main__":
    main()

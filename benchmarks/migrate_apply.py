"""How long do 1,000 small migrations take, and a run with nothing to do? Beside dbmate, in the same run.

    python benchmarks/migrate_apply.py [--files 1000] [--rounds 5]

Each file makes a table and an index. One PostgreSQL with fsync off, a new database per run, the tools in
turn; what is measured is the wall time of the whole process. dbmate comes from npm into a temporary folder;
without npm, ours runs alone and the script says so.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from lamppost.local.postgres.cluster import Cluster

LAMPPOST = Path(sys.executable).parent / "lamppost"
TABLE = "create table t{n} (id int primary key, name text);\ncreate index t{n}_name on t{n} (name);\n"
TARGET = 1.3


def write(folder: Path, count: int) -> None:
    """The same tables for both: loose files for us, dbmate's form for it."""
    for name in ("ours", "dbmate"):
        (folder / name).mkdir()
    for n in range(count):
        (folder / "ours" / f"{n:06}_t{n}.sql").write_text(TABLE.format(n=n))
        text = f"-- migrate:up\n{TABLE.format(n=n)}-- migrate:down\ndrop table t{n};\n"
        (folder / "dbmate" / f"{20250101000000 + n}_t{n}.sql").write_text(text)


def dbmate(folder: Path) -> Path | None:
    """Its binary, freshly installed; None without npm."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "dbmate"]
    subprocess.run(command, check=True, capture_output=True)
    # The package's own wrapper starts Node first; the binary beside it is the fairer peer.
    return next(path for path in folder.rglob("bin/dbmate") if "@dbmate" in str(path))


def timed(command: list[str | Path]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write(folder, chosen.files)
        peer = dbmate(folder)
        if peer is None:
            print("npm is missing: dbmate is skipped")
        cluster = Cluster(folder / "postgres", changes={"fsync": "off"})
        cluster.launch()
        cluster.ready()
        try:
            compare(cluster, folder, peer, chosen.rounds)
        finally:
            cluster.stop()
    print(f"load average: {os.getloadavg()[0]:.1f}")


def compare(cluster: Cluster, folder: Path, peer: Path | None, rounds: int) -> None:
    def ours(url: str) -> list[str | Path]:
        return [LAMPPOST, "migrate", "apply", folder / "ours", "--postgres", url]

    def theirs(url: str) -> list[str | Path]:
        assert peer is not None
        place = ["--migrations-dir", folder / "dbmate", "--no-dump-schema"]
        return [peer, "--url", f"{url}?sslmode=disable", *place, "up"]

    tools: dict[str, Callable[[str], list[str | Path]]] = {"lamppost": ours}
    if peer is not None:
        tools["dbmate"] = theirs
    first: dict[str, list[float]] = {name: [] for name in tools}
    again: dict[str, list[float]] = {name: [] for name in tools}
    for number in range(rounds):
        for name, command in tools.items():
            database = f"{name}_{number}"
            with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
                admin.execute(f"create database {database}".encode())
            url = cluster.dsn(database)
            first[name].append(timed(command(url)))
            again[name].append(timed(command(url)))
            with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
                admin.execute(f"drop database {database} with (force)".encode())
    for name in tools:
        print(
            f"{name:<9} all: median {statistics.median(first[name]):.2f} s (min {min(first[name]):.2f});"
            f" nothing to do: median {statistics.median(again[name]):.3f} s (min {min(again[name]):.3f})"
        )
    if peer is not None:
        ratio = statistics.median(first["lamppost"]) / statistics.median(first["dbmate"])
        print(f"lamppost / dbmate: {ratio:.2f} (promised: at most {TARGET})")


if __name__ == "__main__":
    main()

"""What does a rehearsal cost: the server, the made-up rows, each file?

    python benchmarks/rehearse_cost.py            # plain files
    python benchmarks/rehearse_cost.py --files 200 --rows 20000

Three kinds of file in the same run: a new column (in a transaction), an index built concurrently (in a copy
of the database, with a second session in its way), and the plain runner applying the same files.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from lamppost.local.postgres import throwaway
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, loose
from lamppost.migrate.rehearse.rehearsal import Stage, rehearse
from lamppost.migrate.rehearse.report import FileReport

TABLES = """
create schema shop;
create table shop.owners (id bigint primary key, name text not null);
create table shop.pets (
    id bigint generated always as identity primary key, owner bigint not null references shop.owners,
    name text not null, status text not null check (status in ('new', 'done')), born date
);
"""


def write(folder: Path, count: int) -> Bundle:
    """The tables, and then columns and indexes by turns."""
    (folder / "0000_tables.sql").write_text(TABLES)
    for number in range(1, count + 1):
        text = f"alter table shop.pets add column c{number} text;"
        if number % 10 == 0:
            build = f"create index concurrently i{number} on shop.pets (c{number - 1});"
            text = f"-- lamppost: no-transaction\n{build}"
        (folder / f"{number:04d}_step.sql").write_text(text)
    return loose(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = parser.parse_args()
    took: list[FileReport] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle = write(folder, arguments.files)
        began = time.perf_counter()
        with throwaway.server() as server:
            print(f"server: started in {time.perf_counter() - began:.2f} s")
            with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
                admin.execute("create role owner")
                admin.execute("create database plain owner owner")
                admin.execute("create database rehearsed owner owner")
            began = time.perf_counter()
            apply(server.dsn("plain"), bundle, role="owner")
            plain = time.perf_counter() - began
            stage = Stage(
                database="rehearsed",
                conninfo=server.dsn("rehearsed"),
                role="owner",
                pg=server.version.split(".", maxsplit=1)[0],
                rows=arguments.rows,
            )
            paths = {path.name: path for path in folder.glob("*.sql")}
            began = time.perf_counter()
            rehearse(stage, bundle, judged=frozenset(paths), paths=paths, report=took.append)
            whole = time.perf_counter() - began
    print(f"plain apply of {arguments.files + 1} files, no rows: {plain:.2f} s")
    print(f"rehearsal with {arguments.rows:,} rows a table: {whole:.2f} s")
    for kind, how in (("in a transaction", "transaction"), ("built concurrently", "second session")):
        times = [file.milliseconds for file in took[2:] if file.statements and file.statements[0].how == how]
        if times:
            print(f"  a file {kind}: median {statistics.median(times):.0f} ms, most {max(times):.0f} ms")
    print(f"  the first file after the tables, with their rows: {took[1].milliseconds:.0f} ms")


if __name__ == "__main__":
    main()

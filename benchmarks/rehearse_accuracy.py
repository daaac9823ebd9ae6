"""How well does a rehearsal judge, given cases with verdicts and the schema they assume?

    python benchmarks/rehearse_accuracy.py cases.json --schema schema.sql

A case has `sql`, `unsafe`, `txn` ("wrap" or "none"), `service`, and perhaps `prior`, `firm`, `pg` and
`trace`: the locks, rewrites and scans that somebody measured. Each runs in a database of its own.
"""

import argparse
import base64
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lamppost.errors import LamppostError
from lamppost.local.postgres import throwaway
from lamppost.local.postgres.cluster import Cluster
from lamppost.migrate.apply import apply
from lamppost.migrate.effects.kinds import MODES, stronger
from lamppost.migrate.files import Bundle, Migration, read
from lamppost.migrate.rehearse.rehearsal import Stage, rehearse
from lamppost.migrate.rehearse.report import DatabaseReport, FileReport
from lamppost.migrate.rehearse.watch import spelled

Case = dict[str, Any]
OWNER = "case_owner"


def ignored(file: FileReport) -> None:
    """Nobody listens."""


def base(folder: Path, schema: str, service: str) -> Migration:
    """The schema as a migration that ran before. A ledger in it would stand in the way of ours."""
    path = folder / f"2020-01-01T0000__{service}__base.sql"
    path.write_text(schema.replace("public.schema_migrations", "public.old_ledger"))
    return read(path, service)


@contextmanager
def database(server: Cluster, name: str) -> Iterator[str]:
    """A copy of the base, gone afterwards."""
    words = {"name": sql.Identifier(name), "owner": sql.Identifier(OWNER)}
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {name} template base owner {owner} strategy file_copy").format(**words)
        )
        try:
            yield server.dsn(name)
        finally:
            admin.execute(sql.SQL("drop database {name} with (force)").format(**words))


def judged(server: Cluster, case: Case, before: Migration, folder: Path) -> DatabaseReport | None:
    """The rehearsal of one case; None where the file is refused before any server sees it."""
    raw = base64.b64decode(case["sql_b64"]) if case.get("sql_b64") else case["sql"].encode()
    if case["txn"] == "none":
        raw = b"-- lamppost: no-transaction\n" + raw
    service = case["service"]
    path = folder / f"2026-01-01T0900__{service}__case.sql"
    path.write_bytes(raw)
    files = [before]
    try:
        if case.get("prior"):
            prior = folder / f"2025-01-01T0900__{service}__prior.sql"
            prior.write_text(case["prior"])
            files.append(read(prior, service))
        files.append(read(path, service))
        with database(server, case["name"]) as conninfo:
            pg = str(case.get("pg", 15))
            stage = Stage(database=case["name"], conninfo=conninfo, role=OWNER, pg=pg)
            bundle = Bundle(tuple(files), (service, before.service))
            names = frozenset([path.name])
            return rehearse(stage, bundle, judged=names, paths={path.name: path}, report=ignored)
    except LamppostError:
        return None


def unlike(case: Case, report: DatabaseReport) -> str:
    """Where the trace that came with the case and ours differ, on tables and in one transaction."""
    trace, file = case.get("trace"), report.files[0]
    if not trace or trace["outcome"] != "ok" or file.failed or case["txn"] == "none":
        return ""
    mine: dict[str, Any] = {}
    for seen in file.statements:
        for table, mode in seen.locks:
            mine[table] = stronger(mine.get(table, MODES[0]), mode)
    theirs = {name: spelled(mode) for name, mode in trace["locks"].items() if _is_table(name, trace)}
    mine = {name: mode for name, mode in mine.items() if _is_table(name, trace)}
    kept = {MODES[0]}
    if {n: m for n, m in mine.items() if m not in kept} != {n: m for n, m in theirs.items() if m not in kept}:
        return f"locks {theirs} there, {mine} here"
    read_here = {table for seen in file.statements for table, _ in seen.scans}
    anew = {table for seen in file.statements for table in (*seen.rewrites, *seen.emptied)}
    missed = {table for table, _ in trace["scans"]} - read_here - anew
    other = {table for table in trace["rewrote"] if _is_table(table, trace)} ^ anew
    return f"scans {missed}, rewrites {other}" if missed or other else ""


def _is_table(name: str, trace: Case) -> bool:
    return name not in trace["dropped"] and not re.search(r"(_idx|_pkey|_uidx|_u)$|schema_migrations", name)


def rate(cases: list[Case], blocked: dict[str, bool]) -> str:
    unsafe = [case for case in cases if case["unsafe"]]
    safe = [case for case in cases if not case["unsafe"]]
    caught = sum(blocked[case["name"]] for case in unsafe)
    passed = sum(not blocked[case["name"]] for case in safe)
    return f"recall {caught}/{len(unsafe)}, specificity {passed}/{len(safe)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--schema", type=Path)
    arguments = parser.parse_args()
    if arguments.cases is None or arguments.schema is None:
        print("needs a file of cases and the schema they assume: nothing measured")
        return
    cases: list[Case] = json.loads(arguments.cases.read_text())
    blocked: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as place, throwaway.server() as server:
        before = base(Path(place), arguments.schema.read_text(), "orders")
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("create role {} createrole").format(sql.Identifier(OWNER)))
            for role in ("orders_app", "users_app"):
                admin.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
            admin.execute(sql.SQL("create database base owner {}").format(sql.Identifier(OWNER)))
        apply(server.dsn("base"), Bundle((before,), ("orders",)), role=OWNER)
        for case in cases:
            folder = Path(place) / case["name"]
            folder.mkdir()
            report = judged(server, case, before, folder)
            blocked[case["name"]] = report is None or report.blocks
            if blocked[case["name"]] != case["unsafe"]:
                print(f"wrong: {case['name']}")
            if report is not None:
                for one in report.files[0].contradictions:
                    print(f"{case['name']}: {one.who} said {one.said}; PostgreSQL: {one.did}")
                if differs := unlike(case, report):
                    print(f"another trace: {case['name']}: {differs}")
    firm = [case for case in cases if case.get("firm", True)]
    print(f"firm ({len(firm)}): {rate(firm, blocked)}")
    rest = [case for case in cases if not case.get("firm", True)]
    print(f"depends on policy ({len(rest)}): {rate(rest, blocked)}")


if __name__ == "__main__":
    main()

"""How many dangerous migrations does the linter stop, how many harmless ones pass? And squawk?

    python benchmarks/lint_accuracy.py [CASES.json [--schema SCHEMA.sql]] [--wrong]

Our own corpus (tests/data/lint_cases.json) is judged first, with the catalog of its schema; CASES.json beside
it. Both are lists of objects: name, sql (or sql_b64), unsafe, firm, needs (ast, catalog, trace),
txn (wrap, none), pg, service, prior (SQL of earlier migrations). Unsafe is right when at least one finding
blocks, safe when none does.
With --schema, that SQL is loaded into a throwaway server, and the linter may ask its catalog.
squawk is told the server's version and whether the file runs in a transaction; its style and missing-timeout
rules are left out, for our runner sets the timeouts.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamppost.migrate.lint.facts import Before, Known
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.options import Options

SQUAWK = Path(sys.executable).parent / "squawk"
STYLE = (
    "prefer-",
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
    "ban-char-field",
)
Case = dict[str, Any]
DATA = Path(__file__).parents[1] / "tests" / "data"
OURS = DATA / "lint_cases.json"
OURS_SCHEMA = DATA / "lint_cases_schema.sql"


def read(path: Path) -> list[Case]:
    """The cases of a file, with what most leave out."""
    usual = {"firm": True, "needs": "ast", "txn": "wrap", "service": "shop", "pg": "15"}
    return [{**usual, **case} for case in json.loads(path.read_text("utf-8"))]


@contextmanager
def catalog(schema: Path | None) -> Iterator[Before | None]:
    """What a server with `schema` says, or nobody to ask."""
    if schema is None:
        yield None
        return
    import psycopg

    from lamppost.local.postgres.cluster import Cluster
    from lamppost.migrate.lint.catalog import read

    with tempfile.TemporaryDirectory() as folder:
        server = Cluster(Path(folder) / "postgres")
        try:
            server.launch()
            server.ready()
            with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
                connection.execute(schema.read_text())
            yield Known(read(server.dsn("postgres")))
        finally:
            server.stop()


def written(case: Case, folder: Path) -> tuple[Path, Path | None]:
    """The case as a file, as the runner would get it, and the folder of what ran before."""
    place = folder / case["name"]
    place.mkdir()
    raw = base64.b64decode(case["sql_b64"]) if case.get("sql_b64") else case["sql"].encode()
    if case["txn"] == "none":
        raw = b"-- lamppost: no-transaction\n" + raw
    path = place / f"2026-01-01T0900__{case['service']}__case.sql"
    path.write_bytes(raw)
    earlier = None
    if case.get("prior"):
        earlier = place / "earlier"
        earlier.mkdir()
        (earlier / f"2025-01-01T0900__{case['service']}__prior.sql").write_text(case["prior"])
    return path, earlier


def ours(case: Case, path: Path, earlier: Path | None, before: Before | None) -> bool:
    options = Options(
        service=case["service"], pg=str(case.get("pg", 15)), earlier=str(earlier) if earlier else None
    )
    findings = lint_file(path, options, before if case["needs"] != "ast" else None)
    return any(finding.severity == "block" for finding in findings)


def squawks(case: Case, path: Path) -> bool:
    version = str(case["pg"])
    full = version if "." in version else f"{version}.0"
    command = [str(SQUAWK), "--reporter", "json", "--pg-version", full]
    if case["txn"] == "wrap":
        command.append("--assume-in-transaction")
    said = subprocess.run([*command, str(path)], capture_output=True, check=False)
    try:
        found = json.loads(said.stdout or b"[]")
    except json.JSONDecodeError:
        return True
    kept = [one for one in found if not one["rule_name"].startswith(STYLE)]
    return bool(kept) or (said.returncode != 0 and not found)


def rates(cases: list[Case], flagged: dict[str, bool]) -> str:
    unsafe = [case for case in cases if case["unsafe"]]
    safe = [case for case in cases if not case["unsafe"]]
    caught = sum(flagged[case["name"]] for case in unsafe)
    passed = sum(not flagged[case["name"]] for case in safe)
    recall = f"{caught / len(unsafe):.3f}" if unsafe else "-"
    specificity = f"{passed / len(safe):.3f}" if safe else "-"
    return f"recall {recall} ({caught}/{len(unsafe)}), specificity {specificity} ({passed}/{len(safe)})"


def compared(title: str, cases: list[Case], schema: Path | None, *, wrong: bool) -> None:
    """Judge every case by both, and print how often each was right."""
    us: dict[str, bool] = {}
    them: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as folder, catalog(schema) as before:
        for case in cases:
            path, earlier = written(case, Path(folder))
            us[case["name"]] = ours(case, path, earlier, before)
            them[case["name"]] = squawks(case, path)
    firm = [case for case in cases if case["firm"]]
    groups = {
        "firm, decided by the files": [case for case in firm if case["needs"] == "ast"],
        "firm, all" if schema else "firm, all, without a catalog": firm,
        "depends on policy": [case for case in cases if not case["firm"]],
    }
    print(title)
    for name, members in groups.items():
        if members:
            print(f"  {name} ({len(members)})")
            print(f"    lamppost  {rates(members, us)}")
            print(f"    squawk    {rates(members, them)}")
    for case in cases if wrong else ():
        if us[case["name"]] != case["unsafe"]:
            kind = "firm" if case["firm"] else "policy"
            print(f"    wrong: {case['name']} ({case['needs']}, {kind})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", type=Path, nargs="?", help="further cases, judged beside our own corpus")
    parser.add_argument("--schema", type=Path, help="the schema those cases assume")
    parser.add_argument("--wrong", action="store_true", help="name the cases we judge wrongly")
    arguments = parser.parse_args()
    compared("our corpus", read(OURS), OURS_SCHEMA, wrong=arguments.wrong)
    if arguments.cases:
        compared(arguments.cases.name, read(arguments.cases), arguments.schema, wrong=arguments.wrong)


if __name__ == "__main__":
    main()

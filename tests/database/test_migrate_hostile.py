"""Files as they come from strange editors and dumps: handled or clearly refused, and nothing half applied."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.errors import LamppostError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import discover

MADE = "create table shop.made (id int);\n"
STEPS = "-- lamppost: no-transaction\n"
DEEP = "(" * 20_000 + "1" + ")" * 20_000
REFUSED = {
    "a NUL byte": (MADE + "\0select 1").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + MADE.encode(),
    "Latin-1": (MADE + "-- caf\xe9").encode("latin-1"),
    "UTF-16": MADE.encode("utf-16"),
    "an empty file": b"",
    "only spaces": b" \n\t\n",
    "a psql command": f"{MADE}\\set x 1\nselect 1".encode(),
    "another database": f"{MADE}\\c postgres\nselect 1".encode(),
    "an included file": f"{MADE}\\i other.sql\n".encode(),
    "COPY data": f"{MADE}copy shop.made from stdin;\n1\n2\n\\.\n".encode(),
    "COPY out": f"{MADE}copy shop.made to stdout;\n".encode(),
    "a nesting of 20,000": f"{MADE}select {DEEP}".encode(),
    "an open quote": f"{MADE}select 'open".encode(),
    "an open comment": f"{MADE}/* open".encode(),
    "an open dollar quote": f"{MADE}do $x$ begin".encode(),
    "two errors": f"{MADE}selec 1; selec 2".encode(),
}
FINE = {
    "CRLF": (MADE + "insert into shop.made values (1);\n").replace("\n", "\r\n").encode(),
    "lone CR": (MADE + "insert into shop.made values (1);\n").replace("\n", "\r").encode(),
    "6 MB": (MADE + "insert into shop.made values (1);\n" * 170_000).encode(),
    "6 MB in one literal": (MADE + f"comment on table shop.made is '{'x' * 6_000_000}'").encode(),
    "no newline at the end": MADE.strip().encode(),
    "another encoding inside": f"{MADE}set client_encoding = 'latin1'; select 'ascii'; -- \u732b".encode(),
    "a percent sign and a brace": f"{MADE}select '%s {{}} %(x)s'".encode(),
}


def applied(empty: Any, folder: Path, raw: bytes) -> LamppostError | None:
    """Apply a file of these bytes, and see that all of it is in or nothing."""
    folder.mkdir()
    (folder / "2025-01-01T0000__shop__strange.sql").write_bytes(raw)
    error = None
    try:
        apply(empty.admin, discover([("shop", folder)]), role=empty.role)
    except LamppostError as refused:
        error = refused
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        made = connection.execute("select to_regclass('shop.made') is not null").fetchone()
        ledger = connection.execute("select to_regclass('public.schema_migrations') is not null").fetchone()
        row = (False,)
        if ledger == (True,):
            row = connection.execute(
                "select count(*) = 1 from public.schema_migrations"
                " where service = 'shop' and statements is null and sha256 is not null"
            ).fetchone()
    assert made == row == (error is None,)
    return error


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_applied_is_refused_with_a_fix_and_leaves_nothing(
    empty: Any, tmp_path: Path, what: str
) -> None:
    error = applied(empty, tmp_path / "files", REFUSED[what])
    assert error is not None
    assert "strange.sql" in error.what
    assert error.fix
    assert error.code.startswith("migration_")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("a psql command", "speaks to psql"),
        ("another database", "speaks to psql"),
        ("COPY data", "as insert"),
        ("COPY out", "as insert"),
    ],
)
def test_what_only_psql_understands_is_explained(empty: Any, tmp_path: Path, what: str, words: str) -> None:
    error = applied(empty, tmp_path / "files", REFUSED[what])
    assert error is not None
    assert words in error.fix


@pytest.mark.parametrize("what", FINE)
def test_what_only_looks_strange_goes_in_whole(empty: Any, tmp_path: Path, what: str) -> None:
    assert applied(empty, tmp_path / "files", FINE[what]) is None


@pytest.mark.parametrize(
    "text", ["-- nothing yet\n", "/* nothing /* yet */ */", "-- a\r-- b", f"{STEPS}-- x"]
)
def test_a_file_of_comments_alone_is_noted_and_does_nothing(empty: Any, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "2025-01-01T0000__shop__strange.sql").write_bytes(text.encode())
    bundle = discover([("shop", folder)])
    assert apply(empty.admin, bundle, role=empty.role).applied[-1].endswith("strange.sql")


@pytest.mark.parametrize("what", ["COPY data", "a psql command", "an open quote", "a nesting of 20,000"])
def test_the_same_statement_by_statement_is_refused_and_says_where_it_stopped(
    empty: Any, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "2025-01-01T0000__shop__strange.sql").write_bytes(STEPS.encode() + REFUSED[what])
    with pytest.raises(LamppostError) as refused:
        apply(empty.admin, discover([("shop", folder)]), role=empty.role)
    assert "strange.sql" in refused.value.what
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        rows = connection.execute(
            "select statements, running from public.schema_migrations where service = 'shop'"
        ).fetchall()
    assert rows == [(1, None)]

"""A list that travels as one word arrives as it was."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from lamppost.db.arrays import listed, quoted

# PostgreSQL keeps no NUL and no half of a surrogate pair.
TEXTS = some.text(some.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
ODD = some.sampled_from(["null", "NULL", "", '"', "\\", "{", ",", " a "])


@pytest.fixture(scope="module")
def db(postgres_cluster: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection: nothing is stored."""
    with psycopg.connect(postgres_cluster.dsn("postgres"), autocommit=True) as connection:
        yield connection


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=some.lists(some.none() | TEXTS | ODD))
def test_texts_and_nulls_arrive_as_they_were(db: psycopg.Connection[Any], texts: list[str | None]) -> None:
    assert db.execute("select %s::text[]", (quoted(texts),)).fetchone() == (texts,)


def test_bytes_arrive_as_they_were(db: psycopg.Connection[Any]) -> None:
    sent = quoted(["\\x00ff22", None, "\\x"])
    assert db.execute("select %s::bytea[]", (sent,)).fetchone() == ([b"\x00\xff\x22", None, b""],)


def test_plain_words_need_no_quotes(db: psycopg.Connection[Any]) -> None:
    assert db.execute("select %s::int[]", (listed(["1", "null", "-3"]),)).fetchone() == ([1, None, -3],)

"""The fixtures that every other database test stands on."""

import psycopg
import pytest

from lamppost.testing.plugin import MakeDatabase


def test_a_fresh_database_has_the_tables_of_its_services_and_no_rows(database: MakeDatabase) -> None:
    birthday = database("birthday")
    with birthday.connect(admin=True) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'birthday'").fetchone()
        shift = connection.execute("select count(*) from lamppost.clock").fetchone()
    assert tables is not None
    assert tables[0] > 0
    assert shift == (0,)


def test_two_databases_of_one_test_do_not_see_each_other(database: MakeDatabase) -> None:
    one, other = database(), database()
    one.connect(admin=True).execute("create table public.mine (id int)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        other.connect(admin=True).execute("select * from public.mine")


def test_a_test_connects_as_the_functions_do_unless_it_asks_otherwise(database: MakeDatabase) -> None:
    fresh = database()
    asked = fresh.connect().execute("select current_user").fetchone()
    assert asked == (fresh.roles.app,)
    assert fresh.connect(admin=True).execute("select current_user").fetchone() == ("lamppost",)

"""A server that somebody else runs: looked at before it is used."""

import secrets
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lamppost.errors import OperatorError
from lamppost.local.postgres.external import External


def test_another_server_is_used_with_its_own_options_kept(postgres_cluster: Any) -> None:
    server = External(f"{postgres_cluster.dsn('postgres')}?connect_timeout=7&application_name=mine")
    server.launch()
    server.ready()
    assert server.version.startswith("18.")
    with psycopg.connect(server.dsn("template1")) as connection:
        assert connection.info.dbname == "template1"
        assert connection.info.get_parameters()["application_name"] == "mine"
    server.stop()
    assert server.alive()


def test_a_role_that_may_not_create_is_told_what_it_needs(postgres_cluster: Any) -> None:
    name = f"weak_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'pw'").format(sql.Identifier(name)))
    server = External(postgres_cluster.dsn("postgres", user=name, password="pw"))
    with pytest.raises(OperatorError) as refused:
        server.ready()
    assert refused.value.code == "postgres_rights"
    assert name in refused.value.fix


def test_a_wrong_password_is_said_without_repeating_it(postgres_cluster: Any) -> None:
    server = External(postgres_cluster.dsn("postgres", user="lamppost", password="hush-hush"))
    with pytest.raises(OperatorError, match="password authentication failed") as refused:
        server.ready()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("nonsense", ["http://hush@here", "nonsense", "postgresql://u:hush@[::1/x"])
def test_a_value_that_is_no_address_is_refused_without_repeating_it(nonsense: str) -> None:
    with pytest.raises(OperatorError) as refused:
        External(nonsense)
    assert refused.value.code == "postgres_url"
    assert "hush" not in str(refused.value)

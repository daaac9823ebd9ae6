"""A function whose loaded memory is kept and copied: a connection must not be in every copy."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import Empty
from tests.sandbox import Sandbox


@pytest.mark.parametrize(("kind", "connections"), [("on-demand", 1), ("snap-start", 2)])
def test_a_copy_opens_a_connection_of_its_own_and_answers(
    empty: Empty, tmp_path: Path, kind: str, connections: int
) -> None:
    where = conninfo_to_dict(empty.app)
    sandbox = Sandbox(
        tmp_path,
        "services.barkbase.service",
        "db-healthcheck",
        {
            "DB_HOST": str(where["host"]),
            "DB_PORT": str(where.get("port", 5432)),
            "DB_NAME": empty.name,
            "DB_USER": empty.app_role,
            "DB_PASSWORD": "pass/word @1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
        },
    )
    try:
        assert sandbox.invoke({})["statusCode"] == 200
    finally:
        sandbox.close()
    said = sandbox.log.read_text()
    assert said.count("connection.opened") == connections
    # Those of the init are closed before the snapshot is taken.
    assert said.count("pool.closed") == connections - 1

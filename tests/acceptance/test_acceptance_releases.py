"""A release whose migration fails leaves all as it was; mended, it goes in: the tables, then the code."""

import pytest

from tests.acceptance.conftest import System
from tests.acceptance.deploying import Outcome
from tests.acceptance.releases import HEAD

MIGRATIONS = "Barkbase-MigrationsStack-dev"
FUNCTIONS = ("migrator-dev", "users-dev", "orders-dev", "bday-dev-api", "barkbase-dev-db-healthcheck")


class State:
    """What the account is like: the code of its functions, the ledger, and whether users are served."""

    def __init__(self, system: System) -> None:
        self.code = {name: system.account.code(name) for name in FUNCTIONS}
        self.served = system.account.ask("app-dev-users", "GET", "/").status
        with system.account.admin("app") as admin:
            self.ledger = [
                name for (name,) in admin.execute("select name from schema_migrations order by name")
            ]
            self.words = admin.execute("select to_regclass('users.words')::text").fetchone()


@pytest.fixture(scope="module")
def before(system: System) -> State:
    """How it was with the first release."""
    return State(system)


@pytest.fixture(scope="module")
def broken(system: System, before: State) -> list[Outcome]:
    """How the release with the migration that fails went in."""
    return system.deploy("broken")


@pytest.fixture(scope="module")
def mended(system: System, broken: list[Outcome]) -> list[Outcome]:
    """And, after that, the mended one."""
    return system.deploy("mended")


def test_a_migration_that_fails_says_why_and_nothing_behind_it_is_deployed(
    system: System, broken: list[Outcome]
) -> None:
    assert (broken[-1].stack, broken[-1].status) == (MIGRATIONS, "UPDATE_ROLLBACK_COMPLETE")
    [reason] = [reason for reason in broken[-1].failures if reason.startswith("RunMigrations")]
    assert HEAD in reason
    assert 'null value in column "word"' in reason
    assert len(broken) < len(system.stacks["broken"])


def test_after_it_the_old_code_serves_the_old_tables(
    system: System, before: State, broken: list[Outcome]
) -> None:
    after = State(system)
    assert after.code == before.code
    assert after.ledger == before.ledger
    assert (after.words, after.served) == ((None,), 200)


def test_mended_it_goes_in_and_the_new_code_reads_the_new_table(
    system: System, before: State, mended: list[Outcome]
) -> None:
    assert [each.status for each in mended if not each.done] == []
    after = State(system)
    assert set(after.ledger) - set(before.ledger) == {HEAD}
    assert (after.words, after.served) == (("users.words",), 200)
    assert {name for name in FUNCTIONS if after.code[name] != before.code[name]} == {
        "migrator-dev",
        "users-dev",
    }
    assert "mended" in said(system, "words.read")


def test_what_serves_is_noted_behind_the_functions(system: System, mended: list[Outcome]) -> None:
    with system.account.admin("app") as admin:
        noted = admin.execute("select head from schema_releases where service = 'users'").fetchall()
    assert (HEAD,) in noted


def said(system: System, what: str) -> str:
    """The last line of users that says it."""
    found = system.account.client("logs").filter_log_events(logGroupName="/aws/lambda/users-dev")
    return next(event["message"] for event in reversed(found["events"]) if what in event["message"])

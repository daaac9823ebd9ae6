"""Jobs stand beside the deploy, and contract files wait for jobs and for code to be gone."""

from datetime import UTC, datetime, timedelta

import pytest

from lamppost.errors import AuthorError
from lamppost.migrate.contract import Reach, Release
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.header import Job, Phase
from lamppost.migrate.ledger import Row
from lamppost.migrate.plan import Plan, decide

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def named(day: int, phase: Phase = "expand", *, service: str = "shop", job: Job | None = None) -> Migration:
    name = f"2025-01-{day:02d}T0000__{service}__x.sql"
    return Migration(name, service, "select 1", "bytes", "text", job is None, phase, job)


def plan(*migrations: Migration, done: tuple[Migration, ...] = (), reach: Reach | None = None) -> Plan:
    rows = [Row(m.name, NOON, m.sha256, m.text_sha256, m.service, "kim") for m in done]
    return decide(Bundle(migrations, ("lamppost", "shop", "users")), rows, reach=reach)


def codes(found: Plan) -> list[str]:
    return [refusal.code for refusal in found.refusals]


def live(migration: Migration, at: datetime = NOON) -> Release:
    return Release("shop", migration.name, at)


def reach(*releases: Release, now: datetime = NOON, soak: timedelta = HOUR) -> Reach:
    return Reach(releases, now, soak)


def test_a_job_is_never_pending_and_later_files_do_not_wait_for_it() -> None:
    first, job, later = named(1), named(2, job=Job()), named(3)
    found = plan(first, job, later, done=(first,))
    assert (found.pending, found.jobs, found.refusals) == ((later,), (job,), ())


def test_a_job_that_lies_before_applied_files_is_open_and_not_late() -> None:
    job, later = named(2, job=Job()), named(3)
    found = plan(job, later, done=(later,))
    assert (found.jobs, found.refusals) == ((job,), ())


def test_a_job_with_its_row_is_done() -> None:
    job = named(2, job=Job())
    assert plan(job, done=(job,)).jobs == ()


def test_an_edited_job_is_refused_as_any_file() -> None:
    job = named(2, job=Job())
    row = Row(job.name, NOON, "other bytes", "other text", "shop")
    assert codes(decide(Bundle((job,), ("shop",)), [row])) == ["migration_edited"]


def test_a_contract_file_behind_an_open_job_is_refused_with_the_command_that_runs_it() -> None:
    first, job, contract = named(1), named(2, job=Job()), named(3, "contract")
    found = plan(first, job, contract, done=(first,))
    assert codes(found) == ["migration_contract_job"]
    assert found.refusals[0].fix.endswith(f"lamppost migrate job run {job.name}")


def test_a_job_behind_a_contract_file_or_of_another_service_holds_nothing_up() -> None:
    first, contract, behind = named(1), named(3, "contract"), named(4, job=Job())
    foreign = named(2, job=Job(), service="users")
    assert codes(plan(first, foreign, contract, behind, done=(first,))) == []


def test_a_job_that_goes_along_holds_no_contract_file_up() -> None:
    job, contract = named(2, job=Job()), named(3, "contract")
    bundle = Bundle((job, contract), ("shop",))
    assert decide(bundle, [], passing=frozenset({job.name})).refusals == ()


def test_a_contract_file_waits_until_the_code_that_knows_its_past_was_live_for_the_soak_time() -> None:
    first, contract = named(1), named(2, "contract")
    early = reach(live(first), now=NOON + HOUR / 2)
    ripe = reach(live(first), now=NOON + HOUR)
    assert codes(plan(first, contract, done=(first,), reach=early)) == ["migration_contract_early"]
    assert codes(plan(first, contract, done=(first,), reach=ripe)) == []


def test_without_any_release_recorded_a_contract_file_is_early() -> None:
    first, contract = named(1), named(2, "contract")
    found = plan(first, contract, done=(first,), reach=reach())
    assert codes(found) == ["migration_contract_early"]
    assert "lamppost migrate live" in found.refusals[0].fix


def test_a_contract_file_never_goes_in_with_an_expand_file_before_it() -> None:
    first, second, contract = named(1), named(2), named(3, "contract")
    found = plan(first, second, contract, done=(first,), reach=reach(live(second), now=NOON + HOUR))
    assert codes(found) == ["migration_contract_early"]


def test_code_that_went_back_to_an_older_release_starts_the_soak_anew() -> None:
    old, new, contract = named(1), named(2), named(3, "contract")
    done, day = (old, new), timedelta(days=1)
    back = (live(new), live(old, NOON + day))
    again = (*back, live(new, NOON + 2 * day))
    assert codes(plan(*done, contract, done=done, reach=reach(*back, now=NOON + 9 * day)))
    assert codes(plan(*done, contract, done=done, reach=reach(*again, now=NOON + 2 * day)))
    assert not codes(plan(*done, contract, done=done, reach=reach(*again, now=NOON + 3 * day)))


def test_a_release_recorded_before_a_late_file_went_in_does_not_know_it() -> None:
    first, contract = named(1), named(2, "contract")
    before = reach(live(first, NOON - HOUR), now=NOON + 9 * HOUR)
    assert codes(plan(first, contract, done=(first,), reach=before)) == ["migration_contract_early"]


def test_on_a_fresh_database_and_where_phases_are_off_contract_files_just_run() -> None:
    first, contract = named(1), named(2, "contract")
    assert codes(plan(first, contract, reach=reach())) == []
    assert codes(plan(first, contract, done=(first,))) == []


def test_everything_that_is_refused_is_told_at_once() -> None:
    first, job, one, two = named(1), named(2, job=Job()), named(3, "contract"), named(4, "contract")
    with pytest.raises(AuthorError) as refused:
        plan(first, job, one, two, done=(first,)).check()
    assert one.name in refused.value.what
    assert two.name in refused.value.what


def test_an_edited_file_is_shown_line_by_line_where_the_ledger_kept_it() -> None:
    now = Migration(named(1).name, "shop", "create table cats ();\ndrop table dogs;", "new bytes", "new text")
    row = Row(now.name, NOON, "bytes", "text", "shop", "kim", text="create table cats ();\nselect 1;")
    what = decide(Bundle((now,), ("shop",)), [row]).refusals[0].what
    assert "\n    -select 1;\n    +drop table dogs;" in what
    assert all(part in what for part in ("new bytes", "applied bytes", "kim", "2025-06-01"))


def test_a_long_difference_is_cut() -> None:
    lines = "\n".join(f"select {i};" for i in range(1000))
    now = Migration(named(1).name, "shop", lines, "new", "new")
    row = Row(now.name, NOON, "old", "old", "shop", text="select 0;")
    what = decide(Bundle((now,), ("shop",)), [row]).refusals[0].what
    assert what.endswith("(and more)")
    assert what.count("\n") < 70

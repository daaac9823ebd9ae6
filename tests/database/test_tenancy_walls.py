"""What a caller sees of a database that many tenants share."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from lamppost.db import act_for, as_caller, close_pool, get_pool, new_tenant, tenant
from lamppost.declare.tenancy import Tenants
from lamppost.errors import AuthorError, CallerError, OperatorError
from lamppost.testing.databases import TestDatabase
from lamppost.testing.plugin import MakeDatabase
from tests.tenants import FOLDERS, Desk, marks, seed, tenant_id

TITLES = "select title from notes.notes order by number"


@pytest.fixture
def base(database: MakeDatabase) -> TestDatabase:
    made = database(folders=FOLDERS)
    seed(made.admin, 3, notes=2)
    return made


@pytest.fixture
def desk(base: TestDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    for name in ("DB_SECRET_NAME", "DB_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", base.app)
    monkeypatch.setenv("DB_POOL_MAX", "1")
    close_pool()
    yield Desk()
    close_pool()


def join(
    base: TestDatabase, number: int, subject: str, *, role: str = "member", status: str = "active"
) -> None:
    base.connect(admin=True).execute(
        "insert into members.memberships (tenant_id, subject, role, status) values (%s, %s, %s, %s)",
        (tenant_id(number), subject, role, status),
    )


def test_a_caller_sees_the_rows_of_their_tenant_and_no_others(desk: Desk) -> None:
    answer = desk(1, "GET /{tenant_id}/notes", tenant_id=tenant_id(1))
    assert (answer.status, marks(answer.everything)) == (200, {1})
    assert len(answer.json["items"]) == 2


def test_the_only_tenant_of_a_caller_needs_no_name(desk: Desk) -> None:
    assert marks(desk(2, "GET /only").text) == {2}


def test_a_caller_of_several_tenants_has_to_say_which(base: TestDatabase, desk: Desk) -> None:
    join(base, 0, "person-1")
    answer = desk(1, "GET /only")
    assert (answer.status, answer.code) == (400, "tenant_required")
    assert marks(desk(1, "GET /{tenant_id}/search", tenant_id=tenant_id(0), query="words=body").text) == {0}
    assert desk(1, "GET /mine").json == [str(tenant_id(0)), str(tenant_id(1))]


def test_a_caller_without_a_tenant_is_told_so(desk: Desk) -> None:
    answer = desk("nobody", "GET /only")
    assert (answer.status, answer.code) == (403, "no_membership")
    assert desk("nobody", "GET /mine").json == []


def test_a_foreign_tenant_and_one_that_does_not_exist_answer_alike(desk: Desk) -> None:
    names: list[str | UUID] = [
        tenant_id(2),
        uuid4(),
        "x",
        "0",
        f"{{{tenant_id(1)}}}",
        f"urn:uuid:{tenant_id(1)}",
    ]
    names += [tenant_id(1).hex, "' or true --", "٠" * 36, str(tenant_id(1)) + " "]
    answers = [desk(1, "GET /{tenant_id}/notes", tenant_id=name) for name in names]
    assert {(answer.status, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert answers[0].code == "tenant_not_found"


@pytest.mark.parametrize(
    "name", ["", "\x00", "\ud800", "None", "null", "1" * 70000, f" {tenant_id(1)}", "%s"]
)
def test_a_strange_tenant_does_not_exist(desk: Desk, name: str) -> None:
    with pytest.raises(CallerError) as refused:
        tenant(desk.context(subject="person-1"), name)
    assert (refused.value.status, refused.value.code) == (404, "tenant_not_found")


def test_a_foreign_note_and_one_that_does_not_exist_answer_alike(base: TestDatabase, desk: Desk) -> None:
    ((foreign,),) = base.connect(admin=True).execute(
        "select id from notes.notes where tenant_id = %s and number = 1", (tenant_id(2),)
    )
    body = {"title": "«1» mine", "body": "«1»"}
    for key in ("GET", "PUT", "DELETE"):
        answers = [
            desk(
                1,
                f"{key} /{{tenant_id}}/notes/{{id}}",
                body if key == "PUT" else None,
                tenant_id=tenant_id(1),
                id=id,
            )
            for id in (foreign, uuid4())
        ]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text


def test_a_membership_that_ended_opens_nothing(base: TestDatabase, desk: Desk) -> None:
    join(base, 2, "former", status="removed")
    assert desk("former", "GET /{tenant_id}/notes", tenant_id=tenant_id(2)).code == "tenant_not_found"
    assert desk("former", "GET /only").code == "no_membership"


def test_the_role_is_the_memberships_and_what_it_may_not_do_is_a_403(base: TestDatabase, desk: Desk) -> None:
    join(base, 0, "reader", role="viewer")
    answer = desk("reader", "DELETE /{tenant_id}/notes/{id}", tenant_id=tenant_id(0), id=uuid4())
    assert (answer.status, answer.code) == (403, "role_required")
    here = tenant(desk.context(subject="reader"), tenant_id(0))
    with here as db:
        assert here.member.role == "viewer"
        told = db.execute("select lamppost.tenant_id(), lamppost.user_id(), lamppost.role()").fetchone()
    assert told == (tenant_id(0), "reader", "viewer")


def test_without_a_token_there_is_no_tenant(desk: Desk) -> None:
    assert desk(None, "GET /only").status == 401
    with pytest.raises(CallerError, match="access token"):
        tenant(desk.context())


@pytest.mark.parametrize(
    "subject", ["a\x00b", "\ud800", "' or true --", "%s", "person-1 ", "PERSON-1", "", "x" * 70000]
)
def test_a_strange_subject_belongs_nowhere(desk: Desk, subject: str) -> None:
    with pytest.raises(CallerError) as refused, tenant(desk.context(subject=subject), tenant_id(1)):
        pass
    assert refused.value.code == "tenant_not_found"


def test_whoever_forgets_tenant_reads_nothing_and_writes_nothing(desk: Desk) -> None:
    assert desk(1, "GET /{tenant_id}/notes", tenant_id=tenant_id(1)).status == 200
    assert desk(1, "GET /forgotten").json == []
    with desk.context().transaction() as db:
        assert db.execute("update notes.notes set title = 'x'").rowcount == 0
        assert db.execute("delete from notes.notes").rowcount == 0
    for values in ("lamppost.tenant_id()", f"'{tenant_id(1)}'"):
        with pytest.raises(psycopg.Error) as refused, desk.context().transaction() as db:
            db.execute(f"insert into notes.folders (tenant_id, title) values ({values}, 'x')".encode())
        assert refused.value.sqlstate in {"42501", "23502"}


def test_a_row_cannot_be_written_or_moved_into_another_tenant(desk: Desk) -> None:
    for statement in (
        "insert into notes.folders (tenant_id, title) values (%s, 'x')",
        "update notes.folders set tenant_id = %s",
        "insert into members.memberships (tenant_id, subject) values (%s, 'person-1')",
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
            tenant(desk.context(subject="person-1")) as db,
        ):
            db.execute(statement.encode(), (tenant_id(2),))


def test_after_a_commit_the_setting_is_an_empty_text_and_opens_nothing(desk: Desk) -> None:
    with tenant(desk.context(subject="person-1")):
        pass
    with get_pool().connection() as db:
        assert db.execute("select current_setting('app.tenant_id', true)").fetchone() == ("",)
        assert db.execute(TITLES).fetchall() == []
        assert db.execute("select lamppost.tenant_id(), lamppost.user_id(), lamppost.role()").fetchone() == (
            None, None, None,
        )  # fmt: skip


def test_a_transaction_that_failed_leaves_no_tenant_behind(desk: Desk) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), tenant(desk.context(subject="person-1")) as db:
        db.execute("select 1 / 0")
    with get_pool().connection() as db:
        assert db.execute(TITLES).fetchall() == []


def test_a_handler_that_commits_by_hand_sees_nothing_afterwards(desk: Desk) -> None:
    with pytest.raises(psycopg.Error), tenant(desk.context(subject="person-1")) as db:
        assert db.execute(TITLES).fetchall() != []
        db.execute("commit")
        assert db.execute(TITLES).fetchall() == []
        raise psycopg.OperationalError


class Joined:
    """A context whose transactions join one that is open, as behind an Idempotency-Key."""

    def __init__(self, ctx: Any, db: Any) -> None:
        self._ctx, self._db = ctx, db

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def transaction(self) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def savepoint() -> Iterator[Any]:
            with self._db.transaction():
                yield self._db

        return savepoint()


def test_inside_an_open_transaction_the_tenant_stays_and_a_failed_savepoint_forgets_it(desk: Desk) -> None:
    with get_pool().transaction() as outer:
        ctx: Any = Joined(desk.context(subject="person-1"), outer)
        with pytest.raises(ZeroDivisionError), tenant(ctx) as db:
            assert len(db.execute(TITLES).fetchall()) == 2
            raise ZeroDivisionError
        assert outer.execute(TITLES).fetchall() == []
        with pytest.raises(CallerError), tenant(ctx, tenant_id(2)):
            pass
        assert outer.execute("select lamppost.user_id()").fetchone() == (None,)
        for _ in range(2):
            with tenant(ctx) as db:
                assert len(db.execute(TITLES).fetchall()) == 2
        assert len(outer.execute(TITLES).fetchall()) == 2


def test_one_transaction_does_not_work_for_two_tenants(base: TestDatabase, desk: Desk) -> None:
    join(base, 0, "person-1")
    with pytest.raises(AuthorError) as refused, get_pool().transaction() as outer:
        ctx: Any = Joined(desk.context(subject="person-1"), outer)
        with tenant(ctx, tenant_id(0)):
            pass
        with tenant(ctx, tenant_id(1)):
            pass
    assert refused.value.code == "tenant_switch"
    for enter in (lambda c: act_for(c, tenant_id(1)), new_tenant):
        with pytest.raises(AuthorError), get_pool().transaction() as outer:
            ctx = Joined(Worker(desk.context(subject="person-1")), outer)
            with tenant(ctx, tenant_id(0)):
                pass
            with enter(ctx):
                pass


def test_a_session_that_someone_set_a_tenant_on_is_thrown_away(desk: Desk) -> None:
    with get_pool().connection() as db:
        db.execute("select set_config('app.tenant_id', %s, false)", (str(tenant_id(2)),))
        before = db.info.backend_pid
    with pytest.raises(AuthorError, match="another tenant"), tenant(desk.context(subject="person-1")):
        pass
    with tenant(desk.context(subject="person-1")) as db:
        assert db.info.backend_pid != before
        assert {mark for (title,) in db.execute(TITLES) for mark in marks(title)} == {1}


class Worker:
    """A context of a function that no person calls."""

    kind = "queue"

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def test_a_worker_acts_for_the_tenant_its_message_names(desk: Desk) -> None:
    worker: Any = Worker(desk.context())
    with act_for(worker, tenant_id(2)) as db:
        assert {mark for (title,) in db.execute(TITLES) for mark in marks(title)} == {2}
        assert db.execute("select lamppost.user_id(), lamppost.role()").fetchone() == (None, None)
    with pytest.raises(AuthorError) as refused:
        act_for(desk.context(subject="person-1"), tenant_id(2))
    assert refused.value.code == "tenant_unasked"


def test_a_sign_up_founds_a_tenant_whose_owner_is_the_caller(desk: Desk) -> None:
    answer = desk("newcomer", "POST /tenants")
    assert answer.status == 201
    mine = UUID(answer.json["tenant"])
    created = desk("newcomer", "POST /{tenant_id}/notes", {"title": "a", "body": "b"}, tenant_id=mine)
    assert (created.status, created.json["number"]) == (201, 1)
    assert desk("newcomer", "GET /only").json == ["a"]


def test_a_caller_outside_any_tenant_sees_only_what_is_theirs(desk: Desk) -> None:
    with as_caller(desk.context(subject="person-1")) as db:
        assert db.execute("select tenant_id from members.memberships").fetchall() == [(tenant_id(1),)]
        assert db.execute(TITLES).fetchall() == []
        assert db.execute("select id from members.tenants").fetchall() == []


def test_a_table_with_two_memberships_of_one_caller_is_the_operators_to_mend(
    base: TestDatabase, desk: Desk
) -> None:
    admin = base.connect(admin=True)
    admin.execute("alter table members.memberships drop constraint memberships_pk")
    join(base, 1, "person-1", role="viewer")
    with pytest.raises(OperatorError) as refused, tenant(desk.context(subject="person-1"), tenant_id(1)):
        pass
    assert refused.value.code == "membership_twice"


def test_a_subject_that_is_no_uuid_is_nobody_where_subjects_are_uuids(base: TestDatabase, desk: Desk) -> None:
    admin = base.connect(admin=True)
    person = uuid4()
    admin.execute(
        "create table members.people (tenant_id uuid, person uuid, rank text);"
        " grant select on members.people to public"
    )
    admin.execute("insert into members.people values (%s, %s, null)", (tenant_id(1), person))
    ctx: Any = Worker(desk.context(subject=str(person)))
    ctx.tenants = Tenants(memberships="members.people", subject="person", role="rank")
    here = tenant(ctx)
    with here:
        assert (here.member.tenant, here.member.role) == (tenant_id(1), "")
    stranger: Any = Worker(desk.context(subject="person-1"))
    stranger.tenants = ctx.tenants
    with pytest.raises(CallerError, match="no tenant"), tenant(stranger):
        pass


def test_two_threads_on_one_connection_never_see_each_others_rows(desk: Desk) -> None:
    seen: list[set[int]] = []

    def ask(person: int) -> None:
        own = Desk()
        for _ in range(20):
            seen.append(marks(own(person, "GET /only").everything) - {person})

    threads = [threading.Thread(target=ask, args=(person,)) for person in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [set()] * 60


def test_tenants_are_named_in_a_database_the_service_shares() -> None:
    for name in (
        "users",
        "users.",
        ".memberships",
        "Users.memberships",
        'users."x"',
        "a.b.c",
        "users.m; drop",
    ):
        with pytest.raises(AuthorError):
            Tenants(memberships=name)

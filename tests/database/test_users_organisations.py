"""People, organisations and memberships, as their API answers on a real database."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lamppost.testing.databases import TestDatabase
from lamppost.testing.plugin import MakeDatabase
from tests.app import Answer, App, serving

INVITE = "users POST /organisations/{organisation}/memberships"
LIST = "users GET /organisations/{organisation}/memberships"
CHANGE = "users PATCH /organisations/{organisation}/memberships/{id}"
REMOVE = "users DELETE /organisations/{organisation}/memberships/{id}"
ACCEPT = "users POST /organisations/{organisation}/accept"


@pytest.fixture
def base(database: MakeDatabase) -> TestDatabase:
    return database("users")


@pytest.fixture
def app(base: TestDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[App]:
    with serving(base, monkeypatch, tmp_path) as made:
        yield made


def found(app: App, owner: str = "ada", name: str = "Engines") -> str:
    answer = app(owner, "users POST /organisations", {"name": name})
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def join(app: App, organisation: str, person: str, role: str = "member", *, by: str = "ada") -> str:
    """`person` becomes a member; the membership's id."""
    asked = app(by, INVITE, {"subject": person, "role": role}, organisation=organisation)
    assert asked.status == 201, asked.text
    accepted = app(person, ACCEPT, {}, organisation=organisation)
    assert accepted.status == 200, accepted.text
    return str(accepted.json["id"])


def mine(app: App, person: str) -> list[tuple[str, str, str]]:
    items = app(person, "users GET /organisations").json["items"]
    return [(item["name"], item["role"], item["status"]) for item in items]


def membership(app: App, organisation: str, person: str) -> str:
    items = app("ada", LIST, organisation=organisation, query="limit=100").json["items"]
    return str(next(item["id"] for item in items if item["subject"] == person))


def test_anybody_may_ask_the_database_for_the_time(app: App) -> None:
    answer = app(None, "users GET /")
    assert (answer.status, list(answer.json)) == (200, ["now"])


def test_signing_up_twice_makes_one_profile(app: App) -> None:
    first = app("ada", "users POST /profile", {"name": " Ada ", "email": "Ada@Example.com"})
    again = app("ada", "users POST /profile", {"name": "Somebody else"})
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json == app("ada", "users GET /profile").json
    assert (first.json["name"], first.json["email"]) == ("Ada", "ada@example.com")
    assert app("ben", "users GET /profile").refusal == (404, "profile_not_found")


def test_many_sign_ups_at_once_make_one_profile(app: App, base: TestDatabase) -> None:
    answers = together(8, lambda n: app("ada", "users POST /profile", {"name": f"Ada {n}"}))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert len({answer.json["name"] for answer in answers}) == 1


def test_a_profile_is_changed_in_parts(app: App) -> None:
    app("ada", "users POST /profile", {"name": "Ada", "email": "ada@example.com"})
    assert app("ada", "users PATCH /profile", {"name": "Augusta"}).json["email"] == "ada@example.com"
    assert app("ada", "users PATCH /profile", {"email": None}).json["email"] is None
    assert app("ada", "users PATCH /profile", {"name": "\u0007"}).refusal == (422, "invalid_text")
    assert app("ben", "users PATCH /profile", {"name": "Ben"}).refusal == (404, "profile_not_found")


def test_who_founds_an_organisation_owns_it(app: App) -> None:
    organisation = found(app)
    shown = app("ada", "users GET /organisations/{organisation}", organisation=organisation).json
    assert (shown["name"], shown["role"]) == ("Engines", "owner")
    assert mine(app, "ada") == [("Engines", "owner", "active")]


def test_a_foreign_organisation_does_not_exist(app: App) -> None:
    organisation = found(app)
    other = membership(app, organisation, "ada")
    found(app, "eve", "Evil")
    calls: list[tuple[str, Any, dict[str, str]]] = [
        ("users GET /organisations/{organisation}", None, {}),
        ("users PATCH /organisations/{organisation}", {"name": "Mine"}, {}),
        (LIST, None, {}),
        (INVITE, {"subject": "eve", "role": "owner"}, {}),
        (CHANGE, {"role": "viewer"}, {"id": other}),
        (REMOVE, None, {"id": other}),
        (ACCEPT, {}, {}),
        (ACCEPT, {"code": "x" * 43}, {}),
    ]
    for call, body, path in calls:
        answer = app("eve", call, body, organisation=organisation, **path)
        assert answer.refusal == (404, "tenant_not_found"), call
    assert mine(app, "ada") == [("Engines", "owner", "active")]


def test_a_membership_is_not_reached_through_another_organisation(app: App) -> None:
    theirs = membership(app, found(app), "ada")
    own = found(app, "eve", "Evil")
    for call, body in ((CHANGE, {"role": "viewer"}), (REMOVE, None)):
        answer = app("eve", call, body, organisation=own, id=theirs)
        assert answer.refusal == (404, "membership_not_found")


def test_whoever_is_invited_is_outside_until_they_accept(app: App) -> None:
    organisation = found(app)
    app("ada", INVITE, {"subject": "ben", "role": "member"}, organisation=organisation)
    assert mine(app, "ben") == [("Engines", "member", "invited")]
    assert app("ben", LIST, organisation=organisation).refusal == (404, "tenant_not_found")
    first = app("ben", ACCEPT, {}, organisation=organisation)
    again = app("ben", ACCEPT, {}, organisation=organisation)
    assert (first.status, first.json["status"], again.json) == (200, "active", first.json)
    assert app("ben", LIST, organisation=organisation).status == 200


def test_an_invitation_by_e_mail_is_accepted_with_its_code_and_once(app: App) -> None:
    organisation = found(app)
    asked = app("ada", INVITE, {"email": "Ben@example.com", "role": "viewer"}, organisation=organisation)
    code = asked.json["code"]
    assert app("ben", ACCEPT, {}, organisation=organisation).status == 404
    assert app("ben", ACCEPT, {"code": code[:-1]}, organisation=organisation).status == 404
    accepted = app("ben", ACCEPT, {"code": code}, organisation=organisation)
    assert (accepted.json["subject"], accepted.json["email"]) == ("ben", "ben@example.com")
    assert app("eve", ACCEPT, {"code": code}, organisation=organisation).status == 404
    assert code not in app("ada", LIST, organisation=organisation).text


def test_of_many_who_bring_one_code_at_once_one_gets_in(app: App) -> None:
    organisation = found(app)
    asked = app("ada", INVITE, {"email": "x@example.com", "role": "viewer"}, organisation=organisation)
    body = {"code": asked.json["code"]}
    answers = together(8, lambda n: app(f"person-{n}", ACCEPT, body, organisation=organisation))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


def test_a_member_does_not_become_two_by_a_code(app: App) -> None:
    organisation = found(app)
    join(app, organisation, "ben")
    asked = app("ada", INVITE, {"email": "ben@example.com", "role": "admin"}, organisation=organisation)
    answer = app("ben", ACCEPT, {"code": asked.json["code"]}, organisation=organisation)
    assert answer.refusal == (409, "membership_exists")


def test_inviting_again_renews_an_invitation_and_ends_the_old_code(app: App) -> None:
    organisation = found(app)
    body = {"email": "ben@example.com", "role": "viewer"}
    old = app("ada", INVITE, body, organisation=organisation).json
    new = app("ada", INVITE, {**body, "role": "member"}, organisation=organisation).json
    assert (new["membership"]["id"], new["membership"]["role"]) == (old["membership"]["id"], "member")
    assert app("ben", ACCEPT, {"code": old["code"]}, organisation=organisation).status == 404
    assert app("ben", ACCEPT, {"code": new["code"]}, organisation=organisation).status == 200
    assert app("ada", INVITE, body, organisation=organisation).refusal == (409, "membership_exists")


def test_an_invitation_ends_after_a_week(app: App, base: TestDatabase) -> None:
    organisation = found(app)
    app("ada", INVITE, {"subject": "ben", "role": "member"}, organisation=organisation)
    admin = base.connect(admin=True)
    admin.execute("insert into lamppost.clock (shift) values (interval '7 days 1 minute')")
    assert app("ben", ACCEPT, {}, organisation=organisation).refusal == (404, "tenant_not_found")


def test_an_invitation_names_one_person_one_way(app: App) -> None:
    organisation = found(app)
    for body in ({"role": "member"}, {"role": "member", "subject": "ben", "email": "ben@example.com"}):
        assert app("ada", INVITE, body, organisation=organisation).refusal == (422, "one_of")


@pytest.mark.parametrize(
    ("acting", "role", "allowed"),
    [
        ("owner", "owner", True), ("owner", "viewer", True), ("admin", "owner", False),
        ("admin", "admin", True), ("member", "viewer", False), ("viewer", "viewer", False),
    ],
)  # fmt: skip
def test_a_role_is_given_only_by_who_may(app: App, acting: str, role: str, allowed: bool) -> None:
    organisation = found(app)
    join(app, organisation, "ben", acting)
    target = join(app, organisation, "charles", "viewer")
    invited = app("ben", INVITE, {"subject": "dora", "role": role}, organisation=organisation)
    changed = app("ben", CHANGE, {"role": role}, organisation=organisation, id=target)
    assert (invited.status, changed.status) == ((201, 200) if allowed else (403, 403))


def test_an_admin_touches_no_owner(app: App) -> None:
    organisation = found(app)
    join(app, organisation, "ben", "admin")
    owner = membership(app, organisation, "ada")
    for change in ({"role": "viewer"}, {"status": "suspended"}, {"role": "owner"}):
        answer = app("ben", CHANGE, change, organisation=organisation, id=owner)
        assert answer.refusal == (403, "role_required")
    assert app("ben", REMOVE, organisation=organisation, id=owner).refusal == (403, "role_required")


def test_the_last_owner_stays(app: App) -> None:
    organisation = found(app)
    owner = membership(app, organisation, "ada")
    # Neither somebody who is only invited nor somebody suspended is an owner to count on.
    app("ada", INVITE, {"subject": "ben", "role": "owner"}, organisation=organisation)
    suspended = join(app, organisation, "charles", "owner")
    app("ada", CHANGE, {"status": "suspended"}, organisation=organisation, id=suspended)
    for change in ({"role": "admin"}, {"status": "suspended"}):
        answer = app("ada", CHANGE, change, organisation=organisation, id=owner)
        assert answer.refusal == (409, "last_owner")
    assert app("ada", REMOVE, organisation=organisation, id=owner).refusal == (409, "last_owner")
    app("ben", ACCEPT, {}, organisation=organisation)
    assert app("ada", REMOVE, organisation=organisation, id=owner).status == 204
    assert mine(app, "ada") == []


def test_owners_who_demote_each_other_at_once_leave_one(app: App, base: TestDatabase) -> None:
    for turn in range(10):
        organisation = found(app, name=f"Engines {turn}")
        ids = {"ada": membership(app, organisation, "ada")}
        ids |= {person: join(app, organisation, person, "owner") for person in ("ben", "charles")}

        def strike(n: int, organisation: str = organisation, ids: dict[str, str] = ids) -> Answer:
            actor, victim = (("ada", "ben"), ("ben", "charles"), ("charles", "ada"))[n]
            call, body = ((CHANGE, {"role": "viewer"}), (REMOVE, None), (CHANGE, {"status": "suspended"}))[n]
            return app(actor, call, body, organisation=organisation, id=ids[victim])

        answers = together(3, strike)
        assert {answer.status for answer in answers} <= {200, 204, 403, 404, 409}
        counted = base.connect(admin=True).execute(
            "select count(*) from users.memberships"
            " where tenant_id = %s and role = 'owner' and status = 'active'",
            (organisation,),
        )
        assert counted.fetchone() != (0,)


def test_two_owners_who_leave_at_once_leave_one(app: App) -> None:
    for turn in range(10):
        organisation = found(app, name=f"Engines {turn}")
        ids = [membership(app, organisation, "ada"), join(app, organisation, "ben", "owner")]

        def leave(n: int, organisation: str = organisation, ids: list[str] = ids) -> Answer:
            return app(("ada", "ben")[n], REMOVE, organisation=organisation, id=ids[n])

        assert sorted(answer.status for answer in together(2, leave)) == [204, 409]


def test_anybody_may_leave_and_only_managers_remove(app: App) -> None:
    organisation = found(app)
    ben, charles = join(app, organisation, "ben"), join(app, organisation, "charles", "viewer")
    assert app("ben", REMOVE, organisation=organisation, id=charles).refusal == (403, "role_required")
    assert app("ben", REMOVE, organisation=organisation, id=ben).status == 204
    assert app("ada", REMOVE, organisation=organisation, id=charles).status == 204
    assert mine(app, "ben") == mine(app, "charles") == []


def test_whoever_is_suspended_is_outside_until_they_are_let_in_again(app: App) -> None:
    organisation = found(app)
    ben = join(app, organisation, "ben")
    app("ada", CHANGE, {"status": "suspended"}, organisation=organisation, id=ben)
    assert mine(app, "ben") == [("Engines", "member", "suspended")]
    for call, body in ((LIST, None), (ACCEPT, {})):
        assert app("ben", call, body, organisation=organisation).refusal == (404, "tenant_not_found")
    app("ada", CHANGE, {"status": "active"}, organisation=organisation, id=ben)
    assert app("ben", LIST, organisation=organisation).status == 200


def test_nobody_is_let_in_who_has_not_accepted(app: App) -> None:
    organisation = found(app)
    asked = app("ada", INVITE, {"subject": "ben", "role": "member"}, organisation=organisation)
    id = asked.json["membership"]["id"]
    for status in ("active", "suspended"):
        answer = app("ada", CHANGE, {"status": status}, organisation=organisation, id=id)
        assert answer.refusal == (409, "not_accepted")
    assert app("ada", CHANGE, {"role": "viewer"}, organisation=organisation, id=id).json["role"] == "viewer"


def test_a_new_name_reaches_every_members_list(app: App) -> None:
    organisation = found(app)
    join(app, organisation, "ben")
    call = "users PATCH /organisations/{organisation}"
    assert app("ben", call, {"name": "Looms"}, organisation=organisation).refusal == (403, "role_required")
    assert app("ada", call, {"name": "Looms"}, organisation=organisation).json["name"] == "Looms"
    assert mine(app, "ben") == [("Looms", "member", "active")]


def test_members_see_each_others_names_and_nobody_elses(app: App) -> None:
    organisation = found(app)
    for person in ("ada", "ben", "eve"):
        app(person, "users POST /profile", {"name": person.title()})
    join(app, organisation, "ben")
    app("ada", INVITE, {"subject": "eve", "role": "viewer"}, organisation=organisation)
    items = app("ben", LIST, organisation=organisation).json["items"]
    assert [(item["subject"], item["name"]) for item in items] == [
        ("ada", "Ada"), ("ben", "Ben"), ("eve", None),
    ]  # fmt: skip


def test_lists_are_read_in_pages_whose_cursors_hold_for_them_alone(app: App) -> None:
    organisations = [found(app, name=f"Engines {n}") for n in range(3)]
    for n in range(4):
        join(app, organisations[0], f"person-{n}")
    seen, cursor = [], None
    while True:
        query = "limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = app("ada", LIST, organisation=organisations[0], query=query).json
        seen += [item["subject"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == ["ada", "person-0", "person-1", "person-2", "person-3"]
    elsewhere = app("ada", LIST, organisation=organisations[1], query=f"cursor={cursor}")
    assert elsewhere.refusal == (400, "cursor_invalid")
    own = app("ada", "users GET /organisations", query="limit=2").json
    assert len(own["items"]) == 2
    rest = app("ada", "users GET /organisations", query=f"cursor={own['next']}").json
    assert ([item["name"] for item in rest["items"]], rest["next"]) == (["Engines 2"], None)
    stranger = app("person-0", "users GET /organisations", query=f"cursor={own['next']}")
    assert stranger.refusal == (400, "cursor_invalid")


def together(count: int, work: Any) -> list[Answer]:
    """What `count` threads got, which began at one moment."""
    gate = threading.Barrier(count)

    def begin(n: int) -> Answer:
        gate.wait()
        answer: Answer = work(n)
        return answer

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))

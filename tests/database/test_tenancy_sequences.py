"""Whatever three tenants do in whatever order, each finds exactly what it put there itself."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamppost.db import close_pool
from lamppost.testing.plugin import MakeDatabase
from tests.tenants import FOLDERS, Desk, marks, seed, tenant_id

TENANTS = st.integers(0, 2)
CALLS = st.sampled_from(
    ["create", "broken", "find", "change", "delete", "listing", "search", "export", "intrude"]
)


@pytest.fixture
def desk(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    base = database(folders=FOLDERS)
    seed(base.admin, 3, notes=0)
    monkeypatch.chdir(tmp_path)
    for name in ("DB_SECRET_NAME", "DB_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", base.app)
    monkeypatch.setenv("DB_POOL_MAX", "1")
    close_pool()
    yield Desk()
    close_pool()


class Model:
    """What each tenant has, as it should be; it lives as long as the database."""

    def __init__(self) -> None:
        self.notes: dict[int, dict[UUID, str]] = {0: {}, 1: {}, 2: {}}
        self.counter = 0

    def title(self, tenant: int) -> str:
        self.counter += 1
        return f"«{tenant}» {self.counter}"


def test_any_sequence_leaves_each_tenant_with_its_own(desk: Desk) -> None:
    model = Model()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(TENANTS, CALLS, TENANTS, st.integers(0, 10)), max_size=25))
    def play(steps: list[tuple[int, str, int, int]]) -> None:
        for tenant, call, other, pick in steps:
            step(desk, model, tenant, call, other, pick)
        for tenant, mine in model.notes.items():
            found = desk(tenant, "GET /{tenant_id}/notes", query="limit=10000", tenant_id=tenant_id(tenant))
            assert {UUID(item["id"]): item["title"] for item in found.json["items"]} == mine

    play()
    assert model.counter > 100


def step(desk: Desk, model: Model, tenant: int, call: str, other: int, pick: int) -> None:
    """One call by `tenant`'s person; `intrude` aims at a note of `other`."""
    mine, here = model.notes[tenant], tenant_id(tenant)
    one = list(mine)[pick % len(mine)] if mine else uuid4()
    title = model.title(tenant)
    note = {"title": title, "body": f"body «{tenant}»"}
    match call:
        case "create":
            answer = desk(tenant, "POST /{tenant_id}/notes", note, tenant_id=here)
            mine[UUID(answer.json["id"])] = title
        case "broken":
            answer = desk(tenant, "POST /{tenant_id}/broken", note, tenant_id=here)
            assert answer.status == 500
        case "change":
            answer = desk(tenant, "PUT /{tenant_id}/notes/{id}", note, tenant_id=here, id=one)
            assert answer.status == (200 if one in mine else 404)
            if one in mine:
                mine[one] = title
        case "delete":
            answer = desk(tenant, "DELETE /{tenant_id}/notes/{id}", tenant_id=here, id=one)
            assert answer.status == (204 if mine.pop(one, None) else 404)
        case "intrude":
            theirs = list(model.notes[other]) or [uuid4()]
            id = theirs[pick % len(theirs)]
            answer = desk(tenant, "PUT /{tenant_id}/notes/{id}", note, tenant_id=here, id=id)
            assert answer.status == (200 if id in mine else 404)
            if id in mine:
                mine[id] = title
        case "search":
            answer = desk(tenant, "GET /{tenant_id}/search", query="words=body", tenant_id=here)
            assert len(answer.json) == min(len(mine), 20)
        case _:
            keys = {"find": "notes/{id}", "listing": "notes", "export": "export"}
            answer = desk(tenant, f"GET /{{tenant_id}}/{keys[call]}", tenant_id=here, id=one)
            assert answer.status == (404 if call == "find" and one not in mine else 200)
    assert marks(answer.everything) <= {tenant}

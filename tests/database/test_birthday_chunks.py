"""How what is due is divided among the workers."""

from typing import Any

import pytest

from benchmarks import claim
from lamppost.delivery import sending
from services.birthday import scheduler
from services.birthday.store import claiming
from tests.birthday import World

DUE = "2027-03-15T09:00:00Z"


@pytest.mark.parametrize(
    ("due", "sizes"),
    [
        (10, [10]),
        (249, [249]),
        (250, [125, 125]),
        (1000, [500, 500]),
        (1799, [900, 899]),
        (2000, [900, 900, 200]),
    ],
)
def test_few_greetings_stay_together_and_more_are_shared_by_two_workers_and_then_by_many(
    database: Any, due: int, sizes: list[int]
) -> None:
    world = World(database("birthday"), "http://127.0.0.1:9/hook")
    claim.fill(world.admin, due, DUE)
    world.now_is(DUE)
    (kind,) = scheduler.known_kinds(world.ctx)
    with world.ctx.transaction() as db:
        assert claiming.claim_due(db, kind) == due
    found = world.admin.execute("select cardinality(members) from birthday.chunks").fetchall()
    assert sorted((size for (size,) in found), reverse=True) == sizes
    world.close()


def test_a_chunk_is_no_more_than_a_worker_has_under_way_at_once() -> None:
    assert claiming.CHUNK <= sending.IN_FLIGHT

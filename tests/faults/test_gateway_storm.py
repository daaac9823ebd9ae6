"""Forty callers at the gateway, and a server that lets four connections in; it may even die."""

import shutil
from collections.abc import Iterator

import pytest

from tests.faults.gateway_storm import CAP, GatewayStorm, orders, works
from tests.forms import Form
from tests.once import ONCE
from tests.running import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("storm")
    shutil.copytree(ONCE, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    made = House(folder / "data", root=folder / "repository")
    yield made.up()
    made.end()


def blown_well(storm: GatewayStorm, form: Form, refusal: int) -> None:
    form.keep(**{name.replace(" ", "_"): value for name, value in storm.told().items()})
    assert 1 <= storm.most_connections <= CAP
    assert set(storm.statuses) <= {200, 201, refusal}
    assert storm.cut == storm.refusals_without_retry_after == 0
    # Bounds on an outcome: nothing hung, which would be until the gateway's 30 seconds.
    assert max(storm.latencies) < 20
    assert storm.recovered_after < 2


def test_where_concurrency_is_reserved_the_excess_is_told_to_come_again(house: House, form: Form) -> None:
    blown_well(works(house).blow(form.count(short=2, long=30)), form, 429)


def test_where_the_server_lets_few_in_the_excess_is_told_to_come_again(house: House, form: Form) -> None:
    blown_well(orders(house).blow(form.count(short=2, long=30)), form, 503)


def test_what_was_accepted_is_there_though_postgresql_died_in_the_storm(house: House, form: Form) -> None:
    with house.database("once") as db:
        db.execute("truncate once.orders")
    storm = orders(house).blow(form.count(short=2, long=30), kill=True)
    blown_well(storm, form, 503)
    with house.database("once") as db:
        (kept,) = db.execute("select count(*) from once.orders").fetchone() or (0,)
    assert kept >= storm.statuses[201]

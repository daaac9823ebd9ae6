"""Two hundred tenants on every route of users and orders, while everything goes wrong: nobody sees another's.

The figures of the long form are kept by: python -m benchmarks.tenancy --storm 100000
"""

from collections.abc import Iterator

import pytest

from tests.faults.house_gateway import GatewayCallers
from tests.faults.house_recipes import RECIPES
from tests.faults.house_storm import HouseStorm, missing_recipes, up
from tests.faults.workers import Killer
from tests.forms import Form
from tests.running import House

IN_SANDBOXES = range(190)
AT_THE_GATEWAY = range(190, 200)
INJECTED = ("sessions ended", "statements cancelled", "clients cut off", "sandboxes killed")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system with its tenants, for all storms of this file."""
    made = up(tmp_path_factory.mktemp("storm"))
    storm(made, 0).seed_tenants(AT_THE_GATEWAY.stop)
    yield made
    made.end()


def storm(house: House, requests: int, *, seed: int = 1, broken: str = "") -> HouseStorm:
    return HouseStorm(
        house, homes=IN_SANDBOXES, tenants=AT_THE_GATEWAY.stop, requests=requests, seed=seed, broken=broken
    )


def test_every_route_has_a_recipe(house: House) -> None:
    assert missing_recipes(house) == set()


def test_two_hundred_tenants_never_meet_on_any_route(house: House, form: Form) -> None:
    requests = form.count(short=1000, long=100_000)
    blown = storm(house, requests, seed=form.seed).run()
    form.keep(requests=blown.answered, foreign=len(blown.foreign), **blown.injected)
    assert blown.foreign == []
    assert blown.misplaced() == []
    assert blown.foreign_in_sql() == []
    # A storm that met nobody and broke nothing would prove nothing.
    assert set(blown.counts["calls"]) == set(RECIPES)
    assert blown.counts["own"]["own"] > requests / 3
    assert blown.counts["traced"]["requests"] == blown.answered
    assert min(blown.injected[each] for each in INJECTED) > 0


def test_they_do_not_meet_at_the_gateway_nor_in_logs_traces_and_the_console(house: House, form: Form) -> None:
    requests = form.count(short=180, long=3000)
    callers = GatewayCallers(house, homes=AT_THE_GATEWAY, requests=requests, seed=form.seed)
    killer = Killer(house, form.seed, pause=(0.1, 0.4), most=requests // 20)
    killer.start()
    callers.run()
    killer.end()
    callers.look_at_logs()
    callers.look_at_traces()
    shown = callers.look_as_people_do()
    form.keep(answers=dict(callers.statuses), lines=callers.lines, spans=callers.spans, killed=killer.killed)
    assert callers.foreign == []
    assert killer.killed > 0
    assert callers.statuses[200] > requests / 3
    assert min(callers.lines, callers.spans, shown) > requests


def test_a_missing_wall_is_noticed(house: House, form: Form) -> None:
    # The policy comes last: it stays open, on a system that ends here.
    for wall in ("cursor", "session", "policy")[form.count(short=-1, long=0) :]:
        assert storm(house, 800, seed=form.seed, broken=wall).run().foreign != [], wall

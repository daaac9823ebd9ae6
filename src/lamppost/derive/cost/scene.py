"""What every pricer is given: all templates, the traffic, and how often each function runs."""

from collections.abc import Iterator, Mapping

import msgspec

from lamppost.derive.cost.prices import Prices
from lamppost.derive.cost.runs import Runs, woken
from lamppost.derive.cost.template import Body, Resource, Templates
from lamppost.derive.cost.traffic import Traffic
from lamppost.derive.cost.use import Use


class Scene(msgspec.Struct, frozen=True):
    """One stage in one month."""

    templates: Templates
    traffic: Traffic
    hours: float
    woken: dict[tuple[str, str], list[Runs]]

    def runs(self, function: Resource) -> list[Runs]:
        """How often this function runs, by what wakes it."""
        return self.woken.get((function.stack, function.id), [])

    def posted_gb(self) -> float:
        """What functions inside the network send out through its one way out."""
        return sum(
            runs.count * runs.sent_kb / 1e6
            for each in self.templates.of("AWS::Lambda::Function")
            if each.get("VpcConfig")
            for runs in self.runs(each)
        )


def scene(stacks: Mapping[str, Body], traffic: Traffic, prices: Prices) -> Scene:
    """The scene of these templates, by their stacks' names on AWS."""
    templates = Templates(stacks)
    hours = prices.hours_per_month
    return Scene(templates, traffic, hours, woken(templates, traffic, hours))


def standing(price: str, quantity: float, resource: Resource, how: str) -> Iterator[Use]:
    """What is paid for merely being there."""
    yield Use(price, quantity, resource.name, resource.stack, how, stands=True)


def moving(price: str, quantity: float, resource: Resource, how: str) -> Iterator[Use]:
    """What is paid for being used; nothing where there is no use."""
    if quantity:
        yield Use(price, quantity, resource.name, resource.stack, how)

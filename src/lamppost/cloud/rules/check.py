"""The house rules: what no tool of AWS's looks for, and what ours have got wrong before."""

from collections.abc import Callable, Iterator

from lamppost.cloud.rules import (
    alarms,
    apis,
    database,
    functions,
    network,
    permissions,
    queues,
    storage,
    whole,
)
from lamppost.cloud.rules.stacks import Broken, Stacks
from lamppost.errors import AuthorError

Rule = Callable[[Stacks], Iterator[Broken]]

RULES: dict[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for part in (functions, permissions, queues, database, storage, apis, network, alarms, whole)
    for rule in part.RULES
}


def broken(stacks: Stacks) -> tuple[Broken, ...]:
    """Every place where a rule does not hold, each rule's by its name."""
    return tuple(
        Broken(each.stack, each.resource, each.what, each.fix, name)
        for name, rule in RULES.items()
        for each in rule(stacks)
    )


def check(stacks: Stacks) -> None:
    """Raise `AuthorError` (`rule_broken`) that names every place where a rule does not hold."""
    found = broken(stacks)
    if found:
        raise AuthorError(
            f"{len(found)} of the rules for stacks do not hold in {stacks.env}:\n"
            + "\n".join(f"  {each}" for each in found),
            fix="change what is named; each rule and its reason: lamppost.cloud.rules",
            code="rule_broken",
        )

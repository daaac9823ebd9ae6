"""The table of mistakes: whose each was, and which gates must see it.

A gate is `rule:NAME` (ours), `nag:RULE`, `cfn-lint:RULE`, `checkov:CHECK` or `snapshot`. `seed` is
the system whose plan made it, or nearly; `the field` is what waits for whoever builds such a system.
"""

from collections.abc import Callable

import msgspec

from lamppost.cloud.rules.stacks import Stacks

Edit = Callable[[Stacks], None]


class Mutant(msgspec.Struct, frozen=True):
    """One mistake, made in a copy of a stage's templates."""

    name: str
    seed: str
    gates: tuple[str, ...]
    make: Edit
    env: str = "prod"

    def of(self, tool: str) -> tuple[str, ...]:
        """What the gates of this tool have to say."""
        return tuple(gate.partition(":")[2] for gate in self.gates if gate.partition(":")[0] == tool)


MUTANTS: dict[str, Mutant] = {}


def mistake(seed: str, *gates: str, env: str = "prod") -> Callable[[Edit], Edit]:
    """Put a mistake on the table, under its function's name."""

    def note(make: Edit) -> Edit:
        name = make.__name__.replace("_", " ")
        assert name not in MUTANTS
        MUTANTS[name] = Mutant(name, seed, gates, make, env)
        return make

    return note

"""All mistakes, on one table."""

from tests.cloud.gates.mutants import database, functions, messages, outside, permissions, stacks
from tests.cloud.gates.mutants.table import MUTANTS, Mutant

PARTS = (database, functions, messages, outside, permissions, stacks)


def every() -> tuple[Mutant, ...]:
    """Each of them, in the order of their names."""
    return tuple(MUTANTS[name] for name in sorted(MUTANTS))

"""One thing, several names: on one machine everything answers to its dev name and its prod name.

`bday-dev-scheduler` and `bday-scheduler` are one function. The first name of a group is the
canonical one: grants, log files and tables are kept under it.
"""

from collections.abc import Iterable

from lamppost.declare import names


class Aliases:
    """Maps any known name to its canonical one, and a canonical one to all of its names."""

    def __init__(self, logical_names: Iterable[str] = ()) -> None:
        self._canonical: dict[str, str] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        for name in logical_names:
            self.add(names.local_names(name))

    def add(self, group: tuple[str, ...]) -> None:
        """Let every name in `group` stand for its first. Adding a group again changes nothing."""
        first = group[0]
        self._groups[first] = tuple(dict.fromkeys((*self._groups.get(first, ()), *group)))
        for name in group:
            self._canonical[name] = first

    def canonical(self, name: str) -> str:
        """The canonical name of `name`; a name nobody declared is its own."""
        return self._canonical.get(name, name)

    def all_names(self, name: str) -> tuple[str, ...]:
        """Every name of what is called `name`, the canonical one first."""
        first = self.canonical(name)
        return self._groups.get(first, (first,))

    def declared(self) -> tuple[str, ...]:
        """The canonical names, in the order they were declared."""
        return tuple(self._groups)

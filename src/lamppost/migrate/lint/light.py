"""Two libraries without those of their modules that take long to load and that nobody here asks for.

A hook lints one file for every commit: what it waits for is mostly imports. Each module that is left out is
stood in for, and loaded after all when somebody does ask.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until it is asked for something."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def stand_in(package: str, *modules: str) -> None:
    """Let `package` be imported without these modules of it. Too late where it is imported already."""
    if package not in sys.modules:
        names = [f"{package}.{module}" for module in modules]
        sys.modules.update({name: _Later(name) for name in names})


def import_msgspec() -> None:
    """Import msgspec without what describes types, reads YAML or knows future ones: half of its time."""
    future = "typing_extensions"
    if "msgspec" in sys.modules or future in sys.modules:
        return
    stand_in("msgspec", "inspect", "toml", "yaml")
    # It takes `typing` where there is none, as it does on most machines.
    # None is how the language says: not to be imported.
    modules: dict[str, Any] = sys.modules
    modules[future] = None
    try:
        import_module("msgspec")
    finally:
        del modules[future]

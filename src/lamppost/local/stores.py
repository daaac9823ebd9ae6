"""Parameters and secrets in private files, so that they can be read while the database is down."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.local.aliases import Aliases
from lamppost.local.private_file import PrivateFile
from lamppost.local.secret_versions import (
    CURRENT,
    VERSIONS_KEPT,
    SecretEntry,
    SecretVersion,
    arn_suffix,
    kept,
    new_version,
    relabelled,
)

T = TypeVar("T")

ParameterKind = Literal["String", "StringList", "SecureString"]


class ParameterVersion(msgspec.Struct, frozen=True):
    """One value a parameter had. `at` is seconds since 1970."""

    version: int
    value: str
    kind: ParameterKind
    at: float
    description: str = ""


class EntryMissing(OperatorError):
    """No parameter or secret has this name."""

    code = "entry_missing"


class EntryExists(OperatorError):
    """A parameter or secret has this name already."""

    code = "entry_exists"


class ParameterStore:
    """Parameters by name. Every entry answers to all of its aliases."""

    def __init__(self, folder: Path, aliases: Aliases | None = None) -> None:
        self.aliases = aliases or Aliases()
        self._file = PrivateFile(folder / "parameters.json", dict[str, list[ParameterVersion]])

    def get(self, name: str, version: int | None = None) -> ParameterVersion | None:
        """The newest version of a parameter, or the one asked for; None when there is none."""
        versions = _found(self._file.read(), self.aliases, name) or []
        if version is None:
            return versions[-1] if versions else None
        return next((kept for kept in versions if kept.version == version), None)

    def put(
        self,
        name: str,
        value: str,
        *,
        kind: ParameterKind | None = None,
        overwrite: bool = True,
        description: str | None = None,
    ) -> int:
        """Set a parameter; returns the new version, counted from 1. Raises `EntryExists`."""
        with self._file.change() as entries:
            versions = _found(entries, self.aliases, name) or []
            if versions and not overwrite:
                raise EntryExists(f"parameter {name!r} exists", fix="pass --overwrite to replace its value")
            last = versions[-1] if versions else None
            new = ParameterVersion(
                version=last.version + 1 if last else 1,
                value=value,
                kind=kind or (last.kind if last else "String"),
                at=time.time(),
                description=description if description is not None else last.description if last else "",
            )
            entries[_key(entries, self.aliases, name)] = [*versions, new][-VERSIONS_KEPT:]
            return new.version

    def delete(self, name: str) -> bool:
        """Forget a parameter and its history; returns whether there was one."""
        with self._file.change() as entries:
            return entries.pop(_key(entries, self.aliases, name), None) is not None

    def names(self) -> list[str]:
        """The names under which parameters are kept, sorted."""
        return sorted(self._file.read())


class SecretStore:
    """Secrets by name or ARN, with their versions and labels."""

    def __init__(self, folder: Path, aliases: Aliases | None = None) -> None:
        self.aliases = aliases or Aliases()
        self._file = PrivateFile(folder / "secrets.json", dict[str, SecretEntry])

    def find(self, name: str) -> SecretEntry | None:
        """The entry of `name`, also one that waits to be forgotten."""
        return _found(self._file.read(), self.aliases, name)

    def get(self, name: str) -> str | None:
        """The current text of a secret; None when it has none."""
        entry = self.find(name)
        version = entry.labelled(CURRENT) if entry and entry.deleted_at is None else None
        return version.text if version else None

    def create(
        self,
        name: str,
        text: str | None = None,
        *,
        binary: bytes | None = None,
        token: str | None = None,
        description: str = "",
    ) -> SecretVersion | None:
        """A new secret, with a first version when there is a value. Raises `EntryExists`."""
        with self._file.change() as entries:
            if _found(entries, self.aliases, name) is not None:
                raise EntryExists(f"secret {name!r} exists", fix="put a new value into it instead")
            entry = SecretEntry([], created_at=time.time(), description=description)
            if text is not None or binary is not None:
                entry.versions.append(new_version(text, binary, token, (CURRENT,)))
            entries[_key(entries, self.aliases, name)] = entry
            return entry.versions[-1] if entry.versions else None

    def put(
        self,
        name: str,
        text: str | None = None,
        *,
        binary: bytes | None = None,
        token: str | None = None,
        stages: tuple[str, ...] = (CURRENT,),
    ) -> SecretVersion:
        """A new version. The one that was current becomes the previous one.

        A `token` seen before is the same request again: its version is returned, nothing is
        written. Raises `EntryMissing`, and `EntryExists` when that token carried another value.
        """
        with self._file.change() as entries:
            entry = _found(entries, self.aliases, name)
            if entry is None:
                raise EntryMissing(f"secret {name!r} does not exist", fix="create it first")
            repeated = next((version for version in entry.versions if version.id == token), None)
            if repeated is not None and repeated.empty:
                entry.versions.remove(repeated)
            elif repeated is not None:
                if not repeated.same_value(text, binary):
                    raise EntryExists(f"version {token} of secret {name!r} has another value")
                return repeated
            new = new_version(text, binary, token, stages)
            entry.versions = kept([*relabelled(entry.versions, stages), new])
            return new

    def label(self, name: str, stage: str, version: str | None) -> None:
        """Move a label to the version with this id, or take it off all. Raises `EntryMissing`."""
        with self._file.change() as entries:
            entry = self._of(entries, name)
            if version is not None and stage in next(v for v in entry.versions if v.id == version).stages:
                return
            entry.versions = [
                msgspec.structs.replace(each, stages=(*each.stages, stage)) if each.id == version else each
                for each in relabelled(entry.versions, (stage,))
            ]

    def describe(self, name: str, description: str) -> None:
        """Give a secret a description. Raises `EntryMissing`."""
        with self._file.change() as entries:
            self._of(entries, name).description = description

    def delete(self, name: str, *, at_once: bool) -> None:
        """Forget a secret, or mark it as waiting to be forgotten. Raises `EntryMissing`."""
        with self._file.change() as entries:
            self._of(entries, name).deleted_at = time.time()
            if at_once:
                del entries[_key(entries, self.aliases, name)]

    def restore(self, name: str) -> None:
        """Take back a `delete` that only marked. Raises `EntryMissing`."""
        with self._file.change() as entries:
            self._of(entries, name).deleted_at = None

    def names(self) -> list[str]:
        """The names under which secrets are kept, sorted."""
        return sorted(self._file.read())

    def texts(self) -> list[tuple[str, str]]:
        """Each secret's name and current text."""
        return [(name, text) for name in self.names() if (text := self.get(name)) is not None]

    def _of(self, entries: dict[str, SecretEntry], name: str) -> SecretEntry:
        entry = _found(entries, self.aliases, name)
        if entry is None:
            raise EntryMissing(
                f"secret {name!r} does not exist", fix="lamppost secrets get lists those that do"
            )
        return entry

    def name_of(self, identifier: str) -> str:
        """The name in a name, an ARN, or an ARN without its six last characters."""
        if not identifier.startswith("arn:"):
            return identifier
        name = identifier.partition(":secret:")[2]
        shorter, _, suffix = name.rpartition("-")
        if shorter and suffix == arn_suffix(self.aliases.canonical(shorter)):
            return shorter
        return name

    def arn(self, name: str) -> str:
        """The ARN of a secret, the six characters that AWS adds included."""
        canonical = self.aliases.canonical(name)
        return f"{names.secret_arn(canonical)}-{arn_suffix(canonical)}"


def _key(entries: Mapping[str, object], aliases: Aliases, name: str) -> str:
    """Where `name` is kept: under the alias it was first written with, else its canonical name."""
    return next((known for known in aliases.all_names(name) if known in entries), aliases.canonical(name))


def _found(entries: Mapping[str, T], aliases: Aliases, name: str) -> T | None:
    return entries.get(_key(entries, aliases, name))

"""A secret's versions and the labels that wander between them, as in Secrets Manager."""

import base64
import hashlib
import time
import uuid

import msgspec

VERSIONS_KEPT = 5
CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
PENDING = "AWSPENDING"


class SecretVersion(msgspec.Struct, frozen=True):
    """One value a secret had: `text`, or `binary` in base64. `stages` are its labels."""

    id: str
    at: float
    text: str | None = None
    binary: str | None = None
    stages: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it waits for its value: a rotation reserves a version before it asks for one."""
        return self.text is None and self.binary is None

    def same_value(self, text: str | None, binary: bytes | None) -> bool:
        """Whether it holds exactly this."""
        return self.text == text and self.binary == _base64(binary)


class SecretEntry(msgspec.Struct):
    """A secret. The newest version comes last; `deleted_at` marks one that waits to be forgotten."""

    versions: list[SecretVersion]
    created_at: float
    description: str = ""
    deleted_at: float | None = None

    def labelled(self, stage: str) -> SecretVersion | None:
        """The version that carries the label `stage`."""
        return next((version for version in self.versions if stage in version.stages), None)


def arn_suffix(name: str) -> str:
    """Six characters that stay the same for a name. (AWS's are random.)"""
    return base64.b32encode(hashlib.sha256(name.encode()).digest())[:6].decode()


def new_version(
    text: str | None, binary: bytes | None, token: str | None, stages: tuple[str, ...]
) -> SecretVersion:
    """A version made now; its id is the caller's `token`, or a new one."""
    return SecretVersion(token or str(uuid.uuid4()), time.time(), text, _base64(binary), stages)


def relabelled(versions: list[SecretVersion], taken: tuple[str, ...]) -> list[SecretVersion]:
    """The versions after a new one took the labels `taken`: a label is on one version at a time."""
    moves_current = CURRENT in taken
    gone = {*taken, *((PREVIOUS,) if moves_current else ())}
    changed = []
    for version in versions:
        stages = tuple(stage for stage in version.stages if stage not in gone)
        if moves_current and CURRENT in version.stages:
            stages = (*stages, PREVIOUS)
        changed.append(msgspec.structs.replace(version, stages=stages))
    return changed


def kept(versions: list[SecretVersion]) -> list[SecretVersion]:
    """The newest few; a labelled version stays however old it is, since it is in use."""
    return [version for version in versions[:-VERSIONS_KEPT] if version.stages] + versions[-VERSIONS_KEPT:]


def _base64(binary: bytes | None) -> str | None:
    return None if binary is None else base64.b64encode(binary).decode()

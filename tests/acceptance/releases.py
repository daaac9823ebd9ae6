"""Three releases of this repository: as it is, with a migration that fails, and with that one mended.

Both later ones change what `GET /` of users says, and read a table that their migration makes.
"""

import shutil
from pathlib import Path

import msgspec

from tests.running import ROOT

STAGE = "dev"
HEAD = "2099-01-01T0000__users__words.sql"
_TABLE = (
    "create table users.words (id int not null, word text not null, constraint words_pk primary key (id));"
)
_MENDED = f"{_TABLE}\ninsert into users.words (id, word) values (1, 'mended');\n"
# The table is there when the second statement fails, and is to be gone behind it.
_BROKEN = f"{_TABLE}\ninsert into users.words (id, word) values (1, null);\n"
_NOW = "        return shapes.utc(shapes.Now(profiles.now(db)))"
_WORDS = (
    '        word = db.execute("select word from users.words").fetchone()\n'
    '        ctx.log.info("words.read", word=word[0] if word else None)\n' + _NOW
)


class Release(msgspec.Struct, frozen=True):
    """A repository, and the folder of its assembly."""

    root: Path
    assembly: Path


def places(folder: Path) -> dict[str, Release]:
    """Where the releases first, broken and mended are, or will be."""
    later = {name: Release(folder / f"{name}-root", folder / name) for name in ("broken", "mended")}
    return {"first": Release(ROOT, folder / "first"), **later}


def write(folder: Path) -> None:
    """Write the later releases' repositories; their assemblies are still to be made."""
    found = places(folder)
    _later(found["broken"].root, _BROKEN)
    _later(found["mended"].root, _MENDED)


def _later(root: Path, migration: str) -> None:
    for part in ("services", "infra/cdk.json", "infra/stages.toml", "requirements/layers"):
        _copy(ROOT / part, root / part)
    (root / "services" / "users" / "migrations" / HEAD).write_text(migration)
    code = root / "services" / "users" / "api.py"
    changed = code.read_text().replace(_NOW, _WORDS)
    assert _WORDS in changed, "users/api.py reads otherwise now: say here what a later release changes"
    code.write_text(changed)


def _copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, goal, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, goal)

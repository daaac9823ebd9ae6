"""Which migrations a branch adds, and what it does to those that are merged: only git can tell.

A merged file may have run somewhere, so it is never edited; and a new one comes after all merged ones of its
service, or the runner would refuse it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from lamppost.errors import OperatorError
from lamppost.migrate.lint.git import Git
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.naming import service_of

# Where branches usually leave from, if nothing says another place.
_USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


class Changes:
    """What differs below `paths` between where this branch left `base` and the files as they lie here.

    Raises `OperatorError` outside git, and for a base that is unknown or has no history in common.
    """

    def __init__(self, paths: Sequence[Path], base: str | None) -> None:
        self._git = _repository(paths)
        self.base, self._tip = self._found(base)
        self.since = self._left()
        # Not resolve(): a link is a file of its own.
        below = ("--", *(str(path.absolute()) for path in paths))
        changed = ("diff", "--name-status", "-z", "--no-renames", "--no-ext-diff", self.since)
        listed = self._git.list(*changed, *below)
        kinds = {name: kind for kind, name in zip(listed[::2], listed[1::2], strict=True)}
        untracked = self._git.list("ls-files", "-z", "--others", "--exclude-standard", "--full-name", *below)
        # A file that left the index but still lies here is edited, not deleted and made.
        self._edited = {name for name, kind in kinds.items() if kind not in {"A", "D"}} | (
            {name for name in untracked if kinds.get(name) == "D"}
        )
        self._deleted = {name for name, kind in kinds.items() if kind == "D"} - set(untracked)
        self._added = {name for name, kind in kinds.items() if kind == "A"} | set(untracked) - self._edited

    def of(self, files: Sequence[str]) -> list[str]:
        """Those of `files` that were added or edited."""
        changed = {self._here(name) for name in self._edited | self._added}
        return [file for file in files if _real(file) in changed]

    def findings(self) -> list[Finding]:
        """What is wrong with the changes themselves."""
        found = [self._spoilt(name, "edited") for name in self._edited if name.endswith(".sql")]
        found += [self._spoilt(name, "deleted") for name in self._deleted if name.endswith(".sql")]
        found += self._late()
        return sorted(found, key=lambda finding: finding.file)

    def _spoilt(self, name: str, how: str) -> Finding:
        return Finding(
            file=_shown(self._here(name)),
            line=1,
            rule="merged-file-edited",
            severity="block",
            message=f"this file is in {self.base} and was {how} here; where it has run, its hash is another",
            instead=f"put it back (git checkout {self.since[:10]} -- FILE) and write a new migration",
        )

    def _late(self) -> list[Finding]:
        newest: dict[tuple[str, str], str] = {}
        for merged in self._git.list("ls-tree", "-r", "-z", "--full-tree", "--name-only", self._tip):
            folder, _, name = merged.rpartition("/")
            if service := service_of(name):
                newest[folder, service] = max(name, newest.get((folder, service), ""))
        found: list[Finding] = []
        for added in self._added:
            folder, _, name = added.rpartition("/")
            last = newest.get((folder, service_of(name) or ""), "")
            if name < last:
                found.append(
                    Finding(
                        file=_shown(self._here(added)),
                        line=1,
                        rule="late-file",
                        severity="block",
                        message=f"{last} is in {self.base} and may have run: a deploy refuses what is older",
                        instead="git mv it to a later time",
                    )
                )
        return found

    def _found(self, base: str | None) -> tuple[str, str]:
        """The base's name and its commit."""
        for name in [base] if base else [*self._upstream(), *_USUAL]:
            if commit := self._git.commit(name):
                return name, commit
        raise OperatorError(
            f"git knows no {base}" if base else "nothing says which branch this one left from",
            fix="fetch it, or say --changed=NAME" if base else "say --changed=NAME",
            code="lint_base",
        )

    def _upstream(self) -> list[str]:
        """The branch this one follows, unless it is where this one is pushed to: that has the same files."""
        own = self._git.ask("symbolic-ref", "--quiet", "--short", "HEAD") or ""
        followed = self._git.ask("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}") or ""
        return [followed.strip()] if followed and followed.partition("/")[2] != own else []

    def _left(self) -> str:
        said = self._git.ask("merge-base", self._tip, "HEAD")
        if not said:
            raise OperatorError(
                f"this branch and {self.base} have no commit in common",
                fix="fetch the whole history (a shallow clone has not: fetch-depth: 0)",
                code="lint_base",
            )
        return said.strip()

    def _here(self, name: str) -> str:
        return _real(f"{self._git.top}/{name}")


def _repository(paths: Sequence[Path]) -> Git:
    folders = {path if path.is_dir() else path.parent for path in paths}
    found = {repository.top: repository for repository in map(Git, sorted(folders))}
    if len(found) > 1:
        raise OperatorError(
            f"these files are in several repositories: {', '.join(sorted(found))}",
            fix="lint each on its own",
            code="lint_git",
        )
    return next(iter(found.values()))


def _real(file: str) -> str:
    """Where a file lies, whatever links lead there; a link itself is a file of its own."""
    path = Path(file)
    return str(path.parent.resolve() / path.name)


def _shown(file: str) -> str:
    """A file as seen from here, if it is below."""
    near = os.path.relpath(file)
    return file if near.startswith("..") else near

"""Many files at once: half of their bytes in a forked process, which sends its findings through a pipe."""

import os
from itertools import accumulate
from pathlib import Path

import msgspec

from lamppost.migrate.lint.facts import Before, Known
from lamppost.migrate.lint.file import lint_file, rules_by_kind
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.shelf import Library

# Below this a second process costs more than it saves.
_WORTH_A_PROCESS = 64


def share(files: list[str], options: Options, library: Library) -> list[list[Finding]]:
    """The findings of each file."""
    before = _catalog(options)
    if len(files) < _WORTH_A_PROCESS or not _two_cores():
        return _lint(files, options, before, library)
    rules_by_kind()
    half = _middle(files)
    return _in_two(files[:half], files[half:], options, before, library)


def _two_cores() -> bool:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return allowed > 1 and hasattr(os, "fork")


def _middle(files: list[str]) -> int:
    """Where the files are cut so that both parts have as many bytes."""
    sizes = list(accumulate(map(_size, files)))
    return next(place for place, size in enumerate(sizes) if size * 2 >= sizes[-1])


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _lint(files: list[str], options: Options, before: Before | None, library: Library) -> list[list[Finding]]:
    return [lint_file(path, options, before, library) for path in files]


def _in_two(
    first: list[str], second: list[str], options: Options, before: Before | None, library: Library
) -> list[list[Finding]]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            found = _lint(second, options, before, library)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(msgspec.msgpack.encode(found))
            status = 0
        finally:
            # Not sys.exit: nothing of the parent's must be flushed or cleaned up twice.
            os._exit(status)
    os.close(writer)
    mine = _lint(first, options, before, library)
    with os.fdopen(reader, "rb") as pipe:
        sent = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        # The other process died: its files are linted here, where the error can be seen.
        return mine + _lint(second, options, before, library)
    return mine + msgspec.msgpack.decode(sent, type=list[list[Finding]])


def _catalog(options: Options) -> Before | None:
    if options.catalog is None:
        return None
    from lamppost.migrate.lint import catalog

    return Known(catalog.read(options.catalog))

"""What a tree of processes uses: its memory, and its CPU by what the processes are there for."""

import os
from collections import Counter
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> set[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(_fields(stat)[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, new = set(), [root]
    while new:
        found.add(pid := new.pop())
        new += children.get(pid, [])
    return found


def memory(pids: set[int]) -> float:
    """Their memory in MB, shared pages counted once."""
    kilobytes = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        kilobytes += int(rollup.partition("Pss:")[2].split()[0])
    return kilobytes / 1024


def seconds(pids: set[int]) -> float:
    """Their CPU seconds, with those of children that ended."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(int(each) for each in _fields(Path(f"/proc/{pid}/stat"))[11:15])
        except OSError:
            continue
    return ticks / TICK


def by_part(runner: int, postmaster: int) -> Counter[str]:
    """CPU seconds of the runner, of the sandboxes it started, and of PostgreSQL's processes by database."""
    used: Counter[str] = Counter()
    server = tree(postmaster)
    for pid in server:
        used[_role(pid)] += seconds({pid})
    # The server is a child of the runner that made it.
    used["sandboxes"] = seconds(tree(runner) - server - {runner})
    used["runner"] = seconds({runner})
    return used


def _role(pid: int) -> str:
    try:
        title = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split()
    except OSError:
        title = []
    # A session's title is `postgres: user database address state`.
    return f"PostgreSQL, {title[2]}" if "(" in "".join(title[3:4]) else "PostgreSQL besides"


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()

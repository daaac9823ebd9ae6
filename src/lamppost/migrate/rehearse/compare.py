"""Holds what a file did against what lint and the plan foretold. Pure."""

from collections.abc import Iterator, Sequence

from lamppost.migrate.effects.kinds import MODES, Mode, waits
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.rehearse.report import Contradiction
from lamppost.migrate.rehearse.seen import Seen
from lamppost.migrate.risk import FileRisk, StatementRisk

# A table with fewer rows is read as a whole whatever the statement says: the planner finds that cheaper.
POPULATED = 1000
# So much of a table read or written counts as all of it.
WHOLE = 0.9
# Rules that say that rows are read or written while others wait: what a rehearsal can see.
VISIBLE = {
    "index-blocks-writes", "add-column-rewrites", "change-type-rewrites", "set-not-null-scans",
    "check-scans", "foreign-key-scans", "unique-builds-index", "rewrites-table", "reindex-blocks",
}  # fmt: skip


def contradictions(
    statements: Sequence[Seen], risk: FileRisk, findings: Sequence[Finding], allowed: Sequence[Finding]
) -> Iterator[Contradiction]:
    """Where reality and word differ. `allowed` are findings that the file's header allows."""
    foretold = {one.line: one for one in reversed(risk.statements)}
    blocked = [one for one in (*findings, *allowed) if one.severity == "block"]
    ends = [*(one.line for one in statements[1:]), 10**9]
    for seen, end in zip(statements, ends, strict=False):
        mine = [one for one in blocked if seen.line <= one.line < max(end, seen.line + 1)]
        harm = harmed(seen)
        if harm and not mine:
            yield _said(seen, "lint", "nothing against it", harm, worse=True)
        visible = [one.rule for one in mine if one.rule in VISIBLE and one in findings]
        if visible and not harm and _alone(seen, statements) and _populated(seen):
            yield _said(seen, "lint", ", ".join(visible), "no row of a standing table was read or written")
        if seen.line in foretold and _alone(seen, statements):
            yield from _against_plan(seen, foretold[seen.line])


def harmed(seen: Seen) -> str:
    """What it did to others' cost, in words; nothing when nobody is hurt."""
    for table in seen.rewrites:
        if seen.rows.get(table, 0) >= POPULATED:
            return f"{table} was written anew ({seen.rows[table]:,} rows)"
    if seen.waits != "nobody":
        for table, read in seen.scans:
            if _whole(seen, table, read):
                who = "everybody waits" if seen.waits == "everybody" else "writers wait"
                return f"{read:,} rows of {table} were read while {who} for {seen.held}"
    for table, written in seen.changes:
        if table not in seen.rewrites and _whole(seen, table, written):
            return f"{written:,} rows of {table} were changed in one transaction"
    return ""


def _whole(seen: Seen, table: str, count: int) -> bool:
    rows = seen.rows.get(table, 0)
    return rows >= POPULATED and count >= rows * WHOLE


def _populated(seen: Seen) -> bool:
    return any(rows >= POPULATED for rows in seen.rows.values())


def _alone(seen: Seen, statements: Sequence[Seen]) -> bool:
    """Whether the line is this statement's only: several on one line cannot be told apart."""
    return sum(one.line == seen.line for one in statements) == 1


def _against_plan(seen: Seen, foretold: StatementRisk) -> Iterator[Contradiction]:
    if foretold.risk == "unknown":
        return
    said, did = dict(foretold.locks), dict(seen.locks)
    worse = {
        table: mode
        for table, mode in did.items()
        if waits(mode) != "nobody" and MODES.index(mode) > MODES.index(said.get(table, MODES[0]))
    }
    if worse and not _only_indexes(worse, said):
        yield _said(seen, "plan", _locks(said) or "no lock", _locks(worse))
    read = {table for table, count in seen.scans if _whole(seen, table, count)} | set(seen.rewrites)
    missed = sorted(read - set(foretold.scans) - set(foretold.rewrites))
    if missed and not (foretold.scans or foretold.rewrites):
        yield _said(seen, "plan", "no table is read whole", f"{', '.join(missed)} was read whole")
    anew = sorted(set(seen.rewrites) - set(foretold.rewrites))
    if anew:
        yield _said(seen, "plan", "no table is written anew", f"{', '.join(anew)} was written anew")


def _only_indexes(worse: dict[str, Mode], said: dict[str, Mode]) -> bool:
    """Locks on the indexes of a table that is locked as hard anyway say nothing new."""
    hardest = max(said.values(), key=MODES.index, default=MODES[0])
    return all(MODES.index(mode) <= MODES.index(hardest) for mode in worse.values())


def _locks(locks: dict[str, Mode]) -> str:
    return ", ".join(f"{mode} on {table}" for table, mode in sorted(locks.items()))


def _said(seen: Seen, who: str, said: str, did: str, *, worse: bool = False) -> Contradiction:
    return Contradiction(line=seen.line, text=seen.text, who=who, said=said, did=did, worse=worse)

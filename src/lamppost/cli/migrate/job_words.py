"""How far jobs are, in words for people and facts for programs."""

from typing import TYPE_CHECKING, Any

from lamppost.cli.migrate.targets import counted
from lamppost.cli.output import table

if TYPE_CHECKING:
    from lamppost.migrate.jobs.run import Job


def calls(name: str) -> tuple[str, str]:
    """What a job may be called in full: its file's name, and the last part of that."""
    stem = name.removesuffix(".sql")
    return stem, stem.rpartition("__")[2]


def facts(one: "Job") -> dict[str, Any]:
    """What a program gets of a job."""
    import msgspec

    progress = {} if one.progress is None else msgspec.to_builtins(one.progress)
    return {
        **progress,
        "name": one.name,
        "service": one.service,
        "table": one.table,
        "state": one.state,
        "pid": one.pid,
    }


def listed(rows: "list[tuple[str, Job]]") -> str:
    """Jobs and their databases, as a table."""
    if not rows:
        return "no jobs"
    still = sum(one.state != "done" for _, one in rows)
    lines = [(database, one.name, one.state, _share(one)) for database, one in rows]
    return f"{table(lines, ('database', 'job', 'state', 'rows'))}\n{counted(still, 'job')} open"


def _share(one: "Job") -> str:
    row = one.progress
    if row is None or not row.batches:
        return ""
    return (
        f"{row.rows_done:,}" if one.state == "done" else f"{row.rows_done:,} of about {row.rows_estimated:,}"
    )


def told(one: "Job") -> str:
    """How far it is, what it waits for, and why it failed."""
    lines = [f"{one.name} is {one.state}" + (f" (pid {one.pid})" if one.pid else "")]
    row = one.progress
    if row is not None and row.batches:
        again = f"; {row.retries:,} tries failed" if row.retries else ""
        lines.append(f"  {_share(one)} rows in {row.batches:,} batches, up to {row.last_key}{again}")
        lines.append(
            f"  begun {row.started_at:%Y-%m-%d %H:%M}, last heard of {row.heartbeat_at:%Y-%m-%d %H:%M:%S}"
        )
    if row is not None and row.throttled_by and one.state == "running":
        lines.append(f"  waiting: {row.throttled_by}")
    if row is not None and row.last_error and one.state == "failed":
        lines.append(f"  failed: {row.last_error}")
    return "\n".join(lines)

"""What to do now that a migration failed: a short procedure for this very failure. Pure.

The guide failed-migration.md tells the whole; this is what fits under an error.
"""

from lamppost.migrate.events import Failed

_NEXT = {
    "migration_blocked": "wait for the session named above, or end it: select pg_terminate_backend(its pid);",
    "migration_connection": "see that the server is up and reachable; nothing needs mending",
    "migration_deadline": "allow more time, or move the heavy part into a job (`-- lamppost: job`)",
    "migration_pooler": "connect to PostgreSQL itself; nothing needs mending",
    "interrupted": "nothing needs mending",
}


def procedure(failed: Failed, code: str) -> tuple[str, ...]:
    """The steps, in order, each a sentence or two. `code` is the error's."""
    return (
        _kept_of_run(failed),
        _kept_of_file(failed),
        _old_code(failed.contract),
        "Look where every file stands: lamppost migrate status",
        *_mend(failed, code),
        "Apply again: lamppost migrate apply (it goes on from there; what is in is not repeated)",
        "Rolling the deploy back is safe at any moment: what is in and unknown to old code is left alone",
    )


def _kept_of_run(failed: Failed) -> str:
    if not failed.applied:
        return "No other file of this run is affected: none was applied before it"
    return f"These files are in and stay: {', '.join(failed.applied)}"


def _kept_of_file(failed: Failed) -> str:
    if failed.in_transaction:
        return f"Nothing of {failed.name} is in: its transaction was rolled back"
    if failed.ran is None:
        return f"{failed.name} runs statement by statement: status says how many of its statements are in"
    doubt = ""
    if failed.running is not None:
        doubt = (
            f"; statement {failed.running} had begun outside a transaction:"
            " the next run recognises it by its traces, or asks"
        )
    return f"{failed.ran} statements of {failed.name} are in and stay{doubt}"


def _old_code(contract: tuple[str, ...]) -> str:
    if contract:
        return (
            f"Code older than the contract file {contract[-1]} no longer runs: do not roll back past it;"
            " the code that is live does not need what it removed"
        )
    return "The code that is live goes on: only expand files went in, and it does not need them"


def _mend(failed: Failed, code: str) -> tuple[str, ...]:
    if code == "migration_uncertain":
        return (
            "Look whether the statement did its work, then say so:"
            f" lamppost migrate repair --ran {failed.name}, or --again {failed.name}",
        )
    if code in _NEXT:
        return (f"Then {_NEXT[code]}",)
    kept = f", leaving its first {failed.ran} statements alone" if failed.ran else ""
    return (
        f"Mend {failed.name}{kept}: it is not applied here, so it may change. Where another stage has it"
        " whole, leave it as it is and write a new one: lamppost migrate new",
        "Check it: lamppost migrate lint and lamppost migrate rehearse",
    )

"""A mistake of ours, as a finding: the file is held back, and nothing else that was found is lost."""

from pathlib import Path

from lamppost.migrate.lint.model import Finding


def failed(file: str, line: int, what: str, error: Exception) -> Finding:
    """`what` (a rule, a translation) failed at `line` of `file`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""
    return Finding(
        file=file,
        line=line,
        rule="lint-failed",
        severity="block",
        message=f"{what} failed: {type(error).__name__}: {str(error)[:200]}{place}; nobody has judged this",
        instead="please report it with the statement; to go on, -- lamppost: allow lint-failed, who read it",
    )

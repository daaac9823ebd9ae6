"""What is too heavy for a deploy: files that would take its time, or the traffic's. Their place is a job."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate import header
from lamppost.migrate.files import PLATFORM, Migration

if TYPE_CHECKING:
    from lamppost.migrate.risk import FileRisk

# So many rows are read or written in a second or two; what takes longer is a job.
LIMIT_ROWS = 200_000
# The rule of the linter that an author allows for SQL which is put together while it runs.
UNREADABLE = "unreadable-at-lint"


def refuse_heavy(
    files: Sequence[Migration], living: Sequence[Migration], conninfo: str, *, limit_rows: int, pg: str
) -> None:
    """Raise `AuthorError` when one of `living` reads or writes more than `limit_rows` rows of a table.

    `files` are all that would be applied, in order: what one makes is new and empty for the next. A service
    without tables has no traffic yet, so its files are not among the living; small jobs weigh nothing.
    """
    weighed = {one.name for one in living if one.service != PLATFORM and one.job is None}
    if not weighed:
        return
    # The parser is large, and most deploys bring nothing to parse.
    from lamppost.migrate import risk, sizes

    judged = risk.judge_all(files, sizes.survey(conninfo), pg=pg)
    for migration, weight in zip(files, judged, strict=True):
        sentence = risk.too_heavy(_known(weight, migration), limit_rows) if weight.name in weighed else None
        if sentence is not None:
            raise AuthorError(
                sentence,
                fix="begin the file with `-- lamppost: job`, deploy, and run it beside the traffic:"
                f" lamppost migrate job run {migration.name}",
                code="migrator_heavy",
            )


def _known(judged: "FileRisk", migration: Migration) -> "FileRisk":
    """What can be judged of a file whose author answers for the rest of it, with a reason."""
    if not any(one.rule == UNREADABLE for one in header.read(migration.text).allowances):
        return judged
    known = tuple(one for one in judged.statements if one.risk != "unknown")
    return msgspec.structs.replace(judged, statements=known)

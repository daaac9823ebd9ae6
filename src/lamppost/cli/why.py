"""`lamppost why`: which declaration lets a function do something, or what to write so that one does."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.cli.stage_place import stage_place
from lamppost.declare import names

if TYPE_CHECKING:
    from lamppost.derive.manifest import ServiceEntry
    from lamppost.derive.why import Answer, Reason


def why(
    function: Annotated[str, Parameter(help="birthday.worker, its name on AWS, or worker where one is.")],
    action: Annotated[str, Parameter(help="As IAM spells it: sqs:SendMessage.")],
    *,
    resource: Annotated[
        str | None, Parameter(help="An ARN, or a name: bday-messages. Without it, any that it may.")
    ] = None,
    stage: Annotated[str, Parameter(help="Whose names the statement carries.")] = names.LOCAL,
    json: Json = False,
) -> int:
    """Say why a function may do something: the line that declares it, and the statement in its role.

    If nothing lets it, say what to write so that it may, and exit 1. Permissions are read off the
    declarations, and the same ones hold on this machine and on AWS. Nothing is asked of either.

        lamppost why birthday.worker sqs:SendMessage --resource bday-messages-dlq
    """
    from lamppost.derive import why as thinking
    from lamppost.pack.discover import discover

    root = Path.cwd()
    service, found = thinking.find(discover(root), function)
    answer = thinking.why(service, found, action, stage_place(root, stage), resource)
    places = [_place_of(root, service, found.name, reason) for reason in answer.reasons]
    told = {
        **msgspec.to_builtins(answer),
        "allowed": answer.allowed,
        "reasons": [
            {**msgspec.to_builtins(reason), "declared": place}
            for reason, place in zip(answer.reasons, places, strict=True)
        ],
    }
    show(told, lambda: "\n".join(_words(answer, places)), as_json=json)
    return 0 if answer.allowed else 1


def _place_of(root: Path, service: "ServiceEntry", function: str, reason: "Reason") -> str | None:
    """Where the declaration says it: file, line, and what stands there."""
    from lamppost.derive import written

    if reason.keyword is None:
        return None
    file = Path(service.folder) / "service.py"
    source = (root / file).read_text("utf-8")
    if reason.keyword == "database":
        found = written.database_line(source)
    elif reason.keyword == "runs":
        found = written.queue_line(source, reason.because.removeprefix("it is run by "))
    else:
        found = written.function_line(source, function, reason.keyword)
    return f"{file}:{found[0]}  {found[1]}" if found else str(file)


def _words(answer: "Answer", places: list[str | None]) -> Iterator[str]:
    what = f"{answer.function} {answer.action}" + (f" on {answer.resource}" if answer.resource else "")
    if not answer.allowed:
        yield f"no: nothing lets {what}"
        yield "Write:"
        yield from (f"  {line}" for line in answer.write)
        return
    yield f"yes: {what}"
    for reason, place in zip(answer.reasons, places, strict=True):
        yield ""
        yield f"because {reason.because}"
        if place:
            yield f"  {place}"
        yield f"  {msgspec.json.encode(reason.statement).decode()}"

"""`lamppost diff`: what a deployment of a stage would change, and what that costs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.cli.templates import Stage, Templates, stacks_of
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.derive.changes.kinds import Changes


class Bill(msgspec.Struct, frozen=True):
    """Dollars a month under the usual traffic, before and after; gross."""

    before: float
    after: float

    def words(self) -> str:
        """In a line."""
        return (
            f"Costs {self.after - self.before:+.2f} US dollars a month:"
            f" {self.before:.2f} → {self.after:.2f} gross, under the usual traffic"
        )


def diff(
    *,
    stage: Stage = "dev",
    against: Annotated[
        Path | None,
        Parameter(help="A folder of templates to compare with; usually infra/snapshots/STAGE."),
    ] = None,
    deployed: Annotated[
        bool, Parameter(negative=(), help="Compare with what stands on AWS now, which takes credentials.")
    ] = False,
    templates: Templates = None,
    keep: Annotated[
        bool, Parameter(negative=(), help="Afterwards, keep what was made as the stage's snapshot.")
    ] = False,
    check: Annotated[bool, Parameter(negative=(), help="Exit 1 when anything changes.")] = False,
    json: Json = False,
) -> int:
    """Show what deploying a stage would change: resources, rights, and the cost of a month.

    It compares the templates with those that were kept last, and asks nothing of AWS unless --deployed. What
    CloudFormation can only change by making another one is marked REPLACED, and what becomes of its data is
    said.
    """
    from lamppost.cloud import snapshots
    from lamppost.derive.changes.compare import compare

    folder = against or snapshots.FOLDER / stage
    if deployed and against is not None:
        raise OperatorError(
            "--deployed and --against are two things to compare with", fix="say one of them", code="two_sides"
        )
    stacks = stacks_of(stage, templates)
    after = {stack.name: stack.template for stack in stacks}
    before = _standing(stage, after) if deployed else _kept(folder, missing=keep)
    place = "what stands on AWS" if deployed else str(folder)
    changes, bill = compare(before, after), bill_of(before, after)
    told = {"stage": stage, "against": place, **msgspec.to_builtins(changes), "cost": bill}
    show(told, lambda: "\n".join(_words(stage, place, changes, bill)), as_json=json)
    if keep:
        snapshots.keep(snapshots.FOLDER / stage, stacks)
    return 1 if check and not changes.none else 0


def _kept(folder: Path, *, missing: bool) -> Mapping[str, Any]:
    """The snapshot in `folder`; nothing where there is none and that may be `missing`."""
    from lamppost.cloud import snapshots

    return {} if missing and not snapshots.exists(folder) else snapshots.read(folder)


def _standing(env: str, after: Mapping[str, Any]) -> Mapping[str, Any]:
    from lamppost.cloud import account, stages, standing

    stage = stages.choose(stages.read(Path.cwd() / stages.FILE), env)
    account.caller(stage)
    return standing.templates(stage, after)


def bill_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Bill | None:
    """Both bills; None where something has no price, which `lamppost cost` then says."""
    from lamppost.derive.cost.estimate import estimate

    try:
        return Bill(estimate(before).gross, estimate(after).gross)
    except OperatorError:
        return None


def _words(stage: str, place: str, changes: "Changes", bill: Bill | None) -> Iterator[str]:
    from lamppost.cli.change_words import words

    yield f"{stage}, against {place}"
    yield from words(changes)
    yield bill.words() if bill else "What that costs is not known: lamppost cost says what has no price."

"""One deployment, for `lamppost deploy` and `lamppost preview`: look, say, ask, do, and keep it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.cli.change_words import counts, words
from lamppost.cli.config import OUTPUTS
from lamppost.cli.diff import Bill, bill_of
from lamppost.cli.output import wants_json
from lamppost.declare import names
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.cloud.account import Caller
    from lamppost.cloud.stages import Stage
    from lamppost.derive.changes.kinds import Changes

TEMPLATES = Path("infra") / "cdk.out"


class Deployed(msgspec.Struct, frozen=True):
    """What was done, or would have been: `deployed` is false where somebody said no."""

    stage: str
    account: str
    deployed: bool
    changes: str
    cost: Bill | None
    outputs: str | None


def deployed(
    root: Path,
    env: str,
    *,
    yes: str | None,
    templates: Path | None,
    json: bool,
    tags: Mapping[str, str] | None = None,
) -> Deployed:
    """Deploy the stage `env` of the repository `root`, after its changes were shown and agreed to.

    Raises `OperatorError` before anything is made when CDK or credentials are missing.
    """
    from lamppost.cloud import account, assembly, cdk_cli, snapshots, stages, standing
    from lamppost.derive.changes.compare import compare

    stage = stages.choose(stages.read(root / stages.FILE), env)
    if yes not in (None, env):
        raise OperatorError(
            f"--yes {yes} is not the stage {env}", fix=f"say --yes {env}", code="not_confirmed"
        )
    cdk_cli.command(root)
    who = account.caller(stage)
    folder = _made(root, env, templates)
    if tags:
        assembly.tag(folder, tags)
    stacks = assembly.read(folder)
    kept = root / snapshots.FOLDER / env
    after = {stack.name: stack.template for stack in stacks}
    known = snapshots.read(kept) if snapshots.exists(kept) else {}
    before = standing.templates(stage, dict.fromkeys((*known, *after)))
    changes, bill = compare(before, after), bill_of(before, after)
    _say("\n".join(_plan(stage, who, changes, bill, first=not before)), json=json)
    if yes is None and not _agreed(env, changes):
        return Deployed(env, who.account, False, counts(changes), bill, None)
    outputs = root / OUTPUTS / f"{env}.json"
    cdk_cli.deploy(root, folder, outputs)
    snapshots.keep(kept, stacks)
    return Deployed(env, who.account, True, counts(changes), bill, str(OUTPUTS / f"{env}.json"))


def _made(root: Path, env: str, templates: Path | None) -> Path:
    if templates is None:
        from lamppost.cloud.synthesis import synthesise

        synthesise(root, env, root / TEMPLATES)
        return root / TEMPLATES
    from lamppost.cli.templates import stacks_of

    stacks_of(env, templates)
    return templates.resolve()


def _plan(
    stage: "Stage", who: "Caller", changes: "Changes", bill: Bill | None, *, first: bool
) -> Iterator[str]:
    yield f"{stage.env}, in account {who.account}, as {who.arn}"
    if first:
        yield "Nothing of it stands there yet."
    yield from words(changes)
    yield bill.words() if bill else "What that costs is not known: lamppost cost says what has no price."
    if stage.settings.protected and not stage.settings.alarms_to:
        yield f"Its alarms will ring for nobody: name addresses, alarms_to of [stages.{stage.env}]."


def _say(text: str, *, json: bool) -> None:
    # A program reads what was done from stdout; whoever watches it reads what will be.
    out = sys.stderr if wants_json(json) else sys.stdout
    out.write(text + "\n")
    out.flush()


def _agreed(env: str, changes: "Changes") -> bool:
    """Whether the person at the terminal says yes; where it may hurt, with the stage's name."""
    if not sys.stdin.isatty():
        raise OperatorError(
            f"this would deploy {env}, and there is nobody to ask",
            fix=f"look with lamppost diff --stage {env}, then say --yes {env}",
            code="not_confirmed",
        )
    careful = env == names.PROD or bool(changes.alarming())
    wanted = (env,) if careful else ("y", "yes")
    sys.stderr.write(f"Type {env} to deploy: " if careful else f"Deploy {env}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in wanted


def told(done: Deployed) -> dict[str, Any]:
    """The outcome for a program."""
    return dict(msgspec.to_builtins(done))


def in_words(done: Deployed) -> str:
    """The outcome for a person."""
    if not done.deployed:
        return "nothing was deployed"
    return f"{done.stage} is deployed; what AWS made up is in {done.outputs}"

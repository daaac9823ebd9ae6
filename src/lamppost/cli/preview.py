"""`lamppost preview`: a stage for a pull request, with an end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lamppost.cli.output import show, table
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import Json
from lamppost.cli.templates import Templates
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.cloud.previews import Preview, Stacks
    from lamppost.cloud.stages import Stage

app = App(name="preview", help="Stages for pull requests, which end by themselves.")

LONGEST = timedelta(days=30)


@app.command
def up(
    number: Annotated[int, Parameter(help="The pull request's number: the stage is pr-NUMBER.")],
    *,
    ttl: Annotated[Period, Parameter(help="How long it may stand: 12h, 3d; at most 30d.")] = "3d",
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    templates: Templates = None,
    json: Json = False,
) -> int:
    """Deploy a preview, or deploy it again: its time then begins anew.

    Its end is a tag of its stacks, `lamppost:expires`, which `lamppost preview sweep` reads.
    """
    from lamppost.cli.deploying import deployed, in_words, told
    from lamppost.cloud.previews import EXPIRES

    length = read_period(ttl)
    if not timedelta(0) < length <= LONGEST:
        raise OperatorError(
            f"a preview of {ttl}", fix="let it stand for up to 30d; deploy it again for more", code="ttl"
        )
    expires = (datetime.now(UTC) + length).replace(microsecond=0).isoformat()
    env = f"pr-{number}"
    done = deployed(
        Path.cwd(), env, yes=env if yes else None, templates=templates, json=json, tags={EXPIRES: expires}
    )
    show({**told(done), "expires": expires}, lambda: f"{in_words(done)}; it ends {expires}", as_json=json)
    return 0 if done.deployed else 1


@app.command(name="list")
def listing(*, json: Json = False) -> None:
    """List the previews that stand on AWS, and when each ends."""
    from lamppost.cloud.previews import standing

    stage, now = _any(), datetime.now(UTC)
    found = [_row(each, now) for each in standing(_client(stage), stage.system)]
    rows = [(row["stage"], row["stacks"], row["expires"] or "never", row["over"] or "") for row in found]
    show(found, lambda: table(rows, ("PREVIEW", "STACKS", "ENDS", "OVER")), as_json=json)


@app.command
def sweep(
    *,
    dry_run: Annotated[bool, Parameter(negative=(), help="Only say what would go.")] = False,
    json: Json = False,
) -> int:
    """Take down every preview whose time is over, with its data. Meant for a nightly job.

    Only stacks with the tags of a preview of this system are touched; one without an end is left standing.
    What could not be deleted is named, and the exit code is 1.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from lamppost.cloud.previews import standing, take_down

    stage, now = _any(), datetime.now(UTC)
    client = _client(stage)
    found: list[dict[str, Any]] = []
    for each in standing(client, stage.system):
        if not each.over(now):
            continue
        row = _row(each, now) | {"swept": not dry_run, "error": None}
        if not dry_run:
            try:
                take_down(client, each)
            except (BotoCoreError, ClientError) as refused:
                row |= {"swept": False, "error": str(refused)}
        found.append(row)
    show(found, lambda: "\n".join(_swept(found)) or "nothing is over", as_json=json)
    return 1 if any(row["error"] for row in found) else 0


def _row(each: "Preview", now: datetime) -> dict[str, Any]:
    expires = each.expires.isoformat() if each.expires else None
    return {"stage": each.stage, "stacks": len(each.stacks), "expires": expires, "over": each.over(now)}


def _swept(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        what = f"{row['stage']}, {row['stacks']} stacks, over since {row['expires']}"
        if row["error"]:
            yield f"{what}: not deleted: {row['error']}"
        else:
            yield f"{what}: {'deleted' if row['swept'] else 'would go'}"


def _any() -> "Stage":
    """The settings of previews, and who may look. Raises `OperatorError` without credentials."""
    from lamppost.cloud import account, stages

    stage = stages.choose(stages.read(Path.cwd() / stages.FILE), "pr-0")
    account.caller(stage)
    return stage


def _client(stage: "Stage") -> "Stacks":
    import boto3.session

    client: Stacks = boto3.session.Session().client("cloudformation", region_name=stage.settings.region)
    return client

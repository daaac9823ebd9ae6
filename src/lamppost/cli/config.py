"""`lamppost config`: what things are called, for programs outside."""

import json as plain
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, find
from lamppost.declare import names
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.cloud.stages import Stage as CloudStage
    from lamppost.derive.addresses import Addresses, Api, Outputs
    from lamppost.derive.manifest import Manifest

app = App(name="config", help="Names, ARNs and addresses of a stage.")

# `lamppost deploy` has CDK write what AWS made up, a file for each stage.
OUTPUTS = Path("infra") / "outputs"


@app.command
def export(
    *,
    stage: Annotated[
        str, Parameter(help="One of infra/stages.toml, or local: the system that runs here.")
    ] = names.LOCAL,
    form: Annotated[
        Literal["env", "json"], Parameter(name="--format", help="Variables for a shell, or JSON.")
    ] = "env",
    account: Annotated[
        str | None,
        Parameter(help="The account's twelve digits, where neither the stage nor a deployment says."),
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print what the parts of a stage are called: names, ARNs, queue URLs, the region, and API addresses.

    Secrets appear by their names alone; no value is read, here or anywhere. Addresses that AWS makes up are
    known once `lamppost deploy` has run, which keeps them in infra/outputs.

        lamppost config export --stage dev > .env
    """
    found = _local(data) if stage == names.LOCAL else _on_aws(stage, account)
    if form == "json":
        show(msgspec.to_builtins(found), str, as_json=True)
        return
    from lamppost.derive.addresses import variables

    sys.stdout.writelines(f"{name}={shlex.quote(value)}\n" for name, value in variables(found).items())


def _manifest() -> "Manifest":
    from lamppost.pack.discover import discover

    return discover(Path.cwd())


def _local(data: Path) -> "Addresses":
    from lamppost.derive.addresses import Api, Stage, addresses

    running = find(data)
    place = Stage(
        names.LOCAL, names.LOCAL_ENV, names.LOCAL_REGION, names.LOCAL_ACCOUNT, running.aws.rstrip("/")
    )
    return addresses(_manifest(), place, {name: Api(name, url) for name, url in running.apis.items()})


def _on_aws(env: str, account: str | None) -> "Addresses":
    from lamppost.cloud import stages
    from lamppost.derive.addresses import Stage, addresses

    root = Path.cwd()
    stage = stages.choose(stages.read(root / stages.FILE), env)
    outputs = _outputs(root, env)
    manifest = _manifest()
    known = account or stage.settings.account or _account(outputs)
    host = outputs.get(stage.platform("Database"), {}).get("DbHost")
    place = Stage(env, env, stage.settings.region, known)
    return addresses(manifest, place, _apis(manifest, stage, outputs), host)


def _outputs(root: Path, env: str) -> "Outputs":
    try:
        found = plain.loads((root / OUTPUTS / f"{env}.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as wrong:
        raise OperatorError(
            f"{OUTPUTS / env}.json is not JSON: {wrong}",
            fix=f"remove it; the next lamppost deploy --stage {env} writes it again",
            code="outputs_unreadable",
        ) from wrong
    return {str(stack): dict(each) for stack, each in found.items()}


def _account(outputs: "Outputs") -> str | None:
    """The account, out of the ARN of any function."""
    for each in outputs.values():
        for value in each.values():
            parts = value.split(":")
            if value.startswith("arn:aws:lambda:") and parts[4].isdigit():
                return parts[4]
    return None


def _apis(manifest: "Manifest", stage: "CloudStage", outputs: "Outputs") -> "dict[str, Api]":
    from lamppost.derive.addresses import Api

    found = {}
    for service in manifest.services:
        if any(function.routes for function in service.functions):
            said = outputs.get(names.physical(stage.api_stack(service.name), stage.env), {})
            # Where several services share a stack, each puts its name in front.
            url = said.get(f"{service.name.title()}ApiEndpoint") or said.get("ApiEndpoint")
            found[service.name] = Api(stage.api_name(service.name), url)
    return found

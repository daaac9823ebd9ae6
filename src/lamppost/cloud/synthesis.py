"""From the repository to a folder of templates: one stage at a time, and nothing is asked of AWS."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from lamppost.cloud import node, stages
from lamppost.cloud.release import release
from lamppost.cloud.rules.check import check
from lamppost.cloud.rules.stacks import read
from lamppost.cloud.shipped import shipped
from lamppost.declare import names
from lamppost.pack.assets import pack
from lamppost.pack.discover import discover
from lamppost.pack.wheels import default_store

USUAL = "dev"
# Where cdk.json says how CDK behaves, beside the stages.
FLAGS = Path("infra") / "cdk.json"
PACKED = Path(".lamppost") / "packages"


class Made(msgspec.Struct, frozen=True):
    """One stack: what people call it, what AWS calls it, how many resources it has, and its template."""

    id: str
    name: str
    resources: int
    template: Path


def synthesise(root: Path, env: str, out: Path | None = None) -> tuple[Made, ...]:
    """The stacks of the system below `root` in the stage `env`, written to `out`.

    Without `out` they go where CDK's command line wants them. For prod, zips without byte code are refused.
    Raises `AuthorError` for the declarations' mistakes and for templates that break a rule of the house,
    `OperatorError` for the stage's and the machine's mistakes.
    """
    stage = stages.choose(stages.read(root / stages.FILE), env)
    node.choose()
    from lamppost.cloud.app import build

    manifest = discover(root)
    place = root / PACKED
    store = default_store() or place / "wheels"
    packed = pack(root, manifest, place, store=store, must_compile=env == names.PROD)
    app = build(manifest, stage, shipped(packed), release(root, manifest), flags=root / FLAGS, out=out)
    assembly = app.synth()
    check(read(Path(assembly.directory), env, stage.settings, manifest))
    return made(assembly)


def made(assembly: Any) -> tuple[Made, ...]:
    """The stacks of a cloud assembly, each behind those it depends on."""
    return tuple(
        Made(
            stack.hierarchical_id,
            stack.stack_name,
            len(stack.template.get("Resources", {})),
            Path(stack.template_full_path),
        )
        for stack in assembly.stacks
    )


def asked() -> str:
    """The stage that `cdk -c stage=prod` asks for, else LAMPPOST_STAGE, else dev."""
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    return str(context.get("stage") or os.environ.get("LAMPPOST_STAGE") or USUAL)

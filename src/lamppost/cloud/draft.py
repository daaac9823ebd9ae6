"""Templates without zips: the same bytes as `synth` writes, before anything is fetched or compiled."""

import os
import tempfile
from pathlib import Path

from lamppost.cloud import assembly, node, stages
from lamppost.cloud.release import release
from lamppost.cloud.shipped import Shipped, Zip
from lamppost.cloud.synthesis import FLAGS, PACKED
from lamppost.pack.discover import discover
from lamppost.pack.plan import plan
from lamppost.pack.wheels import default_store

_EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def draft(root: Path, env: str) -> tuple[assembly.Stack, ...]:
    """The stacks of the system below `root` in the stage `env`, each behind those it depends on.

    A template names a zip by the digest of what goes in, which is known without making it.
    Raises `AuthorError` and `OperatorError`, as `synthesise` does.
    """
    stage = stages.choose(stages.read(root / stages.FILE), env)
    node.choose()
    # Nothing of it is deployed: `synth`, which is, lets CDK look its templates over for as long as they take.
    os.environ.setdefault("CDK_VALIDATION", "false")
    from lamppost.cloud.app import build

    manifest = discover(root)
    store = default_store() or root / PACKED / "wheels"
    planned = plan(root, manifest, store=store, must_compile=False)
    with tempfile.TemporaryDirectory(prefix="lamppost-draft-") as kept:
        folder = Path(kept)
        zips = {
            (one.kind, one.name): _empty(folder / f"{one.kind}-{one.name}.zip", one.digest)
            for one in planned.plans
        }
        shipped = Shipped(
            {name: zipped for (kind, name), zipped in zips.items() if kind == "layer"},
            {name: zipped for (kind, name), zipped in zips.items() if kind == "service"},
            planned.functions,
        )
        made = release(root, manifest)
        build(manifest, stage, shipped, made, flags=root / FLAGS, out=folder / "out").synth()
        return assembly.read(folder / "out")


def _empty(path: Path, digest: str) -> Zip:
    path.write_bytes(_EMPTY_ZIP)
    return Zip(path, digest)

"""Writes the templates of some stages of the repository in the current folder, in a process of its own.

`python synthesised.py OUT ENV…` writes OUT/ENV. With NAG=1 cdk-nag judges them too, and its findings are
OUT/ENV/validation-report.json: whoever asked looks at them. The zips are placeholders: what is in them is no
matter of a template, their digests are.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import msgspec

from lamppost.cloud import node, stages
from lamppost.cloud.release import release
from lamppost.cloud.shipped import Shipped, Zip
from lamppost.derive.manifest import Manifest
from lamppost.pack.discover import discover

FLAGS = Path(__file__).parents[2] / "infra" / "cdk.json"
FAILS = "@aws-cdk/core:failSynthOnValidationErrors"
LAYERS = ("db-layer", "http-out", "migrate", "tokens")


def placeholders(manifest: Manifest, folder: Path) -> Shipped:
    """A zip for everything, and the layers that functions of these kinds stand on."""
    folder.mkdir(parents=True, exist_ok=True)

    def placeholder(name: str) -> Zip:
        path = folder / f"{name}.zip"
        path.write_bytes(b"PK\x05\x06" + bytes(18))
        return Zip(path, hashlib.sha256(name.encode()).hexdigest())

    return Shipped(
        {name: placeholder(name) for name in LAYERS},
        {service.name: placeholder(service.name) for service in manifest.services},
        {
            f"{service.name}.{function.name}": (
                "db-layer",
                *(("http-out",) if function.internet else ()),
                *(("migrate",) if function.migrates else ()),
            )
            for service in manifest.services
            for function in service.functions
        },
    )


def tolerant(folder: Path) -> Path:
    """The flags, and one that lets a synthesis end whatever it found."""
    flags = json.loads(FLAGS.read_text())
    flags["context"][FAILS] = False
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "flags.json"
    path.write_text(json.dumps(flags))
    return path


def main(out: Path, envs: list[str]) -> None:
    """Synthesise each stage into a folder of its name, and write what they were made from."""
    node.choose()
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    from lamppost.cloud.app import build

    root = Path.cwd()
    manifest = discover(root)
    files = release(root, manifest)
    settings = stages.read(root / stages.FILE)
    nagged = bool(os.environ.get("NAG"))
    for env in envs:
        app = build(
            manifest,
            stages.choose(settings, env),
            placeholders(manifest, out / "zips"),
            files,
            flags=tolerant(out) if nagged else FLAGS,
            out=out / env,
        )
        if nagged:
            cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
        app.synth()
    (out / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    (out / "release.json").write_bytes(msgspec.json.encode(files))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

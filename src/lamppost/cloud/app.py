"""The stacks of one system in one stage, in the order in which they are deployed."""

import json
from pathlib import Path

import aws_cdk as cdk

from lamppost.cloud import connections, tuning
from lamppost.cloud.database import database
from lamppost.cloud.domain import domain
from lamppost.cloud.edge import edge
from lamppost.cloud.functions import Ground
from lamppost.cloud.identity import identity
from lamppost.cloud.jobs import jobs
from lamppost.cloud.migrations import migrations
from lamppost.cloud.monitoring import monitoring, watch_way_out
from lamppost.cloud.network import network
from lamppost.cloud.proxy import behind_proxy
from lamppost.cloud.release import Release
from lamppost.cloud.services import services
from lamppost.cloud.shared import layers
from lamppost.cloud.shell import shell
from lamppost.cloud.shipped import Shipped
from lamppost.cloud.site import Site
from lamppost.cloud.stages import Stage
from lamppost.derive.manifest import Manifest


def build(
    manifest: Manifest,
    stage: Stage,
    shipped: Shipped,
    release: Release,
    *,
    flags: Path,
    out: Path | None = None,
) -> cdk.App:
    """The app, ready for `synth()`. `flags` is cdk.json: only CDK's command line would read it by itself."""
    app = cdk.App(
        outdir=str(out) if out else None,
        analytics_reporting=False,
        context={**json.loads(flags.read_text())["context"], **_zones(stage)},
    )
    site = Site(app, manifest, stage, shipped, release)
    tuning.check(site)
    connections.check(site)
    watching = monitoring(site)
    below = network(site)
    watch_way_out(watching, below.stack, below.vpc)
    ground = Ground(site, below, database(site, below), layers(site))
    shell(ground)
    migrated = migrations(ground, watching)
    jobs(site, migrated, watching)
    known = identity(site)
    apis = services(behind_proxy(ground, migrated), migrated, known, watching, domain(site))
    edge(site, apis, known)
    return app


def _zones(stage: Stage) -> dict[str, list[str]]:
    """The answer to a question that CDK would otherwise ask the account."""
    settings = stage.settings
    key = f"availability-zones:account={settings.account}:region={settings.region}"
    return {key: [f"{settings.region}{zone}" for zone in settings.zones]} if settings.account else {}

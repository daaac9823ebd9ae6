"""What databases, secrets, buckets and users cost: being there, and being read."""

from collections.abc import Iterator

import msgspec

from lamppost.derive.cost.scene import Scene, moving, standing
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use, figure
from lamppost.errors import OperatorError


def database(each: Resource, scene: Scene) -> Iterator[Use]:
    """An RDS instance: its hours, its disk, its address and secret if it has them, its figures.

    A replica says little of itself: it is what its source is, and backed up there.
    """
    source = scene.templates.led_to(each.get("SourceDBInstanceIdentifier"), each.stack)
    if source is not None:
        same = {name: source.get(name) for name in ("Engine", "AllocatedStorage", "StorageType")}
        each = msgspec.structs.replace(each, properties={**same, **each.properties})
    if each.get("Engine") != "postgres":
        raise OperatorError(
            f"{each.name} is {each.get('Engine')!r}, and only PostgreSQL has prices here",
            fix="add its prices to prices.toml in lamppost/derive/cost, and its kind to keeping.py",
            code="price_missing",
        )
    size = str(each.get("DBInstanceClass")).removeprefix("db.")
    zones = "multi_az" if each.get("MultiAZ") else "single_az"
    gb = float(each.get("AllocatedStorage") or 0)
    hours = scene.hours
    where = "two zones" if each.get("MultiAZ") else "one zone"
    yield from standing(
        f"rds.postgres.{size}.{zones}", hours, each, f"db.{size} in {where}, {figure(hours)} h"
    )
    yield from standing(
        f"rds.{each.get('StorageType') or 'gp2'}.{zones}", gb, each, f"{figure(gb)} GB, {where}"
    )
    backups = scene.traffic.backup_gb if source is None else 0
    yield from moving("rds.backup", backups, each, f"{figure(backups)} GB more than the disk itself")
    if each.get("PubliclyAccessible"):
        yield from standing("vpc.public_ipv4", hours, each, "it has a public address")
    if each.get("ManageMasterUserPassword"):
        yield from standing("secrets.secret", 1, each, "the administrator's, which RDS keeps")
    seconds = int(each.get("MonitoringInterval") or 0)
    if seconds:
        samples, kb = hours * 3600 / seconds, scene.traffic.monitoring_kb
        how = f"enhanced monitoring: {figure(samples)} samples × {figure(kb)} KB"
        yield from standing("logs.ingest", samples * kb / 1e6, each, how)


def proxy(each: Resource, scene: Scene) -> Iterator[Use]:
    """RDS Proxy: for two vCPUs at least, and no class that a stage takes here has more."""
    return standing("rds.proxy", 2 * scene.hours, each, f"2 vCPUs × {figure(scene.hours)} h")


def secret(each: Resource, scene: Scene) -> Iterator[Use]:
    """A secret, and who reads it."""
    yield from standing("secrets.secret", 1, each, "one secret")
    reads = scene.traffic.secret_reads
    yield from moving("secrets.calls", reads, each, f"{figure(reads)} reads")


def key(each: Resource, scene: Scene) -> Iterator[Use]:
    """A KMS key of our own."""
    yield from standing("kms.key", 1, each, "one key")
    count = scene.traffic.key_requests
    yield from moving("kms.requests", count, each, f"{figure(count)} requests")


def bucket(each: Resource, scene: Scene) -> Iterator[Use]:
    """A bucket's objects, and the calls for them."""
    traffic = scene.traffic
    yield from moving("s3.standard", traffic.stored_gb, each, f"{figure(traffic.stored_gb)} GB")
    yield from moving("s3.put", traffic.puts, each, f"{figure(traffic.puts)} PUTs")
    yield from moving("s3.get", traffic.gets, each, f"{figure(traffic.gets)} GETs")


def users(each: Resource, scene: Scene) -> Iterator[Use]:
    """A user pool, by who signs in; the plan is Essentials unless said otherwise."""
    plan = str(each.get("UserPoolTier") or "ESSENTIALS").lower()
    count = scene.traffic.users
    return moving(f"cognito.{plan}", count, each, f"{figure(count)} people sign in")

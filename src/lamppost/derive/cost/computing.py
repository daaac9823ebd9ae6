"""What functions, containers and state machines cost: time multiplied by size."""

from collections.abc import Iterator

from lamppost.derive.cost.runs import Runs, function_of
from lamppost.derive.cost.scene import Scene, moving, standing
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use, figure

# What AWS gives a function that names no memory and no disk.
_MEMORY_MB = 128
_DISK_MB = 512


def function(each: Resource, scene: Scene) -> Iterator[Use]:
    """Requests and time, the log it writes, the traces it leaves, what it sends out."""
    for runs in scene.runs(each):
        yield from _time(each, runs)
        yield from _told(each, runs, scene)


def _time(each: Resource, runs: Runs) -> Iterator[Use]:
    gb = int(each.get("MemorySize") or _MEMORY_MB) / 1024
    arm = "arm64" in (each.get("Architectures") or ())
    yield _use("lambda.requests", runs.count, each, runs, runs.why)
    yield _use(
        f"lambda.{'arm64' if arm else 'x86'}.gb_second",
        runs.count * runs.seconds * gb,
        each,
        runs,
        f"{runs.why} × {figure(runs.seconds)} s × {figure(gb)} GB",
    )
    disk = (int(each.get("EphemeralStorage", "Size") or _DISK_MB) - _DISK_MB) / 1024
    if disk > 0:
        how = f"{runs.why} × {figure(runs.seconds)} s × {figure(disk)} GB over 512 MB"
        yield _use("lambda.ephemeral_storage", runs.count * runs.seconds * disk, each, runs, how)


def _told(each: Resource, runs: Runs, scene: Scene) -> Iterator[Use]:
    traffic = scene.traffic
    kb = traffic.log_kb
    logged = runs.count * kb / 1e6
    group = scene.templates.led_to(each.get("LoggingConfig", "LogGroup"), each.stack)
    yield _use("logs.ingest", logged, each, runs, f"{runs.why} × {figure(kb)} KB")
    if group is not None:
        yield from stored(logged, group)
    if each.get("TracingConfig", "Mode") == "Active" and traffic.traced:
        how = f"{runs.why}, {figure(traffic.traced * 100)} % of them recorded"
        yield _use("xray.recorded", runs.count * traffic.traced, each, runs, how)
    if runs.sent_kb:
        how = f"{runs.why}: {figure(runs.sent_kb)} KB leave AWS in each run"
        yield _use("data.out", runs.count * runs.sent_kb / 1e6, each, runs, how)


def _use(price: str, quantity: float, each: Resource, runs: Runs, how: str) -> Use:
    return Use(price, quantity, each.name, each.stack, how, stands=runs.stands)


def stored(gb: float, group: Resource) -> Iterator[Use]:
    """What a log group keeps, as if nothing in it were compressed. Without a limit it is a year's."""
    days = int(group.get("RetentionInDays") or 365)
    return moving("logs.store", gb * days / 30.4, group, f"{figure(gb)} GB a month, kept {days} days")


def alias(each: Resource, scene: Scene) -> Iterator[Use]:
    """Functions that are kept ready beforehand."""
    ready = each.get("ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions") or each.get(
        "ProvisionedConcurrencyConfig", "ProvisionedConcurrency"
    )
    behind = function_of(each.get("FunctionName"), each.stack, scene.templates)
    if ready and behind is not None:
        gb = int(behind.get("MemorySize") or _MEMORY_MB) / 1024
        arm = "arm64" in (behind.get("Architectures") or ())
        how = f"{ready} kept ready × {figure(scene.hours)} h × {figure(gb)} GB"
        price = f"lambda.provisioned.{'arm64' if arm else 'x86'}"
        yield from standing(price, int(ready) * gb * scene.hours * 3600, each, how)


def machine(each: Resource, scene: Scene) -> Iterator[Use]:
    """A state machine's steps."""
    jobs, steps = scene.traffic.jobs, scene.traffic.job_steps
    how = f"{figure(jobs)} jobs × {figure(steps)} steps"
    return moving("states.transitions", jobs * steps, each, how)


def task(each: Resource, scene: Scene) -> Iterator[Use]:
    """A container's CPUs and memory, for as long as its jobs take."""
    cpus, gb = int(each.get("Cpu") or 256) / 1024, int(each.get("Memory") or 512) / 1024
    kind = "arm64" if each.get("RuntimePlatform", "CpuArchitecture") == "ARM64" else "x86"
    jobs, minutes = scene.traffic.jobs, scene.traffic.job_minutes
    how = f"{figure(jobs)} jobs × {figure(minutes)} min"
    hours = jobs * minutes / 60
    yield from moving(f"fargate.{kind}.vcpu", hours * cpus, each, f"{how} × {figure(cpus)} vCPU")
    yield from moving(f"fargate.{kind}.gb", hours * gb, each, f"{how} × {figure(gb)} GB")

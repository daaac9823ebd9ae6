"""The stage's settings of functions, brought together with what the functions declare."""

import msgspec

from lamppost.cloud import stages
from lamppost.cloud.site import Site
from lamppost.cloud.tuned import Tuned
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.errors import OperatorError

USUAL = Tuned()


def tuned(site: Site, service: ServiceEntry, entry: FunctionEntry) -> Tuned:
    """The function's settings; where the stage reserves, `reserved` is at least what it declares."""
    found = site.stage.settings.functions.get(f"{service.name}.{entry.name}", USUAL)
    if found.reserved is None and site.stage.settings.reserved and entry.concurrency is not None:
        # More kept ready than may run would be refused.
        return msgspec.structs.replace(found, reserved=max(entry.concurrency, found.provisioned))
    return found


def check(site: Site) -> None:
    """Raise `OperatorError` for settings of functions that are not there, or that could gain nothing."""
    known = {f"{service.name}.{entry.name}": (service, entry) for service, entry in site.functions()}
    for name, found in site.stage.settings.functions.items():
        if name not in known:
            raise _mistake(f"{name!r}, which is no function", f"known are {', '.join(sorted(known))}")
        service, entry = known[name]
        if entry.migrates and found.versioned:
            raise _mistake(f"{name}, which runs once a deploy", "leave out its snapstart and provisioned")
        started = polled(service, entry)
        if found.reserved is not None and started > found.reserved:
            # What the poller starts beyond that is throttled, and wears out messages' attempts.
            raise _mistake(
                f"{name}, of which {found.reserved} may run and its queues start {started}",
                "raise reserved, or lower concurrency= of its queues",
            )


def polled(service: ServiceEntry, entry: FunctionEntry) -> int:
    """How many of the function its queues may start at once."""
    return sum(queue.concurrency for queue in service.queues if queue.runs == entry.name)


def _mistake(what: str, fix: str) -> OperatorError:
    return OperatorError(f"{stages.FILE} tunes {what}", fix=fix, code="stages_invalid")

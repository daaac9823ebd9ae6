"""Dashboards: one for each service, read off what it declares, and one for the ground under them all."""

import json
from collections.abc import Iterable, Iterator

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_cloudwatch as cloudwatch

from lamppost.cloud.panels import Panel, formula, graph, line, lines_of, page, standing
from lamppost.cloud.site import Site, pascal
from lamppost.declare import names
from lamppost.derive.alarms import of_function
from lamppost.derive.instances import Server
from lamppost.derive.manifest import FunctionEntry, QueueEntry, ServiceEntry
from lamppost.derive.measures import API, LAMBDA, OLDEST, RDS, SCHEDULER, SQS, VISIBLE, Alarm, Measure
from lamppost.observe.metrics import ENVIRONMENT, namespace

_MINUTE = 60
_MOVES = ("Sent", "Received", "Deleted")
_ERRORS = 'filter level = "ERROR" | fields @timestamp, @log, @message | sort @timestamp desc | limit 20'
_SLOW = "filter @message like /duration: / | fields @timestamp, @message | sort @timestamp desc | limit 20"


class View(msgspec.Struct, frozen=True):
    """A stage, and the alarms whose limits its graphs show."""

    site: Site
    alarms: tuple[Alarm, ...]

    def graph(self, title: str, measures: Iterable[tuple[Measure, str]], *, period: int = 300) -> Panel:
        """Each measure with its label, and the limits that hold for what the graph shows."""
        shown = list(measures)
        limits = [
            alarm
            for alarm in self.alarms
            if alarm.whole is None
            and (alarm.period == period or alarm.measure.statistic != "Sum")
            and any(measure == alarm.measure for measure, _ in shown)
        ]
        lines = [line(measure, label) for measure, label in shown]
        return graph(title, lines, region=self.site.region, period=period, limits=limits)

    def standing(self, title: str) -> Panel:
        """Whether the alarms ring."""
        where = f"arn:aws:cloudwatch:{self.site.region}:{self.site.account}:alarm"
        return standing(title, [f"{where}:{alarm.name}" for alarm in self.alarms])


def of_service(
    site: Site, stack: cdk.Stack, service: ServiceEntry, alarms: tuple[Alarm, ...], api: str
) -> None:
    """The service's dashboard; `api` is its API's id, where it has one."""
    view = View(site, alarms)
    rows = [[view.standing(f"Alarms of {service.name}")]]
    if api:
        rows.append(_api(view, api))
    rows += [_function(view, entry) for entry in service.functions]
    rows += [_queue(view, entry) for entry in service.queues]
    rows += [list(_unattended(view, service)), list(_own(view, service))]
    groups = [names.log_group(site.called(entry.named)) for entry in service.functions]
    rows.append([lines_of("Errors", _ERRORS, groups, region=site.region)])
    _dashboard(site, stack, service.name, rows)


def of_ground(site: Site, stack: cdk.Stack, server: Server, alarms: tuple[Alarm, ...]) -> None:
    """The dashboard of the database, with its `alarms`, of the migrator, and of all functions together."""
    below = [(service, entry) for service, entry in site.functions() if entry.migrates]
    theirs = [alarm for service, entry in below for alarm in of_function(entry, service, site.env)]
    view = View(site, (*alarms, *theirs))
    rows = [[view.standing("Alarms of the ground")], *_database(view, server)]
    if server.proxy is not None:
        rows.append(_proxy(view, server.proxy))
    rows += [_function(view, entry) for _, entry in below]
    rows.append(
        [
            lines_of("Slow queries", _SLOW, [_postgres_logs(server)], region=site.region),
            view.graph(
                "Functions of the whole account",
                [
                    (Measure(LAMBDA, "ConcurrentExecutions", (), "Maximum"), "at once"),
                    (Measure(LAMBDA, "Throttles", (), "Sum"), "throttled"),
                ],
            ),
        ]
    )
    _dashboard(site, stack, "ground", rows)


def _dashboard(site: Site, stack: cdk.Stack, name: str, rows: list[list[Panel]]) -> None:
    cloudwatch.CfnDashboard(
        stack,
        f"{pascal(name)}Dashboard",
        dashboard_name=f"{site.stage.system}-{site.env}-{name}",
        dashboard_body=json.dumps(page(rows)),
    )


def _function(view: View, entry: FunctionEntry) -> list[Panel]:
    name = view.site.called(entry.named)

    def measure(metric: str, statistic: str) -> Measure:
        return Measure(LAMBDA, metric, (("FunctionName", name),), statistic)

    counted = [(measure("Invocations", "Sum"), "invocations"), (measure("Throttles", "Sum"), "throttled")]
    failed = measure("Errors", "Sum")
    share = [
        line(failed, "errors", id="failed", visible=False),
        line(measure("Invocations", "Sum"), "invocations", id="calls", visible=False),
        formula("IF(calls > 0, 100 * failed / calls, 0)", "failed %", "failures"),
        formula("100 - failures", "succeeded %", "successes"),
    ]
    tens = [(measure("Duration", each), each) for each in ("p50", "p99", "Maximum")]
    return [
        view.graph(f"{name}: invocations", [*counted, (failed, "errors")]),
        graph(f"{name}: success and failure", share, region=view.site.region),
        view.graph(f"{name}: duration, ms", tens),
        view.graph(f"{name}: at once", [(measure("ConcurrentExecutions", "Maximum"), "running")]),
    ]


def _queue(view: View, entry: QueueEntry) -> list[Panel]:
    name = view.site.called(entry.name)
    dead = view.site.called(names.dead_letters(entry.name))
    moved = [(_of_queue(name, f"NumberOfMessages{how}", "Sum"), how.lower()) for how in _MOVES]
    held = _of_queue(name, "ApproximateNumberOfMessagesNotVisible", "Maximum")
    return [
        view.graph(
            f"{name}: messages",
            [(_of_queue(name, VISIBLE, "Maximum"), "waiting"), (held, "being worked on")],
            period=_MINUTE,
        ),
        view.graph(f"{name}: moved", moved, period=_MINUTE),
        view.graph(
            f"{name}: oldest, s", [(_of_queue(name, OLDEST, "Maximum"), "oldest message")], period=_MINUTE
        ),
        view.graph(dead, [(_of_queue(dead, VISIBLE, "Maximum"), "dead letters")], period=_MINUTE),
    ]


def _of_queue(queue: str, metric: str, statistic: str) -> Measure:
    return Measure(SQS, metric, (("QueueName", queue),), statistic)


def _unattended(view: View, service: ServiceEntry) -> Iterator[Panel]:
    """What runs without a caller: whether it started, and what it failed at."""
    kept = [
        view.site.called(names.failures(entry.named))
        for entry in service.functions
        if entry.kind in ("schedule", "invoke")
    ]
    if service.schedules:
        place = (("ScheduleGroup", names.schedule_group(service.prefix, view.site.env)),)
        yield view.graph(
            "Schedules",
            [
                (Measure(SCHEDULER, "InvocationAttemptCount", place, "Sum"), "started"),
                (Measure(SCHEDULER, "TargetErrorCount", place, "Sum"), "refused by the function"),
                (Measure(SCHEDULER, "InvocationDroppedCount", place, "Sum"), "dropped"),
            ],
        )
    if kept:
        waiting = [(_of_queue(name, VISIBLE, "Maximum"), name) for name in kept]
        yield view.graph("Events that nobody could work on", waiting, period=_MINUTE)


def _own(view: View, service: ServiceEntry) -> Iterator[Panel]:
    """Everything that the service measures itself, whatever it is called."""
    if not service.alarms:
        return
    where = f'{{{namespace(service.name)},{ENVIRONMENT}}} {ENVIRONMENT}="{view.site.env}"'
    for statistic, words in (("Sum", "in five minutes"), ("Maximum", "at most")):
        search = formula(f"SEARCH('{where}', '{statistic}', 300)", "", "measured")
        yield graph(f"Measured by {service.name}, {words}", [search], region=view.site.region)


def _api(view: View, api: str) -> list[Panel]:
    def measure(metric: str, statistic: str) -> Measure:
        return Measure(API, metric, (("ApiId", api),), statistic)

    return [
        view.graph(
            "Requests",
            [
                (measure("Count", "Sum"), "all"),
                (measure("4xx", "Sum"), "4xx"),
                (measure("5xx", "Sum"), "5xx"),
            ],
        ),
        view.graph(
            "Latency, ms", [(measure("Latency", each), f"{each} of all") for each in ("p50", "p95", "p99")]
        ),
        view.graph(
            "Latency of functions, ms",
            [(measure("IntegrationLatency", each), each) for each in ("p50", "p95", "p99")],
        ),
    ]


def _database(view: View, server: Server) -> list[list[Panel]]:
    def measure(metric: str, statistic: str = "Average", of: str = server.name) -> Measure:
        return Measure(RDS, metric, (("DBInstanceIdentifier", of),), statistic)

    seconds = [(measure(f"{how}Latency"), how.lower()) for how in ("Read", "Write")]
    operations = [(measure(f"{how}IOPS"), how.lower()) for how in ("Read", "Write")]
    lags = [(measure("ReplicaLag", of=replica), replica) for replica in server.replicas]
    return [
        [
            view.graph("Database: CPU, %", [(measure("CPUUtilization"), server.name)]),
            view.graph("Database: connections", [(measure("DatabaseConnections", "Maximum"), "open")]),
            view.graph("Database: sessions at work", [(measure("DBLoad"), "load")]),
            view.graph("Database: burst left", [(measure("CPUCreditBalance", "Minimum"), "CPU credits")]),
        ],
        [
            view.graph("Database: free disk, bytes", [(measure("FreeStorageSpace", "Minimum"), "free")]),
            view.graph("Database: free memory, bytes", [(measure("FreeableMemory", "Minimum"), "free")]),
            view.graph("Database: latency, s", seconds),
            view.graph("Database: operations a second", operations),
        ],
        [view.graph("Replicas: behind by, s", lags, period=_MINUTE)] if lags else [],
    ]


def _proxy(view: View, proxy: str) -> list[Panel]:
    def measure(metric: str, statistic: str) -> Measure:
        return Measure(RDS, metric, (("ProxyName", proxy),), statistic)

    return [
        view.graph(
            "Proxy: wait for a connection, µs",
            [(measure("DatabaseConnectionsBorrowLatency", "Average"), "average")],
        ),
        view.graph(
            "Proxy: connections",
            [
                (measure("ClientConnectionsReceived", "Sum"), "asked for by functions"),
                (measure("DatabaseConnectionsSetupFailed", "Sum"), "refused by the database"),
            ],
        ),
    ]


def _postgres_logs(server: Server) -> str:
    return f"/aws/rds/instance/{server.name}/postgresql"

"""What APIs, queues, schedules and topics cost: each request, also those that bring nothing."""

from collections.abc import Iterator

from lamppost.derive.cost.computing import stored
from lamppost.derive.cost.runs import requests, ticks
from lamppost.derive.cost.scene import Scene, moving
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use, figure

# Lambda polls a queue with five connections, each of which waits twenty seconds for a message.
POLLERS = 5
POLL_SECONDS = 20
# A message is sent, received and deleted.
REQUESTS = 3


def api(each: Resource, scene: Scene) -> Iterator[Use]:
    """Requests, and what is answered."""
    count = requests(each, scene.traffic)
    kb = scene.traffic.own(each.name, "response_kb", scene.traffic.response_kb)
    yield from moving("apigateway.http", count, each, f"{figure(count)} requests")
    yield from moving("data.out", count * kb / 1e6, each, f"{figure(count)} answers × {figure(kb)} KB")


def api_stage(each: Resource, scene: Scene) -> Iterator[Use]:
    """The access log."""
    behind = scene.templates.led_to(each.get("ApiId"), each.stack)
    if behind is None or not each.get("AccessLogSettings"):
        return
    count, kb = requests(behind, scene.traffic), scene.traffic.access_log_kb
    how = f"{figure(count)} requests to {behind.name} × {figure(kb)} KB"
    yield from moving("logs.ingest", count * kb / 1e6, each, how)
    group = scene.templates.led_to(each.get("AccessLogSettings", "DestinationArn"), each.stack)
    if group is not None:
        yield from stored(count * kb / 1e6, group)


def queue(each: Resource, scene: Scene) -> Iterator[Use]:
    """Messages, and the polling of Lambda where a function works them off."""
    price = "sqs.fifo" if each.get("FifoQueue") else "sqs.standard"
    if not _polled(each, scene):
        return  # dead letters and failures: nobody knows how many, one hopes none
    messages = scene.traffic.own(each.name, "messages", scene.traffic.messages)
    how = f"{figure(messages)} messages × {REQUESTS} (send, receive, delete)"
    yield from moving(price, messages * REQUESTS, each, how)
    seconds = scene.hours * 3600
    how = f"{POLLERS} pollers × {figure(seconds)} s / {POLL_SECONDS} s, also when it is empty"
    yield Use(price, POLLERS * seconds / POLL_SECONDS, each.name, each.stack, how, stands=True)


def _polled(each: Resource, scene: Scene) -> bool:
    return any(
        scene.templates.led_to(source.get("EventSourceArn"), source.stack) == each
        for source in scene.templates.of("AWS::Lambda::EventSourceMapping")
    )


def schedule(each: Resource, scene: Scene) -> Iterator[Use]:
    """A schedule's ticks."""
    count = ticks(each, scene.hours)
    yield Use("scheduler.invocations", count, each.name, each.stack, f"{figure(count)} ticks", stands=True)


def topic(each: Resource, scene: Scene) -> Iterator[Use]:
    """What a topic sends on by mail."""
    mails = scene.traffic.mails
    yield from moving("sns.publish", mails, each, f"{figure(mails)} messages")
    yield from moving("sns.email", mails, each, f"{figure(mails)} mails")

"""CloudWatch Logs, as far as `aws logs tail --follow` and a console need it.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from lamppost.declare import names
from lamppost.local.aws import log_patterns
from lamppost.local.aws.calls import Answer, Call, Given, Operation, present, refused
from lamppost.local.logs import START, LogEvent, LogStore, Place, following

_PREFIX = names.log_group("")
# One call looks at so many lines; who wants more follows the token, as on AWS.
LOOKED_AT = 20_000
EVENTS_MAX = 10_000


class Logs:
    """Logs' reading operations over `LogStore`. A group is `/aws/lambda/` and any name of the function."""

    name = "logs"

    def __init__(self, logs: LogStore) -> None:
        self._logs = logs
        self.operations: Mapping[str, Operation] = {
            "DescribeLogGroups": self._describe_groups,
            "DescribeLogStreams": self._describe_streams,
            "FilterLogEvents": self._filter,
            "GetLogEvents": self._get,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """Reading logs is the operator's: no function is granted it."""
        yield f"logs:{call.operation}", "*"

    async def _describe_groups(self, call: Call) -> Answer:
        given = call.given
        every = [
            names.log_group(name)
            for function in self._logs.functions()
            for name in self._logs.aliases.all_names(function)
        ]
        found = sorted(
            group for group in every if _named(group, given) and group > given.get("nextToken", "")
        )
        size = given.get("limit", 50)
        shown = [
            {"logGroupName": group, "arn": f"{_arn(group)}:*", "logGroupArn": _arn(group), "storedBytes": 0}
            for group in found[:size]
        ]
        return present(logGroups=shown, nextToken=found[size - 1] if len(found) > size else None)

    async def _describe_streams(self, call: Call) -> Answer:
        given = call.given
        group, function = self._group(given)
        streams = await asyncio.to_thread(_streams, self._logs.read(function))
        prefix = given.get("logStreamNamePrefix", "")
        found = [stream for name, stream in sorted(streams.items()) if name.startswith(prefix)]
        if given.get("orderBy") == "LastEventTime":
            found.sort(key=lambda stream: stream["lastEventTimestamp"])
        if given.get("descending"):
            found.reverse()
        after, size = _number(given.get("nextToken", "0")), given.get("limit", 50)
        page = found[after : after + size]
        for stream in page:
            stream["arn"] = f"{_arn(group)}:log-stream:{stream['logStreamName']}"
        more = after + size < len(found)
        return present(logStreams=page, nextToken=str(after + size) if more else None)

    async def _filter(self, call: Call) -> Answer:
        _, function = self._group(call.given)
        return await asyncio.to_thread(self._filtered, function, call.given)

    def _filtered(self, function: str, given: Given) -> Answer:
        wanted = log_patterns.parse(given.get("filterPattern", ""))
        streams, prefix = given.get("logStreamNames"), given.get("logStreamNamePrefix", "")
        most = given.get("limit", EVENTS_MAX)
        found: list[Answer] = []
        reading = self._logs.read(
            function,
            after=_place(given.get("nextToken")),
            since=given.get("startTime"),
            until=given.get("endTime"),
        )
        for looked_at, event in enumerate(reading, 1):
            matches = event.stream.startswith(prefix) and (streams is None or event.stream in streams)
            if matches and wanted(event.message):
                found.append({"logStreamName": event.stream, "eventId": event.id, **_shown(event)})
            if len(found) == most or looked_at == LOOKED_AT:
                return {"events": found, "nextToken": _token(following(event))}
        return {"events": found}

    async def _get(self, call: Call) -> Answer:
        _, function = self._group(call.given)
        return await asyncio.to_thread(self._got, function, call.given)

    def _got(self, function: str, given: Given) -> Answer:
        stream, size = given["logStreamName"], given.get("limit", EVENTS_MAX)
        token: str = given.get("nextToken", "")
        forward = token.startswith("f/") or (not token and given.get("startFromHead", False))
        place = _place(token[2:] or None)
        end = given.get("endTime")
        # GetLogEvents leaves out what was said at endTime itself; FilterLogEvents does not.
        reading = self._logs.read(
            function,
            after=place if forward else START,
            since=given.get("startTime"),
            until=None if end is None else end - 1,
        )
        mine = (event for event in reading if event.stream == stream)
        if forward:
            events = list(islice(mine, size))
        else:
            events = [event for event in mine if not token or event.place < place][-size:]
        after = following(events[-1]) if events else place
        before = events[0].place if events else place
        return {
            "events": [_shown(event) for event in events],
            "nextForwardToken": f"f/{_token(after)}",
            "nextBackwardToken": f"b/{_token(before)}",
        }

    def _group(self, given: Given) -> tuple[str, str]:
        """The group a call names, and its function. Raises `CallerError` when there is none."""
        group: str = given.get("logGroupName") or given.get("logGroupIdentifier", "")
        if group.startswith("arn:"):
            group = group.partition(":log-group:")[2].removesuffix(":*")
        function = self._logs.aliases.canonical(group.removeprefix(_PREFIX))
        if not group.startswith(_PREFIX) or function not in self._logs.functions():
            raise refused("ResourceNotFoundException", "The specified log group does not exist.")
        return group, function


def _streams(events: Iterator[LogEvent]) -> dict[str, Answer]:
    streams: dict[str, Answer] = {}
    for event in events:
        stream = streams.setdefault(
            event.stream,
            {
                "logStreamName": event.stream,
                "creationTime": event.ingestion,
                "firstEventTimestamp": event.timestamp,
                "storedBytes": 0,
            },
        )
        stream |= {"lastEventTimestamp": event.timestamp, "lastIngestionTime": event.ingestion}
    return streams


def _shown(event: LogEvent) -> Answer:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingestion}


def _named(group: str, given: Given) -> bool:
    return (
        group.startswith(given.get("logGroupNamePrefix", ""))
        and given.get("logGroupNamePattern", "") in group
    )


def _arn(group: str) -> str:
    return f"arn:aws:logs:{names.LOCAL_REGION}:{names.LOCAL_ACCOUNT}:log-group:{group}"


def _token(place: Place) -> str:
    return f"{place[0]}-{place[1]}"


def _place(token: str | None) -> Place:
    if token is None:
        return START
    number, _, offset = token.partition("-")
    return _number(number), _number(offset)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise refused("InvalidParameterException", "The specified nextToken is invalid.")
    return int(text)

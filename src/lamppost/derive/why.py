"""Why a function may do something, or what to write so that it may.

Rights come from the declaration, through `derive/grants`, and three from the place a function runs at.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from lamppost.declare import names
from lamppost.derive import grants
from lamppost.derive.manifest import FunctionEntry, Manifest, ServiceEntry
from lamppost.errors import OperatorError

_NOT_ITS_OWN = (
    "Lambda makes the function's network interfaces with it; a Deny keeps the function's own code off"
)


class Reason(msgspec.Struct, frozen=True):
    """One statement that allows the action, and whose wish it is.

    `keyword` is what the declaration says it with (`sends`), None for what every function has.
    """

    because: str
    keyword: str | None
    statement: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """`reasons` allow it; where there are none, `write` says what would."""

    function: str
    action: str
    resource: str | None
    reasons: tuple[Reason, ...]
    write: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the function may do it."""
        return bool(self.reasons)


class Place(msgspec.Struct, frozen=True):
    """The stage that names and ARNs are made for."""

    env: str
    region: str
    account: str

    def arns(self) -> dict[str, str]:
        """As `declare/names` takes it."""
        return {"region": self.region, "account": self.account}


def find(manifest: Manifest, name: str) -> tuple[ServiceEntry, FunctionEntry]:
    """The function called `birthday.worker`, `bday-worker`, `bday-dev-worker`, or `worker` if one alone is.

    Raises `OperatorError`.
    """
    every = [(service, each) for service in manifest.services for each in service.functions]
    known = {f"{service.name}.{each.name}": (service, each) for service, each in every}
    for service, each in every:
        if name in (f"{service.name}.{each.name}", each.named, *names.local_names(each.named)):
            return service, each
    matching = [pair for pair in every if pair[1].name == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        which = " or ".join(f"{service.name}.{each.name}" for service, each in matching)
        raise OperatorError(f"{name!r} is {which}", fix="say which", code="function_unclear")
    close = get_close_matches(name, [*known, *(each.named for _, each in every)], 1)
    raise OperatorError(
        f"there is no function {name!r}",
        fix=f"did you mean {close[0]}?" if close else f"one of: {', '.join(known)}",
        code="no_such_function",
    )


def why(
    service: ServiceEntry, function: FunctionEntry, action: str, place: Place, resource: str | None = None
) -> Answer:
    """Why `function` may do `action` (`sqs:SendMessage`) to `resource`, an ARN or the last part of one.

    Raises `OperatorError` for what is no action.
    """
    action = _whole(action)
    named = names.physical(function.named, place.env)
    reasons = tuple(
        Reason(each.because, _keyword(each.because), _statement(action, _as_on_aws(each.resource, place)))
        for each in (*_of_the_place(named, place), *_declared(service, function, place))
        if action in each.actions and _meant(each.resource, resource, place)
    )
    write = () if reasons else tuple(_write(service, function, action, resource))
    return Answer(named, action, resource, reasons, write)


def _declared(service: ServiceEntry, function: FunctionEntry, place: Place) -> tuple[grants.Grant, ...]:
    return grants.grants(service, function, env=place.env, **place.arns())


def _of_the_place(named: str, place: Place) -> Iterator[grants.Grant]:
    group = f"arn:aws:logs:{place.region}:{place.account}:log-group:{names.log_group(named)}:*"
    yield grants.Grant(grants.LOG, group, "every function writes its own log")
    yield grants.Grant(grants.SPANS, "*", "every function is traced, and X-Ray has no resources to name")
    yield grants.Grant(grants.INTERFACES, "*", _NOT_ITS_OWN)


def _whole(action: str) -> str:
    """The action as IAM spells it. Raises `OperatorError`."""
    known = {each.lower(): each for each in every_action()}
    if action.lower() in known:
        return known[action.lower()]
    service, colon, name = action.partition(":")
    if not (service and colon and name) or not (service + name).replace("-", "").isalnum():
        close = get_close_matches(
            action.lower(), [each.partition(":")[2].lower() for each in known.values()], 1
        )
        meant = [each for each in known.values() if close and each.lower().endswith(f":{close[0]}")]
        raise OperatorError(
            f"{action!r} is no action",
            fix=f"did you mean {meant[0]}?" if meant else "write it like sqs:SendMessage",
            code="no_such_action",
        )
    return action


def every_action() -> tuple[str, ...]:
    """Every action that something in a declaration, or the place, can grant."""
    kinds = (grants.READ_SECRET, grants.READ_PARAMETER, grants.SEND, grants.CONSUME, grants.STORE)
    return tuple(
        dict.fromkeys(
            action
            for kind in (
                *kinds,
                grants.ROTATE,
                grants.REMOVE,
                grants.TELL_MISSING,
                grants.LOG,
                grants.SPANS,
                grants.INTERFACES,
            )
            for action in kind
        )
    )


def _statement(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _as_on_aws(resource: str, place: Place) -> str:
    """AWS puts six characters that nobody knows beforehand behind a secret's name, and RDS names its own."""
    if ":secretsmanager:" not in resource or place.account == names.LOCAL_ACCOUNT:
        return resource
    named, _, name = resource.partition(":secret:")
    if name == names.physical(names.ADMINISTRATOR, place.env):
        return f"{named}:secret:rds!db-…, as RDS has named it"
    return f"{resource}-??????"


def _keyword(because: str) -> str | None:
    for begins, keyword in (
        ("its database", "database"),
        ("it migrates", "migrates"),
        ("it gives new passwords", "migrates"),
        ("it is run by", "runs"),
        ("its answers", "stores"),
        ("a missing object", "stores"),
    ):
        if because.startswith(begins):
            return keyword
    word, equals, _ = because.partition("=")
    return word if equals and word.isidentifier() else None


def _meant(granted: str, asked: str | None, place: Place) -> bool:
    if asked is None:
        return True
    if asked.startswith("arn:"):
        return fnmatchcase(asked, granted) or fnmatchcase(asked, _as_on_aws(granted, place))
    last = granted.rpartition(":parameter")[2] or granted
    short = last if last.startswith("/") else granted.rpartition(":")[2]
    return any(
        fnmatchcase(name, short) or name == short.partition("/")[0]
        for name in (
            asked,
            names.physical(asked, place.env),
            names.bucket(asked, place.env, account=place.account),
        )
    )


def _write(
    service: ServiceEntry, function: FunctionEntry, action: str, resource: str | None
) -> Iterator[str]:
    """What to add to the declaration of `function`, or of its service."""
    said = _last(resource)
    parameters = [each.name for each in service.parameters]
    secrets = [each.name for each in service.secrets]
    if action in grants.SEND:
        queue = said or next((each.name for each in service.queues), "QUEUE")
        yield f'sends=("{queue}",) in Function(name="{function.name}")'
    if action in grants.READ_PARAMETER:
        name = said or next(iter(parameters), "/NAME")
        yield f'reads=("{name}",) in Function(name="{function.name}")'
        if name not in parameters:
            yield f'Parameter("{name}", "what it is for") in parameters= of the service'
    if action in grants.READ_SECRET:
        name = said or next(iter(secrets), "NAME")
        yield f'reads=("{name}",) in Function(name="{function.name}")'
        if name not in secrets:
            yield f'Secret("{name}", "what it is for") in secrets= of the service'
        if service.database is not None and not function.database:
            yield f"or leave out database=False, for the secret of {service.database.name}"
    if action in (*grants.STORE, *grants.TELL_MISSING, *grants.REMOVE):
        bucket = said or next((each.name for each in service.buckets), "BUCKET")
        yield f'stores=("{bucket}",) in Function(name="{function.name}")'
        if action in grants.REMOVE:
            yield f'deletes=("{bucket}",) beside it'
    if action in grants.CONSUME and action not in grants.SEND:
        queue = said or next((each.name for each in service.queues), "QUEUE")
        yield f'runs={function.name} in Queue(name="{queue}"), which hands its messages over'
    if action not in every_action():
        yield (
            f"no word of a declaration grants {action}: do it from outside a function, or add a grant to"
            " lamppost/derive/grants.py with the word that asks for it"
        )


def _last(resource: str | None) -> str | None:
    if resource is None or not resource.startswith("arn:"):
        return resource
    found = resource.split(":", 5)[5]
    for prefix in ("parameter", "secret:"):
        found = found.removeprefix(prefix)
    return found

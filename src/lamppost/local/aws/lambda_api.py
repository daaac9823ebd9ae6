"""Lambda: https://docs.aws.amazon.com/lambda/latest/api/"""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from lamppost.declare import limits, names
from lamppost.errors import CallerError
from lamppost.local.aliases import Aliases
from lamppost.local.aws.calls import Answer, Call, Operation, present, refused
from lamppost.local.aws.functions import FunctionConfiguration, Functions, function_name

_CONFIGURABLE = {"FunctionName", "Environment", "Timeout", "MemorySize", "Description", "RevisionId"}
_VARIABLE = re.compile(r"^[A-Za-z][A-Za-z0-9_]+$")


class Lambda:
    """Lambda's operations over `Functions`. A function answers to each of its names."""

    name = "lambda"

    def __init__(self, functions: Functions, aliases: Aliases) -> None:
        self._functions = functions
        self._aliases = aliases
        self.operations: Mapping[str, Operation] = {
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "Invoke": self._invoke,
            "ListFunctions": self._list,
            "UpdateFunctionConfiguration": self._update,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """The action on the function that the call names."""
        action = "InvokeFunction" if call.operation == "Invoke" else call.operation
        given = call.given.get("FunctionName")
        resource = names.function_arn(self._aliases.canonical(function_name(given))) if given else "*"
        yield f"lambda:{action}", resource

    async def _invoke(self, call: Call) -> Answer:
        _, configuration = self._known(call)
        # CLI v2 reads '{}' as base64 and sends an empty body: an empty event.
        payload: bytes = call.given.get("Payload") or b"{}"
        kind = call.given.get("InvocationType", "RequestResponse")
        _check_payload(payload, limits.INVOKE_ASYNC_BYTES if kind == "Event" else limits.INVOKE_SYNC_BYTES)
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            await self._functions.invoke_later(configuration.name, payload)
            return {"StatusCode": 202}
        result = await self._functions.invoke(configuration.name, payload)
        if result.throttled:
            raise refused("TooManyRequestsException", "Rate Exceeded.", status=429)
        tail = result.log_tail[-limits.LOG_TAIL_BYTES :] if call.given.get("LogType") == "Tail" else None
        return present(
            StatusCode=200,
            FunctionError=result.error,
            ExecutedVersion="$LATEST",
            LogResult=base64.b64encode(tail).decode() if tail is not None else None,
            Payload=result.payload,
        )

    async def _get(self, call: Call) -> Answer:
        name, configuration = self._known(call)
        shown: Answer = {"Configuration": _show(name, configuration), "Tags": {}}
        if configuration.concurrency is not None:
            shown["Concurrency"] = {"ReservedConcurrentExecutions": configuration.concurrency}
        return shown

    async def _get_configuration(self, call: Call) -> Answer:
        return _show(*self._known(call))

    async def _list(self, call: Call) -> Answer:
        after, size = call.given.get("Marker", ""), call.given.get("MaxItems", 50)
        left = sorted(name for name in self._functions.names() if name > after)
        shown = []
        for name in left[:size]:
            configuration = self._functions.configuration(name)
            if configuration is not None:
                shown.append(_show(name, configuration))
        return present(Functions=shown, NextMarker=left[size - 1] if len(left) > size else None)

    async def _update(self, call: Call) -> Answer:
        name, configuration = self._known(call)
        foreign = sorted(call.given.keys() - _CONFIGURABLE)
        if foreign:
            raise _invalid(
                f"{', '.join(foreign)}: change the declaration in service.py; here it is read-only"
            )
        variables = (
            call.given.get("Environment", {}).get("Variables") if "Environment" in call.given else None
        )
        if "Environment" in call.given:
            variables = variables or {}
            _check_environment(variables)
        timeout, memory = call.given.get("Timeout"), call.given.get("MemorySize")
        if timeout is not None and timeout > limits.FUNCTION_TIMEOUT_MAX.total_seconds():
            raise _invalid("Timeout is at most 900 seconds")
        if (
            memory is not None
            and not limits.FUNCTION_MEMORY_MB_MIN <= memory <= limits.FUNCTION_MEMORY_MB_MAX
        ):
            raise _invalid("MemorySize is 128 to 10240 MB")
        changed = await self._functions.configure(
            configuration.name, environment=variables, timeout=timeout, memory_mb=memory
        )
        return _show(name, changed)

    def _known(self, call: Call) -> tuple[str, FunctionConfiguration]:
        """The name as it was asked for, and the function. Raises `CallerError` when there is none."""
        name = function_name(call.given["FunctionName"])
        qualifier = call.given.get("Qualifier", "$LATEST")
        found = self._functions.configuration(self._aliases.canonical(name))
        if found is None or qualifier != "$LATEST":
            suffix = "" if qualifier == "$LATEST" else f":{qualifier}"
            raise refused(
                "ResourceNotFoundException",
                f"Function not found: {names.function_arn(name)}{suffix}",
                status=404,
            )
        return name, found


def _show(name: str, configuration: FunctionConfiguration) -> Answer:
    changed = configuration.changed_at or datetime.now(UTC)
    return present(
        FunctionName=name,
        FunctionArn=names.function_arn(configuration.name),
        Runtime=configuration.runtime,
        Role=f"arn:aws:iam::{names.LOCAL_ACCOUNT}:role/{configuration.name}-role",
        Handler=configuration.handler,
        CodeSize=configuration.code_bytes,
        CodeSha256=configuration.code_sha256 or None,
        Description=configuration.description,
        Timeout=int(configuration.timeout),
        MemorySize=configuration.memory_mb,
        LastModified=f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{changed.microsecond // 1000:03d}+0000",
        Version="$LATEST",
        Environment={"Variables": configuration.environment},
        State="Active",
        LastUpdateStatus="Successful",
        PackageType="Zip",
        LoggingConfig={"LogFormat": "Text", "LogGroup": names.log_group(name)},
    )


def _check_payload(payload: bytes, most: int) -> None:
    if len(payload) > most:
        raise refused(
            "RequestTooLargeException",
            f"Request must be smaller than {most} bytes for the InvokeFunction operation",
            status=413,
        )
    try:
        msgspec.json.decode(payload)
    except msgspec.DecodeError as broken:
        raise refused(
            "InvalidRequestContentException", f"Could not parse request body into json: {broken}"
        ) from broken


def _check_environment(variables: dict[str, str]) -> None:
    for name in variables:
        if not _VARIABLE.match(name):
            raise _invalid(
                f"environment variable {name!r}: letters, digits and _, a letter first, two at least"
            )
    if len(msgspec.json.encode(variables)) > limits.FUNCTION_ENVIRONMENT_BYTES:
        raise _invalid(
            "Lambda was unable to configure your environment variables because the environment variables"
            " you have provided exceeded the 4KB limit."
        )


def _invalid(detail: str) -> CallerError:
    return refused("InvalidParameterValueException", detail)

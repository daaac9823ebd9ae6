"""From bytes to a call and back, by AWS's own models: json 1.0 and 1.1, rest-json.

botocore's client-side parsers and serialisers work backwards. The members used are private,
so botocore is pinned and tests/contracts/test_aws_wire.py tells when an upgrade moves them.
"""

import uuid
from functools import cache
from html import escape
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from lamppost.errors import CallerError
from lamppost.local.aws import models
from lamppost.local.aws.calls import Answer, Call, Given, refused
from lamppost.local.aws.shapes import check
from lamppost.local.http import Request, Response

# SQS's codes from the time of its query protocol, which its clients still show.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_OLD_SQS = "AWS.SimpleQueueService."
_OLD_SQS_CODES = {
    "QueueDoesNotExist": f"{_OLD_SQS}NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "BatchEntryIdsNotDistinct": f"{_OLD_SQS}BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": f"{_OLD_SQS}BatchRequestTooLong",
    "EmptyBatchRequest": f"{_OLD_SQS}EmptyBatchRequest",
    "InvalidBatchEntryId": f"{_OLD_SQS}InvalidBatchEntryId",
    "MessageNotInflight": f"{_OLD_SQS}MessageNotInflight",
    "TooManyEntriesInBatchRequest": f"{_OLD_SQS}TooManyEntriesInBatchRequest",
    "UnsupportedOperation": f"{_OLD_SQS}UnsupportedOperation",
}
# CloudWatch's likewise.
_OLD_CLOUDWATCH_CODES = {
    "InvalidParameterCombinationException": "InvalidParameterCombination",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
}
# Services whose clients want a refusal's old code too, by what stands before the dot in `x-amz-target`.
_OLD_CODES = {
    "AmazonSQS": _OLD_SQS_CODES,
    "GraniteServiceVersion20100801": _OLD_CLOUDWATCH_CODES,
}


def decode(request: Request, host: str) -> Call:
    """The call in `request`. Raises `CallerError` for what is not one, or not one AWS would take."""
    target = request.headers.get("x-amz-target")
    if target is not None:
        prefix, _, operation = target.partition(".")
        service = models.TARGETS.get(prefix)
        if service is None:
            raise refused("UnknownOperationException", f"no service here answers to {prefix!r}")
        return _decode_json(request, service, operation, host)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise _old_query(request)
    return _decode_rest(request, host)


def protocol_of(request: Request) -> str:
    """The protocol `request` speaks, so that even a refusal is understood: json, query or rest."""
    if "x-amz-target" in request.headers:
        return "json"
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return "rest"


def encode(call: Call, answer: Answer) -> Response:
    """`answer`, shaped as in AWS's model, as the operation's response."""
    shape = models.operation(call.service, call.operation).output_shape
    metadata = models.service(call.service).metadata
    if metadata["protocol"] == "rest-json":
        return _encode_rest(call, answer, shape)
    headers = _headers(f"application/x-amz-json-{metadata['jsonVersion']}")
    return Response(200, headers, msgspec.json.encode(_serialised(answer, shape)))


def encode_error(request: Request, error: CallerError) -> Response:
    """A refusal in the shape that this request's protocol gives it."""
    protocol = protocol_of(request)
    if protocol == "query":
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.what)}</Message></Error></ErrorResponse>"
        )
        return Response(error.status, _headers("text/xml"), body.encode())
    if protocol == "rest":
        headers = {**_headers("application/json"), "x-amzn-errortype": error.code}
        fault = "User" if error.status < 500 else "Service"
        return Response(
            error.status,
            headers,
            msgspec.json.encode({"Type": fault, "Message": error.what, "message": error.what}),
        )
    headers = _headers("application/x-amz-json-1.1")
    old = _OLD_CODES.get(request.headers["x-amz-target"].partition(".")[0])
    if old is not None:
        headers = _headers("application/x-amz-json-1.0")
        fault = "Sender" if error.status < 500 else "Receiver"
        headers["x-amzn-query-error"] = f"{old.get(error.code, error.code)};{fault}"
    return Response(error.status, headers, msgspec.json.encode({"__type": error.code, "message": error.what}))


def _decode_json(request: Request, service: str, operation: str, host: str) -> Call:
    model = _model(service, operation)
    try:
        raw = msgspec.json.decode(request.body or b"{}")
    except msgspec.DecodeError as broken:
        raise refused("SerializationException", f"the body is not JSON: {broken}") from broken
    check(service, model.input_shape, raw)
    return Call(service, operation, _parsed(raw, model.input_shape), host)


def _decode_rest(request: Request, host: str) -> Call:
    for method, pattern, operation in models.routes("lambda"):
        match = pattern.fullmatch(request.path) if method == request.method else None
        if match is not None:
            shape = _model("lambda", operation).input_shape
            raw = {} if shape is None else _rest_members(request, shape, match.groupdict())
            check("lambda", shape, raw)
            return Call("lambda", operation, raw if shape is None else _parsed_rest(raw, shape), host)
    raise refused(
        "UnknownOperationException",
        f"{request.method} {request.path} is no call of the services here ({', '.join(models.VERSIONS)})",
        status=404,
    )


def _rest_members(request: Request, shape: Any, labels: dict[str, str]) -> Given:
    """The input's members from path, query, headers and body; the body's blob payload stays bytes."""
    query = parse_qs(request.query, keep_blank_values=True)
    payload = shape.serialization.get("payload")
    given: Given = {}
    if payload is None and request.body:
        try:
            body = msgspec.json.decode(request.body)
        except msgspec.DecodeError as broken:
            raise refused("InvalidRequestContentException", f"the body is not JSON: {broken}") from broken
        if not isinstance(body, dict):
            raise refused("InvalidRequestContentException", "the body is not a JSON object")
        given.update(body)
    for member, kind in shape.members.items():
        location = kind.serialization.get("location")
        wire_name = kind.serialization.get("name", member)
        if location == "uri":
            given[member] = unquote(labels[wire_name])
        elif location == "querystring" and wire_name in query:
            given[member] = _plain(kind, query[wire_name][-1])
        elif location == "header" and wire_name.lower() in request.headers:
            given[member] = _plain(kind, request.headers[wire_name.lower()])
        elif member == payload:
            given[member] = request.body
    return given


def _plain(shape: Any, text: str) -> Any:
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError as wrong:
            raise refused("SerializationException", f"{text!r} is not a whole number") from wrong
    return text == "true" if shape.type_name == "boolean" else text


def _parsed_rest(raw: Given, shape: Any) -> Given:
    payload = shape.serialization.get("payload")
    named = {member: kind.serialization.get("name", member) for member, kind in shape.members.items()}
    body = {named[member]: value for member, value in raw.items() if member in named and member != payload}
    parsed = _parsed(body, shape)
    if payload in raw:
        parsed[payload] = raw[payload]
    return parsed


def _encode_rest(call: Call, answer: Answer, shape: Any) -> Response:
    model = models.operation(call.service, call.operation)
    headers = _headers("application/json")
    status = model.http.get("responseCode", 200)
    payload = shape.serialization.get("payload") if shape else None
    rest: Answer = {}
    for member, value in answer.items():
        serialization = shape.members[member].serialization
        location = serialization.get("location")
        if location == "statusCode":
            status = value
        elif location == "header":
            headers[serialization["name"]] = str(value)
        else:
            rest[member] = value
    if payload is not None:
        return Response(status, headers, rest.get(payload, b""))
    return Response(status, headers, msgspec.json.encode(_serialised(rest, shape)))


def _model(service: str, operation: str) -> Any:
    try:
        return models.operation(service, operation)
    except KeyError as unknown:
        raise refused("UnknownOperationException", f"{service} has no operation {operation!r}") from unknown


def _parsed(raw: Given, shape: Any) -> Given:
    parsed: Given = _parser()._parse_shape(shape, raw) if shape is not None else {}
    return parsed


def _serialised(answer: Answer, shape: Any) -> Answer:
    out: Answer = {}
    if shape is not None:
        _serializer()._serialize(out, answer, shape)
    return out


@cache
def _parser() -> Any:
    from botocore.parsers import JSONParser

    return JSONParser()


@cache
def _serializer() -> Any:
    from botocore.serialize import JSONSerializer

    return JSONSerializer()


def _headers(content_type: str) -> dict[str, str]:
    return {"content-type": content_type, "x-amzn-requestid": str(uuid.uuid4())}


def _old_query(request: Request) -> CallerError:
    action = parse_qs(request.body.decode("utf-8", "replace")).get("Action", ["?"])[0]
    return refused(
        "UnsupportedProtocol",
        f"{action} came in the old query protocol, which is not served here: SQS's clients speak JSON since"
        " November 2023 (AWS CLI 2.15, boto3 1.28.82), CloudWatch's do at the latest in AWS CLI 2.38 and"
        " boto3 1.44. Use those or later ones.",
    )

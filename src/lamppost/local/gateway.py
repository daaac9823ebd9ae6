"""The HTTP APIs on one port: each under its own first path segment, as behind an API mapping.

A request becomes the event API Gateway would send (HTTP API, payload 2.0), the function's
answer becomes the response; what API Gateway refuses is refused here with its words.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import asyncio
import base64
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from lamppost.declare import limits, names
from lamppost.derive.manifest import Manifest, ServiceEntry
from lamppost.errors import CallerError
from lamppost.local import authorizers, cors
from lamppost.local.authorizers import Authorizers
from lamppost.local.functions.spec import Result
from lamppost.local.http_messages import TOKEN, Handler, Limits, Request, Response, problem
from lamppost.local.routes import Match, Routes
from lamppost.local.traces import Traces
from lamppost.observe import trace

HTTP_LIMITS = Limits(head=limits.HTTP_HEAD_BYTES, body=limits.HTTP_BODY_BYTES)

Invoke = Callable[[str, bytes], Awaitable[Result]]
INVOCATION = "x-lamppost-request"
RETRY_AFTER = "2"

_JSON = {"content-type": "application/json"}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# What frames an answer is this server's to say, never a function's.
_OURS = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


class Gateway:
    """Routes requests to functions, and the rest to the apps mounted beside them."""

    def __init__(self, invoke: Invoke, doors: Authorizers, traces: Traces | None = None) -> None:
        self._invoke = invoke
        self._doors = doors
        self._traces = traces or Traces()
        self._apis: dict[str, tuple[ServiceEntry, Routes]] = {}
        self._apps: dict[str, Handler] = {}

    def describe(self, manifest: Manifest) -> None:
        """Serve the APIs of `manifest` from the next request on."""
        self._doors.describe(manifest)
        self._apis = {
            service.name: (service, Routes(service))
            for service in manifest.services
            if any(function.routes for function in service.functions)
        }

    def mount(self, segment: str, app: Handler) -> None:
        """Let `app` answer below `/segment`; the empty segment is `/`."""
        self._apps[segment] = app

    @property
    def apis(self) -> list[str]:
        """The names of the APIs: their first path segments."""
        return list(self._apis)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if not _is_text(request.path):
            return problem(400, "malformed_path", "Bad Request", "the path is not percent-encoded UTF-8")
        if request.path.startswith("//"):
            return _not_found("no API has an empty first path segment")
        segment, slash, rest = request.path.removeprefix("/").partition("/")
        api = self._apis.get(segment)
        app = self._apps.get(segment)
        if api is None and app is not None:
            refusal = _stranger(request)
            return await app(request) if refusal is None else refusal
        if api is None:
            return _not_found("no API has this first path segment")
        service, routes = api
        preflight = cors.preflight(service.cors, request)
        if preflight is not None:
            return preflight
        path = slash + rest or "/"
        match = routes.find(request.method, path)
        if match is None:
            return cors.dress(service.cors, request, _not_found("no route answers this method and path"))
        came_from = trace.of_headers(request.headers)
        name = f"{request.method} /{service.name}{match.route.path}"
        with self._traces.work(name, "request", came_from) as seen:
            # Of the trace's header API Gateway tells a function the root alone.
            request.headers["x-amzn-trace-id"] = f"Root={trace.xray_id(seen.place.trace_id)}"
            answered = await self._call(service, match, request, path)
            seen.fields["status"] = answered.status
            seen.error = str(answered.status) if answered.status >= 500 else ""
        return cors.dress(service.cors, request, answered)

    async def _call(self, service: ServiceEntry, match: Match, request: Request, path: str) -> Response:
        request_id = str(uuid.uuid4())
        event = _event(service, match, request, path, request_id)
        try:
            admitted = await self._doors.admit(service.name, match.route, event)
        except CallerError as stranger:
            answered = authorizers.refusal(stranger, match.route, request_id)
            answered.headers["apigw-requestid"] = request_id
            return answered
        if admitted is not None:
            event["requestContext"]["authorizer"] = admitted
        payload = msgspec.json.encode(event)
        if len(payload) > limits.INVOKE_SYNC_BYTES:
            detail = f"a function takes events of {limits.INVOKE_SYNC_BYTES} bytes, headers and body together"
            answered = problem(413, "body_too_large", "Request Too Long", detail, request_id=request_id)
        else:
            named = service.function(match.function).named
            invocation = self._invoke(names.physical(named, names.LOCAL_ENV), payload)
            answered = await self._within(invocation, request_id)
        answered.headers["apigw-requestid"] = request_id
        return answered

    async def _within(self, invocation: Awaitable[Result], request_id: str) -> Response:
        try:
            async with asyncio.timeout(limits.HTTP_TIMEOUT.total_seconds()):
                result = await invocation
        except TimeoutError:
            return _later(503, "timeout", "Service Unavailable", request_id)
        if result.throttled:
            return _later(429, "throttled", "Too Many Requests", request_id)
        answered = _response(result, request_id)
        # Not API Gateway's: it finds what the function said, whose lines have an id of their own.
        answered.headers[INVOCATION] = result.request_id
        return answered


def _is_text(path: str) -> bool:
    """Whether every escape in `path` is one, and all of them together are UTF-8."""
    if "%" not in path:
        return True
    if _BAD_ESCAPE.search(path):
        return False
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _stranger(request: Request) -> Response | None:
    """The refusal of a page elsewhere that reaches for what is this machine's own; None for a neighbour.

    Such a page may point its own name at 127.0.0.1 (DNS rebinding: the Host tells), or post
    across origins without reading the answer (the Origin tells).
    """
    if not _is_loopback(f"//{request.headers.get('host', '')}"):
        return problem(403, "foreign_host", "Forbidden", "ask for it by a loopback name")
    origin = request.headers.get("origin")
    if request.method not in _SAFE_METHODS and origin is not None and not _is_loopback(origin):
        return problem(403, "foreign_origin", "Forbidden", "another site may not change anything here")
    return None


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def _later(status: int, code: str, message: str, request_id: str) -> Response:
    answered = problem(status, code, message, request_id=request_id)
    answered.headers["retry-after"] = RETRY_AFTER
    return answered


def _not_found(detail: str) -> Response:
    return problem(404, "route_not_found", "Not Found", detail)


def _event(
    service: ServiceEntry, match: Match, request: Request, path: str, request_id: str
) -> dict[str, Any]:
    now = time.time()
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": names.LOCAL_ACCOUNT,
            "apiId": service.name,
            "domainName": request.headers.get("host", ""),
            "domainPrefix": service.name,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.peer,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": match.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if "cookie" in request.headers:
        event["cookies"] = [cookie.strip() for cookie in request.headers["cookie"].split(";")]
    if match.parameters:
        event["pathParameters"] = match.parameters
    if request.query:
        event["queryStringParameters"] = _joined(request.query)
    if request.body:
        _put_body(event, request.body)
    return event


def _joined(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _put_body(event: dict[str, Any], body: bytes) -> None:
    try:
        event["body"] = body.decode()
    except UnicodeDecodeError:
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True


class _Answer(msgspec.Struct):
    """A function's answer in payload 2.0."""

    status: int = msgspec.field(name="statusCode")
    headers: dict[str, str | int | float | bool] | None = None
    body: str | None = None
    base64: bool = msgspec.field(name="isBase64Encoded", default=False)
    cookies: list[str] | None = None


def _response(result: Result, request_id: str) -> Response:
    """The function's answer on the wire; what is not an answer is a 500 without a word, as on AWS."""
    try:
        answer = _answer(result)
        body = answer.body or ""
        raw = base64.b64decode(body, validate=True) if answer.base64 else body.encode()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return problem(500, "internal_error", "Internal Server Error", request_id=request_id)
    headers = {name.lower(): _text(value) for name, value in (answer.headers or {}).items()}
    headers = {name: value for name, value in headers.items() if name not in _OURS}
    return Response(answer.status, headers or dict(_JSON), raw, tuple(answer.cookies or ()))


def _answer(result: Result) -> _Answer:
    """Raises `ValueError` for what is none."""
    if result.error is not None:
        raise ValueError(result.error)
    given = msgspec.json.decode(result.payload)
    if not isinstance(given, dict) or "statusCode" not in given:
        # API Gateway takes any other value for the body of a 200.
        return _Answer(200, body=msgspec.json.encode(given).decode())
    answer = msgspec.convert(given, _Answer, strict=False)
    if not 200 <= answer.status <= 599 or not all(map(TOKEN.fullmatch, answer.headers or ())):
        raise ValueError("no status, or no header")
    return answer


def _text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

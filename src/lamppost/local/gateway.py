"""The HTTP APIs on one port: each under its own first path segment, as behind an API mapping.

A request becomes the event API Gateway would send (HTTP API, payload 2.0), the function's
answer becomes the response; what API Gateway refuses is refused here with its words.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import asyncio
import base64
import time
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import msgspec

from lamppost.declare import limits, names
from lamppost.derive.manifest import Manifest, ServiceEntry
from lamppost.local.functions.spec import Result
from lamppost.local.http import Handler, Limits, Request, Response
from lamppost.local.routes import Match, Routes

HTTP_LIMITS = Limits(head=limits.HTTP_HEAD_BYTES, body=limits.HTTP_BODY_BYTES)

Invoke = Callable[[str, bytes], Awaitable[Result]]

_JSON = {"content-type": "application/json"}


class Gateway:
    """Routes requests to functions, and the rest to the apps mounted beside them."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        self._apis: dict[str, tuple[ServiceEntry, Routes]] = {}
        self._apps: dict[str, Handler] = {}

    def describe(self, manifest: Manifest) -> None:
        """Serve the APIs of `manifest` from the next request on."""
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
        segment, slash, rest = request.path.lstrip("/").partition("/")
        if request.path.startswith("//"):
            return _say(404, "Not Found")
        app = self._apps.get(segment)
        if app is not None:
            # A page elsewhere may point its own name at this machine (DNS rebinding).
            return await app(request) if _is_loopback(request) else _say(403, "Forbidden")
        api = self._apis.get(segment)
        if api is None:
            return _say(404, "Not Found")
        service, routes = api
        match = routes.find(request.method, slash + rest or "/")
        if match is None:
            return _say(404, "Not Found")
        return await self._call(service, match, request, slash + rest or "/")

    async def _call(self, service: ServiceEntry, match: Match, request: Request, path: str) -> Response:
        event = _event(service, match, request, path)
        named = service.function(match.function).named
        invocation = self._invoke(names.physical(named, names.LOCAL_ENV), msgspec.json.encode(event))
        try:
            async with asyncio.timeout(limits.HTTP_TIMEOUT.total_seconds()):
                result = await invocation
        except TimeoutError:
            return _say(503, "Service Unavailable")
        if result.throttled:
            return _say(429, "Too Many Requests")
        return _response(result)


def _is_loopback(request: Request) -> bool:
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return host in ("127.0.0.1", "localhost", "[::1]")


def _event(service: ServiceEntry, match: Match, request: Request, path: str) -> dict[str, object]:
    now = time.time()
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    event: dict[str, object] = {
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
            "requestId": str(uuid.uuid4()),
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


def _put_body(event: dict[str, object], body: bytes) -> None:
    try:
        event["body"] = body.decode()
    except UnicodeDecodeError:
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True


def _response(result: Result) -> Response:
    """The function's answer on the wire; what is not an answer is a 500 without a word, as on AWS."""
    if result.error is not None:
        return _say(500, "Internal Server Error")
    try:
        answer = msgspec.json.decode(result.payload)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            return Response(200, dict(_JSON), msgspec.json.encode(answer))
        body = str(answer.get("body") or "")
        raw = (
            base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
        )
        headers = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        headers.pop("content-length", None)
        return Response(
            int(answer["statusCode"]),
            headers or dict(_JSON),
            raw,
            tuple(map(str, answer.get("cookies") or ())),
        )
    except (msgspec.DecodeError, ValueError, TypeError):
        return _say(500, "Internal Server Error")


def _say(status: int, message: str) -> Response:
    return Response(status, dict(_JSON), msgspec.json.encode({"message": message}))

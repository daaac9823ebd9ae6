"""Every refusal a route can give: the gateway's, the runtime's, and its handler's own.

One list for the documents that promise them and for the check that nothing else is given.
"""

from typing import Literal

import msgspec

from lamppost.derive.manifest import FunctionEntry, RouteEntry, ServiceEntry

By = Literal["gateway", "runtime", "handler"]

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE", "ANY"})


class Refusal(msgspec.Struct, frozen=True):
    """A status, its stable code, what it means, and who gives it."""

    status: int
    code: str
    about: str
    by: By = "runtime"

    @property
    def key(self) -> str:
        """As routes declare it: `404 USER_NOT_FOUND`."""
        return f"{self.status} {self.code}"


_ALWAYS = (
    Refusal(400, "malformed_request", "this is not HTTP as it should be", "gateway"),
    Refusal(400, "malformed_path", "the path is not percent-encoded UTF-8", "gateway"),
    Refusal(429, "throttled", "too many calls at this moment, of all callers together", "gateway"),
    Refusal(431, "head_too_large", "request line and headers are too long", "gateway"),
    Refusal(500, "internal_error", "our mistake; the requestId finds it in the log"),
    Refusal(500, "answer_too_large", "the answer is larger than a function can give"),
    Refusal(503, "not_ready", "the service waits for its operator"),
    Refusal(503, "timeout", "it took too long and was given up"),
)
_DATABASE = (Refusal(503, "database_unavailable", "the database does not answer"),)
_GUARDED = (
    Refusal(401, "unauthenticated", "an access token is missing", "gateway"),
    Refusal(401, "invalid_token", "the access token is not one for this API", "gateway"),
    Refusal(401, "token_expired", "the access token has expired", "gateway"),
)
_SCOPES = (Refusal(403, "insufficient_scope", "the token lacks a scope this route asks for", "gateway"),)
_JUDGED = (
    Refusal(403, "forbidden", "the authorizer does not let this caller in", "gateway"),
    Refusal(500, "authorizer_failed", "the authorizer of this API does not work", "gateway"),
)
_PATH = (Refusal(404, "route_not_found", "nothing answers at this path", "gateway"),)
_READ_PATH = (Refusal(404, "not_found", "no such thing can exist: the path holds no possible id"),)
_BYTES = (
    Refusal(400, "invalid_base64", "the body is marked as base64 and is not"),
    Refusal(408, "request_timeout", "the request did not arrive in time", "gateway"),
    Refusal(413, "body_too_large", "the body is too large", "gateway"),
)
_BODY = (
    *_BYTES,
    Refusal(400, "invalid_json", "the body is missing, or is not JSON"),
    Refusal(400, "invalid_utf8", "the body is not UTF-8"),
    Refusal(400, "too_deep", "the body nests too deep"),
    Refusal(400, "duplicate_key", "a name stands twice in one object"),
    Refusal(415, "unsupported_media_type", "the body is not sent as application/json in UTF-8"),
    Refusal(415, "unsupported_encoding", "the body is compressed"),
    Refusal(422, "unknown_field", "a field that nobody knows"),
)
_INPUT = (
    Refusal(422, "required", "something that must be given is not"),
    Refusal(422, "wrong_type", "a value has another type"),
    Refusal(422, "invalid_value", "a value is outside what is allowed"),
    Refusal(422, "invalid_text", "a text holds what is not a character"),
)
_QUERY = (Refusal(422, "repeated", "a query parameter stands twice"),)
_KEYED = (
    Refusal(400, "idempotency_key_invalid", "the Idempotency-Key is no key"),
    Refusal(409, "idempotency_in_progress", "the first request with this key is still being worked on"),
    Refusal(422, "idempotency_key_reused", "the key came with another request before"),
    Refusal(500, "idempotency_answer_too_large", "the answer is too large to be kept under a key"),
)
_KEY_REQUIRED = (Refusal(400, "idempotency_key_missing", "an Idempotency-Key is missing"),)
_RATE = (Refusal(429, "rate_limited", "this caller called too often"),)
_TENANT = (
    Refusal(400, "tenant_required", "the caller belongs to several tenants and named none"),
    Refusal(403, "no_membership", "the caller belongs to no tenant"),
    Refusal(403, "role_required", "the caller's role does not allow this"),
    Refusal(404, "tenant_not_found", "there is no such tenant for this caller"),
)
# What handlers cause by asking the platform: `ctx.caller`, `caller.require`, the end of their time.
_ASKED = frozenset(
    {
        "400 invalid_base64",
        "401 unauthenticated",
        "403 insufficient_scope",
        "503 database_unavailable",
        "503 timeout",
    }
)


def of(
    service: ServiceEntry, function: FunctionEntry, route: RouteEntry, takes: frozenset[str], *, shut: bool
) -> tuple[Refusal, ...]:
    """Every refusal of `route`, each once, in the order of their statuses.

    `takes` names where its handler reads from: body, bytes, query, header, path, and `typed path` for ids
    that are no text.
    `shut` says that strangers are kept out.
    """
    found = [*_ALWAYS]
    found += _DATABASE if function.database else ()
    if shut and not route.public:
        found += _GUARDED + (_SCOPES if route.scopes else ())
        found += _JUDGED if service.authorizer and service.authorizer.function else ()
    found += _PATH if "path" in takes else ()
    found += _READ_PATH if "typed path" in takes else ()
    found += _BODY if "body" in takes else ()
    found += _BYTES if "bytes" in takes else ()
    found += _INPUT if takes & {"body", "query", "header"} else ()
    found += _QUERY if "query" in takes else ()
    if function.database and route.method in MUTATING:
        found += _KEYED + (_KEY_REQUIRED if route.key_required else ())
    found += _RATE if route.rate else ()
    found += _TENANT if service.tenants else ()
    found += (_declared(each) for each in route.refuses or ())
    once = {refusal.key: refusal for refusal in reversed(found)}
    return tuple(sorted(once.values(), key=lambda refusal: (refusal.status, refusal.by, refusal.code)))


def allowed(service: ServiceEntry, route: RouteEntry) -> frozenset[str]:
    """What the handler of a route that states its refusals may raise, `404 USER_NOT_FOUND`."""
    return _ASKED | {each.key for each in _TENANT if service.tenants} | set(route.refuses or ())


def _declared(key: str) -> Refusal:
    status, _, code = key.partition(" ")
    return Refusal(int(status), code, code.replace("_", " ").lower(), "handler")

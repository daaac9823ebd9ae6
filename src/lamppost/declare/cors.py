"""Which pages of other origins may call an API from a browser."""

import re
from datetime import timedelta

import msgspec

from lamppost.declare.durations import hours
from lamppost.errors import AuthorError

# What API Gateway takes for allowOrigins besides exact origins.
ANY_ORIGIN = ("*", "https://*", "http://*")
MAX_AGE = hours(24)
USUAL_HEADERS = ("authorization", "content-type", "idempotency-key")

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9{}][A-Za-z0-9.{}-]*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    """CORS of a service's API, answered by the gateway and never by a handler.

    `origins` are exact, `https://app.example`; `{env}` in one becomes the stage's name. `local` ones are
    added on one machine only. Without `methods` it is every method that a route has; what
    handlers read by `Header(...)` is added to `headers`. `expose` names the
    answer's headers a page may read, `max_age` how long a browser may remember a preflight.
    `credentials` lets cookies along: then nothing may be `*`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = USUAL_HEADERS
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: timedelta = hours(1)
    local: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origins:
            raise AuthorError("Cors() names no origin", fix="leave cors= out, or name who may call")
        for origin in (*self.origins, *self.local):
            if origin not in ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
                raise AuthorError(
                    f"CORS lets in {origin!r}, which is not an origin",
                    fix='write scheme, host and port as browsers do, with no path: "https://app.example"',
                )
        for name in (*self.methods, *self.headers, *self.expose):
            if not _TOKEN.fullmatch(name):
                raise AuthorError(f"CORS names {name!r}", fix="name methods and headers, each by itself")
        lists = (*self.origins, *self.local, *self.methods, *self.headers, *self.expose)
        if self.credentials and any(name in (*ANY_ORIGIN, "*") for name in lists):
            raise AuthorError(
                "CORS lets cookies of every page in: credentials=True and *",
                fix="name each origin, method and header, or leave credentials= out",
                code="cors_open_to_all",
            )
        if not timedelta(0) <= self.max_age <= MAX_AGE:
            raise AuthorError(
                f"browsers may remember a preflight for {self.max_age}; API Gateway allows 0 to 24 hours",
                fix="change max_age=",
            )

"""Which pages may call a stage's APIs: those that services declare, and those of the stage's own site."""

from lamppost.cloud.domain import site_host
from lamppost.cloud.site import Site
from lamppost.declare.cors import USUAL_HEADERS
from lamppost.derive.manifest import CorsEntry, ServiceEntry

EVERY = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
# How many calls are left, when to come again, and what to tell whoever looks for the trace.
TOLD = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after", "x-trace-id")
MAX_AGE = 3600


def pages(site: Site) -> tuple[str, ...]:
    """Origins of the stage's own pages. CloudFront's name for them is unknown before it stands."""
    edge = site.stage.settings.edge
    if edge is None:
        return ()
    host = site_host(site)
    return (*((f"https://{host}",) if host else ()), *edge.pages)


def cors(site: Site, service: ServiceEntry) -> CorsEntry | None:
    """What the service declares, opened to the stage's pages; without a declaration, to them alone."""
    own = pages(site)
    declared = service.cors
    if declared is None:
        return _usual(service, own) if own else None
    origins = tuple(origin.replace("{env}", site.env) for origin in declared.origins)
    return CorsEntry(
        origins=tuple(dict.fromkeys((*origins, *own))),
        methods=declared.methods,
        headers=declared.headers,
        expose=declared.expose,
        credentials=declared.credentials,
        max_age=declared.max_age,
        local=(),
    )


def _usual(service: ServiceEntry, origins: tuple[str, ...]) -> CorsEntry:
    offered = {route.method for function in service.functions for route in function.routes}
    if "GET" in offered:
        offered.add("HEAD")
    methods = EVERY if "ANY" in offered else tuple(sorted(offered))
    return CorsEntry(
        origins=origins,
        methods=methods,
        headers=USUAL_HEADERS,
        expose=TOLD,
        credentials=False,
        max_age=MAX_AGE,
        local=(),
    )

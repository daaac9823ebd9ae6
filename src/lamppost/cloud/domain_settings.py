"""A stage's own host names, as `infra/stages.toml` gives them: whole, or refused."""

import re
from collections.abc import Iterator

import msgspec

# Where CloudFront looks for certificates, whatever the stage's region.
EDGE_REGION = "us-east-1"

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_ZONE_ID = re.compile(r"Z[A-Z0-9]{5,31}")
_CERTIFICATE = re.compile(r"arn:aws:acm:([a-z0-9-]+):([0-9]{12}):certificate/[0-9a-f-]{36}")


class Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A hosted zone of Route 53, and the names in it that a stage answers to. `{env}` becomes the stage's.

    `apis` is one host for every HTTP API, each below its service's name, as on one machine:
    `https://api.example.com/birthday/user`. `site` is the edge's. Each has the ARN of a certificate that is
    issued already: `certificate` in the stage's region, `site_certificate` in us-east-1.
    """

    zone: str
    zone_id: str
    apis: str | None = None
    certificate: str | None = None
    site: str | None = None
    site_certificate: str | None = None


def mistakes(
    domain: Domain | None, *, region: str, account: str | None, edge: bool, shared: bool
) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to write instead. A `shared` stage stands for many: names must tell them apart.

    Certificates of another account than the stage's are refused, where the stage names one.
    """
    if domain is None:
        return
    if not _HOST.fullmatch(domain.zone):
        yield f"domain zone {domain.zone!r}", 'name the hosted zone: "example.com"'
    if not _ZONE_ID.fullmatch(domain.zone_id):
        yield f"domain zone_id {domain.zone_id!r}", "give the hosted zone's id: it begins with Z"
    pairs = (
        ("apis", domain.apis, "certificate", domain.certificate, region),
        ("site", domain.site, "site_certificate", domain.site_certificate, EDGE_REGION),
    )
    if not any(part for _, host, _, certificate, _ in pairs for part in (host, certificate)):
        yield "a domain without a host", "give it apis, site or both"
    if domain.site and not edge:
        yield "a domain for a site, and no edge", "give the stage edge = {}, or leave site out"
    if domain.apis and domain.apis == domain.site:
        yield "one host for APIs and site", "give each its own: api.example.com, www.example.com"
    for key, host, certified, certificate, where in pairs:
        if (host is None) != (certificate is None):
            yield f"half a domain: {key} and {certified} go together", f"give both {key} and {certified}"
            continue
        if host is None or certificate is None:
            continue
        if shared and "{env}" not in host:
            yield f"domain {key} {host!r} for many stages at once", "put {env} into it"
        plain = host.replace("{env}", "pr-1")
        if not _HOST.fullmatch(plain) or not f".{plain}".endswith(f".{domain.zone}"):
            yield f"domain {key} {host!r}", f'name a host in the zone: "api.{domain.zone}"'
        found = _CERTIFICATE.fullmatch(certificate)
        if found is None or found[1] != where:
            yield f"domain {certified} {certificate!r}", f"give the ARN of a certificate in {where}"
        elif account and found[2] != account:
            yield f"domain {certified} of account {found[2]}", f"give one of the stage's own: {account}"

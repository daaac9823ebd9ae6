"""What a stage may say of its edge: CloudFront before the files of a web page."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

_ACL = re.compile(r"arn:aws:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_-]{1,128}/[0-9a-f-]{36}")
_PAGE = re.compile(r"https://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?|http://localhost(?::[0-9]{1,5})?")


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The edge of a stage.

    `logs` keeps CloudFront's in a bucket, `waf` is the ARN of a web ACL for CloudFront (those stand in
    us-east-1, whatever the stage's region), `reach` says which of CloudFront's places serve. `pages` are
    further origins whose pages may call the stage's APIs, such as CloudFront's own name for the
    distribution, which nobody knows before it stands, or `http://localhost:5173`. `inline_styles` lets a
    page hold styles in itself; scripts never.
    """

    logs: bool = False
    waf: str | None = None
    reach: Literal["100", "200", "All"] = "100"
    pages: tuple[str, ...] = ()
    inline_styles: bool = False


def mistakes(edge: Edge | None) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to write instead."""
    if edge is None:
        return
    if edge.waf is not None and not _ACL.fullmatch(edge.waf):
        yield f"edge waf {edge.waf!r}", "give the ARN of a web ACL of scope CLOUDFRONT, which is in us-east-1"
    for page in edge.pages:
        if not _PAGE.fullmatch(page):
            yield f"edge page {page!r}", 'write the origin as browsers do: "https://www.example.com"'

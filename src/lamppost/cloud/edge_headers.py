"""What CloudFront says beside each file: what a browser may do with the page, and whom the page may call."""

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront

from lamppost.cloud.identity import Identity
from lamppost.cloud.site import Site
from lamppost.declare import names


def headers(
    site: Site, stack: cdk.Stack, addresses: dict[str, str], identity: Identity | None
) -> cloudfront.ResponseHeadersPolicy:
    """The policy. A page's scripts and styles are files: what stands in the page itself does not run."""
    return cloudfront.ResponseHeadersPolicy(
        stack,
        "Headers",
        response_headers_policy_name=f"{site.stage.system}-{site.env}-headers",
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy=_content(site, addresses, identity), override=True
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN,
                override=True,
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=cdk.Duration.days(365), include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(
                    header="permissions-policy",
                    value="camera=(), geolocation=(), microphone=(), payment=()",
                    override=True,
                ),
                cloudfront.ResponseCustomHeader(
                    header="cross-origin-opener-policy", value="same-origin", override=True
                ),
            ]
        ),
    )


def _content(site: Site, addresses: dict[str, str], identity: Identity | None) -> str:
    reached = dict.fromkeys(_origin(address) for address in addresses.values())
    if identity is not None:
        reached[f"https://cognito-idp.{site.region}.amazonaws.com"] = None
        if identity.login:
            reached[identity.login] = None
    # Uploads go straight to the bucket.
    for bucket in (bucket for service in site.manifest.services for bucket in service.buckets):
        if bucket.cors:
            name = names.bucket(bucket.name, site.env, account=site.account)
            reached[f"https://{name}.s3.{site.region}.amazonaws.com"] = None
    inline = " 'unsafe-inline'" if (edge := site.stage.settings.edge) and edge.inline_styles else ""
    return "; ".join(
        (
            "default-src 'self'",
            "base-uri 'self'",
            f"connect-src 'self' {' '.join(reached)}".rstrip(),
            "form-action 'self'",
            "frame-ancestors 'none'",
            "img-src 'self' data: blob:",
            "object-src 'none'",
            f"style-src 'self'{inline}",
        )
    )


def _origin(address: str) -> str:
    """The address without its path: one host may hold many APIs."""
    return "/".join(address.split("/")[:3])

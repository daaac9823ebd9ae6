"""The EdgeStack: a web page's files before CloudFront, and what the page has to know of its stage."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3

from lamppost.cloud.domain import address, record, site_host
from lamppost.cloud.edge_headers import headers
from lamppost.cloud.edge_settings import Edge
from lamppost.cloud.identity import Identity
from lamppost.cloud.site import Site, export
from lamppost.declare import names

BEFORE = Path(__file__).with_name("edge.js")
INDEX = "/index.html"
# CloudFront's own hosted zone, the same for everybody: it is where an alias leads.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-route53-aliastarget.html
ZONE = "Z2FDTNDATAQYW2"


def edge(site: Site, apis: dict[str, str], identity: Identity | None) -> cdk.Stack | None:
    """The stack, where the stage has an edge. `apis` has the id of each service's HTTP API."""
    settings = site.stage.settings.edge
    if settings is None:
        return None
    stack = site.stack(site.stage.platform("Edge"), "A web page's files, near those who read it")
    addresses = {name: address(site, name, api) for name, api in sorted(apis.items())}
    files = _bucket(site, stack, "SiteBucket", "site")
    distribution = _distribution(
        site,
        stack,
        settings,
        files,
        before=_before(site, stack, _config(site, addresses, identity)),
        policy=headers(site, stack, addresses, identity),
    )
    host = site_host(site)
    _records(site, stack, distribution, host)
    name = distribution.distribution_domain_name
    export(stack, "CdnDomain", name)
    export(stack, "DistributionId", distribution.distribution_id)
    export(stack, "SiteBucketName", files.bucket_name)
    export(stack, "SiteUrl", f"https://{host or name}")
    return stack


def _config(site: Site, addresses: dict[str, str], identity: Identity | None) -> dict[str, object]:
    """What `/config.json` says: nothing that is not public."""
    known: dict[str, object] = {"stage": site.env, "region": site.region, "API_BASE": addresses}
    if identity is not None:
        known["identity"] = {
            "issuer": identity.issuer,
            "userPoolId": identity.pool,
            "clients": identity.clients,
            **({"login": identity.login} if identity.login else {}),
        }
    return known


def _before(site: Site, stack: cdk.Stack, config: dict[str, object]) -> cloudfront.Function:
    code = BEFORE.read_text().replace("CONFIG;", f"{stack.to_json_string(config)};")
    return cloudfront.Function(
        stack,
        "Before",
        function_name=f"{site.stage.system}-{site.env}-before",
        comment="Leads a page's own paths to it, and tells it where its APIs are",
        runtime=cloudfront.FunctionRuntime.JS_2_0,
        code=cloudfront.FunctionCode.from_inline(code),
    )


def _distribution(
    site: Site,
    stack: cdk.Stack,
    settings: Edge,
    files: s3.Bucket,
    *,
    before: cloudfront.Function,
    policy: cloudfront.ResponseHeadersPolicy,
) -> cloudfront.Distribution:
    domain, host = site.stage.settings.domain, site_host(site)
    shared = {
        "origin": origins.S3BucketOrigin.with_origin_access_control(files),
        "viewer_protocol_policy": cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        "response_headers_policy": policy,
        "compress": True,
    }
    return cloudfront.Distribution(
        stack,
        "Distribution",
        comment=f"{site.stage.system} {site.env}",
        default_behavior=cloudfront.BehaviorOptions(
            **shared,
            cache_policy=_asked_again(site, stack),
            function_associations=[
                cloudfront.FunctionAssociation(
                    function=before, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
                )
            ],
        ),
        # Files whose names change with what is in them.
        additional_behaviors={
            "/assets/*": cloudfront.BehaviorOptions(
                **shared, cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED
            )
        },
        default_root_object=INDEX.strip("/"),
        # S3 says 403 of a file that is not there. The page may say so nicely, but it says 404.
        error_responses=[
            cloudfront.ErrorResponse(
                http_status=403,
                response_http_status=404,
                response_page_path=INDEX,
                ttl=cdk.Duration.seconds(10),
            )
        ],
        domain_names=[host] if host else None,
        certificate=(
            certificates.Certificate.from_certificate_arn(stack, "Certificate", str(domain.site_certificate))
            if domain and host
            else None
        ),
        # Under CloudFront's own name it is CloudFront's to say.
        minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if host else None,
        http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        price_class=cloudfront.PriceClass(f"PRICE_CLASS_{settings.reach.upper()}"),
        web_acl_id=settings.waf,
        enable_logging=settings.logs,
        log_bucket=_logs(site, stack) if settings.logs else None,
    )


def _asked_again(site: Site, stack: cdk.Stack) -> cloudfront.CachePolicy:
    """A page is asked for again each time, unless whoever put it there said how long it holds."""
    return cloudfront.CachePolicy(
        stack,
        "Pages",
        cache_policy_name=f"{site.stage.system}-{site.env}-pages",
        min_ttl=cdk.Duration.seconds(0),
        default_ttl=cdk.Duration.seconds(0),
        max_ttl=cdk.Duration.days(365),
        enable_accept_encoding_gzip=True,
        enable_accept_encoding_brotli=True,
    )


def _bucket(site: Site, stack: cdk.Stack, id: str, name: str, **more: object) -> s3.Bucket:
    kept = {"object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED, **more}
    return s3.Bucket(
        stack,
        id,
        bucket_name=names.bucket(f"{site.stage.system}-{{env}}-{name}", site.env, account=site.account),
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        removal_policy=site.kept,
        **kept,
    )


def _logs(site: Site, stack: cdk.Stack) -> s3.Bucket:
    days = cdk.Duration.days(site.stage.settings.log_days)
    return _bucket(
        site,
        stack,
        "LogBucket",
        "site-logs",
        # CloudFront writes its logs as another account, by the bucket's access list.
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
        lifecycle_rules=[s3.LifecycleRule(id="kept", expiration=days)],
    )


def _records(site: Site, stack: cdk.Stack, distribution: cloudfront.Distribution, host: str | None) -> None:
    domain = site.stage.settings.domain
    if domain is None or host is None:
        return
    for kind in ("A", "AAAA"):
        name = distribution.distribution_domain_name
        record(stack, f"SiteRecord{kind}", domain, host, target=name, zone=ZONE, kind=kind)

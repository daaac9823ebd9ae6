"""S3: objects by PUT, GET and HEAD, with links or signed requests; DELETE and lists for the operator.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html, API_GetObject.html, API_HeadObject.html
Bodies are read whole, up to the port's 64 MB; files are written and read by threads.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from lamppost.declare import names
from lamppost.derive.manifest import BucketEntry, Manifest
from lamppost.errors import CallerError, OperatorError
from lamppost.local.aliases import Aliases
from lamppost.local.aws import s3_answers, s3_bodies, s3_cors, s3_lists, s3_requests, s3_signatures
from lamppost.local.aws.access import Access
from lamppost.local.aws.calls import refused
from lamppost.local.aws.s3_requests import Asked
from lamppost.local.aws.s3_signatures import Proven
from lamppost.local.aws.s3_writing import meta_of, refuse_unserved, wanted
from lamppost.local.http import Request, Response
from lamppost.local.objects import Meta, ObjectStore, Unwanted

_DAY = timedelta(days=1).total_seconds()
_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}

Work = Callable[[Asked, BucketEntry, Proven], Awaitable[Response]]


class S3:
    """The buckets of a manifest, and their objects in `store`."""

    def __init__(self, store: ObjectStore, access: Access, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._access = access
        self._clock = clock
        self._buckets: dict[str, BucketEntry] = {}
        self._aliases = Aliases()
        self._work: dict[str, Work] = {
            "PUT": self._put, "GET": self._get, "HEAD": self._get, "DELETE": self._delete,
        }  # fmt: skip

    def describe(self, manifest: Manifest) -> None:
        """Serve the buckets of `manifest`. Objects of others stay where they are."""
        buckets = {}
        for service in manifest.services:
            for bucket in service.buckets:
                known = names.local_bucket_names(bucket.name)
                self._aliases.add(known)
                buckets[known[0]] = bucket
        self._buckets = buckets

    def tidy(self) -> None:
        """Remove what a killed system left unfinished. For the start, before anything is served."""
        for name in self._buckets:
            self._store.forget_unfinished(name)

    def expire(self) -> None:
        """Remove what is past its lifecycle, and so is missing to everybody already. Blocks."""
        for name, bucket in list(self._buckets.items()):
            self._store.expire(name, partial(self._expired, bucket))

    def concerns(self, request: Request) -> bool:
        """Whether this request is S3's to answer."""
        return s3_requests.concerns_s3(request, lambda name: self._aliases.canonical(name) in self._buckets)

    async def handler(self, request: Request) -> Response:
        """The answer to `request`; a refusal has S3's code and shape."""
        request_id = secrets.token_hex(8).upper()
        try:
            response = await self._answer(request)
        except CallerError as refusal:
            response = s3_answers.error(refusal, request, request_id)
        except OperatorError as out:
            unavailable = refused("ServiceUnavailable", out.what, status=503)
            response = s3_answers.error(unavailable, request, request_id)
        bucket = self._bucket(request)
        cors = s3_cors.headers(request, bucket) if bucket else {}
        said = {"x-amz-request-id": request_id, "server": "AmazonS3", **cors, **response.headers}
        return Response(response.status, said, response.body)

    def too_large(self, request: Request) -> Response:
        """What S3 says to a PUT of more than the port takes, whose body nobody has read."""
        refusal = refused("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        return s3_answers.error(refusal, request, secrets.token_hex(8).upper())

    def _bucket(self, request: Request) -> BucketEntry | None:
        try:
            return self._buckets.get(self._aliases.canonical(s3_requests.read(request).bucket))
        except CallerError:
            return None

    async def _answer(self, request: Request) -> Response:
        asked = s3_requests.read(request)
        if request.method == "OPTIONS":
            return s3_cors.preflight(request, self._named(asked))
        proven = s3_signatures.prove(asked, self._access, now=self._clock())
        if not asked.bucket:
            self._permit(proven, "s3:ListAllMyBuckets", "*")
            return s3_lists.buckets(sorted(self._buckets))
        bucket = self._named(asked)
        refuse_unserved(asked)
        work = self._work.get(request.method)
        if work is None:
            raise refused(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
                status=405,
            )
        if not asked.key:
            return await self._list(asked, bucket, proven)
        self._permit(proven, _ACTIONS[request.method], f"{self._arn(asked)}/{asked.key}")
        return await work(asked, bucket, proven)

    # --- objects

    async def _put(self, asked: Asked, _: BucketEntry, proven: Proven) -> Response:
        headers = asked.request.headers
        body = await asyncio.to_thread(s3_bodies.read, headers, asked.request.body, proven.payload)
        meta = meta_of(asked, body, at=int(self._clock()))
        try:
            await asyncio.to_thread(
                self._store.put, self._aliases.canonical(asked.bucket), meta, body.raw, wanted=wanted(headers)
            )
        except Unwanted as unwanted:
            raise s3_answers.precondition_failed() from unwanted
        said = s3_answers.headers(meta, with_checksums=True)
        kept = {name: said[name] for name in said if name == "etag" or name.startswith("x-amz-")}
        return Response(200, {name: kept[name] for name in kept if not name.startswith("x-amz-meta-")})

    async def _get(self, asked: Asked, bucket: BucketEntry, proven: Proven) -> Response:
        return await asyncio.to_thread(self._read, asked, bucket, proven)

    def _read(self, asked: Asked, bucket: BucketEntry, proven: Proven) -> Response:
        headers = asked.request.headers
        with self._store.opened(self._aliases.canonical(asked.bucket), asked.key) as found:
            if found is None or self._expired(bucket, found[0]):
                # To those who may not list, S3 does not tell missing from forbidden.
                self._permit(proven, "s3:ListBucket", self._arn(asked))
                raise s3_answers.missing()
            meta, file = found
            s3_answers.check_conditions(meta, headers)
            span = s3_answers.span(meta, headers.get("range"))
            first, end = span or (0, meta.size)
            whole = span is None and headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
            said = s3_answers.headers(meta, with_checksums=whole)
            said.update(s3_answers.overridden(dict(asked.query)))
            if span is not None:
                said["content-range"] = f"bytes {first}-{end - 1}/{meta.size}"
            status = 200 if span is None else 206
            if asked.request.method == "HEAD":
                return Response(status, {**said, "content-length": str(end - first)})
            file.seek(first, 1)
            return Response(status, said, file.read(end - first))

    async def _delete(self, asked: Asked, _: BucketEntry, __: Proven) -> Response:
        await asyncio.to_thread(self._store.delete, self._aliases.canonical(asked.bucket), asked.key)
        return Response(204)

    # --- buckets

    async def _list(self, asked: Asked, bucket: BucketEntry, proven: Proven) -> Response:
        self._permit(proven, "s3:ListBucket", self._arn(asked))
        if asked.request.method == "HEAD":
            return Response(200, {"x-amz-bucket-region": names.LOCAL_REGION})
        if asked.request.method != "GET":
            raise refused("NotImplemented", "Buckets are made and removed by their declaration", status=501)
        if asked.parameter("location") is not None:
            return s3_answers.xml("LocationConstraint", names.LOCAL_REGION)
        metas = await asyncio.to_thread(self._store.listed, self._aliases.canonical(asked.bucket))
        there = [meta for meta in metas if not self._expired(bucket, meta)]
        return s3_lists.objects(asked, there)

    def _named(self, asked: Asked) -> BucketEntry:
        bucket = self._buckets.get(self._aliases.canonical(asked.bucket))
        if bucket is None:
            raise refused("NoSuchBucket", "The specified bucket does not exist", status=404)
        return bucket

    def _arn(self, asked: Asked) -> str:
        return names.bucket_arn(self._aliases.canonical(asked.bucket))

    def _permit(self, proven: Proven, action: str, resource: str) -> None:
        holder = proven.holder
        if holder is not None and not holder.allows(action, resource):
            raise refused("AccessDenied", holder.refusal(action, resource), status=403)

    def _expired(self, bucket: BucketEntry, meta: Meta) -> bool:
        """Whether the lifecycle has removed it: at the midnight (UTC) after its days are over."""
        keep = bucket.answers_keep if meta.key.startswith(bucket.answers) else bucket.keep
        if keep is None:
            return False
        days_over = -(-(meta.at + keep * _DAY) // _DAY)
        return self._clock() >= days_over * _DAY

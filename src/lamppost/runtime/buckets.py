"""`ctx.bucket`: permissions for clients to bring and fetch objects, and a function's own few."""

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from lamppost.declare import limits, names
from lamppost.declare.bucket import Stored, Upload, place
from lamppost.derive.manifest import BucketEntry
from lamppost.errors import AuthorError, OperatorError
from lamppost.runtime import bucket_requests as s3
from lamppost.runtime.object_keys import check_key, check_upload, disposition
from lamppost.settings.presigning import encoded_path, presigned

_LINK = timedelta(minutes=10)
_SUM = "x-amz-checksum-sha256"
EMPTY = hashlib.sha256(b"").hexdigest()


def below(
    stores: str, declared: tuple[BucketEntry, ...], *, account: str, env: str, deletes: bool = False
) -> "LiveObjects":
    """The objects at one of a function's `stores`, a bucket or a folder in one."""
    name, prefix = place(stores)
    entry = next(bucket for bucket in declared if bucket.name == name)
    return LiveObjects(entry, s3.at(names.bucket(name, env, account=account)), prefix, deletes=deletes)


class LiveObjects:
    """What `declare.bucket.Objects` promises, kept."""

    __slots__ = ("_deletes", "_entry", "_place", "_prefix")

    def __init__(self, entry: BucketEntry, at: s3.Place, prefix: str, *, deletes: bool = False) -> None:
        self._deletes = deletes
        self._entry = entry
        self._place = at
        self._prefix = prefix

    def of(self, tenant: UUID) -> "LiveObjects":
        """One tenant's objects. Raises `AuthorError` for what is no UUID."""
        if not isinstance(tenant, UUID):
            raise AuthorError(
                f"a tenant's objects are asked for with {tenant!r}",
                fix="give the tenant's id as a UUID, such as here.member.tenant",
                code="tenant_not_uuid",
            )
        return LiveObjects(self._entry, self._place, f"{self._prefix}{tenant}/", deletes=self._deletes)

    def upload(self, key: str, *, type: str, size: int, checksum: str, expires: timedelta = _LINK) -> Upload:
        """A permission for a client to store one object. It takes no request."""
        whole = check_key(self._prefix, key)
        check_upload(type, size, checksum, types=self._entry.types, largest=self._entry.largest)
        headers = {"content-length": str(size), "content-type": type, _SUM: checksum}
        now = time.time()
        url = self._presigned("PUT", whole, asked={}, headers=headers, expires=expires, now=now)
        until = datetime.fromtimestamp(int(now) + _seconds(expires), UTC)
        return Upload(key=key, url=url, method="PUT", headers=headers, expires_at=until)

    def link(
        self, key: str, *, expires: timedelta = _LINK, filename: str | None = None, inline: bool = False
    ) -> str:
        """A link under which anybody may fetch the object. It takes no request."""
        asked = {
            "response-cache-control": "private",
            "response-content-disposition": disposition(filename, inline=inline),
        }
        whole = check_key(self._prefix, key)
        return self._presigned("GET", whole, asked=asked, headers={}, expires=expires, now=time.time())

    def head(self, key: str) -> Stored | None:
        """What S3 knows of the object; None when there is none."""
        whole = check_key(self._prefix, key)
        answer = s3.ask(self._place, "HEAD", whole, {"x-amz-checksum-mode": "ENABLED"}, payload=EMPTY)
        return None if answer.status == 404 else _stored(self._expect(answer, "HEAD"))

    def put(self, key: str, body: bytes, *, type: str) -> Stored:
        """Store an object, whole."""
        digest = hashlib.sha256(body)
        checksum = base64.b64encode(digest.digest()).decode()
        check_upload(type, len(body), checksum, types=self._entry.types, largest=self._entry.largest)
        headers = {"content-type": type, _SUM: checksum}
        self.store(check_key(self._prefix, key), body, headers, digest.hexdigest())
        return Stored(len(body), type, checksum, datetime.now(UTC))

    def get(self, key: str) -> bytes | None:
        """The object's bytes; None when there is none."""
        answer = s3.ask(self._place, "GET", check_key(self._prefix, key), {}, payload=EMPTY)
        return None if answer.status == 404 else self._expect(answer, "GET").body

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no mistake."""
        whole = check_key(self._prefix, key)
        if not self._deletes:
            raise AuthorError(
                f"an object of bucket {self._entry.name!r} is deleted where that is not declared",
                fix="name the place in the function's deletes= too: IAM would refuse",
                code="delete_undeclared",
            )
        answer = s3.ask(self._place, "DELETE", whole, {}, payload=EMPTY)
        if answer.status != 204:
            self._expect(answer, "DELETE")

    def store(self, whole: str, body: bytes, headers: dict[str, str], payload: str) -> None:
        """Store `body` under the whole key. `payload` is its SHA-256 in hex."""
        self._expect(s3.ask(self._place, "PUT", whole, headers, body, payload=payload), "PUT")

    def link_to(self, whole: str, asked: dict[str, str], expires: timedelta) -> str:
        """A link to the whole key; `asked` are S3's `response-*` parameters."""
        return self._presigned("GET", whole, asked=asked, headers={}, expires=expires, now=time.time())

    def _presigned(
        self,
        method: str,
        whole: str,
        *,
        asked: dict[str, str],
        headers: dict[str, str],
        expires: timedelta,
        now: float,
    ) -> str:
        path = self._place.path + whole
        query = presigned(
            s3.keys(),
            method=method,
            region=self._place.region,
            host=self._place.host,
            path=path,
            query=asked,
            headers=headers,
            expires=_seconds(expires),
            at=now,
        )
        return f"{self._place.root}{encoded_path(path)}?{query}"

    def _expect(self, answer: s3.Answer, method: str) -> s3.Answer:
        if answer.status == 200:
            return answer
        if answer.status == 403:
            raise OperatorError(
                f"this function may not {method} in bucket {self._place.bucket} ({s3.said(answer)})",
                fix="name the place in the function's stores=, and check its credentials and the clock",
                code="bucket_refused",
            )
        raise OperatorError(
            f"S3 answers {answer.status} about bucket {self._place.bucket}: {s3.said(answer)}",
            fix="deploy the stage that declares the bucket, or read S3's words",
            code="bucket_unreachable",
        )


def _seconds(expires: timedelta) -> int:
    if not timedelta(seconds=1) <= expires <= limits.LINK_MAX:
        raise AuthorError(
            f"a link for {expires}; links work 1 s to {limits.LINK_MAX}",
            fix="make a new link for each answer: it costs no request",
            code="link_expiry",
        )
    return int(expires.total_seconds())


def _stored(answer: s3.Answer) -> Stored:
    headers = answer.headers
    return Stored(
        size=int(headers["content-length"]),
        type=headers.get("content-type", "binary/octet-stream"),
        checksum=headers.get(_SUM),
        stored_at=parsedate_to_datetime(headers["last-modified"]),
    )

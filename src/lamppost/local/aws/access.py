"""Who calls, and whether IAM would let them.

The caller is the access key id in the request's SigV4 header. Each function has a key of its
own, and what its grants do not name is refused with AWS's words; every other key is the
operator's. Signatures are not checked: any credentials work, on a port only this machine reaches.
"""

import hashlib
import re
from collections.abc import Iterable

import msgspec

from lamppost.declare import names
from lamppost.derive.grants import Grant
from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.http import Request
from lamppost.settings.signing import Keys

_CREDENTIAL = re.compile(r"^AWS4-(?:HMAC-SHA256|ECDSA-P256-SHA256) .*?Credential=([^/,\s]+)/")
_LOOPBACK = re.compile(r"^(127\.0\.0\.1|localhost|[a-z0-9.-]+\.localhost|\[::1\])(:\d+)?$", re.IGNORECASE)


class Holder(msgspec.Struct, frozen=True):
    """A function and what it may do."""

    function: str
    grants: tuple[Grant, ...]

    def allows(self, action: str, resource: str) -> bool:
        """Whether some grant lets the function do `action` to `resource` (an ARN)."""
        return any(grant.allows(action, resource) for grant in self.grants)

    def refusal(self, action: str, resource: str) -> str:
        """What IAM says to a function without the grant."""
        user = f"arn:aws:sts::{names.LOCAL_ACCOUNT}:assumed-role/{self.function}-role/{self.function}"
        return (
            f"User: {user} is not authorized to perform: {action} on resource: {resource}"
            f" because no identity-based policy allows the {action} action"
        )


class Access:
    """The keys and session tokens of functions, and what each may do."""

    def __init__(self) -> None:
        self._keys: dict[str, Holder] = {}
        self._sessions: dict[bytes, Holder] = {}
        self._signers: dict[str, Keys] = {}

    def register(
        self,
        key_id: str,
        function: str,
        grants: tuple[Grant, ...],
        *,
        session_token: str | None = None,
        secret: str | None = None,
    ) -> None:
        """Let `key_id` (and, for the secrets extension, `session_token`) stand for `function`.

        `secret` is what its signatures are checked with, where they are.
        """
        if secret is not None:
            self._signers[key_id] = Keys(key_id, secret, session_token)
        holder = self._keys[key_id] = Holder(function, grants)
        if session_token is not None:
            self._sessions[_digest(session_token)] = holder

    def session(self, token: str) -> Holder | None:
        """The function that was given this session token."""
        return self._sessions.get(_digest(token))

    def holder(self, key_id: str) -> Holder | None:
        """The function with this access key; None for the operator's."""
        return self._keys.get(key_id)

    def keys(self, key_id: str) -> Keys | None:
        """What this access key signs with, where we gave it out."""
        return self._signers.get(key_id)

    def check(self, request: Request, service: str, needs: Iterable[tuple[str, str]]) -> None:
        """Raises `CallerError` when the caller is a function without a grant for one of `needs`."""
        holder = self._keys.get(key_id(request))
        if holder is None:
            return
        for action, resource in needs:
            if not holder.allows(action, resource):
                raise denied(service, holder.refusal(action, resource))


def _digest(token: str) -> bytes:
    # Looking up the digest tells a guesser nothing about the token by the time it takes.
    return hashlib.sha256(token.encode()).digest()


def denied(service: str, detail: str) -> CallerError:
    """AWS's refusal by IAM, with the code and status of `service`."""
    if service == "sqs":
        return refused("AccessDenied", detail, status=403)
    return refused("AccessDeniedException", detail, status=403 if service == "lambda" else 400)


def key_id(request: Request) -> str:
    """The access key id of a request. Raises `CallerError` when it has none, as AWS does.

    A web page cannot send this header to another origin without asking first, and we never
    say yes: so no page a developer happens to visit can call a function.
    """
    match = _CREDENTIAL.match(request.headers.get("authorization", ""))
    if match is None:
        raise refused(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token: sign the request; any access key works here",
            status=403,
        )
    return match.group(1)


def loopback_host(request: Request) -> str:
    """The Host of a request. Raises `CallerError` unless it names this machine (DNS rebinding)."""
    host = request.headers.get("host", "")
    if not _LOOPBACK.match(host):
        raise refused(
            "AccessDeniedException", f"this port answers to 127.0.0.1, not to {host[:100]!r}", status=403
        )
    return host

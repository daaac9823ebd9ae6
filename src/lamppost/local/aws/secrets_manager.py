"""Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/apireference/"""

import base64
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from lamppost.declare import limits, names
from lamppost.errors import CallerError
from lamppost.local.aws.calls import Answer, Call, Given, Operation, present, refused
from lamppost.local.aws.rotation import Rotation
from lamppost.local.secret_versions import CURRENT, PENDING, SecretEntry, SecretVersion
from lamppost.local.stores import EntryExists, SecretStore

_NAME = re.compile(r"^[A-Za-z0-9/_+=.@-]+$")
_RECOVERY = timedelta(days=30)


class SecretsManager:
    """Secrets Manager's operations over `SecretStore`."""

    name = "secretsmanager"

    def __init__(self, secrets: SecretStore, rotation: Rotation | None = None) -> None:
        self._secrets = secrets
        self._rotation = rotation
        self.operations: Mapping[str, Operation] = {
            "CreateSecret": self._create,
            "DeleteSecret": self._delete,
            "DescribeSecret": self._describe,
            "GetSecretValue": self._get,
            "ListSecrets": self._list,
            "PutSecretValue": self._put,
            "RestoreSecret": self._restore,
            "RotateSecret": self._rotate,
            "UpdateSecret": self._update,
            "UpdateSecretVersionStage": self._move,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """The action on the secret that the call names, without AWS's six random characters."""
        identifier = call.given.get("SecretId") or call.given.get("Name")
        yield f"secretsmanager:{call.operation}", self._plain_arn(identifier) if identifier else "*"

    def _plain_arn(self, identifier: str) -> str:
        return names.secret_arn(self._secrets.aliases.canonical(self._secrets.name_of(identifier)))

    async def _get(self, call: Call) -> Answer:
        name, entry = self._living(call)
        version = _chosen(entry, call.given)
        if version.empty:
            raise _no_value(f"VersionId: {version.id}")
        return present(
            ARN=self._secrets.arn(name),
            Name=name,
            VersionId=version.id,
            SecretString=version.text,
            SecretBinary=base64.b64decode(version.binary) if version.binary is not None else None,
            VersionStages=list(version.stages),
            CreatedDate=_moment(version.at),
        )

    async def _describe(self, call: Call) -> Answer:
        name, entry = self._known(call)
        return self._description(name, entry)

    async def _list(self, call: Call) -> Answer:
        given = call.given
        found = self._secrets.names()
        for wanted in given.get("Filters", []):
            found = [name for name in found if self._matches(name, wanted)]
        after, size = given.get("NextToken", ""), given.get("MaxResults", 100)
        left = sorted(name for name in found if name > after)
        listed = []
        for name in left[:size]:
            entry = self._secrets.find(name)
            if entry is not None and (entry.deleted_at is None or given.get("IncludePlannedDeletion")):
                description = self._description(name, entry)
                description["SecretVersionsToStages"] = description.pop("VersionIdsToStages")
                listed.append(description)
        return present(SecretList=listed, NextToken=left[size - 1] if len(left) > size else None)

    async def _create(self, call: Call) -> Answer:
        given = call.given
        name = given["Name"]
        if not _NAME.match(name) or len(name) > limits.SECRET_NAME_CHARS:
            raise refused(
                "InvalidParameterException",
                "Invalid name. Must be a valid name containing alphanumeric"
                " characters, or any of the following: -/_+=.@!",
            )
        _check_value(given)
        token = given.get("ClientRequestToken")
        known = self._secrets.find(name)
        if known is not None and token and any(version.id == token for version in known.versions):
            # The same request again, after a lost reply.
            return {"ARN": self._secrets.arn(name), "Name": name, "VersionId": token}
        try:
            version = self._secrets.create(
                name,
                given.get("SecretString"),
                binary=given.get("SecretBinary"),
                token=token,
                description=given.get("Description", ""),
            )
        except EntryExists as exists:
            raise refused(
                "ResourceExistsException", f"The operation failed because the secret {name} already exists."
            ) from exists
        return present(ARN=self._secrets.arn(name), Name=name, VersionId=version.id if version else None)

    async def _put(self, call: Call) -> Answer:
        name, _ = self._living(call)
        if not _has_value(call.given):
            raise refused("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
        version = self._write(name, call.given, tuple(call.given.get("VersionStages", (CURRENT,))))
        return {
            "ARN": self._secrets.arn(name),
            "Name": name,
            "VersionId": version.id,
            "VersionStages": list(version.stages),
        }

    async def _update(self, call: Call) -> Answer:
        name, _ = self._living(call)
        if "Description" in call.given:
            self._secrets.describe(name, call.given["Description"])
        version = self._write(name, call.given, (CURRENT,)) if _has_value(call.given) else None
        return present(ARN=self._secrets.arn(name), Name=name, VersionId=version.id if version else None)

    async def _move(self, call: Call) -> Answer:
        name, entry = self._living(call)
        given = call.given
        stage, to, off = given["VersionStage"], given.get("MoveToVersionId"), given.get("RemoveFromVersionId")
        for id_ in filter(None, (to, off)):
            if not any(version.id == id_ for version in entry.versions):
                raise _no_value(f"VersionId: {id_}")
        holder = entry.labelled(stage)
        if (holder.id if holder else None) not in (off, to):
            raise refused(
                "InvalidParameterException",
                f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently"
                f" attached to version {holder.id}, so you must explicitly reference that version."
                if holder
                else f"Staging label {stage} is attached to no version.",
            )
        self._secrets.label(name, stage, to)
        return {"ARN": self._secrets.arn(name), "Name": name}

    async def _rotate(self, call: Call) -> Answer:
        given, (asked, _) = call.given, self._living(call)
        if self._rotation is None or {"RotationRules", "RotationLambdaARN"} & given.keys():
            raise refused(
                "InvalidRequestException",
                "Here the function that migrates rotates when it is asked to; nothing rotates by itself.",
            )
        name = self._secrets.aliases.canonical(asked)
        token = given.get("ClientRequestToken") or str(uuid.uuid4())
        self._secrets.put(name, token=token, stages=(PENDING,))
        failed = await self._rotation.turn(self._secrets.arn(name), token)
        if failed is not None:
            raise refused("InvalidRequestException", failed)
        return {"ARN": self._secrets.arn(name), "Name": name, "VersionId": token}

    async def _delete(self, call: Call) -> Answer:
        name, _ = self._known(call)
        at_once = call.given.get("ForceDeleteWithoutRecovery", False)
        if at_once and "RecoveryWindowInDays" in call.given:
            raise refused(
                "InvalidParameterException",
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            )
        self._secrets.delete(name, at_once=at_once)
        window = timedelta(0) if at_once else timedelta(days=call.given.get("RecoveryWindowInDays", 30))
        return {"ARN": self._secrets.arn(name), "Name": name, "DeletionDate": datetime.now(UTC) + window}

    async def _restore(self, call: Call) -> Answer:
        name, _ = self._known(call)
        self._secrets.restore(name)
        return {"ARN": self._secrets.arn(name), "Name": name}

    def _known(self, call: Call) -> tuple[str, SecretEntry]:
        name = self._secrets.name_of(call.given["SecretId"])
        entry = self._secrets.find(name)
        if entry is None:
            raise refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return name, entry

    def _living(self, call: Call) -> tuple[str, SecretEntry]:
        name, entry = self._known(call)
        if entry.deleted_at is not None:
            raise refused(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            )
        return name, entry

    def _write(self, name: str, given: Given, stages: tuple[str, ...]) -> SecretVersion:
        _check_value(given)
        try:
            return self._secrets.put(
                name,
                given.get("SecretString"),
                binary=given.get("SecretBinary"),
                token=given.get("ClientRequestToken"),
                stages=stages,
            )
        except EntryExists as other:
            raise refused(
                "ResourceExistsException",
                "A resource with the ID you requested already exists: this ClientRequestToken was used"
                " with another value.",
            ) from other

    def _matches(self, entry: str, wanted: Given) -> bool:
        if wanted.get("Key") not in ("name", "all"):
            raise refused(
                "InvalidParameterException", f"filter {wanted.get('Key')} is not served here; name is."
            )
        every = self._secrets.aliases.all_names(entry)
        return any(name.startswith(value) for name in every for value in wanted.get("Values", []))

    def _description(self, name: str, entry: SecretEntry) -> Answer:
        return present(
            ARN=self._secrets.arn(name),
            Name=name,
            Description=entry.description or None,
            CreatedDate=_moment(entry.created_at),
            LastChangedDate=_moment(entry.versions[-1].at if entry.versions else entry.created_at),
            DeletedDate=None if entry.deleted_at is None else _moment(entry.deleted_at) + _RECOVERY,
            VersionIdsToStages={v.id: list(v.stages) for v in entry.versions if v.stages},
        )


def _chosen(entry: SecretEntry, given: Given) -> SecretVersion:
    stage, id_ = given.get("VersionStage"), given.get("VersionId")
    if id_ is None:
        version = entry.labelled(stage or CURRENT)
        what = f"staging label: {stage or CURRENT}"
    else:
        version = next((kept for kept in entry.versions if kept.id == id_), None)
        what = f"VersionId: {id_}"
        if version is not None and stage is not None and stage not in version.stages:
            raise refused(
                "InvalidRequestException", f"You provided a VersionStage that is not associated to the {what}"
            )
    if version is None:
        raise _no_value(what)
    return version


def _no_value(what: str) -> CallerError:
    return refused(
        "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}"
    )


def _has_value(given: Given) -> bool:
    return "SecretString" in given or "SecretBinary" in given


def _check_value(given: Given) -> None:
    if "SecretString" in given and "SecretBinary" in given:
        raise refused("InvalidParameterException", "You can't specify both SecretString and SecretBinary.")
    size = len(given.get("SecretString", "").encode()) + len(given.get("SecretBinary", b""))
    if size > limits.SECRET_BYTES:
        raise refused("ValidationException", f"The secret is longer than {limits.SECRET_BYTES} bytes.")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

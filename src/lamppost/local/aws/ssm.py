"""SSM Parameter Store: https://docs.aws.amazon.com/systems-manager/latest/APIReference/"""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lamppost.declare import limits, names
from lamppost.errors import CallerError
from lamppost.local.aws.calls import Answer, Call, Given, Operation, present, refused
from lamppost.local.stores import EntryExists, ParameterStore, ParameterVersion

_NAME = re.compile(r"^[A-Za-z0-9_./-]+$")
_KEPT_FOR_AWS = re.compile(r"^/?(aws|ssm)", re.IGNORECASE)
_DEEPEST = 15
# Without decryption AWS answers KMS's ciphertext, which nobody takes for the value.
SEALED = base64.b64encode(b"a SecureString: ask for it with decryption").decode()


class Ssm:
    """Parameter Store's operations over `ParameterStore`."""

    name = "ssm"

    def __init__(self, parameters: ParameterStore) -> None:
        self._parameters = parameters
        self.operations: Mapping[str, Operation] = {
            "DeleteParameter": self._delete,
            "DeleteParameters": self._delete_all,
            "DescribeParameters": self._describe,
            "GetParameter": self._get,
            "GetParameters": self._get_all,
            "GetParametersByPath": self._get_by_path,
            "PutParameter": self._put,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """The action on each parameter that the call names."""
        given = call.given
        named = given.get("Names") or [given.get("Name") or given.get("Path")]
        for name in named:
            yield f"ssm:{call.operation}", self._arn(_split(name)[0]) if name else "*"

    def _arn(self, name: str) -> str:
        return names.parameter_arn(self._parameters.aliases.canonical(name))

    async def _put(self, call: Call) -> Answer:
        given = call.given
        name, value = _plain_name(given["Name"]), given["Value"]
        _check_name(name)
        known = self._parameters.get(name)
        if known is None and "Type" not in given:
            raise refused("ValidationException", "A parameter type is required when you create a parameter.")
        advanced = given.get("Tier", "Standard") != "Standard"
        _check_value(value, limits.PARAMETER_ADVANCED_BYTES if advanced else limits.PARAMETER_BYTES)
        if "AllowedPattern" in given or "Policies" in given:
            raise refused(
                "UnsupportedOperation", "AllowedPattern and Policies are not kept by local parameters."
            )
        try:
            version = self._parameters.put(
                name,
                value,
                kind=given.get("Type"),
                overwrite=given.get("Overwrite", False),
                description=given.get("Description"),
            )
        except EntryExists as known_already:
            raise refused(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the"
                " request to true.",
            ) from known_already
        return {"Version": version, "Tier": "Advanced" if advanced else "Standard"}

    async def _get(self, call: Call) -> Answer:
        name = call.given["Name"]
        found = self._find(name)
        if found is None:
            raise _missing(name)
        return {"Parameter": self._show(name, found, decrypt=call.given.get("WithDecryption", False))}

    async def _get_all(self, call: Call) -> Answer:
        decrypt = call.given.get("WithDecryption", False)
        found: list[Answer] = []
        invalid: list[str] = []
        for name in call.given["Names"]:
            version = self._find(name)
            if version is None:
                invalid.append(name)
            else:
                found.append(self._show(name, version, decrypt=decrypt))
        return {"Parameters": found, "InvalidParameters": invalid}

    async def _get_by_path(self, call: Call) -> Answer:
        given = call.given
        path = f"/{given['Path'].strip('/')}/".replace("//", "/")
        if not given["Path"].startswith("/"):
            raise refused("ValidationException", "The parameter path must begin with a slash.")
        deep = given.get("Recursive", False)
        matching = [name for entry in self._parameters.names() if (name := self._below(entry, path, deep))]
        page, token = _page(matching, given, default=10)
        shown = []
        for name in page:
            version = self._parameters.get(name)
            if version is not None:
                shown.append(self._show(name, version, decrypt=given.get("WithDecryption", False)))
        return present(Parameters=shown, NextToken=token)

    async def _describe(self, call: Call) -> Answer:
        found = self._parameters.names()
        for wanted in call.given.get("ParameterFilters", []):
            found = [name for name in found if self._matches(name, wanted)]
        page, token = _page(found, call.given, default=50)
        return present(Parameters=[self._description(name) for name in page], NextToken=token)

    async def _delete(self, call: Call) -> Answer:
        if not self._parameters.delete(_plain_name(call.given["Name"])):
            raise _missing(call.given["Name"])
        return {}

    async def _delete_all(self, call: Call) -> Answer:
        done: list[str] = []
        invalid: list[str] = []
        for name in call.given["Names"]:
            (done if self._parameters.delete(_plain_name(name)) else invalid).append(name)
        return {"DeletedParameters": done, "InvalidParameters": invalid}

    def _find(self, selector: str) -> ParameterVersion | None:
        name, asked = _split(selector)
        if not asked:
            return self._parameters.get(name)
        if self._parameters.get(name) is None:
            return None
        found = self._parameters.get(name, int(asked)) if asked.isdecimal() else None
        if found is None:
            raise refused(
                "ParameterVersionNotFound",
                f"Systems Manager could not find version {asked} of {name}."
                " Verify the version and try again.",
            )
        return found

    def _show(self, selector: str, version: ParameterVersion, *, decrypt: bool) -> Answer:
        name, asked = _split(selector)
        sealed = version.kind == "SecureString" and not decrypt
        return present(
            Name=name,
            Type=version.kind,
            Value=SEALED if sealed else version.value,
            Version=version.version,
            Selector=f":{asked}" if asked else None,
            LastModifiedDate=datetime.fromtimestamp(version.at, UTC),
            ARN=self._arn(name),
            DataType="text",
        )

    def _below(self, entry: str, path: str, deep: bool) -> str | None:
        """The first of an entry's names that lies under `path`."""
        for name in self._parameters.aliases.all_names(entry):
            rest = name.removeprefix(path)
            if name.startswith(path) and rest and (deep or "/" not in rest):
                return name
        return None

    def _matches(self, entry: str, wanted: Given) -> bool:
        key, option, given = wanted["Key"], wanted.get("Option", "Equals"), wanted.get("Values", [])
        if key == "Type":
            version = self._parameters.get(entry)
            return version is not None and version.kind in given
        if key != "Name" or option not in ("Equals", "BeginsWith", "Contains"):
            raise refused("InvalidFilterKey", f"filter {key} {option} is not served here; Name and Type are.")
        every = self._parameters.aliases.all_names(entry)
        return any(_fits(name, option, value) for name in every for value in given)

    def _description(self, name: str) -> Answer:
        version = self._parameters.get(name)
        assert version is not None
        return present(
            Name=name,
            ARN=self._arn(name),
            Type=version.kind,
            LastModifiedDate=datetime.fromtimestamp(version.at, UTC),
            Description=version.description or None,
            Version=version.version,
            Tier="Standard" if len(version.value.encode()) <= limits.PARAMETER_BYTES else "Advanced",
            DataType="text",
        )


def _fits(name: str, option: str, value: str) -> bool:
    if option == "BeginsWith":
        return name.startswith(value)
    return value in name if option == "Contains" else name == value


def _plain_name(name: str) -> str:
    """The name in a name or an ARN."""
    if not name.startswith("arn:"):
        return name
    rest = name.partition(":parameter")[2]
    return rest if rest.count("/") > 1 else rest.removeprefix("/")


def _split(selector: str) -> tuple[str, str]:
    """Name and version of `name`, `name:3` or an ARN of either."""
    if selector.startswith("arn:"):
        selector = _plain_name(selector)
    name, _, version = selector.partition(":")
    return name, version


def _check_name(name: str) -> None:
    if not _NAME.match(name) or len(name) > limits.PARAMETER_NAME_CHARS:
        raise refused(
            "ValidationException",
            "Parameter name: can't contain anything but letters, numbers and the symbols .-_/"
            f" and at most {limits.PARAMETER_NAME_CHARS} characters.",
        )
    if _KEPT_FOR_AWS.match(name):
        raise refused("ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm".')
    if "/" in name and not name.startswith("/"):
        raise refused("ValidationException", "Parameter name must be a fully qualified name: begin it with /")
    if name.count("/") > _DEEPEST:
        raise refused("HierarchyLevelLimitExceededException", f"A name has at most {_DEEPEST} levels.")


def _check_value(value: str, most: int) -> None:
    if not value:
        raise refused("ValidationException", "Value at 'value' failed to satisfy constraint: it is empty.")
    if len(value.encode()) > most:
        raise refused("ValidationException", f"Value is longer than {most} bytes, what its tier allows.")
    if "{{" in value and "}}" in value:
        raise refused(
            "ValidationException",
            'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.',
        )


def _missing(name: str) -> CallerError:
    return refused("ParameterNotFound", f"Parameter {name} not found.")


def _page(found: list[str], given: Given, *, default: int) -> tuple[list[str], str | None]:
    after, size = given.get("NextToken", ""), given.get("MaxResults", default)
    left = sorted(name for name in found if name > after)
    return left[:size], left[size - 1] if len(left) > size else None

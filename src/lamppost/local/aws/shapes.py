"""Refuses input that AWS's model does not allow: types, required members, lengths, ranges, enums."""

import base64
import binascii
from typing import Any

from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused

# Of the year 9999, the last that Python knows.
_LAST_SECOND = 253_402_300_799


def check(service: str, shape: Any, raw: Any) -> None:
    """Raises `CallerError`, with the code `service` has for it, unless `raw` fits `shape`."""
    if shape is not None:
        _check(service, shape, raw, "")


def _check(service: str, shape: Any, raw: Any, path: str) -> None:
    kind = shape.type_name
    if kind == "structure":
        _check_structure(service, shape, _typed(raw, dict, path), path)
    elif kind == "list":
        _check_length(service, shape, len(_typed(raw, list, path)), path)
        for index, item in enumerate(raw):
            _check(service, shape.member, item, f"{path}.{index + 1}.member")
    elif kind == "map":
        for key, value in _typed(raw, dict, path).items():
            _check(service, shape.key, key, f"{path}.key")
            _check(service, shape.value, value, f"{path}.{key}")
    elif kind == "string":
        _check_length(service, shape, len(_typed(raw, str, path)), path)
        _check_enum(service, shape, raw, path)
    elif kind in ("integer", "long"):
        if isinstance(raw, bool):
            raise _wrong_type(path, "a number")
        _check_range(service, shape, _typed(raw, int, path), path)
    elif kind in ("timestamp", "double"):
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise _wrong_type(path, "a number")
        if kind == "timestamp" and not 0 <= raw <= _LAST_SECOND:
            raise _wrong_type(path, "a time in seconds since 1970")
    elif kind == "boolean":
        _typed(raw, bool, path)
    elif kind == "blob":
        _check_blob(raw, path)


def _check_structure(service: str, shape: Any, raw: dict[str, Any], path: str) -> None:
    # A REST payload's members come under their own names, the rest under the wire's.
    for name, member in shape.members.items():
        at = f"{path}.{name}" if path else name
        value = raw.get(member.serialization.get("name", name), raw.get(name))
        if value is not None:
            _check(service, member, value, at)
        elif name in shape.required_members:
            raise _missing(service, at)


def _check_blob(raw: Any, path: str) -> None:
    if isinstance(raw, bytes):
        return
    try:
        base64.b64decode(_typed(raw, str, path), validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise refused("SerializationException", f"{path} is not base64") from wrong


def _typed(raw: Any, kind: type, path: str) -> Any:
    if not isinstance(raw, kind):
        words = {dict: "an object", list: "a list", str: "a string", int: "a whole number", bool: "a boolean"}
        raise _wrong_type(path, words[kind])
    return raw


def _wrong_type(path: str, wanted: str) -> CallerError:
    return refused("SerializationException", f"{path or 'the body'} is not {wanted}")


def _missing(service: str, path: str) -> CallerError:
    if service == "sqs":
        return refused("MissingParameter", f"The request must contain the parameter {path}.")
    if service == "cloudwatch":
        return refused(
            "MissingRequiredParameterException", f"The parameter {path} is required, and it is missing."
        )
    return _invalid(service, path, "null", "Member must not be null")


def _check_length(service: str, shape: Any, length: int, path: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < least:
        raise _invalid(service, path, "", f"Member must have length greater than or equal to {least}")
    if most is not None and length > most:
        raise _invalid(service, path, "", f"Member must have length less than or equal to {most}")


def _check_range(service: str, shape: Any, value: int, path: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        raise _invalid(service, path, str(value), f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        raise _invalid(service, path, str(value), f"Member must have value less than or equal to {most}")


def _check_enum(service: str, shape: Any, value: str, path: str) -> None:
    allowed = shape.metadata.get("enum")
    # SQS's receives take names under this shape that it does not list; sqs.py knows which.
    if allowed and value not in allowed and shape.name != "QueueAttributeName":
        raise _invalid(service, path, value, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


def _invalid(service: str, path: str, value: str, constraint: str) -> CallerError:
    # A value may be a secret: only numbers and enum members are repeated.
    code = {
        "sqs": "InvalidParameterValue",
        "logs": "InvalidParameterException",
        "cloudwatch": "InvalidParameterValueException",
    }.get(service, "ValidationException")
    shown = f"Value '{value}' at" if value else "Value at"
    if value == "null":
        shown = "Value null at"
    return refused(
        code, f"1 validation error detected: {shown} '{path}' failed to satisfy constraint: {constraint}"
    )

"""Which keys objects may have: such that no key leads elsewhere, or reads like another."""

import base64
import binascii
import re

from lamppost.declare import limits
from lamppost.errors import CallerError, invalid

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SHA256_BYTES = 32


def check_key(prefix: str, key: str) -> str:
    """The whole key of `key` below `prefix`. Raises `CallerError`: 422 object_key_invalid."""
    why = _wrong(key)
    whole = prefix + key
    if not why and len(whole.encode()) > limits.OBJECT_KEY_BYTES:
        why = f"is longer than {limits.OBJECT_KEY_BYTES} bytes of UTF-8"
    if not why and whole.startswith(limits.ANSWERS):
        why = f"begins with {limits.ANSWERS}, whose objects are gone after a day"
    if why:
        raise invalid("key", "object_key_invalid", f"the key {why}")
    return whole


def _wrong(key: str) -> str:
    if not key:
        return "is empty"
    if _CONTROL.search(key):
        return "holds a character that is not seen"
    if "\\" in key or "%" in key:
        return "holds \\ or %, which some reader would take for something else"
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        return "begins or ends with /, or has an empty segment, . or .."
    if not key.isascii():
        import unicodedata

        if not unicodedata.is_normalized("NFC", key):
            return "is not in Unicode's form NFC: another key would look the same"
        try:
            key.encode()
        except UnicodeEncodeError:
            return "holds half of a character"
    return ""


def check_upload(kind: str, size: int, checksum: str, *, types: tuple[str, ...], largest: int) -> None:
    """Raise a `CallerError` for an object that the bucket does not take."""
    if kind not in types:
        raise CallerError(415, "object_type_refused", f"this takes {', '.join(types)}")
    if size < 0:
        raise invalid("size", "object_size_invalid", "an object has 0 bytes or more")
    if size > largest:
        raise CallerError(413, "object_too_large", f"an object has {largest} bytes at most")
    try:
        raw = base64.b64decode(checksum, validate=True)
        # In its one spelling: what `head` says later is compared with this.
        known = len(raw) == _SHA256_BYTES and base64.b64encode(raw).decode() == checksum
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise invalid("checksum", "object_checksum_invalid", "send the SHA-256 of the bytes, in base64")


def disposition(filename: str | None, *, inline: bool) -> str:
    """A Content-Disposition that no file name can leave (RFC 6266), and that every browser reads."""
    kind = "inline" if inline else "attachment"
    if filename is None:
        return kind
    from urllib.parse import quote

    shown = (
        _CONTROL.sub("", filename).replace("/", "_").replace("\\", "_").encode("utf-8", "replace").decode()
    )
    shown = shown.strip(" .")[:200] or "file"
    plain = re.sub(r"[^ !#$&+\-.0-9A-Z^_`a-z{}~()]", "_", shown)
    if plain == shown:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='!#$&+-.^_`|~')}"

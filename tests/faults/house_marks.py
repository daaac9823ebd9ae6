"""Which tenant a text tells of: every text and every id that a tenant has in the storm holds its number.

Ids are made to tell it too (`house_tenants`): a foreign id alone, in a log line or a link, is found.
"""

import base64
import binascii
import re
from urllib.parse import unquote
from uuid import UUID

_TEXT = re.compile(r"mark-(\d+)-")
_ID = re.compile(r"51ac000[01]-([0-9a-f]{4})-4")
# A cursor keeps its position in base64, behind 16 bytes of seal: as long as an id, and no word of ours.
_SEALED = re.compile(r"[A-Za-z0-9_-]{60,1024}")


def mark(tenant: int) -> str:
    """The mark that every text of this tenant begins with."""
    return f"mark-{tenant}-"


def tenant_id(tenant: int) -> UUID:
    """The organisation's id."""
    return UUID(f"51ac0000-{tenant:04x}-4000-8000-000000000000")


def row_id(tenant: int, number: int) -> UUID:
    """The id of a tenant's row that was there before the storm."""
    return UUID(f"51ac0001-{tenant:04x}-4000-8000-{number:012d}")


def marks(text: str) -> set[int]:
    """The tenants that `text` tells of: as it stands, in links, and inside cursors."""
    plain = unquote(text)
    opened = "".join(_opened(found) for found in _SEALED.findall(plain))
    whole = plain + "\n" + opened
    return {int(found) for found in _TEXT.findall(whole)} | {int(found, 16) for found in _ID.findall(whole)}


def _opened(sealed: str) -> str:
    try:
        return base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""

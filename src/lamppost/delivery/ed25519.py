"""Keys of version 1a: whoever checks a message needs only a public key, and cannot sign with it.

Loaded when such a key is met: cryptography is a layer of its own, and most services sign with HMAC.
"""

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lamppost.errors import OperatorError

SEED = 32
PRIVATE, PUBLIC = "whsk_", "whpk_"


class Verifier:
    """A public key: `whpk_` and the base64 of its 32 bytes."""

    __slots__ = ("_key",)

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def fits(self, signature: bytes, text: bytes) -> bool:
        """Whether the owner of the private key made `signature` for `text`."""
        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    @property
    def public(self) -> str:
        """The key as text, to hand out."""
        return PUBLIC + base64.b64encode(self._key.public_bytes_raw()).decode()


class Signer(Verifier):
    """A private key: `whsk_` and the base64 of its seed, or of seed and public key."""

    __slots__ = ("_private",)

    def __init__(self, raw: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(raw[:SEED])
        known = self._private.public_key().public_bytes_raw()
        if raw[SEED:] not in (b"", known):
            raise OperatorError(
                "the second half of a whsk_ key is not the public key of the first",
                fix="store the whole key as it was made, or its first 32 bytes",
                code="signing_secret_invalid",
            )
        super().__init__(known)

    def sign(self, text: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._private.sign(text)


def generate() -> str:
    """A new private key, in the form of the reference implementation: seed, then public key."""
    private = Ed25519PrivateKey.generate()
    raw = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return PRIVATE + base64.b64encode(raw).decode()

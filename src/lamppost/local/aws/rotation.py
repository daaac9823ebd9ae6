"""A rotation as Secrets Manager makes it: four calls of one function, the next when the one before went well.

AWS answers RotateSecret before that; here it is over when the answer comes.
"""

import msgspec

from lamppost.declare import names
from lamppost.derive.manifest import Manifest
from lamppost.local.aws.functions import Invokes

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class Rotation:
    """Rotates by the function that migrates."""

    def __init__(self, functions: Invokes) -> None:
        self._functions = functions
        self._function: str | None = None

    def describe(self, manifest: Manifest) -> None:
        """Learn which function that is."""
        for service in manifest.services:
            for entry in service.functions:
                if entry.migrates:
                    self._function = names.physical(entry.named, names.LOCAL_ENV)

    async def turn(self, secret: str, token: str) -> str | None:
        """Have version `token` of the secret with this ARN made, given and labelled; or why it was not."""
        if self._function is None:
            return "no function of this system migrates"
        for step in STEPS:
            event = {"Step": step, "SecretId": secret, "ClientRequestToken": token}
            result = await self._functions.invoke(self._function, msgspec.json.encode(event))
            if result.throttled:
                return f"{self._function} was throttled in {step}"
            if result.error is not None:
                return f"{self._function} failed in {step}: {_told(result.payload)}"
        return None


def _told(payload: bytes) -> str:
    """What the function said when it failed."""
    try:
        return str(msgspec.json.decode(payload)["errorMessage"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "its log says why"

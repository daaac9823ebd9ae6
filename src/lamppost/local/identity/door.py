"""The issuer's door: always there, and what stands behind it is loaded when somebody first knocks.

A system whose services ask for no tokens, and the start of every other, loads none of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.declare import names
from lamppost.derive.manifest import Manifest
from lamppost.errors import OperatorError
from lamppost.local.http_messages import Request, Response
from lamppost.settings import stage

if TYPE_CHECKING:
    from lamppost.local.identity.issuer import Issuer
    from lamppost.local.identity.verifying import Verified

SEGMENT = "_identity"


class Identity:
    """The issuer of one data folder. Raises `OperatorError` in every stage but the local one."""

    def __init__(self, data: Path) -> None:
        check_stage()
        self._data = data
        self._url = ""
        self._manifest = Manifest(())
        self._issuer: Issuer | None = None

    @property
    def issuer(self) -> "Issuer":
        """What stands behind the door."""
        if self._issuer is None:
            from lamppost.local.identity.issuer import Issuer

            self._issuer = Issuer(self._data)
            self._issuer.at(self._url)
            self._issuer.describe(self._manifest)
        return self._issuer

    def at(self, url: str) -> None:
        """Issue tokens as `url`, under which `__call__` answers."""
        self._url = url

    def describe(self, manifest: Manifest) -> None:
        """Know the clients of `manifest`."""
        self._manifest = manifest
        if self._issuer is not None:
            self._issuer.describe(manifest)

    async def __call__(self, request: Request) -> Response:
        """Answer one request below `/_identity`."""
        return await self.issuer(request)

    async def verify(self, token: str) -> "Verified":
        """What an access token of this system says. Raises `CallerError` 401 for any other."""
        return await self.issuer.verifier.verify(token)


def check_stage() -> None:
    """Raise `OperatorError` outside the local stage."""
    if stage.stage() != names.LOCAL:
        raise OperatorError(
            f"an issuer that asks for no password has no place in the stage {stage.stage()!r}",
            fix="unset LAMPPOST_STAGE to run the local stage; elsewhere Cognito issues the tokens",
            code="issuer_not_local",
        )

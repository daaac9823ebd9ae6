"""The local system's parameters and secrets: what is declared gets a first value, what was set is kept."""

import base64
import secrets
from pathlib import Path

from lamppost.declare import names
from lamppost.derive.manifest import Manifest
from lamppost.local.aliases import Aliases
from lamppost.local.stores import ParameterStore, SecretStore

# Marks a value as the declaration's: it follows the inbox's port until somebody sets another.
BY_LAMPPOST = "set by lamppost up"


class Settings:
    """The two stores under `data`, each answering to dev names and prod names."""

    def __init__(self, data: Path) -> None:
        folder = data / "settings"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.parameters = ParameterStore(folder, Aliases())
        self.secrets = SecretStore(folder, Aliases())

    def name(self, manifest: Manifest) -> None:
        """Let everything `manifest` declares answer to all of its names."""
        self.secrets.aliases.add(names.local_names(names.ADMINISTRATOR))
        for service in manifest.services:
            if service.database is not None:
                self.secrets.aliases.add(names.local_names(service.database.secret))
            for secret in service.secrets:
                self.secrets.aliases.add(names.local_names(secret.name))
            for parameter in service.parameters:
                self.parameters.aliases.add(names.local_names(parameter.name))

    def fill(self, manifest: Manifest, *, inbox: str) -> None:
        """Give what has no value its first: parameters the declared one, secrets a random one."""
        for service in manifest.services:
            for parameter in service.parameters:
                if parameter.local is not None:
                    name = names.physical(parameter.name, names.LOCAL_ENV)
                    self._default(name, parameter.local.replace("{inbox}", inbox))
            for secret in service.secrets:
                name = names.physical(secret.name, names.LOCAL_ENV)
                if self.secrets.find(name) is None:
                    self.secrets.create(name, _random(), description=secret.about)

    def _default(self, name: str, value: str) -> None:
        known = self.parameters.get(name)
        if known is None or (known.description == BY_LAMPPOST and known.value != value):
            self.parameters.put(name, value, description=BY_LAMPPOST)


def _random() -> str:
    """A new secret in the form Standard Webhooks gives its keys; any other reader may take it as text."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

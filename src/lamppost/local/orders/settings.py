"""Parameters and secrets, read and set."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lamppost.errors import OperatorError
from lamppost.local.orders.kinds import Arguments, Order

if TYPE_CHECKING:
    from lamppost.local.system import System


class Setting:
    """Orders about parameters and secrets."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "params/list": self._params_list,
            "params/get": self._params_get,
            "params/put": self._params_put,
            "secrets/list": self._secrets_list,
            "secrets/get": self._secrets_get,
            "secrets/put": self._secrets_put,
            "secrets/rotate": self._secrets_rotate,
        }

    async def _params_list(self, _: Arguments) -> Any:
        store = self._system.settings.parameters
        return [{"name": name, "value": kept.value} for name in store.names() if (kept := store.get(name))]

    async def _params_get(self, given: Arguments) -> Any:
        kept = self._system.settings.parameters.get(given["name"])
        if kept is None:
            raise OperatorError(
                f"parameter {given['name']!r} has no value",
                fix=f"lamppost params put {given['name']} VALUE",
                code="setting_missing",
            )
        return {"name": given["name"], "value": kept.value, "version": kept.version}

    async def _params_put(self, given: Arguments) -> Any:
        version = self._system.settings.parameters.put(given["name"], given["value"], description="")
        return {"name": given["name"], "version": version}

    async def _secrets_list(self, _: Arguments) -> Any:
        return [{"name": name} for name in self._system.settings.secrets.names()]

    async def _secrets_get(self, given: Arguments) -> Any:
        value = self._system.settings.secrets.get(given["name"])
        if value is None:
            raise OperatorError(
                f"secret {given['name']!r} has no value",
                fix=f"lamppost secrets put {given['name']} VALUE",
                code="setting_missing",
            )
        return {"name": given["name"], "value": value}

    async def _secrets_put(self, given: Arguments) -> Any:
        store = self._system.settings.secrets
        if store.find(given["name"]) is None:
            store.create(given["name"], given["value"])
        else:
            store.put(given["name"], given["value"])
        return {"name": given["name"]}

    async def _secrets_rotate(self, given: Arguments) -> Any:
        # Read and written without an await between, so that two rotations at once are two rotations.
        from lamppost.delivery import keys, rotation

        now = datetime.now(UTC)
        value = (await self._secrets_get(given))["value"]
        rotated = rotation.rotate(value, now=now, grace=timedelta(seconds=given["grace"]))
        self._system.settings.secrets.put(given["name"], rotated)
        new, *old = rotation.valid(rotated, now)
        return {
            "name": given["name"],
            "public": keys.public(new.key),
            "until": [each.until.isoformat() for each in old if each.until is not None],
        }

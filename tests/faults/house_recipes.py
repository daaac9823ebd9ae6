"""A request for every route of users and orders, as somebody would send it or as nobody should.

`RECIPES` has one for each route; a route that is new and has none makes the storm fail before it begins.
"""

import base64
import hashlib
import random
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from tests.faults.house_marks import mark, row_id, tenant_id
from tests.faults.house_tenants import ORDERS, ROLES

KEYS = 25


class Aim(NamedTuple):
    """Who asks: `person` for their own `tenant`, naming `org` (None: not at all) and rows of `rows`.

    Where `org` and `rows` are not `tenant`, the request aims at another's; `bystander` has no tenant here.
    """

    person: str
    tenant: int
    org: int | None
    rows: int
    kind: str

    def text(self, what: str) -> str:
        """A text that tells its tenant."""
        return f"{mark(self.tenant)}{what}"


class Ask(NamedTuple):
    """What goes over the wire, besides the person."""

    path: dict[str, str] = {}
    body: Any = None
    query: dict[str, str] = {}


class World:
    """What some callers have learnt: ids, cursors, codes and links, by tenant. `homes` are their tenants."""

    def __init__(self, tenants: int, homes: range) -> None:
        self.tenants = tenants
        self.homes = homes
        self.orders = {n: [row_id(n, k) for k in range(1, ORDERS + 1)] for n in range(tenants)}
        self.made: dict[int, list[UUID]] = {}
        self.invited: dict[int, list[str]] = {}
        self.codes: dict[int, list[str]] = {}
        self.cursors: dict[str, list[tuple[str, str]]] = {}
        self.uploads: list[tuple[int, str, dict[str, Any]]] = []
        self.links: list[tuple[int, str]] = []
        self.sent: list[tuple[int, str]] = []

    def learn(self, call: str, aim: Aim, ask: Ask, said: Any) -> None:
        """Keep what a 2xx answer said."""
        if call == "orders POST /orders" and said["id"] not in self.made.get(aim.tenant, ()):
            self.made.setdefault(aim.tenant, []).append(UUID(said["id"]))
        if call == "users POST /organisations/{organisation}/memberships":
            self.invited.setdefault(aim.tenant, []).append(said["membership"]["id"])
            if said["code"]:
                self.codes.setdefault(aim.tenant, []).append(said["code"])
        if isinstance(said, dict) and said.get("next"):
            kept = self.cursors.setdefault(call, [])
            kept.append((_list_of(call, aim), said["next"]))
            del kept[:-200]
        if call == "orders POST /orders/{id}/attachments":
            self.uploads.append((aim.tenant, ask.path["id"], said))
        if call in ("orders GET /orders/{id}/attachments", "orders POST /orders/{id}/attachments/confirm"):
            self.links += [(aim.tenant, item["link"]) for item in said["items"] if item["link"]]
            del self.links[:-100]

    def cursor(self, call: str, aim: Aim, dice: random.Random, *, own: bool) -> str | None:
        """A cursor of this list, or of the same list of another tenant."""
        kept = self.cursors.get(call, [])
        fitting = [cursor for of, cursor in kept if (of == _list_of(call, aim)) == own]
        return dice.choice(fitting) if fitting else None


class Recipe(NamedTuple):
    """How a route is asked: `make` says with what, `by` by whom (`foreign_by` with another's things),
    `weight` how often.
    """

    make: Callable[[Aim, random.Random, World], Ask]
    weight: float = 1
    by: tuple[str, ...] = ROLES
    foreign_by: tuple[str, ...] = ()
    public: bool = False
    scoped: bool = True
    rows: bool = False
    listing: bool = False


def bytes_of(tenant: int) -> bytes:
    """What a tenant's files hold."""
    return f"{mark(tenant)}bytes".encode()


def _list_of(call: str, aim: Aim) -> str:
    return aim.person if call == "users GET /organisations" else str(aim.tenant)


def _organisation(aim: Aim) -> dict[str, str]:
    return {"organisation": str(tenant_id(aim.tenant if aim.org is None else aim.org))}


def _asked(aim: Aim, **more: str) -> dict[str, str]:
    return {**({} if aim.org is None else _organisation(aim)), **more}


def _named(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(body={"name": aim.text(f"name {dice.randrange(4)}")})


def _profile(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(body={"name": "pair" if aim.person.startswith("pair") else aim.text("name")})


def _renamed(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(_organisation(aim), {"name": aim.text(f"organisation {dice.randrange(4)}")})


def _accepted(aim: Aim, dice: random.Random, world: World) -> Ask:
    # A real code lets whoever brings it into its own organisation, and nowhere else.
    codes = world.codes.get(aim.tenant if aim.kind == "another's tenant" else aim.rows, [])
    return Ask(_organisation(aim), {"code": dice.choice(codes)} if codes and dice.random() < 0.6 else {})


def _invitation(aim: Aim, dice: random.Random, world: World) -> Ask:
    guest = aim.text(f"invited-{dice.randrange(30)}")
    who = {"email": f"{guest}@example.com"} if dice.random() < 0.6 else {"subject": guest}
    return Ask(_organisation(aim), {**who, "role": dice.choice(("member", "viewer"))})


def _membership(aim: Aim, dice: random.Random) -> dict[str, str]:
    return {**_organisation(aim), "id": str(row_id(aim.rows, dice.randrange(1, 5)))}


def _changed_membership(aim: Aim, dice: random.Random, world: World) -> Ask:
    changes = {"status": "active", "role": dice.choice(("admin", "member", "member", "viewer"))}
    return Ask(_membership(aim, dice), {"status": "suspended"} if dice.random() < 0.05 else changes)


def _removed_membership(aim: Aim, dice: random.Random, world: World) -> Ask:
    if aim.kind != "own":
        return Ask(_membership(aim, dice))
    invited = world.invited.get(aim.tenant, [])
    gone = invited.pop() if invited and dice.random() < 0.3 else str(uuid4())
    return Ask({**_organisation(aim), "id": gone})


def _page(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(_organisation(aim), query={"limit": "2"})


def _order(aim: Aim, dice: random.Random, world: World) -> Ask:
    # Every caller uses the same few keys; with one of them goes one body.
    number = dice.randrange(KEYS)
    lines = [
        {"sku": aim.text(f"sku-{n}"), "quantity": n + 1, "unitPrice": number} for n in range(1 + number % 3)
    ]
    return Ask(
        body={"customer": aim.text(f"customer {number}"), "currency": "EUR", "lines": lines},
        query=_asked(aim),
    )


def _orders(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(query=_asked(aim, limit=str(dice.choice((2, 3, 100)))))


def _one(aim: Aim, dice: random.Random, world: World) -> Ask:
    known = world.orders[aim.rows] + world.made.get(aim.rows, [])[-20:]
    return Ask({"id": str(dice.choice(known))}, query=_asked(aim))


def _changed(aim: Aim, dice: random.Random, world: World) -> Ask:
    ask = _one(aim, dice, world)
    line = {"sku": aim.text("sku-new"), "quantity": 1, "unitPrice": 1}
    body: dict[str, Any] = {"version": dice.randrange(1, 4), "customer": aim.text("customer changed")}
    return ask._replace(body={**body, "lines": [line]} if dice.random() < 0.6 else body)


def _discarded(aim: Aim, dice: random.Random, world: World) -> Ask:
    if aim.kind != "own":
        return _one(aim, dice, world)
    made = world.made.get(aim.tenant, [])
    gone = made.pop() if len(made) > 5 else uuid4()
    return Ask({"id": str(gone)}, query=_asked(aim))


def _attached(aim: Aim, dice: random.Random, world: World) -> Ask:
    data = bytes_of(aim.tenant)
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    file = {"name": aim.text("file.png"), "type": "image/png", "size": len(data), "checksum": checksum}
    return _one(aim, dice, world)._replace(body=file)


def _arrived(aim: Aim, dice: random.Random, world: World) -> Ask:
    sent = [order for tenant, order in world.sent if tenant == aim.rows]
    ask = _one(aim, dice, world)
    return ask._replace(path={"id": dice.choice(sent)}) if sent and dice.random() < 0.7 else ask


def _detached(aim: Aim, dice: random.Random, world: World) -> Ask:
    known = [(order, said["id"]) for tenant, order, said in world.uploads if tenant == aim.rows]
    if known and dice.random() < 0.5:
        order, attachment = dice.choice(known)
        return Ask({"id": order, "attachment": attachment}, query=_asked(aim))
    ask = _one(aim, dice, world)
    return ask._replace(path={**ask.path, "attachment": str(uuid4())})


def _nothing(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask()


def _in_organisation(aim: Aim, dice: random.Random, world: World) -> Ask:
    return Ask(_organisation(aim))


EVERYBODY = (*ROLES, "pair", "founder")
RECIPES = {
    "users GET /": Recipe(_nothing, 0.3, EVERYBODY, public=True, scoped=False),
    "users GET /health": Recipe(_nothing, 0.1, EVERYBODY, public=True, scoped=False),
    "users POST /profile": Recipe(_profile, 1, EVERYBODY, scoped=False),
    "users GET /profile": Recipe(_nothing, 1, EVERYBODY, scoped=False),
    "users PATCH /profile": Recipe(_profile, 1, EVERYBODY, scoped=False),
    "users POST /organisations": Recipe(_named, 0.5, ("founder",), scoped=False),
    "users GET /organisations": Recipe(
        lambda aim, dice, world: Ask(query={"limit": "1"}), 1.5, EVERYBODY, scoped=False, listing=True
    ),
    "users GET /organisations/{organisation}": Recipe(_in_organisation, 2, (*ROLES, "pair")),
    "users PATCH /organisations/{organisation}": Recipe(_renamed, 1, (*ROLES, "pair")),
    "users POST /organisations/{organisation}/accept": Recipe(
        # Who is a member already may say so again, whatever code they bring.
        _accepted,
        1,
        (*ROLES, "guest-1", "guest-2", "pair"),
        ("stranger",),
        rows=True,
    ),
    "users GET /organisations/{organisation}/memberships": Recipe(_page, 4, (*ROLES, "pair"), listing=True),
    "users POST /organisations/{organisation}/memberships": Recipe(_invitation, 1.5, (*ROLES, "pair")),
    "users PATCH /organisations/{organisation}/memberships/{id}": Recipe(
        _changed_membership, 1.5, (*ROLES, "pair"), rows=True
    ),
    "users DELETE /organisations/{organisation}/memberships/{id}": Recipe(
        _removed_membership, 1, ("owner", "admin", "pair"), rows=True
    ),
    "orders GET /health": Recipe(_nothing, 0.1, EVERYBODY, public=True, scoped=False),
    "orders POST /orders": Recipe(_order, 4, (*ROLES, "pair")),
    "orders GET /orders": Recipe(_orders, 5, (*ROLES, "pair"), listing=True),
    "orders GET /orders/{id}": Recipe(_one, 4, (*ROLES, "pair"), rows=True),
    "orders PATCH /orders/{id}": Recipe(_changed, 3, (*ROLES, "pair"), rows=True),
    "orders DELETE /orders/{id}": Recipe(_discarded, 1, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/submit": Recipe(_one, 1, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/ship": Recipe(_one, 1, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/complete": Recipe(_one, 1, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/cancel": Recipe(_one, 0.7, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/attachments": Recipe(_attached, 1, (*ROLES, "pair"), rows=True),
    "orders GET /orders/{id}/attachments": Recipe(_arrived, 2, (*ROLES, "pair"), rows=True),
    "orders POST /orders/{id}/attachments/confirm": Recipe(_arrived, 0.4, (*ROLES, "pair"), rows=True),
    "orders DELETE /orders/{id}/attachments/{attachment}": Recipe(
        _detached, 0.4, (*ROLES, "pair"), rows=True
    ),
}

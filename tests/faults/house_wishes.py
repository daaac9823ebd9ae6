"""What is asked next, drawn by dice, and the verdict on what came of it.

The verdict shares nothing with the code under test: it looks for marks in everything that came out.
"""

import json
import random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.faults.house_marks import marks
from tests.faults.house_recipes import KEYS, RECIPES, Aim, Ask, Recipe, World

# How often each kind of request is sent; where a route cannot have it, it is sent as its own.
KINDS = {
    "own": 60,
    "another's tenant": 14,
    "another's row": 14,
    "another's cursor": 8,
    "a changed cursor": 3,
    "nobody": 1,
}
# Answers a caller may get while sessions are killed under them.
EXPECTED = {200, 201, 204, 400, 401, 403, 404, 409, 422, 429, 500, 503}
# What may be said to somebody who asks for another's: nothing that tells more than that it is not there.
REFUSALS = {
    "another's tenant": {"tenant_not_found"},
    "another's row": {
        "order_not_found", "membership_not_found", "tenant_not_found", "role_required", "tenant_required",
        "no_membership",
    },
    "another's cursor": {
        "cursor_invalid", "tenant_not_found", "tenant_required", "no_membership", "role_required",
    },
    "nobody": {"unauthenticated"},
}  # fmt: skip
# To anybody: the request was not looked at, or what was injected stopped it.
ANYWAY = {
    "idempotency_key_reused", "idempotency_in_progress", "database_unavailable", "internal_error", "timeout",
    "not_ready", "throttled",
}  # fmt: skip
# What is injected, as the log tells it. Any other failure was none of ours.
INJECTED = {
    "RuntimeError", "DeadlockDetected", "LockNotAvailable", "connection_lost", "server_shutting_down",
    "request.interrupted", "request.overdue", "pool_exhausted", "connection_refused", "connection_failed",
    "server_starting", "[DB-LAYER] connection.failed", "transaction.not_committed",
}  # fmt: skip


class Wish(NamedTuple):
    """A request. `foreign`: an answer below 400 would be a leak; `allowed`: whose marks it may show."""

    call: str
    kind: str
    aim: Aim
    ask: Ask
    headers: dict[str, str]
    foreign: bool
    allowed: frozenset[int]

    @property
    def query(self) -> str:
        """The raw query string."""
        return urlencode(self.ask.query)


class Said(NamedTuple):
    """Everything that came out of a request: the answer, and what was logged and traced meanwhile."""

    status: int
    answer: str
    code: str = ""
    lines: str = ""
    spans: str = ""

    @property
    def failures(self) -> list[str]:
        """What went wrong inside, by the log."""
        found = [json.loads(line) for line in self.lines.splitlines()]
        return [
            line.get("kind") or line.get("reason") or line["message"]
            for line in found
            if line["level"] in ("error", "fatal")
        ]


def draw(dice: random.Random, world: World, calls: list[str]) -> Wish:
    """The next request to one of `calls`."""
    call = dice.choices(calls, [RECIPES[each].weight for each in calls])[0]
    recipe = RECIPES[call]
    kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
    if not _fits(kind, recipe):
        kind = "own"
    aim = _aim(dice, world, recipe, kind)
    ask = recipe.make(aim, dice, world)
    if recipe.listing:
        ask, kind = _with_cursor(dice, world, call, aim, ask, kind)
    headers = {"content-type": "application/json"}
    mutating = call.split()[1] not in ("GET", "HEAD")
    if mutating and (call == "orders POST /orders" or dice.random() < 0.4):
        headers["idempotency-key"] = f"the-key-{_key(ask, dice)}"
    return Wish(call, kind, aim, ask, headers, kind not in ("own", "a changed cursor"), _allowed(aim, recipe))


def verdict(wish: Wish, said: Said) -> str | None:
    """What is wrong with what came out, or None."""
    for where, text in (("answer", said.answer), ("log", said.lines), ("spans", said.spans)):
        if marks(text) - wish.allowed:
            return f"{where} tells of {sorted(marks(text) - wish.allowed)}"
    if wish.foreign and said.status < 400:
        return f"{wish.kind} was answered {said.status}"
    if wish.foreign and said.code not in REFUSALS[wish.kind] | ANYWAY:
        return f"{wish.kind} was refused with {said.code}"
    if wish.kind == "a changed cursor" and said.status < 400:
        return "a changed cursor was taken"
    if set(said.failures) - INJECTED:
        return f"nobody injected {said.failures}"
    if said.status not in EXPECTED:
        return f"nobody expects a {said.status}"
    return None


def _fits(kind: str, recipe: Recipe) -> bool:
    return {
        "own": True,
        "another's tenant": recipe.scoped,
        "another's row": recipe.rows,
        "another's cursor": recipe.listing,
        "a changed cursor": recipe.listing,
        "nobody": not recipe.public,
    }[kind]


def _aim(dice: random.Random, world: World, recipe: Recipe, kind: str) -> Aim:
    tenant = dice.choice(world.homes)
    who = dice.choice(recipe.by if kind == "own" else recipe.foreign_by or recipe.by)
    pair = tenant - tenant % 2
    person = f"pair-{pair}" if who == "pair" else f"mark-{tenant}-{who}"
    other = (tenant + dice.randrange(1, world.tenants)) % world.tenants
    if who == "pair":
        # The other tenant they belong to is the nearest that they must not mix up; a third is foreign.
        other = (pair + 1 - tenant % 2) if kind == "another's row" else other
        if kind == "another's tenant" and other // 2 == tenant // 2:
            other = (tenant + 2) % world.tenants
    named = kind == "another's tenant" or who == "pair" or dice.random() < 0.5
    org = (other if kind == "another's tenant" else tenant) if named else None
    rows = other if kind in ("another's tenant", "another's row") else tenant
    return Aim(person, tenant, org, rows, kind)


def _with_cursor(
    dice: random.Random, world: World, call: str, aim: Aim, ask: Ask, kind: str
) -> tuple[Ask, str]:
    if kind == "own" and dice.random() < 0.5:
        cursor = world.cursor(call, aim, dice, own=True)
    elif kind == "another's cursor":
        cursor = world.cursor(call, aim, dice, own=False)
    elif kind == "a changed cursor":
        cursor = _changed(world.cursor(call, aim, dice, own=True), dice)
    else:
        return ask, kind
    if cursor is None:
        return ask, "own"
    return ask._replace(query={**ask.query, "cursor": cursor}), kind


def _changed(cursor: str | None, dice: random.Random) -> str | None:
    if cursor is None:
        return None
    at = dice.randrange(len(cursor))
    return cursor[:at] + dice.choice([c for c in "AZaz09-_" if c != cursor[at]]) + cursor[at + 1 :]


def _key(ask: Ask, dice: random.Random) -> int:
    customer: Any = (ask.body or {}).get("customer", "")
    number = customer.rpartition(" ")[2]
    return int(number) if number.isdecimal() and dice.random() < 0.95 else dice.randrange(KEYS)


def _allowed(aim: Aim, recipe: Recipe) -> frozenset[int]:
    if aim.person.startswith("pair") and not recipe.scoped:
        pair = aim.tenant - aim.tenant % 2
        return frozenset((pair, pair + 1))
    return frozenset((aim.tenant,))

"""Many callers of many tenants on four connections, while statements time out and sessions are killed.

Two oracles that share nothing with the code under test: the marks in every text that comes out, and at the
end each row's mark against its tenant, read as the app role and as the superuser.
"""

import json
import random
import threading
import time
from collections import Counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from lamppost.testing.databases import TestDatabase
from tests.tenants import Answer, Desk, marks, tenant_id

# Answers a caller may get while sessions are killed under them.
EXPECTED = {200, 201, 204, 400, 403, 404, 409, 422, 500, 503}
_IDS = "select tenant_id, id from notes.notes"
_FOLDERS = "select tenant_id, id from notes.folders"
_SESSIONS = "select pid from pg_stat_activity where usename = %s and datname = current_database()"
_WRONG = """
select count(*) from notes.notes
 where right(tenant_id::text, 12)::int <> (regexp_match(title, '«(\\d+)»'))[1]::int
    or right(tenant_id::text, 12)::int <> (regexp_match(body, '«(\\d+)»'))[1]::int
"""


class Sent(NamedTuple):
    """A request by `person` that may aim at the tenant `other`, and its answer."""

    kind: str
    person: int
    other: int
    answer: Answer


class Storm:
    """A run: `requests` from `threads` callers at once. `foreign` holds what no caller should have seen."""

    def __init__(self, base: TestDatabase, *, tenants: int, requests: int, threads: int, seed: int) -> None:
        self.base = base
        self.tenants = tenants
        self.requests = requests
        self.threads = threads
        self.seed = seed
        self.answers: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.foreign: list[str] = []
        self.own = 0
        self.replays = 0
        self.seconds = 0.0
        self.ids: dict[int, list[UUID]] = {}
        self.folders: dict[int, UUID] = {}
        self.failures: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self) -> None:
        """Send everything; returns when the last answer is in."""
        admin = self.base.connect(admin=True)
        for owner, id in admin.execute(_IDS):
            self.ids.setdefault(int(owner.hex[-12:]), []).append(id)
        self.folders = {int(owner.hex[-12:]): id for owner, id in admin.execute(_FOLDERS)}
        share, rest = divmod(self.requests, self.threads)
        callers = [
            threading.Thread(target=self._call, args=(number, share + (number < rest)))
            for number in range(self.threads)
        ]
        killer = threading.Thread(target=self._kill)
        started = time.monotonic()
        for thread in (*callers, killer):
            thread.start()
        for thread in callers:
            thread.join()
        self.seconds = time.monotonic() - started
        self._over.set()
        killer.join()

    def misplaced(self) -> int:
        """Rows whose mark is not their tenant's, over all tenants; asked as the superuser."""
        row = self.base.connect(admin=True).execute(_WRONG).fetchone()
        assert row is not None
        return int(row[0])

    def foreign_in_sql(self) -> int:
        """Rows of others that the app role is shown as each tenant; and as none."""
        seen = 0
        db = self.base.connect()
        for number in (*range(self.tenants), None):
            with db.transaction():
                wanted = str(tenant_id(number)) if number is not None else ""
                db.execute("select set_config('app.tenant_id', %s, true)", (wanted,))
                rows = db.execute("select title || body from notes.notes").fetchall()
                seen += sum(marks(text) != {number} for (text,) in rows)
                if number is not None:
                    assert rows
        return seen

    def _call(self, number: int, requests: int) -> None:
        dice = random.Random(f"{self.seed} {number}")
        desk = Desk()
        for _ in range(requests):
            self._judge(self._request(desk, dice))

    def _judge(self, sent: Sent) -> None:
        kind, person, answer = sent.kind, sent.person, sent.answer
        found = marks(answer.everything)
        # What has no mark tells all the same: a 204 for another tenant's note.
        touched = kind in FOREIGN and sent.other != person and answer.status < 400
        with self._lock:
            self.calls[kind] += 1
            self.answers[answer.status] += 1
            if answer.status >= 400:
                self.codes[answer.code] += 1
            self.own += person in found
            self.failures.update(_failures(answer))
            if found - {person} or touched or answer.status not in EXPECTED:
                self.foreign.append(f"{kind} by {person}: {answer.status} {answer.everything[:400]}")

    def _request(self, desk: Desk, dice: random.Random) -> Sent:
        """One request as somebody would send it, or as somebody should not."""
        person = dice.randrange(self.tenants)
        mine = tenant_id(person)
        other = dice.randrange(self.tenants)
        own, foreign = dice.choice(self.ids[person]), dice.choice(self.ids[other])
        note = {"title": f"«{person}» {dice.random()}", "body": f"body «{person}»"}
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        match kind:
            case "create":
                answer = desk(person, "POST /{tenant_id}/notes", note, tenant_id=mine)
            case "create twice":
                answer = desk(person, "POST /{tenant_id}/notes", {**note, "number": 1}, tenant_id=mine)
            case "create with a key":
                # Every tenant uses the same few keys.
                times = dice.randrange(20)
                note = {"title": f"«{person}» keyed {times}", "body": f"«{person}»"}
                headers = {"idempotency-key": f"the-key-{times}"}
                answer = desk(person, "POST /{tenant_id}/notes", note, headers=headers, tenant_id=mine)
                with self._lock:
                    self.replays += "idempotent-replayed" in answer.everything
            case "create in a foreign folder":
                answer = desk(
                    person,
                    "POST /{tenant_id}/notes",
                    {**note, "folder": str(self.folders[other])},
                    tenant_id=mine,
                )
            case "find":
                answer = desk(person, "GET /{tenant_id}/notes/{id}", tenant_id=mine, id=own)
            case "find foreign":
                answer = desk(person, "GET /{tenant_id}/notes/{id}", tenant_id=mine, id=foreign)
            case "foreign tenant":
                answer = desk(person, "GET /{tenant_id}/notes", tenant_id=tenant_id(other))
            case "page":
                query = f"cursor={dice.randrange(12)}&limit=5"
                answer = desk(person, "GET /{tenant_id}/notes", query=query, tenant_id=mine)
            case "change":
                answer = desk(person, "PUT /{tenant_id}/notes/{id}", note, tenant_id=mine, id=own)
            case "change foreign":
                answer = desk(person, "PUT /{tenant_id}/notes/{id}", note, tenant_id=mine, id=foreign)
            case "delete":
                answer = desk(person, "DELETE /{tenant_id}/notes/{id}", tenant_id=mine, id=uuid4())
            case "delete foreign":
                # Its own in one case of many: then a note less.
                answer = desk(person, "DELETE /{tenant_id}/notes/{id}", tenant_id=mine, id=foreign)
            case "search":
                answer = desk(person, "GET /{tenant_id}/search", query="words=body", tenant_id=mine)
            case "pair":
                # All in one tenant and in any order: some wait for each other.
                person, ids = 0, [str(id) for id in dice.sample(self.ids[0][:3], 2)]
                answer = desk(person, "POST /{tenant_id}/pair", ids, tenant_id=tenant_id(person))
            case "slow":
                answer = desk(person, "GET /{tenant_id}/slow", query="milliseconds=4", tenant_id=mine)
            case "given up":
                # The runtime gives up after a tenth of a second, and interrupts the whole pool.
                query = "milliseconds=2000"
                answer = desk(person, "GET /{tenant_id}/slow", query=query, tenant_id=mine, remaining=0.2)
            case "broken":
                answer = desk(person, "POST /{tenant_id}/broken", note, tenant_id=mine)
            case "no tenant":
                answer = desk(person, "GET /forgotten")
            case _:
                key = {"only": "GET /only", "mine": "GET /mine"}.get(kind, f"GET /{{tenant_id}}/{kind}")
                answer = desk(person, key, tenant_id=mine)
        return Sent(kind, person, other, answer)

    def _kill(self) -> None:
        """Cancel statements and end sessions, again and again."""
        dice = random.Random(self.seed)
        admin = self.base.connect(admin=True)
        while not self._over.wait(0.01):
            sessions = [pid for (pid,) in admin.execute(_SESSIONS, (self.base.roles.app,)).fetchall()]
            if sessions:
                ends = dice.random() < 0.2
                statement = "select pg_terminate_backend(%s)" if ends else "select pg_cancel_backend(%s)"
                admin.execute(statement, (dice.choice(sessions),))
                self.injected["sessions ended" if ends else "statements cancelled"] += 1

    def report(self) -> dict[str, Any]:
        """The figures of this run."""
        return {
            "tenants": self.tenants,
            "threads": self.threads,
            "seed": self.seed,
            "requests": sum(self.answers.values()),
            "seconds": round(self.seconds, 1),
            "answers": dict(sorted(self.answers.items())),
            "refusals": dict(self.codes.most_common()),
            "what the log says of failures": dict(self.failures.most_common()),
            "calls": dict(self.calls.most_common()),
            "injected": dict(self.injected),
            "answers replayed under a key": self.replays,
            "texts with the caller's own mark": self.own,
            "foreign texts": len(self.foreign),
        }

    def __str__(self) -> str:
        return json.dumps(self.report(), indent=1)


def _failures(answer: Answer) -> list[str]:
    lines = [json.loads(line) for line in answer.lines]
    return [line.get("kind") or line.get("reason") or line["message"] for line in lines]


FOREIGN = ("find foreign", "change foreign", "delete foreign", "foreign tenant", "create in a foreign folder")

# How often each is sent.
KINDS = {
    "create": 6, "create twice": 3, "create with a key": 6, "create in a foreign folder": 3, "find": 12,
    "find foreign": 6, "foreign tenant": 5, "page": 14, "change": 8, "change foreign": 5, "delete": 2,
    "delete foreign": 2, "search": 8, "export": 3, "mixed": 5, "pair": 6, "slow": 1, "given up": 0.05,
    "broken": 5, "no tenant": 3, "only": 5, "mine": 3,
}  # fmt: skip

"""The storm's callers at the real gateway, with tokens of the real issuer; then what the house keeps of them.

What each function said and every span is held against the request it belongs to, by its trace's id, as it is
stored and as `lamppost logs`, `lamppost trace` and the console show it.
"""

import json
import random
import threading
from collections import Counter
from typing import Any

from lamppost.cli.running import ask as order
from lamppost.local.spans import spans_in
from tests.faults.house_marks import marks
from tests.faults.house_recipes import RECIPES, World
from tests.faults.house_wishes import Said, Wish, draw, verdict
from tests.running import House

TRIES = 3
SHOWN = 2


class GatewayCallers:
    """`requests` from `threads` callers who belong to the tenants `homes`."""

    def __init__(self, house: House, *, homes: range, requests: int, threads: int = 6, seed: int = 1) -> None:
        self.house = house
        self.statuses: Counter[int] = Counter()
        self.calls: Counter[str] = Counter()
        self.cut = 0
        self.foreign: list[str] = []
        self.lines = 0
        self.spans = 0
        self._world = World(homes.stop, homes)
        self._tokens: dict[str, str] = {}
        self._allowed: dict[str, frozenset[int]] = {}
        self._requests: dict[str, str] = {}
        self._lock = threading.Lock()
        shares = [requests // threads] * threads
        self._threads = [
            threading.Thread(target=self._call, args=(share, random.Random(f"{seed} {number}")))
            for number, share in enumerate(shares)
        ]

    def run(self) -> "GatewayCallers":
        """Send everything."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        return self

    def _call(self, requests: int, dice: random.Random) -> None:
        for _ in range(requests):
            with self._lock:
                wish = draw(dice, self._world, list(RECIPES))
                bearer = self._bearer(wish)
            self._send(wish, bearer)

    def _send(self, wish: Wish, bearer: dict[str, str]) -> None:
        service, method, path = wish.call.split(" ")
        for name, value in wish.ask.path.items():
            path = path.replace(f"{{{name}}}", value)
        target = f"{path}?{wish.query}" if wish.query else path
        try:
            answer = self.house.ask(method, target, wish.ask.body, {**wish.headers, **bearer}, api=service)
        except OSError:
            self.cut += 1
            return
        text = answer.body.decode()
        body = json.loads(text or "null")
        code = body.get("code", "") if answer.status >= 400 else ""
        wrong = verdict(wish, Said(answer.status, f"{text}\n{answer.headers}", code))
        with self._lock:
            self.statuses[answer.status] += 1
            self.calls[wish.call] += 1
            trace = answer.headers.get("x-trace-id", "")
            if trace:
                self._allowed[trace] = wish.allowed
                self._requests[trace] = wish.call
            if wrong is not None:
                self.foreign.append(
                    f"{wish.call}, {wish.kind}, by {wish.aim.person} {wish.ask}: {wrong}: {text}"
                )
            if answer.status < 300:
                self._world.learn(wish.call, wish.aim, wish.ask, body)

    def _bearer(self, wish: Wish) -> dict[str, str]:
        """Their token; from the first one on, the rows of this person are its subject's."""
        if wish.kind == "nobody":
            return {}
        person = wish.aim.person
        if person not in self._tokens:
            issued = order(
                self.house.data, "token/issue", person=person, service="users", scope=None, ttl=None
            )
            self._tokens[person] = issued["token"]
            with self.house.database("app") as db:
                for table in ("profiles", "memberships"):
                    db.execute(
                        f"update users.{table} set subject = %s where subject = %s".encode(),
                        (_subject(issued["token"]), person),
                    )
        return {"authorization": f"Bearer {self._tokens[person]}"}

    # --- what the house keeps

    def look_at_logs(self) -> None:
        """Hold every line of both functions against whose request it belongs to."""
        events = order(self.house.data, "logs", functions=["users.api", "orders.api"], since=0, limit=10**7)
        for event in events:
            found = marks(event["message"])
            self.lines += 1
            trace = _field(event["message"], "trace_id")
            # A request that was cut off left lines, and nobody knows whose they were: of one tenant, then.
            wrong = found - self._allowed[trace] if trace in self._allowed else len(found) > 1
            if wrong:
                self.foreign.append(f"a line of {self._requests.get(trace)}: {event['message']}")

    def look_at_traces(self) -> None:
        """Hold every span against whose request it belongs to."""
        for path in sorted(self.house.data.glob("**/traces.*.jsonl")):
            for line in path.read_text().splitlines():
                document = json.loads(line)["m"]
                for span in spans_in(document):
                    self.spans += 1
                    told = marks(json.dumps([span.name, span.fields, span.error]))
                    if told - self._allowed.get(span.trace_id, frozenset()):
                        self.foreign.append(f"a span of {self._requests.get(span.trace_id)}: {document}")

    def look_as_people_do(self) -> int:
        """What the commands and the console show of some requests; how many characters that were."""
        seen = 0
        for trace in list(self._allowed)[-SHOWN:]:
            shown = [
                self.house.run("logs", "--trace", trace, ok=False).stdout,
                self.house.run("trace", trace, ok=False).stdout,
                self._console(trace),
            ]
            seen += sum(len(text) for text in shown)
            for text in shown:
                if marks(text) - self._allowed[trace]:
                    self.foreign.append(f"shown of {self._requests[trace]}: {text}")
        # The front page tells of the system, and of nobody's rows.
        state = self.house.ask("GET", f"{self.house.running['console']}_console/state").body.decode()
        self.foreign += [f"the console's front page: {state}"] if marks(state) else []
        return seen + len(state)

    def _console(self, trace: str) -> str:
        """What the explorer shows below an answer."""
        service = self._requests[trace].split()[0]
        events = order(self.house.data, "logs", functions=[], since=0, trace=trace)
        request = next((_field(event["message"], "request_id") for event in events), "")
        url = (
            f"{self.house.running['console']}_console/lines?service={service}&function=api&request={request}"
        )
        return self.house.ask("GET", url).body.decode()


def _subject(token: str) -> str:
    from lamppost.tokens import compact

    return str(compact.read(token, algorithm="RS256").claims["sub"])


def _field(message: str, name: str) -> str:
    try:
        line: Any = json.loads(message)
    except ValueError:
        return ""
    return str(line.get(name, "")) if isinstance(line, dict) else ""

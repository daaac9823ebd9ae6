"""Walks a state machine as Step Functions does, as far as ours asks: no waiting, and every state is noted."""

from collections.abc import Callable, Iterator
from typing import Any

EVENTS = {"Task": 5, "Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 2}
ATTEMPT = 3


class Raised(Exception):
    """The function answered with an error of this class."""


class Walk:
    """One execution: the states it went through, the seconds it waited, the events it left in its history."""

    def __init__(self, machine: dict[str, Any], given: Any, call: Callable[[Any], Any]) -> None:
        self.machine, self.given, self.call = machine, given, call
        self.states: list[str] = []
        self.waited = 0.0
        self.events = 2
        self.error = ""

    def run(self, longest: int = 10_000) -> "Walk":
        """Go on to the end, which has to come within `longest` states."""
        name, told = self.machine["StartAt"], self.given
        while name and len(self.states) < longest:
            self.states.append(name)
            state = self.machine["States"][name]
            self.events += EVENTS[state["Type"]]
            name, told = getattr(self, f"_{state['Type'].lower()}")(state, told)
        assert not name, "it never ends"
        return self

    def _task(self, state: dict[str, Any], told: Any) -> tuple[str | None, Any]:
        assert state["Resource"] == "arn:aws:states:::lambda:invoke"
        tried = [0] * len(state["Retry"])
        while True:
            try:
                answer = {"Payload": self.call(self._filled(state["Parameters"]["Payload"]))}
                return state["Next"], self._at(state["OutputPath"], answer)
            except Raised as error:
                self.error = str(error)
                rule = next((r for r in state["Retry"] if self.error in r["ErrorEquals"]), None)
                if rule is None or tried[state["Retry"].index(rule)] == rule["MaxAttempts"]:
                    return None, None
                count = state["Retry"].index(rule)
                self.waited += rule["IntervalSeconds"] * rule["BackoffRate"] ** tried[count]
                self.events += ATTEMPT
                tried[count] += 1

    def _choice(self, state: dict[str, Any], told: Any) -> tuple[str | None, Any]:
        self.error = ""
        for rule in state["Choices"]:
            if self._at(rule["Variable"], told) == rule["StringEquals"]:
                return rule["Next"], told
        return state["Default"], told

    def _wait(self, state: dict[str, Any], told: Any) -> tuple[str | None, Any]:
        self.waited += state["Seconds"]
        return state["Next"], told

    def _succeed(self, state: dict[str, Any], told: Any) -> tuple[None, Any]:
        return None, told

    def _fail(self, state: dict[str, Any], told: Any) -> tuple[None, Any]:
        self.error = state["Error"]
        return None, told

    def _filled(self, template: dict[str, Any]) -> dict[str, Any]:
        """Parameters with what stands behind `name.$`: the whole execution's input."""
        context = {"Execution": {"Input": self.given}}
        return {
            key.removesuffix(".$"): self._at(value[1:], context) if key.endswith(".$") else value
            for key, value in template.items()
        }

    @staticmethod
    def _at(path: str, told: Any) -> Any:
        for part in path.split(".")[1:]:
            told = told[part]
        return told


def paths(machine: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every state with each state that may follow it."""
    for name, state in machine["States"].items():
        following = [state.get("Next"), state.get("Default")]
        following += [rule["Next"] for rule in state.get("Choices", ())]
        yield from ((name, each) for each in following if each)

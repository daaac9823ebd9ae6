"""A stage's templates as one set of resources, and where their references lead."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Body = Mapping[str, Any]


class Resource(msgspec.Struct, frozen=True):
    """One resource of one stack."""

    stack: str
    id: str
    type: str
    properties: Body

    def get(self, *path: str) -> Any:
        """The value below these keys, or None."""
        value: Any = self.properties
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @property
    def name(self) -> str:
        """Its name on AWS where the template states one, else its id in the stack."""
        short = self.type.rpartition("::")[2]
        keys = (
            f"{short}Name",
            f"{short}Identifier",
            "Name",
            "QueueName",
            "DBInstanceIdentifier",
            "AlarmName",
        )
        stated = (value for key in keys if isinstance(value := self.get(key), str))
        return next((value for value in stated if not value.startswith("$")), self.id)


class Templates:
    """Every resource of a stage, in the order of its stacks."""

    def __init__(self, stacks: Mapping[str, Body]) -> None:
        """`stacks` maps a stack's name on AWS to its template."""
        self.stacks = stacks
        self.resources = tuple(_resources(stacks))
        self._by_id = {(each.stack, each.id): each for each in self.resources}

    def of(self, kind: str) -> Iterator[Resource]:
        """Those of one type, `AWS::SQS::Queue`."""
        return (each for each in self.resources if each.type == kind)

    def led_to(self, value: Any, stack: str) -> Resource | None:
        """The first resource that this property of one in `stack` refers to, there or in another stack."""
        return next(self.all_led_to(value, stack), None)

    def all_led_to(self, value: Any, stack: str) -> Iterator[Resource]:
        """Every resource that it refers to."""
        if isinstance(value, Mapping):
            if "Ref" in value:
                yield from self._at(stack, value["Ref"])
            elif "Fn::GetAtt" in value:
                got = value["Fn::GetAtt"]
                yield from self._at(stack, got[0] if isinstance(got, list) else str(got).partition(".")[0])
            elif "Fn::GetStackOutput" in value:
                asked = value["Fn::GetStackOutput"]
                other = asked.get("StackName")
                output = self.stacks.get(other, {}).get("Outputs", {}).get(asked.get("OutputName"), {})
                yield from self.all_led_to(output.get("Value"), other)
            else:
                for each in value.values():
                    yield from self.all_led_to(each, stack)
        elif isinstance(value, list):
            for each in value:
                yield from self.all_led_to(each, stack)

    def _at(self, stack: str, id: Any) -> Iterator[Resource]:
        if (stack, id) in self._by_id:
            yield self._by_id[stack, id]


def _resources(stacks: Mapping[str, Body]) -> Iterator[Resource]:
    for stack, body in stacks.items():
        for id, each in body.get("Resources", {}).items():
            yield Resource(stack, id, each["Type"], each.get("Properties", {}))

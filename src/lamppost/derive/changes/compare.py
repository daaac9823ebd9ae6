"""Two sets of templates, compared as CloudFormation would: resource by resource, property by property."""

from collections.abc import Iterator, Mapping
from typing import Any

from lamppost.derive.changes import fates
from lamppost.derive.changes.kinds import Change, Changes, Export, Property
from lamppost.derive.changes.rights import rights
from lamppost.derive.cost.template import Body, Resource, Templates

# What CloudFormation looks at beside the properties.
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
_CODE = {
    "AWS::Lambda::Function": {"Code", "Layers"},
    "AWS::Lambda::LayerVersion": {"Content"},
}


def compare(before: Mapping[str, Body], after: Mapping[str, Body]) -> Changes:
    """What becomes of a stage, its stacks by their names on AWS, if `after` is deployed over `before`."""
    return Changes(
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(_resources(before, after)),
        rights(before, after),
        tuple(_exports(before, after)),
    )


def _resources(before: Mapping[str, Body], after: Mapping[str, Body]) -> Iterator[Change]:
    had = {(each.stack, each.id): each for each in Templates(before).resources}
    new = Templates(after)
    has = {(each.stack, each.id): each for each in new.resources}
    changed = {key: _differing(had[key], each, before, after) for key, each in has.items() if key in had}
    found = fates.touched(new, {key: names for key, names in changed.items() if names})
    for key, each in has.items():
        if key not in had:
            yield Change(*key, each.type, each.name, "added")
        elif found.get(key):
            yield _changed(had[key], each, found[key], _raw(after, key))
    for key, each in had.items():
        if key not in has:
            gone = fates.lost(each.type, _raw(before, key), "removed")
            yield Change(*key, each.type, each.name, "removed", lost=gone)


def _differing(
    had: Resource, has: Resource, before: Mapping[str, Body], after: Mapping[str, Body]
) -> set[str]:
    names = set(fates.differing(had.properties, has.properties))
    key = (has.stack, has.id)
    names |= {name for name in _POLICIES if _raw(before, key).get(name) != _raw(after, key).get(name)}
    return names | ({"Type"} if had.type != has.type else set())


def _changed(had: Resource, has: Resource, names: set[str], raw: Mapping[str, Any]) -> Change:
    fate, because = fates.verdict(has.type, names - set(_POLICIES))
    if "Type" in names and had.type != has.type:
        fate, because = "replaced", ("Type",)
    properties = tuple(Property(name, had.get(name), has.get(name)) for name in sorted(names))
    code_only = names <= _CODE.get(has.type, set())
    gone = fates.lost(has.type, raw, fate)
    return Change(
        has.stack, has.id, has.type, has.name, fate, properties, because, lost=gone, code_only=code_only
    )


def _raw(stacks: Mapping[str, Body], key: tuple[str, str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stacks[key[0]]["Resources"][key[1]]
    return found


def _exports(before: Mapping[str, Body], after: Mapping[str, Body]) -> Iterator[Export]:
    for stack, body in before.items():
        if stack in after:
            left = set(_names(after[stack]))
            yield from (Export(stack, name) for name in _names(body) if name not in left)


def _names(body: Body) -> list[str]:
    outputs = body.get("Outputs", {}).values()
    return [str(out["Export"]["Name"]) for out in outputs if "Export" in out]

"""What the gates say of the four stages, and which of them see which mistake."""

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from lamppost.cloud.rules.check import RULES, broken
from tests.cloud.conftest import SHOPS, STAGES, Synthesised
from tests.cloud.gates import batch, snapshot
from tests.cloud.gates.acknowledged import Kept, idle, unacknowledged
from tests.cloud.gates.editing import copied
from tests.cloud.gates.findings import Finding, cfn_lint, checkov, nag, nag_again
from tests.cloud.gates.kept_checkov import CHECKOV
from tests.cloud.gates.kept_nag import NAG
from tests.cloud.gates.mutants.every import every
from tests.cloud.gates.mutants.table import Mutant

Run = Callable[[Path], list[Finding]]


def _lint(folder: Path) -> list[Finding]:
    return cfn_lint(sorted(folder.glob("*/*.json")))


TOOLS: dict[str, tuple[Run, tuple[Kept, ...]]] = {
    "nag": (nag_again, NAG),
    "cfn-lint": (_lint, ()),
    "checkov": (checkov, CHECKOV),
}
# cdk-nag cannot read a template that names what is not in it.
UNREADABLE = ("a layer that no stack makes", "an alarm on a misspelt function", "no migrations at all")
# Four hundred resources are for counting, not for reading.
LARGE = ("four hundred resources",)


class Gate(msgspec.Struct, frozen=True):
    """What one gate found in the four stages, how much of it is answered for, and what is not."""

    name: str
    found: int
    kept: int
    open: tuple[str, ...]
    idle: tuple[str, ...]
    wall: float

    @property
    def shut(self) -> bool:
        """Whether nothing may pass."""
        return bool(self.open or self.idle)


def rules(made: Synthesised) -> Gate:
    """The house rules and the snapshot."""
    began = time.perf_counter()
    told = [f"{env}: {each}" for env, stacks in made.stacks.items() for each in broken(stacks)]
    for env, stacks in made.stacks.items():
        told += snapshot.replaced(stacks, snapshot.read()[env])
    return Gate(f"{len(RULES)} house rules", len(told), 0, tuple(told), (), time.perf_counter() - began)


def tool(name: str, made: Synthesised, folder: Path) -> Gate:
    """One of the tools over all four stages.

    cdk-nag has judged them when they were synthesised, and the shop's, which have what ours do not pay for.
    """
    run, kept = TOOLS[name]
    began = time.perf_counter()
    if name == "nag":
        judged = [made.folder / env for env in STAGES] + [folder / "shop" / env for env in SHOPS]
        found = [each for stage in judged for each in nag(stage / "validation-report.json", stage.name)]
    else:
        for env in STAGES:
            (folder / name / env).mkdir(parents=True)
            for template in (made.folder / env).glob("*.template.json"):
                shutil.copy(
                    template, folder / name / env / template.with_suffix("").with_suffix(".json").name
                )
        found = run(folder / name)
    left = unacknowledged(found, kept)
    return Gate(
        name,
        len(found),
        len(kept),
        tuple(map(str, left)),
        tuple(f"{each.rule} {each.where}" for each in idle(found, kept)),
        time.perf_counter() - began,
    )


def sights(made: Synthesised, folder: Path) -> dict[str, dict[str, set[str]]]:
    """Mistake to gate to what it said of it that it does not say of the unchanged templates."""
    seen: dict[str, dict[str, set[str]]] = {}
    for mutant in every():
        stacks = copied(made.stacks[mutant.env])
        mutant.make(stacks)
        seen[mutant.name] = {"house rule": {each.rule for each in broken(stacks)}}
        if snapshot.replaced(stacks, snapshot.read()[mutant.env]):
            seen[mutant.name]["snapshot"] = {"replaced"}
    for name, (run, kept) in TOOLS.items():
        chosen = tuple(_readable(name))
        batch.write(folder / f"mutants-{name}", made.stacks["prod"], chosen)
        # What is kept in the templates as they are would be kept in a mistake's as well.
        said = batch.seen(unacknowledged(run(folder / f"mutants-{name}"), kept))
        for mutant in chosen:
            if said.get(batch.label(mutant)):
                seen[mutant.name][name] = said[batch.label(mutant)]
    return {mistake: {gate: said for gate, said in gates.items() if said} for mistake, gates in seen.items()}


def _readable(name: str) -> Iterable[Mutant]:
    for mutant in every():
        apart = UNREADABLE + LARGE if name == "nag" else LARGE
        if mutant.env == "prod" and mutant.name not in apart:
            yield mutant


def page(made: Synthesised, gates: list[Gate], sights: dict[str, dict[str, set[str]]], seconds: float) -> str:
    """The report, as Markdown."""
    stacks = [stack for each in made.stacks.values() for stack in each.stacks.values()]
    largest = max(stacks, key=lambda stack: len(stack.template["Resources"]))
    alone = sum(1 for said in sights.values() if set(said) & set(TOOLS))
    lines = [
        "# The gates before AWS",
        "",
        "`make gates` writes this page. It synthesises "
        f"{', '.join(STAGES)}: {len(stacks)} stacks, {sum(len(s.template['Resources']) for s in stacks)} "
        f"resources, {len(largest.template['Resources'])} of them in {largest.name}, the largest.",
        f"Synthesised, judged by cdk-nag and held against the house rules in {seconds:.1f} s of CPU.",
        "cdk-nag also judges three stages of a test's system, which have what these do not pay for.",
        "",
        "| gate | findings | answers | not answered for | answers to nothing | wall s |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for gate in gates:
        counts = (gate.found, gate.kept, len(gate.open), len(gate.idle))
        lines.append(f"| {gate.name} | {' | '.join(map(str, counts))} | {gate.wall:.1f} |")
    for gate in gates:
        lines += [f"- {each}" for each in (*gate.open, *gate.idle)]
    lines += [
        "",
        f"## {len(sights)} mistakes",
        "",
        f"{sum(1 for said in sights.values() if said)} of {len(sights)} are seen;"
        f" the three tools together see {alone}.",
        "",
        "| mistake | seed | house rules | snapshot | cdk-nag | cfn-lint | checkov |",
        "|---|---|---|---|---|---|---|",
    ]
    for mutant in every():
        said = sights[mutant.name]
        cells = [
            ", ".join(sorted(said.get(gate, ())))
            for gate in ("house rule", "snapshot", "nag", "cfn-lint", "checkov")
        ]
        lines.append(f"| {mutant.name} | {mutant.seed} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

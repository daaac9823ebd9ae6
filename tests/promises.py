"""Schemathesis against a running API: everything its document promises, tried from outside."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.running import ROOT, House

PHASES = "examples,coverage,fuzzing,stateful"
PEERS = ("ada", "ben")
STATEFUL_TRIES = 8
# What schemathesis takes for right, and 413 and 431: a document has no words for how long a request may be.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "413", "429", "431", "5xx"]
REJECTED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "431", "5xx"]
_GENERATED = re.compile(r"(\d+) generated")
# At the end of a service.py: a caller who asks a thousand times in a minute is to be heard each time.
PATIENT = """

import msgspec as _msgspec
from lamppost.declare.rates import USUAL as _USUAL

_names = dict.fromkeys(rate.name for rate in (*_USUAL, *service.rates))
_rates = tuple(type(_USUAL[0])(name, 100_000) for name in _names)
service = _msgspec.structs.replace(service, rates=_rates)
"""


class Tried:
    """What a run found. `probed` says who asked for whose things, and where."""

    def __init__(self, folder: Path, done: "subprocess.CompletedProcess[str]") -> None:
        self.code = done.returncode
        self.said = done.stdout + done.stderr
        self.report: dict[str, Any] = json.loads((folder / "report.json").read_text())
        probed = folder / "probed"
        self.probed = set(probed.read_text().splitlines()) if probed.exists() else set()

    @property
    def failures(self) -> set[str]:
        """The kinds of failures."""
        return {each["type"] for each in self.report["failures"]}

    @property
    def figures(self) -> str:
        """What was tried, for a reader: operations, cases, and where one person asked for another's."""
        cases = sum(map(int, _GENERATED.findall(self.said)))
        places = {line.partition(" ")[2].partition(" ")[2] for line in self.probed}
        asked = f", another's things asked for at {', '.join(sorted(places))}" if places else ""
        return f"{self.report['operations']['tested']} operations, {cases} cases{asked}"

    @property
    def unreached(self) -> list[str]:
        """Operations of which no request was accepted, nor refused for the state of what it found."""
        return [
            name
            for name, phases in self.report["valid_rates"].items()
            if not any(phase["accepted"] + phase["conflicts"] for phase in phases.values())
        ]


def examples() -> int:
    """How many cases an operation gets: 15 in the suite, more by PROMISE_EXAMPLES."""
    return int(os.environ.get("PROMISE_EXAMPLES", "15"))


def patient(root: Path) -> Path:
    """The repository below `root`, its services changed to let each caller ask as often as it likes."""
    for declared in root.glob("services/*/service.py"):
        declared.write_text(declared.read_text() + PATIENT)
    return root


def try_promises(house: House, api: str, folder: Path) -> Tried:
    """Hold `api` to the document of the running system."""
    folder.mkdir(parents=True)
    document = _document(house, api)
    (folder / "api.json").write_text(json.dumps(document))
    (folder / "config.toml").write_text(_config(house, api, document, folder))
    seed = int(os.environ.get("PROMISE_SEED", "7"))
    tried = _tried(house, api, folder, PHASES, seed)
    if not (folder / "users.json").exists():
        return tried
    # Whether a link from a thing to its owner's next step is drawn is left to chance: until one was.
    for another in range(seed + 1, seed + 1 + STATEFUL_TRIES):
        if tried.probed or tried.code:
            break
        again = _tried(house, api, folder, "stateful", another)
        tried.code, tried.said, tried.probed = again.code, tried.said + again.said, again.probed
        tried.report["failures"] += again.report["failures"]
    return tried


def _tried(house: House, api: str, folder: Path, phases: str, seed: int) -> Tried:
    (folder / "report.json").unlink(missing_ok=True)
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(folder / "config.toml"),
            "run", str(folder / "api.json"), "--url", house.running["apis"][api], "--phases", phases,
            "--checks", "all", "--max-examples", str(examples()), "--no-color",
            "--seed", str(seed),
            "--report", "json", "--report-json-path", str(folder / "report.json"),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.promise_hooks",
            "PYTHONPATH": str(ROOT),
            "PROMISES_PROBED": str(folder / "probed"),
        },
        timeout=1200,
        check=False,
    )  # fmt: skip
    if not (folder / "report.json").exists():
        raise AssertionError(done.stdout + done.stderr)
    return Tried(folder, done)


def _document(house: House, api: str) -> dict[str, Any]:
    done = house.run("openapi", api, "--running", ok=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    if api == "birthday":
        _name_kinds(house, made)
    return made


def _name_kinds(house: House, document: dict[str, Any]) -> None:
    """A kind of yearly day is a row, which no document names: make one, and tell which there are."""
    with house.database() as db:
        db.execute(
            "insert into birthday.kinds (name, message) values ('anniversary', 'Hey, {firstName}')"
            " on conflict do nothing"
        )
        known = [name for (name,) in db.execute("select name from birthday.kinds")]
    for given in document["paths"]["/user/{id}/dates/{kind}"]["put"]["parameters"]:
        if given["name"] == "kind":
            given["schema"] = {"type": "string", "enum": known}


def _config(house: House, api: str, document: dict[str, Any], folder: Path) -> str:
    # NUL in a text is refused everywhere, and is in no schema: tests/data/bad_inputs.json has it.
    lines = ["[generation]", "allow-x00 = false", ""]
    lines += ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(ACCEPTED)}", ""]
    lines += ["[checks.negative_data_rejection]", f"expected-statuses = {json.dumps(REJECTED)}", ""]
    # Who owns what is learnt by following what a request has made.
    lines += ["[phases.stateful.generation]", f"max-examples = {max(examples(), 40)}", ""]
    if "securitySchemes" in document["components"]:
        users = [_user(house, api, name) for name in PEERS]
        (folder / "users.json").write_text(json.dumps({"auth": users}))
        lines += ["[auth.wfc]", f"path = {json.dumps(str(folder / 'users.json'))}"]
        lines += [f"peers = {json.dumps(list(PEERS))}", ""]
    # Valid by its schema and refused all the same: only where the route states such a refusal of its own.
    allowed = f"expected-statuses = {json.dumps([*ACCEPTED, '400', '422'])}"
    for route in house.run("routes", api, "--json"):
        if any(refusal.startswith(("400", "422")) for refusal in route["refuses"] or ()):
            path = route["path"].removeprefix(f"/{api}")
            for method in (route["method"], *(["HEAD"] if route["method"] == "GET" else [])):
                lines += ["[[operations]]", f"include-name = {json.dumps(f'{method} {path}')}"]
                lines += ["[operations.checks.positive_data_acceptance]", allowed, ""]
    # HTTP lets every request have headers that nobody knows. Schemathesis takes those for wrong input where a
    # handler reads some of its own.
    borne = f"expected-statuses = {json.dumps([*REJECTED, '2xx'])}"
    for name in _heeding(document):
        lines += ["[[operations]]", f"include-name = {json.dumps(name)}"]
        lines += ["[operations.checks.negative_data_rejection]", borne, ""]
    return "\n".join(lines)


def _heeding(document: dict[str, Any]) -> list[str]:
    """The operations whose handlers read headers."""
    return [
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method, made in item.items()
        if any(
            given["in"] == "header" and given["name"] != "Idempotency-Key"
            for given in made.get("parameters", ())
        )
    ]


def _user(house: House, api: str, name: str) -> dict[str, Any]:
    """A person that no other API has met, with an organisation of their own where there are such."""
    person = f"{name}-{api}"
    done = house.run("token", "--as", person, "--service", api, "--json")
    bearer = {"authorization": f"Bearer {done['token']}"}
    if "users" in house.running["apis"]:
        founded = house.ask("POST", "/organisations", {"name": f"{person}'s"}, bearer, api="users")
        assert founded.status == 201, founded.body
    return {"name": name, "fixedHeaders": [{"name": name, "value": value} for name, value in bearer.items()]}

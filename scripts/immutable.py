"""Writes which properties of a resource CloudFormation can only change by making another one.

    python scripts/immutable.py

It is read off the specification of CloudFormation that comes with CDK's command line (`make aws`), for
the types that `lamppost cost` knows. Run it when one of the two learns a type.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from lamppost.derive.cost.kinds import BILLED, FREE

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATION = ROOT / "infra" / "node_modules" / "aws-cdk" / "db.json.gz"
OUT = ROOT / "src" / "lamppost" / "derive" / "changes" / "immutable.json"


def immutable(resource: dict[str, Any]) -> dict[str, str]:
    """Property to `yes` or `maybe`; one that changes in place is not there."""
    found = {name: of.get("causesReplacement", "no") for name, of in resource["properties"].items()}
    return {name: word for name, word in sorted(found.items()) if word != "no"}


def main() -> None:
    """Read the specification and write the file."""
    with gzip.open(SPECIFICATION) as packed:
        resources = json.load(packed)["schema"]["resource"]["entities"]
    by_type = {each["cloudFormationType"]: each for each in resources}
    wanted = sorted({*BILLED, *FREE} & set(by_type))
    made = {kind: immutable(by_type[kind]) for kind in wanted}
    OUT.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{len(made)} types; not in the specification: {sorted({*BILLED, *FREE} - set(by_type))}")


if __name__ == "__main__":
    main()

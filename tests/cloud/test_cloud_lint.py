"""cfn-lint: AWS's own schemas and rules, over every template of dev and prod."""

import json
import subprocess

import pytest

from tests.cloud.conftest import Stage, Synthesised
from tests.cloud.gates import batch
from tests.cloud.gates.findings import Finding, cfn_lint
from tests.cloud.gates.snapshot import REPLACED_BY
from tests.cloud.gates.tools import tool

JUDGED = ("dev", "prod")
# Of the stage that has a domain, a page behind it and a login.
OF_THE_SHUT = (
    "Shop-DomainStack-shut",
    "Shop-EdgeStack-shut",
    "Shop-IdentityStack-shut",
    "Shop-ApiStack-shut",
)
OF_THE_SHOP = ("Shop-ProxyStack-full", "Shop-DatabaseStack-full", "Shop-ApiStack-full", "ShopStack-full")
# Run where cfn-lint is: AWS's schemas say what replaces a resource.
ASK = """
import json, sys
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
asked = {}
for kind in sys.argv[1:]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    asked[kind] = sorted({path.split("/")[2] for path in schema.get("createOnlyProperties", [])})
print(json.dumps(asked))
"""


@pytest.fixture(scope="module")
def told(
    synthesised: Synthesised,
    shop: Stage,
    full: Stage,
    six: Stage,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Finding]:
    """All that it says, of the stages and of the mistakes."""
    folder = tmp_path_factory.mktemp("cfn-lint")
    batch.write(folder, synthesised.stacks["prod"], batch.shown("cfn-lint"))
    # Staging is prod in smaller sizes; a preview is dev that may be deleted.
    templates = [each for env in JUDGED for each in (synthesised.folder / env).glob("*.template.json")]
    # What only the shop's stages have, each kind once.
    templates += [full.folder / f"{name}.template.json" for name in OF_THE_SHOP]
    templates += [shop.folder / f"{name}.template.json" for name in OF_THE_SHUT]
    templates += six.folder.glob("Shop-NetworkStack-*.template.json")
    assert len(templates) >= 28
    return cfn_lint([*templates, *sorted(folder.glob("*/*.json"))])


def test_cfn_lint_finds_nothing(told: list[Finding]) -> None:
    assert not [str(each) for each in told if each.label in (*JUDGED, "shut", "full", "six")]


def test_cfn_lint_sees_the_mistakes_that_it_is_there_for(told: list[Finding]) -> None:
    assert not batch.missed(told, "cfn-lint")


def test_we_and_aws_agree_on_what_replaces_a_resource() -> None:
    done = subprocess.run(
        [tool("cfn-lint").parent / "python", "-c", ASK, *REPLACED_BY],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {kind: sorted(names) for kind, names in REPLACED_BY.items()}

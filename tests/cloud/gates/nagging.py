"""cdk-nag over templates that are there already, in a process of its own: CDK's library reads them back.

`python -m tests.cloud.gates.nagging FOLDER` reads FOLDER/LABEL/*.json; its report goes to FOLDER.
"""

import json
import sys
from pathlib import Path
from typing import Any

from lamppost.cloud import node

PLAIN = {
    "@aws-cdk/core:failSynthOnValidationErrors": False,
    "@aws-cdk/core:enableAdditionalMetadataCollection": False,
}


def main(folder: Path) -> None:
    """Judge every template below `folder`."""
    node.choose()
    import aws_cdk as cdk
    from aws_cdk.cloudformation_include import CfnInclude
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    app = cdk.App(outdir=str(folder / "out"), context=PLAIN, analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    for number, path in enumerate(sorted(folder.glob("*/*.json"))):
        readable = folder / f"{number}.json"
        readable.write_text(json.dumps(_readable(json.loads(path.read_text()))))
        stack = cdk.Stack(app, f"{path.parent.name}--{path.name.partition('.')[0]}")
        CfnInclude(stack, "T", template_file=str(readable))
    app.synth()
    (folder / "out" / "validation-report.json").rename(folder / "validation-report.json")


def _readable(template: dict[str, Any]) -> Any:
    """Without what the reader does not know: a newer intrinsic, and the check of the bootstrap's version."""
    template.pop("Rules", None)
    template.get("Parameters", {}).pop("BootstrapVersion", None)
    return _plain(template)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if "Fn::GetStackOutput" in value or "Fn::ImportValue" in value:
            return "elsewhere"
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))

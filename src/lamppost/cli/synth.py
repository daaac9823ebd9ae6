"""`lamppost synth`: the AWS stacks of one stage, as templates."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.output import show, table
from lamppost.cli.running import Json


def synth(
    *,
    stage: Annotated[str, Parameter(help="One of infra/stages.toml: dev, staging, prod, or pr-12.")] = "dev",
    out: Annotated[Path, Parameter(help="The folder for templates and zips.")] = Path("infra/cdk.out"),
    json: Json = False,
) -> None:
    """Write the AWS stacks of one stage, ready to be deployed, and list them in their order.

    Nothing is asked of AWS. `make aws` installs what it takes; `cdk deploy` inside infra/ makes the same.
    """
    from lamppost.cloud.synthesis import synthesise

    made = synthesise(Path.cwd(), stage, out.resolve())
    rows = [(stack.name, stack.resources, stack.template.name) for stack in made]
    show(
        [
            {
                "stack": stack.name,
                "id": stack.id,
                "resources": stack.resources,
                "template": str(stack.template),
            }
            for stack in made
        ],
        lambda: table(rows, ("STACK", "RESOURCES", f"TEMPLATE IN {out}")),
        as_json=json,
    )

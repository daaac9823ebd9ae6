"""`lamppost deploy`: a stage as the repository says, after a look at what will change."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.deploying import deployed, in_words, told
from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.cli.templates import Stage, Templates


def deploy(
    *,
    stage: Stage = "dev",
    yes: Annotated[
        str | None,
        Parameter(help="Do not ask. It takes the stage's name: --yes prod, so that no other is meant."),
    ] = None,
    templates: Templates = None,
    json: Json = False,
) -> int:
    """Deploy every stack of a stage with the pinned CDK, after saying what changes and what that costs.

    It asks first; for prod, and where something is replaced or its data goes, the answer is the stage's name.
    Migrations run before the code that needs them. What was deployed is kept in infra/snapshots, for the next
    `lamppost diff`: commit it. Addresses that AWS made up are kept in infra/outputs.
    """
    done = deployed(Path.cwd(), stage, yes=yes, templates=templates, json=json)
    show(told(done), lambda: in_words(done), as_json=json)
    return 0 if done.deployed else 1

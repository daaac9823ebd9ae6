"""The options of commands that look at a stage's templates, and where these come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.cloud.assembly import Stack

Stage = Annotated[str, Parameter(help="One of infra/stages.toml: dev, staging, prod, or pr-12.")]
Templates = Annotated[
    Path | None,
    Parameter(help="A folder that `lamppost synth --out` wrote; without it the templates are made anew."),
]


def stacks_of(stage: str, folder: Path | None) -> "tuple[Stack, ...]":
    """The stacks of `stage`, made now, or read from `folder`. Raises `OperatorError` for another stage's."""
    from lamppost.cloud import assembly

    if folder is None:
        from lamppost.cloud.draft import draft

        return draft(Path.cwd(), stage)
    stacks = assembly.read(folder)
    if assembly.stage_of(folder) not in (stage, None):
        raise OperatorError(
            f"the templates in {folder} are of the stage {assembly.stage_of(folder)!r}, not {stage!r}",
            fix=f"say --stage {assembly.stage_of(folder)}, or write those of {stage} there",
            code="templates_of_another_stage",
        )
    return stacks

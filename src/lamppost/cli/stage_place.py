"""The names and ARNs of a stage: of this machine, or as `infra/stages.toml` says."""

from pathlib import Path

from lamppost.declare import names
from lamppost.derive.why import Place


def stage_place(root: Path, stage: str) -> Place:
    """The place of `stage`. One that names no account has AWS's placeholder. Raises `OperatorError`."""
    if stage == names.LOCAL:
        return Place(names.LOCAL_ENV, names.LOCAL_REGION, names.LOCAL_ACCOUNT)
    from lamppost.cloud import stages

    chosen = stages.choose(stages.read(root / stages.FILE), stage)
    return Place(chosen.env, chosen.settings.region, chosen.settings.account or "${AWS::AccountId}")

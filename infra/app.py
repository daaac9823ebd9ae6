"""CDK's command line starts here: `cdk deploy --all`, and `-c stage=prod` for another stage than dev."""

from pathlib import Path

from lamppost.cloud.synthesis import asked, synthesise

synthesise(Path(__file__).resolve().parents[1], asked())

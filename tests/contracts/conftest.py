"""What contract tests share: the AWS port, served for real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lamppost.testing.plugin import MakeDatabase
from tests.contracts.aws_house import LOCAL_TABLES, AwsHouse


@pytest.fixture
def aws_house(database: MakeDatabase, tmp_path: Path) -> Iterator[AwsHouse]:
    """The AWS port with the birthday service's queues, parameters, secrets, logs and functions."""
    house = AwsHouse(database(folders=LOCAL_TABLES).admin, tmp_path)
    yield house
    house.close()

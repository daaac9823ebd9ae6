"""What the rows of the matrix share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.contracts.aws_house import LOCAL_TABLES
from tests.faults.rows.ground import Ground, ground
from tests.faults.rows.row import Row, played
from tests.forms import Form
from tests.running import ROOT

if TYPE_CHECKING:
    from lamppost.local.postgres.address import Address

PlayRow = Callable[[str, str], AbstractContextManager[Row]]


@pytest.fixture
def play(form: Form, request: pytest.FixtureRequest) -> PlayRow:
    """Each row of a test is a block that begins with its number and its fault."""
    return partial(played, form=form, request=request)


@pytest.fixture(scope="module")
def field(postgres_cluster: "Address", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A ground for all rows of a file, on the run's PostgreSQL server, which nobody kills."""
    from lamppost.testing.databases import Databases

    databases = Databases(postgres_cluster, ROOT / "services")
    made = databases.make(("birthday",), LOCAL_TABLES)
    with ground(made, tmp_path_factory.mktemp("ground")) as place:
        yield place
    databases.drop(made)


@pytest.fixture
def here(field: Ground) -> Ground:
    """The ground, on which nothing has happened yet."""
    field.anew()
    return field

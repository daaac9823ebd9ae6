"""A handler is found again by its module and its name, so it must have both."""

from functools import partial
from typing import Any

import pytest

from lamppost import AuthorError, Function, Service, System
from lamppost.derive.describe import describe


def work(event: object) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    "handler", [lambda event: None, partial(work), "".join], ids=["lambda", "partial", "method"]
)
def test_a_handler_without_a_name_of_its_own_is_refused_when_it_is_declared(handler: Any) -> None:
    """A lambda would be found by nobody in the sandbox."""
    with pytest.raises(AuthorError, match="no module holds"):
        function = Function(name="work", handler=handler)
        describe(System((Service(name="shop", functions=(function,)),)), {"shop": "x"})

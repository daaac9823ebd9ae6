"""Nobody is forgotten and nobody claimed twice, whatever commits late: the short form of `claim_storm`."""

from typing import Any

import pytest

from tests.faults.claim_storm import Storm


@pytest.mark.parametrize("seed", [20261121])
def test_every_date_that_comes_due_is_claimed_exactly_once_in_a_storm_of_late_commits(
    database: Any, seed: int
) -> None:
    found = Storm(database("birthday").app, 3_000, seed).run()
    print(f"seed {seed}: {found}")
    assert found.events >= 3_000
    assert (found.missed, found.doubled) == (0, 0)

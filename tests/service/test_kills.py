"""Random kills over poll, diff, outbox and delivery, 25 on each database; tests/bench/kills.py has
a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.store.db import Store
from tests.support.kill_trials import Parent, Trial


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parent]:
    parent = Parent(tmp_path_factory.mktemp("kills"))
    yield parent
    parent.close()


@pytest.mark.timeout(1200)
async def test_nothing_is_lost_or_told_twice(parent: Parent, store: Store) -> None:
    tally = await Trial(parent, store, seed=5).run(kills=25)
    assert tally.kills == 25
    assert tally.events >= 5, "the service got somewhere between the kills"
    assert tally.copies == 2 * tally.events + tally.duplicates

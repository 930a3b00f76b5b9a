"""What must hold of any pages in any order: of the pure loop over ``decide``, and of real replays
and polls.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.diff import Snapshot, diff, patch, snapshot
from monitor.core.facts import Fact, Notice, Retirement, When
from monitor.core.interpret import Draft, identify, says
from monitor.core.settle import PastValue, Pending
from monitor.errors import FetchFailed
from monitor.polling.decide import Decision, Memory, Page, decide
from monitor.replaying.replay import ArchivedDocument, replay
from monitor.store import event_log
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.schema import ready
from tests.polling.test_poll import ACME, BROKEN, Watch, page
from tests.support.strategies import pages

START = datetime(2026, 11, 1, tzinfo=UTC)
#: A row that no number of looks lets in: a person must.
STRANGE = Retirement(
    model="strange", stage="deprecated", retires=When("2525-07-30"), provider="acme"
)


@dataclass
class Loop:
    """What monitor.polling.poll does with a store, in memory: one source, looked at a whole interval after
    the last time.
    """

    now: datetime = START
    known: Snapshot = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    recent: list[PastValue] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def look(self, seen: Snapshot | None) -> Decision:
        """One look at a page; None is the same page again."""
        self.now += ACME.every
        back = {key for key in seen or {} if key not in self.known and key in self.ended}
        memory = Memory(self.known, self.pending, self.recent, back)
        found = decide(ACME, Page(seen), memory, self.now)
        if found.outcome != "suspect":
            self.known, self.pending, self.recent = found.current, found.pending, found.recent
            self.ended |= {change.key for change in found.changes if change.before}
            for draft in found.drafts:
                self._tell(draft)
        return found

    def _tell(self, draft: Draft) -> None:
        what = says(ACME.id, draft)
        if not (draft.once and self.said[what]):
            self.ids.append(identify(what, self.said[what]))
            self.kinds.append(draft.kind)
        self.said[what] += 1

    def settle(self, seen: Snapshot) -> None:
        """Look at a page until nothing of it waits."""
        for _ in range(40):
            found = self.look(seen)
            if not self.pending and found.outcome != "suspect":
                return

    def restart(self) -> None:
        """Keep what a store keeps, as it keeps it."""
        self.pending = [
            Pending.from_json(json.loads(json.dumps(wait.to_json()))) for wait in self.pending
        ]
        self.recent = [
            PastValue.from_json(json.loads(json.dumps(value.to_json()))) for value in self.recent
        ]


def told(facts: Snapshot) -> dict[str, tuple[object, ...]]:
    return {key: fact.value for key, fact in facts.items()}


# --- diff and patch
# ----------------------------------------------------------------------------------------


@given(pages(), pages())
def test_patch_undoes_diff(before: dict[str, Fact], after: dict[str, Fact]) -> None:
    slid_out = {
        key: fact for key, fact in before.items() if isinstance(fact, Notice) and key not in after
    }
    assert told(patch(before, diff(before, after))) == told(after) | told(slid_out)


# --- the loop
# ----------------------------------------------------------------------------------------------


@given(st.lists(pages(), min_size=2, max_size=12))
@settings(max_examples=40, deadline=None)
def test_no_fact_missed_once_is_removed(seen: list[dict[str, Fact]]) -> None:
    loop = Loop()
    missed: Counter[str] = Counter()
    for facts in seen:
        missed.update(key for key in loop.known if key not in facts)
        removed = [change.key for change in loop.look(facts).changes if change.after is None]
        assert all(missed[key] >= 2 for key in removed)


@given(
    st.lists(pages(), min_size=2, max_size=4),
    st.randoms(use_true_random=False),
    st.integers(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_ids_depend_neither_on_order_nor_on_time_nor_on_a_restart(
    seen: list[dict[str, Fact]], chance: Random, minutes: int
) -> None:
    plain, other = Loop(), Loop(START + timedelta(minutes=minutes))
    for facts in seen:
        plain.settle(facts)
        other.settle(snapshot(chance.sample(list(facts.values()), len(facts))))
        other.restart()
        for _ in range(chance.randrange(3)):
            other.look(chance.choice([facts, None]) if other.known else facts)
    assert sorted(other.ids) == sorted(plain.ids)
    assert len(set(plain.ids)) == len(plain.ids)


@given(st.lists(pages(), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_settled_page_adds_nothing_however_often_it_is_seen(seen: list[dict[str, Fact]]) -> None:
    loop = Loop()
    for facts in seen:
        loop.settle(facts)
    before = list(loop.ids)
    for _ in range(3):
        loop.look(seen[-1])
        loop.look(None)
    assert loop.ids == before


#: A look that brought no page to believe: a page with a row that cannot be, or nothing that could
#: be read.
TROUBLES = st.sampled_from(["suspect", "unreadable", "unreachable"])


@given(st.lists(pages() | TROUBLES, min_size=2, max_size=14))
@settings(max_examples=40, deadline=None)
def test_suspect_and_failed_polls_change_nothing(looks: list[dict[str, Fact] | str]) -> None:
    """Whatever comes between them, the events are those of the accepted polls alone."""
    clean, troubled = Loop(), Loop()
    for look in looks:
        if isinstance(look, dict):
            troubled.now = clean.now  # the calendar is not what is compared
            assert clean.look(look) == troubled.look(look)
        elif look == "suspect":
            strange = {**troubled.known, STRANGE.key: STRANGE}
            assert troubled.look(strange).outcome == "suspect"
    assert troubled.ids == clean.ids
    assert (troubled.known, troubled.pending, troubled.recent) == (
        clean.known,
        clean.pending,
        clean.recent,
    )


# --- with a store
# ------------------------------------------------------------------------------------------


@contextmanager
def stored() -> Iterable[tuple[Store, Path]]:  # type: ignore[misc]
    """An empty database in a folder of its own; hypothesis wants one for each example."""
    with tempfile.TemporaryDirectory() as folder:
        store = ready(Store(str(Path(folder) / "lastcall.db")))
        try:
            yield store, Path(folder)
        finally:
            store.close()


def official(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {key: fact.stamped("acme") for key, fact in facts.items()}


#: A page of Acme always says something; what it says else differs.
STAYS = Retirement(model="stays", provider="acme", stage="active")
SAID = pages().map(lambda facts: {**official(facts), STAYS.key: STAYS})


def ids_of(store: Store) -> list[str]:
    with store.read() as session:
        return [
            event["id"]
            for event in event_log.events(session, EventQuery(baseline=None, limit=1000))
        ]


@given(st.lists(SAID, min_size=2, max_size=5), st.integers(1, 4))
@settings(max_examples=4, deadline=None)
def test_replaying_any_prefix_twice_adds_nothing(seen: list[dict[str, Fact]], prefix: int) -> None:
    def documents(folder: Path) -> Sequence[ArchivedDocument]:
        found = []
        for number, facts in enumerate(seen):
            path = folder / f"{number}.txt"
            path.write_bytes(page(*facts.values()))
            found.append(ArchivedDocument(ACME.id, path, START + timedelta(days=number)))
        return found

    declared = {ACME.id: ACME}
    with stored() as (once, folder), stored() as (twice, _):
        archived = documents(folder)
        asyncio.run(replay(once, archived, declared))
        for some in (archived[:prefix], archived[:prefix], archived):
            asyncio.run(replay(twice, some, declared))
        assert asyncio.run(replay(twice, archived, declared)).events == 0
        assert ids_of(twice) == ids_of(once)


@given(st.lists(SAID | TROUBLES, min_size=3, max_size=9))
@settings(max_examples=4, deadline=None)
def test_suspect_and_failed_polls_change_nothing_in_a_database(
    looks: list[dict[str, Fact] | str],
) -> None:
    down = FetchFailed("acme.deprecations: answered 503", status=503)

    async def run(clean: Watch, troubled: Watch) -> None:
        for number, look in enumerate([{STAYS.key: STAYS}, *looks]):
            at = (START + number * ACME.every).replace(tzinfo=None).isoformat()
            if isinstance(look, dict):
                await clean.look(page(*look.values()), at=at)
                await troubled.look(page(*look.values()), at=at)
            else:
                standing = [*troubled.standing, STRANGE]
                await troubled.look(
                    {"suspect": page(*standing), "unreadable": BROKEN}.get(look, down), at=at
                )

    with stored() as (one, _), stored() as (other, _):
        clean, troubled = Watch(one), Watch(other)
        asyncio.run(run(clean, troubled))
        of_models = [
            [event["id"] for event in watch.events(None) if event["model"]]
            for watch in (clean, troubled)
        ]
        assert of_models[0] == of_models[1]
        assert troubled.standing == clean.standing
        assert troubled.deliveries("people") == clean.deliveries("people")

"""A replay with faults between the documents tells what the replay without them tells: nothing
false, nothing missed.

Every document is interrupted by a fault of one or two polls, drawn by a seed; see
monitor/replaying/fault_injection.py. The corpus is shared out: each of 20 seeds replays one family of sources here,
and all of them in `make bench ARGS=faults`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.reading.source import REGISTRY
from monitor.replaying.fault_injection import KINDS, FaultInjector, InjectedFault
from monitor.replaying.replay import ArchivedDocument, archive
from monitor.store.db import Store
from monitor.store.schema import ready
from tests.conftest import NewDatabase
from tests.support.cli import Run, database, run, template, world  # noqa: F401  fixtures
from tests.support.corpus import needs_corpus
from tests.support.faulty_replays import (
    FAMILIES,
    Played,
    differences,
    play,
    play_faulty,
    write_summer,
)
from tests.support.fixtures import FIXTURES
from tests.support.replay_archive import lay_out

SEEDS = range(20)


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return ready(Store(str(tmp_path / "replay.db")))


@cache
def corpus(family: int) -> tuple[ArchivedDocument, ...]:
    """The captures of a family; they are links into the corpus, which outlive their folder."""
    with TemporaryDirectory() as directory:
        for source_id in FAMILIES[family]:
            lay_out(Path(directory), source_id)
        found = archive(Path(directory), REGISTRY)
        return tuple(replace(document, path=document.path.resolve()) for document in found)


@cache
def clean(documents: tuple[ArchivedDocument, ...]) -> Played:
    with TemporaryDirectory() as directory:
        store = ready(Store(f"{directory}/clean.db"))
        try:
            return play(store, documents)
        finally:
            store.close()


@needs_corpus
@pytest.mark.parametrize("seed", SEEDS)
def test_a_year_with_faults_tells_what_the_year_tells(empty: Store, seed: int) -> None:
    documents = corpus(seed % len(FAMILIES))
    faulty = play_faulty(empty, documents, seed)
    assert differences(clean(documents).told, faulty.told) == []
    # A document that the replay itself holds or refuses at first is not cut into.
    assert faulty.faults.total() >= max(1, clean(documents).taken // 3)


@pytest.fixture(scope="session")
def summer(tmp_path_factory: pytest.TempPathFactory) -> tuple[ArchivedDocument, ...]:
    """The documents of a small archive that is written in tests/support/faulty_replays.py."""
    return tuple(archive(write_summer(tmp_path_factory.mktemp("summer")), REGISTRY))


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_a_summer_with_faults_tells_what_the_summer_tells(
    empty: Store, summer: tuple[ArchivedDocument, ...], seed: int
) -> None:
    assert sum(map(len, clean(summer).told.values())) >= 14
    assert differences(clean(summer).told, play_faulty(empty, summer, seed).told) == []


def test_the_same_on_postgresql(
    postgres: NewDatabase, summer: tuple[ArchivedDocument, ...]
) -> None:
    store = ready(Store(postgres()))
    assert differences(clean(summer).told, play_faulty(store, summer, 20).told) == []
    store.close()


def test_the_command_tells_what_it_put_between(run: Run, tmp_path: Path) -> None:  # noqa: F811  a fixture
    directory = tmp_path / "archive"
    for day, price in (
        ("2026-06-01", "$4 / MTok"),
        ("2026-06-20", "$3 / MTok"),
        ("2026-07-20", "$3 / MTok"),
    ):
        (directory / "anthropic.pricing").mkdir(parents=True, exist_ok=True)
        page = (FIXTURES / "anthropic/pricing.md").read_text("utf-8")
        (directory / "anthropic.pricing" / f"{day}.md").write_text(
            page.replace("$4 / MTok", price), "utf-8"
        )
    ran = run("replay", str(directory), "--faults", "3", "--jsonl")
    kinds = [event["kind"] for event in ran.lines if not event["kind"].startswith("source.")]
    assert kinds == ["price.decreased"] * 2
    assert any(f"({kind}) anthropic.pricing: " in ran.err for kind in KINDS)
    assert "3 documents, " in ran.err.splitlines()[-1]


# --- the faults
# --------------------------------------------------------------------------------------------


def test_a_seed_always_makes_the_same_faults(summer: tuple[ArchivedDocument, ...]) -> None:
    def made(seed: int) -> list[tuple[object, ...]]:
        steps = FaultInjector(seed).between(summer)
        return [
            (step.source_id, step.at, step.polls, step.fault, str(getattr(step, "served", "")))
            for step in steps
        ]

    assert made(7) == made(7)
    assert made(7) != made(8)


def test_every_document_comes_back_after_its_fault(summer: tuple[ArchivedDocument, ...]) -> None:
    steps = list(FaultInjector(7).between(summer))
    for document in summer:
        served = [
            step
            for step in steps
            if step.source_id == document.source_id and step.at.date() == document.at.date()
        ]
        first, *faults, last = served
        assert first.read() == last.read() == document.read()
        assert 1 <= len(faults) <= 2
        assert all(isinstance(fault, InjectedFault) and fault.polls == 1 for fault in faults)
        assert len({fault.fault for fault in faults}) == 1
        times = [step.at for step in served]
        assert times == sorted(set(times))


def test_every_kind_of_fault_is_made(summer: tuple[ArchivedDocument, ...]) -> None:
    made = Counter(
        step.fault for seed in SEEDS for step in FaultInjector(seed).between(summer) if step.fault
    )
    layouts = {"layout"}  # the summer has one make of each page, the corpus several
    assert made.keys() | layouts == set(KINDS)
    assert min(made.values()) >= 10


def test_a_fault_that_lasts_as_long_as_a_truth_is_told(
    empty: Store, summer: tuple[ArchivedDocument, ...]
) -> None:
    """So the comparison can tell, and the faults are no blanks."""
    lasting = [
        replace(step, polls=60)
        if isinstance(step, InjectedFault) and step.fault in ("half", "stale")
        else step
        for step in FaultInjector(3).between(summer)
    ]
    told = differences(clean(summer).told, play(empty, lasting).told)
    assert any(" + " in line for line in told)

"""The corpus with faults between its captures, under each of 20 seeds: what is told falsely, and
what is missed.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path

from monitor.reading.source import REGISTRY
from monitor.replaying.replay import ArchivedDocument, archive
from monitor.store.db import Store
from monitor.store.schema import ready
from tests.bench.report import line, title
from tests.support.faulty_replays import FAMILIES, Played, differences, play, play_faulty
from tests.support.replay_archive import lay_out

SEEDS = 20


def run() -> None:
    title(f"The corpus with faults, {SEEDS} seeds")
    kinds: Counter[tuple[str, str]] = Counter()
    false = missed = 0
    with tempfile.TemporaryDirectory() as directory:
        for source_id in chain(*FAMILIES):
            lay_out(Path(directory) / "archive", source_id)
        documents = archive(Path(directory) / "archive", REGISTRY)
        clean = played(Path(directory), documents)
        for seed in range(SEEDS):
            faulty = played(Path(directory), documents, seed)
            found = differences(clean.told, faulty.told)
            print("".join(f"    seed {seed}: {difference}\n" for difference in found), end="")
            false += sum(" + " in difference or " ~ " in difference for difference in found)
            missed += sum(" - " in difference for difference in found)
            kinds += faulty.faults
    line("events that were told falsely or in another order", false, "events", 0)
    line("events that were missed", missed, "events", 0)
    line("events of the captures alone", sum(map(len, clean.told.values())), "events")
    for kind in sorted({kind for kind, _ in kinds}):
        ended = {outcome: count for (what, outcome), count in sorted(kinds.items()) if what == kind}
        line(
            f"polls: {kind}",
            sum(ended.values()),
            "polls",
            beside=", ".join(f"{n} {o}" for o, n in ended.items()),
        )


def played(directory: Path, documents: list[ArchivedDocument], seed: int | None = None) -> Played:
    """A replay into a store of its own."""
    store = ready(Store(str(directory / f"{seed}.db")))
    try:
        return play(store, documents) if seed is None else play_faulty(store, documents, seed)
    finally:
        store.close()

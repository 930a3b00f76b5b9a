"""What reading a page costs beside lxml alone: the largest real captures, or the fixtures where
those are absent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lxml import html

from monitor.reading.source import REGISTRY, Source
from tests.bench.report import line, title
from tests.support.corpus import CORPUS
from tests.support.fixtures import fixtures
from tests.support.replay_archive import FOLDERS, captures


def largest() -> dict[str, Path]:
    """The largest readable document of each source."""
    found: dict[str, Path] = {}
    documents = (
        ((source_id, path) for source_id in FOLDERS for path in captures(source_id))
        if CORPUS.is_dir()
        else ((source.id, path) for source, path in fixtures())
    )
    for source_id, path in sorted(documents, key=lambda pair: pair[1].stat().st_size, reverse=True):
        if source_id not in found and readable(REGISTRY[source_id], path):
            found[source_id] = path
    return found


def readable(source: Source, path: Path) -> bool:
    try:
        return bool(source.read(path.read_bytes()))
    except Exception:
        return False


def best(work: Callable[[], object]) -> float:
    """The shortest of five runs, in milliseconds of CPU."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent) * 1000


def run() -> None:
    title("Reading one document, CPU")
    for source_id, path in sorted(largest().items()):
        body = path.read_bytes()
        ours = best(lambda source_id=source_id, body=body: REGISTRY[source_id].read(body))
        lxml = best(lambda body=body: html.fromstring(body))
        line(
            f"{source_id} ({len(body) / 1000:.0f} KB)",
            ours,
            "ms",
            beside=f"bare lxml {lxml:.1f} ms, {ours / lxml:.1f} times",
        )


if __name__ == "__main__":
    run()

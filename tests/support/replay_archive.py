"""The corpus laid out as an archive that ``lastcall replay`` reads: whole pages, by source id."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from monitor.core.facts import Json
from monitor.reading.source import REGISTRY
from monitor.replaying.replay import ReplayResult, archive, replay
from monitor.store.db import Store
from monitor.store.event_log import EventQuery, events
from tests.support import fixtures  # noqa: F401  its import declares the sources
from tests.support.corpus import CORPUS

#: The folder of the corpus that holds the captures of a source.
FOLDERS = {
    "openai.deprecations": "openai/deprecations",
    "openai.pricing": "openai/pricing",
    "openai.models": "openai/models-api",
    "openai.news": "openai/news-rss",
    "openai.changelog": "openai/changelog-rss",
    "anthropic.deprecations": "anthropic/deprecations",
    "anthropic.pricing": "anthropic/pricing",
    "anthropic.models": "anthropic/models-api",
    "anthropic.overview": "anthropic/models-overview",
    "anthropic.release_notes": "anthropic/release-notes",
    "gemini.deprecations": "google/gemini-deprecations",
    "gemini.pricing": "google/gemini-pricing",
    "gemini.models": "google/gemini-models-api",
    "gemini.changelog": "google/gemini-changelog",
}

#: Parts of names of captures that are no whole page: excerpts, diffs, text reworked by a mirror,
#: headers.
PARTS = (".excerpt", ".diff", ".normalized", ".headers", "-translation")


def captures(source_id: str) -> list[Path]:
    """The whole pages that the corpus holds of a source, oldest first."""
    return sorted(
        path
        for path in (CORPUS / FOLDERS[source_id]).iterdir()
        if not any(part in path.name for part in PARTS)
    )


def lay_out(directory: Path, source_id: str, names: Iterable[str] | None = None) -> Path:
    """Link the captures of a source (all whole pages, or those named) into an archive."""
    folder = directory / source_id
    folder.mkdir(parents=True, exist_ok=True)
    paths = (
        captures(source_id)
        if names is None
        else [CORPUS / FOLDERS[source_id] / name for name in names]
    )
    for path in paths:
        (folder / path.name).symlink_to(path)
    return directory


async def run(store: Store, directory: Path) -> ReplayResult:
    return await replay(store, archive(directory, REGISTRY), REGISTRY)


def told(store: Store) -> list[Json]:
    """What subscribers were told, oldest first: no baseline, no events about sources."""
    with store.read() as session:
        found = events(session, EventQuery(baseline=False, limit=100_000))
    return [event for event in reversed(found) if not event["kind"].startswith("source.")]

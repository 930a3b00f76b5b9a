"""The fixtures of the adapters, written by us, and their goldens. Its import declares all sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sources.example.deprecations  # noqa: F401  not among the providers, but read like them
from monitor.reading.source import REGISTRY, Source
from sources import load

TESTS = Path(__file__).parents[1]
FIXTURES = TESTS / "fixtures"
GOLDENS = TESTS / "goldens"

load()


def fixtures() -> Iterator[tuple[Source, Path]]:
    """Yield every fixture with its source.

    ``fixtures/acme/deprecations[.case].md`` belongs to ``acme.deprecations``.
    """
    for path in sorted(FIXTURES.glob("*/*")):
        yield REGISTRY[f"{path.parent.name}.{path.name.split('.')[0]}"], path


def golden(path: Path) -> Path:
    """Return the golden of a fixture: one fact a line."""
    return GOLDENS / path.parent.name / f"{path.name.rsplit('.', 1)[0]}.jsonl"

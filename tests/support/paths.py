"""What several tests share: the fixtures of the adapters and the corpus beside the project."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sources.example.deprecations  # noqa: F401  not among the providers, but read like them
from monitor.reading.source import REGISTRY, Source
from sources import load

TESTS = Path(__file__).parents[1]
FIXTURES = TESTS / "fixtures"
GOLDENS = TESTS / "goldens"
CORPUS = Path(os.environ.get("LASTCALL_TEST_CORPUS", TESTS.parents[1] / "shared" / "corpus"))

#: Marks a test over real captures; they stand beside the project and are never part of it.
needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="shared/corpus is not beside the project"
)

load()


def fixtures() -> Iterator[tuple[Source, Path]]:
    """Every fixture with its source: ``fixtures/acme/deprecations[.case].md`` belongs to
    ``acme.deprecations``.
    """
    for path in sorted(FIXTURES.glob("*/*")):
        yield REGISTRY[f"{path.parent.name}.{path.name.split('.')[0]}"], path


def golden(path: Path) -> Path:
    """The golden of a fixture: one fact a line."""
    return GOLDENS / path.parent.name / f"{path.name.rsplit('.', 1)[0]}.jsonl"


def capture(name: str) -> bytes:
    """A file of the corpus, by its path below it."""
    body = (CORPUS / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body

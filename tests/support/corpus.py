"""The corpus: real captures and tables of their true values, beside the project.

It is never part of the project. ``TEST_CORPUS`` names another place than ``../shared/corpus``."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "corpus"
CORPUS = Path(os.environ.get("TEST_CORPUS", _BESIDE))
ABSENT = "shared/corpus is not beside the project"

#: Marks a test over real captures.
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)


def capture(name: str) -> bytes:
    """Return a file of the corpus, unpacked, by its path below it."""
    body = (CORPUS / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


Row = dict[str, str]


def table(name: str) -> list[Row]:
    """Return the rows of a table of the truth by column; none without the corpus."""
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "truth" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truth(name: str, counts: dict[str, int]) -> list[Row]:
    """Return the rows of some providers in a table of the truth; none without the corpus.

    ``counts`` says how many rows each provider has. A table, a column or a provider that was
    renamed would otherwise be a test without cases, which pytest skips in silence."""
    rows = [row for row in table(name) if row["provider"] in counts]
    found = Counter(row["provider"] for row in rows)
    assert found == Counter(counts) or not CORPUS.is_dir(), (
        f"{name} has {dict(found)}, not {counts}"
    )
    return rows

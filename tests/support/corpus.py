"""The corpus: real captures and tables of their true values, beside the project.

It is never part of the project. ``TEST_CORPUS`` names another place than ``../shared/corpus``."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.support.fixtures import TESTS

CORPUS = Path(os.environ.get("TEST_CORPUS", TESTS.parents[1] / "shared" / "corpus"))
ABSENT = "shared/corpus is not beside the project"

#: Marks a test over real captures.
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)


def capture(name: str) -> bytes:
    """Return a file of the corpus, unpacked, by its path below it."""
    body = (CORPUS / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body

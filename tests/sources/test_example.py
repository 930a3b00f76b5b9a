"""The adapter that CONTRIBUTING.md tells people to copy refuses what it does not know, and is
nobody's provider.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.fixtures import FIXTURES

PAGE = (FIXTURES / "example/deprecations.md").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"| Shutdown date  ", b"| End of life    ", "no known layout has these columns"),
        (b"Available ", b"Preview   ", "column 'State': unknown state: 'Preview'"),
        (b"December 1, 2026", b"December 41, 2026", "column 'Shutdown date': not a date"),
        (b"Q1 2027", b"shortly", "column 'Shutdown date': no date form known: 'shortly'"),
        (
            b"| Parameter  ",
            b"| Tool       ",
            "table 2 under 'Parameters': no known layout has these columns",
        ),
        (b"# Deprecations", b"# Sign in", "it is not the page this adapter reads"),
    ],
)
def test_an_unknown_page_is_refused(old: bytes, new: bytes, message: str) -> None:
    assert old in PAGE
    with pytest.raises(Unreadable, match=message):
        REGISTRY["example.deprecations"].read(PAGE.replace(old, new))


def test_the_program_does_not_load_it() -> None:
    code = "import sources; assert not [id for id in sources.load() if id.startswith('example.')]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

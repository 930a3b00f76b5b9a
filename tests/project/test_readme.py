"""The README's first screen is what the program really prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.settings.model import variables
from tests.support.fixtures import TESTS

README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
#: The commands of the first screen, with what the page shows of their output.
SHOWN = re.findall(
    r"(?ms)^\$ (make demo|lastcall [^#\n]+?)(?: +#[^\n]*)?\n(.*?)(?=^\$ |^```)", README
)


def printed(database: Path, *words: str) -> list[str]:
    """What ``lastcall`` prints for these words."""
    command = [sys.executable, "-m", "monitor", "--db", str(database), *words]
    done = subprocess.run(
        command,
        cwd=TESTS.parent,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, list[str]]:
    """The database that the demo leaves, and what it printed."""
    database = tmp_path_factory.mktemp("demo") / "demo.db"
    return database, printed(database, "demo")


def test_the_demo_prints_what_the_page_shows(demo: tuple[Path, list[str]]) -> None:
    [(_, shown)] = [pair for pair in SHOWN if pair[0] == "make demo"]
    assert len(shown.splitlines()) > 8
    assert [line for line in shown.splitlines() if line not in demo[1]] == []


@pytest.mark.parametrize(("command", "shown"), [pair for pair in SHOWN if pair[0] != "make demo"])
def test_its_database_answers_as_the_page_shows(
    demo: tuple[Path, list[str]], command: str, shown: str
) -> None:
    assert printed(demo[0], *shlex.split(command)[1:]) == shown.splitlines()


def test_every_setting_of_the_page_exists() -> None:
    names = re.findall(r"`(LASTCALL_[A-Z_]+)`", README)
    assert names
    assert sorted(set(names) - set(variables())) == []

"""The API of adapters is what docs/adapters.md says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from monitor import reading
from monitor.reading import page
from monitor.reading.source import Options, Source

GUIDE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text("utf-8")


def test_the_guide_lists_every_name_and_no_other() -> None:
    _, table, _ = re.split(r"<!-- /?names -->", GUIDE)
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [name for cell in firsts for name in re.findall(r"`(\w+)", cell)]
    assert sorted(listed) == sorted(page.__all__)


def test_every_name_explains_itself() -> None:
    functions = [getattr(page, name) for name in page.__all__ if callable(getattr(page, name))]
    assert not [each.__name__ for each in functions if not each.__doc__]


def test_the_guide_lists_every_option() -> None:
    _, _, table = GUIDE.partition("| option | meaning |")
    listed = re.findall(r"^\| `(\w+)` \|", table.partition("###")[0], re.MULTILINE)
    assert sorted(listed) == sorted(Options.__annotations__)
    assert set(listed) < {field.name for field in fields(Source)}


def test_the_number_of_the_api_is_stated() -> None:
    assert f"`monitor.reading.API` is a number, now {reading.API}." in GUIDE

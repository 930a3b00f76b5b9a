"""Each adapter gives exactly the facts of its goldens, and every source has a fixture that shows
its page.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.core.facts import from_json
from monitor.reading.source import REGISTRY, Source
from tests.support.fixtures import fixtures, golden

CASES = [
    pytest.param(source, path, id=f"{path.parent.name}/{path.name}") for source, path in fixtures()
]


@pytest.mark.parametrize(("source", "path"), CASES)
def test_golden(source: Source, path: Path) -> None:
    facts = source.read(path.read_bytes())
    lines = [json.dumps(fact.to_json(), ensure_ascii=False) for fact in facts]
    expected = golden(path)
    if not expected.exists():
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text("\n".join(lines) + "\n", encoding="utf-8")
        pytest.fail(
            f"{expected.name} was missing and is written now: review it before it is committed"
        )
    assert lines == expected.read_text(encoding="utf-8").splitlines()
    assert [from_json(fact.to_json()) for fact in facts] == facts


def test_every_source_has_a_fixture() -> None:
    assert {source.id for source in REGISTRY.values()} == {source.id for source, _ in fixtures()}

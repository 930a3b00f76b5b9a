"""CONTRIBUTING.md, "Add a provider in one sitting", walked in a copy of the tree: from the example
to green.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.fixtures import FIXTURES, GOLDENS, TESTS

ROOT = TESTS.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
#: What the walk needs of the tests; the others take minutes.
NEEDED = (
    "__init__.py",
    "conftest.py",
    "support/__init__.py",
    "support/corpus.py",
    "support/fixtures.py",
    "support/mutations.py",
    "tools/__init__.py",
    "tools/render_docs.py",
    "sources/__init__.py",
    "sources/test_goldens.py",
    "sources/test_mutations.py",
    "project/__init__.py",
    "project/test_layers.py",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what somebody who adds a provider works on."""
    clean = shutil.ignore_patterns("__pycache__")
    for name in ("monitor", "sources", "docs", "tests/fixtures", "tests/goldens"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=clean)
    for name in ("pyproject.toml", "README.md", *(f"tests/{path}" for path in NEEDED)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python(tree: Path, *words: str) -> tuple[int, str]:
    """``python -m`` with these words in the tree: exit code and output."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=tree, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_provider_is_one_module_one_fixture_one_golden(tree: Path) -> None:
    shutil.copytree(tree / "sources/example", tree / "sources/acme")
    fixture = tree / "tests/fixtures/acme/deprecations.md"
    fixture.parent.mkdir()
    shutil.copy(FIXTURES / "example/deprecations.md", fixture)

    code, said = python(tree, "pytest", "-n0", "-k", "golden")
    assert code == 1, said
    assert "1 failed" in said
    assert "deprecations.jsonl was missing and is written now" in said
    lines = (tree / "tests/goldens/acme/deprecations.jsonl").read_text("utf-8").splitlines()
    expected = (GOLDENS / "example/deprecations.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(line) | {"provider": "acme"} for line in expected
    ]

    (block,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (tree / "tests/sources/test_acme.py").write_text(
        textwrap.dedent(f"   {block.lstrip()}"), encoding="utf-8"
    )
    code, said = python(tree, "pytest", "-n0", "-rp", "-k", "golden or acme")
    assert code == 0, said
    for test in (
        "sources/test_goldens.py::test_golden[acme/deprecations.md]",
        "sources/test_mutations.py::test_no_damage_goes_unnoticed[acme/deprecations.md]",
        "project/test_layers.py::test_an_adapter_knows_only_facts_reading_and_its_own_package"
        "[sources.acme.deprecations]",
        "sources/test_acme.py::test_a_renamed_column_is_refused",
    ):
        assert f"PASSED tests/{test}" in said

    code, said = python(tree, "tests.tools.render_docs")
    assert code == 0, said
    assert "| [acme.deprecations](https://acme.example/docs/deprecations.md) | official |" in (
        tree / "README.md"
    ).read_text("utf-8")


def test_a_module_without_a_fixture_is_not_green(tree: Path) -> None:
    shutil.copytree(tree / "sources/example", tree / "sources/acme")
    code, said = python(tree, "pytest", "-n0", "-k", "every_source_has_a_fixture")
    assert code == 1, said
    assert "acme.deprecations" in said


def test_the_guide_names_what_exists() -> None:
    for link in re.findall(r"\]\(([\w./-]+)\)", GUIDE):
        assert (ROOT / link).exists(), link

"""Private adapters: entry points, modules by name, ids that are taken, imports that fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY, Source
from sources import load
from sources.private import load_private

PAGE = """
from monitor.core.facts import Listing
from monitor.reading.source import source

@source("https://intranet.example/x", facts=(Listing,), markers=(b"x",){options})
def {page}(body):
    yield Listing(model="own")
"""


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A folder on the path, and the registry and modules as they were before."""
    load()
    registry, modules = dict(REGISTRY), set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    REGISTRY.clear()
    REGISTRY.update(registry)
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def package(tmp_path: Path, name: str, **pages: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    for page, text in pages.items():
        (folder / f"{page}.py").write_text(text)


def test_a_module_by_name_adds_its_source(tmp_path: Path) -> None:
    package(tmp_path, "acme", prices=PAGE.format(page="prices", options=""))
    load_private(["acme.prices"])
    assert REGISTRY["acme.prices"].url == "https://intranet.example/x"


def test_an_entry_point_of_an_installed_package_adds_its_source(tmp_path: Path) -> None:
    package(tmp_path, "acme", prices=PAGE.format(page="prices", options=""))
    info = tmp_path / "acme_adapters-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-adapters\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[lastcall.sources]\nacme.prices = acme.prices\n")
    load_private([])
    assert REGISTRY["acme.prices"].read(b"x")[0].model == "own"


def test_a_taken_id_is_refused_and_the_built_in_source_stays(tmp_path: Path) -> None:
    package(tmp_path, "acme", openai=PAGE.format(page="deprecations", options=""))
    built_in = REGISTRY["openai.deprecations"]
    load_private(["acme.openai"])
    assert REGISTRY["openai.deprecations"] is built_in
    with pytest.raises(Unreadable, match=r"replaces='openai\.deprecations' takes its place"):
        REGISTRY["acme.openai"].read(b"x")


def test_a_source_that_says_so_replaces_a_built_in_one(tmp_path: Path) -> None:
    options = ", replaces='openai.deprecations'"
    package(tmp_path, "acme", openai=PAGE.format(page="deprecations", options=options))
    built_in = REGISTRY["openai.deprecations"]
    load_private(["acme.openai"])
    assert REGISTRY["openai.deprecations"].url == "https://intranet.example/x"
    assert "acme.openai" not in REGISTRY

    # The built-in page is imported after it, as when only one provider is loaded at first.
    del sys.modules[built_in.parse.__module__]
    __import__(built_in.parse.__module__)
    assert REGISTRY["openai.deprecations"].url == "https://intranet.example/x"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import nothing_such", "No module named 'nothing_such'"),
        ("def f(:", "SyntaxError"),
        (PAGE.format(page="prices", options="") + "\n1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_adapter_that_fails_at_import_is_one_failing_source(
    tmp_path: Path, text: str, reason: str
) -> None:
    package(tmp_path, "acme", bad=text, prices=PAGE.format(page="prices", options=""))
    load_private(["acme.bad", "acme.prices"])
    assert isinstance(REGISTRY["acme.bad"], Source)
    with pytest.raises(Unreadable, match=reason):
        REGISTRY["acme.bad"].read(b"x")
    assert REGISTRY["acme.prices"].read(b"x")


@pytest.mark.parametrize("inside", [True, False], ids=["in a checkout", "a package of its own"])
def test_sources_new_writes_an_adapter_whose_tests_pass(tmp_path: Path, inside: bool) -> None:
    if inside:
        package(tmp_path, "sources")
    command = [sys.executable, "-m", "monitor", "sources", "new", "acme.models"]
    address = "https://acme.example/docs/models.md"
    done = subprocess.run(
        [*command, address, "--directory", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    if not inside:
        assert '"acme.models" = "lastcall_private.acme.models"' in done.stderr
    (test,) = (tmp_path / "tests").rglob("test_acme_models.py")
    if inside:  # the package `sources` of this project, with the new page in it
        import sources

        target = Path(sources.__file__).parent
        code = f"import sources; sources.__path__.insert(0, {str(tmp_path / 'sources')!r})\n"
        (tmp_path / "conftest.py").write_text(code)
        assert target.exists()
    passed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}"},
    )
    assert "2 passed" in passed.stdout, passed.stdout + passed.stderr

    again = subprocess.run(
        [*command, address, "--directory", str(tmp_path)], capture_output=True, text=True
    )
    assert again.returncode == 2
    assert "exists; nothing was written" in again.stderr


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("acme", "https://acme.example/x"),
        ("Acme.models", "https://acme.example/x"),
        ("acme.class", "https://acme.example/x"),
        ("../acme.models", "https://acme.example/x"),
        ("acme.models", "acme.example"),
        ("acme.models", 'https://acme.example/"x'),
    ],
)
def test_sources_new_refuses_what_is_no_id_or_address(
    tmp_path: Path, source: str, url: str
) -> None:
    command = [sys.executable, "-m", "monitor", "sources", "new", source, url]
    done = subprocess.run([*command, "--directory", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []

"""The wheel carries all that it needs and nothing else, and works away from its source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALEMBIC = ROOT / "alembic"
CLI = ROOT / "monitor" / "cli" / "__init__.py"

pytestmark = pytest.mark.skipif(not ALEMBIC.is_dir(), reason="alembic/ not built yet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(out),
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def files(top: Path) -> set[str]:
    """The files below a directory of the tree, without what Python leaves behind."""
    return {
        path.relative_to(top).as_posix()
        for path in top.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_wheel_holds_the_packages_the_migrations_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    held = {name for name in names if ".dist-info/" not in name}
    expected = {
        f"{package}/{name}" for package in ("monitor", "sources") for name in files(ROOT / package)
    }
    assert held == expected | {f"monitor/store/_alembic/{name}" for name in files(ALEMBIC)}
    assert {"monitor/py.typed", "sources/py.typed"} <= held
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a new environment with the wheel, and the libraries of this one behind it.

    A .pth file makes the libraries importable; .pth files among *them*, the editable install of
    this tree above all, are not followed from there."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home / "venv", with_pip=False)
    scripts = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(scripts / "python"),
        "install",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    base = {"base": str(home / "venv"), "platbase": str(home / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", vars=base))
    (site / "libraries.pth").write_text("\n".join(sorted(libraries)), encoding="utf-8")
    return scripts


def run(program: Path, *arguments: str) -> str:
    """What a program prints, run in its own directory, without any variable that could lead to the
    tree.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "LASTCALL_"))
    }
    done = subprocess.run(
        [program, *arguments],
        cwd=program.parent,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_installed_packages_come_from_the_wheel(installed: Path) -> None:
    code = "import monitor.reading.source, sources; print(monitor.__file__, len(sources.load()))"
    where = run(installed / "python", "-c", code).split()[0]
    assert Path(where).is_relative_to(installed.parent)


@pytest.mark.skipif(not CLI.exists(), reason="monitor.cli not built yet")
def test_installed_program_makes_its_database(installed: Path, tmp_path: Path) -> None:
    lastcall, database = installed / "lastcall", str(tmp_path / "new.db")
    assert "upcoming" in run(lastcall, "--help")
    run(lastcall, "--db", database, "db", "upgrade")
    assert json.loads(run(lastcall, "--db", database, "events", "--json")) == []

"""The command line as a process: what it imports, terminals, pipes, signals, and that it never
shows a traceback.
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.cli import COMMANDS
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.tools import render_docs

ROOT = Path(__file__).parents[2]
LASTCALL = [sys.executable, "-m", "monitor"]
#: What a question to the store must not pay for.
HEAVY = {
    "aiohttp",
    "slack_sdk",
    "alembic",
    "bs4",
    "lxml",
    "feedparser",
    "markdown_it",
    "mdit_py_plugins",
    "apscheduler",
    "sources",
    "rich",
}


def start(*words: str, **options) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*LASTCALL, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    "words", [["events"], ["upcoming"], ["show", "gpt-mid"], ["prices", "gpt-mid"]]
)
def test_what_asks_imports_no_client_no_parser_and_no_adapter(
    database: str, words: list[str]
) -> None:
    code = (
        "import sys\nfrom monitor.cli import app\n"
        "try: app()\nexcept SystemExit as end: code = end.code\n"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "--db", database, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    code, *imported = ran.stderr.splitlines()[-1].split()
    assert code == "0"
    assert not set(imported) & HEAVY


def test_a_pipe_that_is_closed_early_is_no_error(database: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m monitor --db {database} events --baseline --jsonl | head -c 1; echo "
        f"${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "{0\n"
    assert done.stderr == ""


def on_a_terminal(columns: int, *words: str) -> str:
    """What a command draws on a terminal of this width."""
    master, slave = pty.openpty()
    environment = {
        **os.environ,
        "COLUMNS": str(columns),
        "TERM": "xterm-256color",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.Popen([*LASTCALL, *words], stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    drawn = b""
    try:
        while piece := os.read(master, 65536):
            drawn += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)
    assert done.wait(30) == 0
    return drawn.decode()


def test_a_narrow_terminal_folds_and_loses_nothing(database: str) -> None:
    drawn = on_a_terminal(40, "--db", database, "upcoming")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert "\x1b[" in drawn, "colours on a terminal"
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 40
    assert "…" not in plain


def test_no_colours_elsewhere(run: Run) -> None:
    assert "\x1b" not in run("events").out


def test_interrupts_are_quiet(database: str, tmp_path: Path) -> None:
    process = start("parse", "openai.deprecations", "-", stdin=subprocess.PIPE)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_is_there(run: Run, words: list[str]) -> None:
    said = run(*words).out
    assert said
    if words[0] in COMMANDS and "COMMAND" not in said:
        assert "Example: lastcall" in said


def test_a_fault_of_the_program_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.event_log.events", lambda *_: 1 / 0)
    assert run("events", code=70).err == (
        "lastcall: ZeroDivisionError: division by zero (a fault of Lastcall; "
        "LASTCALL_LOG_LEVEL=DEBUG shows where)\n"
    )


def test_the_page_of_the_commands_is_what_they_say() -> None:
    assert render_docs.PAGE.read_text("utf-8") == render_docs.page(), (
        "run python -m tests.tools.render_docs"
    )


def test_the_readme_lists_what_is_watched() -> None:
    text = render_docs.README.read_text("utf-8")
    assert render_docs.readme(text) == text, "run python -m tests.tools.render_docs"


def test_a_private_adapter_that_fails_stops_no_other_source(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise RuntimeError('boom')")
    environment = os.environ | {
        "LASTCALL_EXTRA_SOURCES": "bad",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
    }
    command = [sys.executable, "-m", "monitor", "--db", str(tmp_path / "lc.db")]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    polled = run("poll", "bad")
    assert polled.returncode == 3
    assert "cannot import bad: RuntimeError: boom" in polled.stdout + polled.stderr
    assert "Traceback" not in polled.stderr
    listed = run("sources", "list", "--json")
    assert listed.returncode == 0
    states = {source["id"]: source for source in json.loads(listed.stdout)}
    assert "boom" in states["bad"]["error"]
    assert len(states) > 40

"""Writes docs/cli.md from the program: ``python -m tests.render_docs``. A test holds it equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from monitor.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """# The command line

Written by `python -m tests.render_docs` from the program's own help.

Data goes to stdout, talk to stderr. Times are in UTC. Exit codes: 0 done; 1 findings (`check`); 2 usage;
3 a document could not be read or was refused; 4 the database or a setting is at fault; 5 something asked for does not
exist; 130 interrupted; 70 a fault of Lastcall itself.

`--json` prints one JSON document, `--jsonl` one object a line, `--csv` a table with a header line. `--db` may stand
before the command or after it.
"""


def page() -> str:
    program = typer.main.get_command(app)
    context = typer.Context(program, info_name="lastcall", terminal_width=100)
    return "\n".join([HEAD, *_help(program, context)])


def _help(command: Any, context: typer.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        yield from _help(inner, typer.Context(inner, info_name=name, parent=context, terminal_width=100))


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")

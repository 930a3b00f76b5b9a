"""Output of commands: data on stdout as a table, JSON, JSON lines or CSV; messages on stderr.

On a terminal a table has colours. Elsewhere it is aligned text, for grep and awk.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import typer

from monitor.core.facts import Json
from monitor.core.wording import BOUNDS
from monitor.core.wording import ago as ago
from monitor.core.wording import are as are
from monitor.core.wording import counted as counted
from monitor.core.wording import stamp as stamp

Form = Literal["table", "json", "jsonl", "csv"]

#: A cell that is one of these words is drawn in its colour.
STYLES = {
    "critical": "bold red",
    "action": "yellow",
    "notice": "cyan",
    "retired": "red",
    "deprecated": "yellow",
    "suspect": "yellow",
    "unreadable": "red",
    "unreachable": "red",
    "off": "dim",
    "disabled": "dim",
    "paused": "yellow",
    "dead": "red",
    "held": "yellow",
    "delivered": "green",
    "retiring": "yellow",
    "ok": "green",
    "unknown": "magenta",
}


def form(as_json: bool = False, as_jsonl: bool = False, as_csv: bool = False) -> Form:
    """Return the form of the options. More than one is a usage error."""
    options: dict[Form, bool] = {"json": as_json, "jsonl": as_jsonl, "csv": as_csv}
    forms = [form for form, is_set in options.items() if is_set]
    if len(forms) > 1:
        raise typer.BadParameter(f"give one of --{' and --'.join(forms)}")
    return forms[0] if forms else "table"


def say(text: str) -> None:
    """Print a message on stderr: progress, hints, what was left out."""
    print(clean(text), file=sys.stderr)


def line(data: Mapping[str, Any]) -> str:
    """Return one JSON object on a line, escaped to ASCII if stdout is not UTF-8."""
    return json.dumps(data, ensure_ascii=not _utf8())


def document(data: object) -> None:
    """Print one JSON document."""
    print(json.dumps(data, indent=2, ensure_ascii=not _utf8()))


def machine(how: Form, rows: Sequence[Json], fields: Sequence[str]) -> bool:
    """Print rows for a program, and return True; return False if people want a table. ``fields``
    are the columns of CSV.
    """
    match how:
        case "json":
            document(list(rows))
        case "jsonl":
            for row in rows:
                print(line(row))
        case "csv":
            _csv(rows, fields)
        case "table":
            return False
    return True


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, or nothing if it has no rows."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        return
    if sys.stdout.isatty():
        _draw(headers, cells)
        return
    widths = [
        max(len(row[column]) for row in [list(headers), *cells]) for column in range(len(headers))
    ]
    for row in [list(headers), *cells]:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def details(pairs: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Print names and values below each other, without those that have no value."""
    filled = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in filled), default=0)
    for name, value in filled:
        print(f"{indent}{name.ljust(width)}  {value}")


def clean(text: str) -> str:
    """Return text of a page safe for a terminal: on one line, without control characters."""
    joined = " ".join(text.split())
    if joined.isprintable():
        return joined
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _draw(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(drawn)


def _csv(rows: Sequence[Json], fields: Sequence[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([_plain(row[field]) for field in fields] for row in rows)


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case {"text": text, "bound": "on" | "not_before" | "by" as bound}:
            return f"{BOUNDS[bound]}{text}"
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)

"""How commands answer: data on stdout as a table, JSON, JSON lines or CSV; talk on stderr.

On a terminal a table is drawn with colours; elsewhere it is aligned text, so that grep and awk have
it easy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import typer

from monitor.core.facts import Json

Form = Literal["table", "json", "jsonl", "csv"]

#: What a bound is called before its date.
BOUNDS = {"on": "", "not_before": "not before ", "by": "by "}

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
    """The form that was asked for. More than one is a usage error."""
    asked: list[Form] = []
    asked += ["json"] if as_json else []
    asked += ["jsonl"] if as_jsonl else []
    asked += ["csv"] if as_csv else []
    if len(asked) > 1:
        raise typer.BadParameter(f"give one of --{' and --'.join(asked)}")
    return asked[0] if asked else "table"


def say(text: str) -> None:
    """Talk: progress, hints, what was left out."""
    print(clean(text), file=sys.stderr)


def line(data: Mapping[str, Any]) -> str:
    """One JSON object on a line; escaped to ASCII where stdout cannot carry the rest."""
    return json.dumps(data, ensure_ascii=not _utf8())


def document(data: object) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=not _utf8()))


def machine(how: Form, rows: Sequence[Json], fields: Sequence[str]) -> bool:
    """Print rows for a program, and say whether that was asked for. ``fields`` are the columns of
    CSV.
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
    """Names and values below each other; what has no value is left out."""
    shown = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{indent}{name.ljust(width)}  {value}")


def clean(text: str) -> str:
    """Text of a page, safe for a terminal: on one line and without control characters."""
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
        case {"text": text, "bound": bound}:
            return f"{BOUNDS[bound]}{text}"
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)


# --- words
# -------------------------------------------------------------------------------------------------


def stamp(at: datetime | None) -> str | None:
    """A time as JSON has it."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def ago(at: datetime | None, now: datetime) -> str:
    """An age in one unit: ``3 min ago``, ``5 h ago``, ``12 d ago``; ``in 2 h`` for what is
    ahead.
    """
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    text = f"{size:.0f} s" if size < 90 else f"{size / 60:.0f} min" if size < 5400 else ""
    text = text or (f"{size / 3600:.0f} h" if size < 48 * 3600 else f"{size / 86400:.0f} d")
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def counted(count: int, noun: str) -> str:
    """``1 day``, ``2 days``, ``3 deliveries``."""
    many = f"{noun[:-1]}ies" if noun[-1] == "y" and noun[-2] not in "aeou" else f"{noun}s"
    return f"{count} {noun if count == 1 else many}"


def are(count: int, noun: str) -> str:
    """``1 delivery is``, ``2 deliveries are``."""
    return f"{counted(count, noun)} {'is' if count == 1 else 'are'}"

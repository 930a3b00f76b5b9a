"""Options that several commands have, and what they stand for: the database, the form of the
answer, times.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from monitor.reading.source import Source
    from monitor.settings.model import Settings
    from monitor.store.db import Store


#: Of every Typer: help as written here, and no tracebacks of its own.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}

#: The most rows that an answer may be limited to: of a number much larger a database makes an
#: error.
MOST = 1_000_000


def clock() -> datetime:
    return datetime.now(UTC)


class ListByDefault(TyperGroup):
    """``lastcall sources --json`` is ``lastcall sources list --json``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _outer(ctx: typer.Context, value: str | None) -> str | None:
    """``lastcall --db X events`` means what ``lastcall events --db X`` does."""
    return value or ctx.find_root().params.get("db")


Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL_OR_PATH",
        callback=_outer,
        help="The database; default LASTCALL_DATABASE_URL.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsJsonl = Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")]
Within = Annotated[
    str, typer.Option("--within", metavar="TIME", help="How far ahead: 90d, 12h or a date.")
]
At = Annotated[
    str | None, typer.Option("--at", metavar="DATE", help="As it was known at the end of that day.")
]
Provider = Annotated[
    str | None, typer.Option("--provider", help="Only this provider, for example openai.")
]


@contextmanager
def opened(db: str | None) -> Iterator[Store]:
    """The store of a command, with its schema, closed at the end."""
    from monitor.settings import database
    from monitor.store.db import Store
    from monitor.store.schema import ready

    store = Store(database(db))
    try:
        yield ready(store)
    finally:
        store.close()


def declared(
    settings: Settings, store: Store | None = None, only: Collection[str] = ()
) -> Mapping[str, Source]:
    """Return every source: built-in, private, and the feeds that operators added to a store.

    ``only`` are ids that are enough: the modules of other providers are then not imported.
    """
    from monitor.store import source_state
    from sources import load
    from sources.private import load_private

    found = load({source_id.partition(".")[0] for source_id in only} or None)
    load_private(settings.extra_sources)
    if store is None:
        return found
    with store.read() as session:
        added = source_state.feeds(session)
    return {source_id: feed(source_id, url) for source_id, url in added.items()} | dict(found)


def feed(source_id: str, url: str) -> Source:
    """The source of an RSS or Atom feed that an operator adds: news, read as the built-in ones
    are.
    """
    from monitor.core.facts import Notice
    from monitor.reading.source import Source
    from sources.news import feeds

    return Source(
        source_id,
        url,
        feeds.feed,
        every=timedelta(hours=1),
        kind="news",
        facts=(Notice,),
        doc="A feed that was added.",
    )


# --- times
# -------------------------------------------------------------------------------------------------

_AGE = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = timedelta(days=1)


def moment(text: str, now: datetime, *, end: bool = False) -> datetime:
    """A time in the past: ``2026-11-01``, ``2026-11-01T12:00Z``, ``30d``, ``12h``, ``yesterday``,
    ``today``. In UTC.

    A day stands for its beginning, or for its last instant with ``end``.
    """
    word = text.strip().lower()
    if match := _AGE.fullmatch(word):
        return now - int(match[1]) * _UNITS[match[2]]
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = {"today": today, "yesterday": today - _DAY}.get(word) or _iso(text)
    if len(word) > len("2026-11-01"):
        return day
    return day + _DAY - timedelta(microseconds=1) if end else day


def horizon(text: str, now: datetime) -> datetime:
    """A time ahead: ``90d``, ``12h``, ``2w``, or a date, which is included."""
    if match := _AGE.fullmatch(text.strip().lower()):
        return now + int(match[1]) * _UNITS[match[2]]
    return _iso(text) + _DAY - timedelta(microseconds=1)


def _iso(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-11-01, 30d, 12h, yesterday or today"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def days(text: str | None) -> int | None:
    """A number of days: ``90d``, ``2w`` or ``90``."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,4})([dw]?)", text.strip().lower())
    if not match:
        raise typer.BadParameter(f"{text!r} is no number of days; write for example 90d")
    return int(match[1]) * (7 if match[2] == "w" else 1)


def severity(text: str) -> str:
    from monitor.core.severity import SEVERITIES

    if text.lower() not in SEVERITIES:
        raise typer.BadParameter(f"{text!r} is no severity; there are {', '.join(SEVERITIES)}")
    return text.lower()

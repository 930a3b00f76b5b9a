"""Options that several commands have, and what they stand for: the database, sources, times."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from monitor.core.contradictions import Deviation
    from monitor.core.patterns import Pattern
    from monitor.reading.source import Source
    from monitor.settings.model import Settings
    from monitor.store.db import Store


#: Options of every Typer: help as written here, and no tracebacks of its own.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}

#: The largest --limit: a database refuses much larger numbers.
MOST = 1_000_000


#: Modules of ``sources`` that read no provider's own pages.
NO_PLATFORMS = frozenset(
    {"example", "genai_prices", "litellm", "llm_prices", "models_dev", "news", "private"}
)


def clock() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


class ListByDefault(TyperGroup):
    """A group whose default command is list: ``lastcall sources --json``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _outer(ctx: typer.Context, value: str | None) -> str | None:
    """Return the --db of the command, or that before it: ``lastcall --db X events``."""
    return value or ctx.find_root().params.get("db")


Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL_OR_PATH",
        callback=_outer,
        help="The database [default: LASTCALL_DATABASE_URL].",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsJsonl = Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")]
Within = Annotated[
    str, typer.Option("--within", metavar="TIME", help="How far ahead: 90d, 12h or a date.")
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="DATE", help="Show what was known at the end of a day."),
]
Provider = Annotated[
    str | None, typer.Option("--provider", help="Only this provider, for example openai.")
]
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="An id, a display name, maker/model or provider/model, in any case."
    ),
]
ModelPattern = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="FILTER", help="Only these models: gpt-4o*, */gpt-4o*, openai/gpt-4*."
    ),
]


@contextmanager
def opened(db: str | None) -> Iterator[Store]:
    """Open the store of a command, migrated, and close it at the end."""
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

    sources = load({source_id.partition(".")[0] for source_id in only} or None)
    load_private(settings.extra_sources)
    if store is None:
        return sources
    with store.read() as session:
        added = source_state.feeds(session)
    return {source_id: feed(source_id, url) for source_id, url in added.items()} | dict(sources)


def all_sources(db: str | None) -> Mapping[str, Source]:
    """Return every source but added feeds. Importing all adapters takes half a second."""
    from monitor.settings import load_settings

    return declared(load_settings(db))


def platforms() -> frozenset[str]:
    """Return the providers whose pages are read, without importing their adapters."""
    import pkgutil

    import sources

    modules = {module.name for module in pkgutil.iter_modules(sources.__path__)}
    return frozenset(modules - NO_PLATFORMS)


def deviations(db: str | None) -> Collection[Deviation]:
    """Return the contradictions that the operator knows of."""
    from monitor.settings import load_settings
    from monitor.store.known_deviations import known_deviations

    return known_deviations(load_settings(db).deviations_file)


def feed(source_id: str, url: str) -> Source:
    """Return the source of a feed that an operator adds: news, read as the built-in ones are."""
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


# --- words of people, read by the rooms below; a wrong one is a usage error
# -------------------------------------------------------------------------------------------------


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn a ValueError, whose words are for people, into a usage error."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def moment(text: str, now: datetime, *, end: bool = False) -> datetime:
    """Read a time in the past (answers.times.moment)."""
    from monitor.answers import times

    with usage_errors():
        return times.moment(text, now, end=end)


def horizon(text: str, now: datetime) -> datetime:
    """Read a time ahead (answers.times.horizon)."""
    from monitor.answers import times

    with usage_errors():
        return times.horizon(text, now)


def parsed(text: str) -> Pattern:
    """Read a pattern of models."""
    from monitor.core.patterns import Pattern

    with usage_errors():
        return Pattern.parse(text)


def severity(text: str) -> str:
    """Read the name of a severity."""
    from monitor.core.severity import SEVERITIES

    if text.lower() not in SEVERITIES:
        raise typer.BadParameter(f"{text!r} is no severity; there are {', '.join(SEVERITIES)}")
    return text.lower()

"""``lastcall sources add-feed`` and ``remove-feed``: news watched beside the built-in sources."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer

from monitor.cli import output, sources_check
from monitor.cli.options import Db, clock, declared, feed, opened
from monitor.errors import NotFound, Unreadable

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of an RSS or Atom feed.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The id becomes news.NAME; by default from the address."
        ),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Add it without fetching it.")
    ] = False,
    db: Db = None,
) -> None:
    """Watch an RSS or Atom feed. It is fetched once, and refused if it is no feed or is empty.

    Example: lastcall sources add-feed https://blog.example/atom.xml --name acme-blog
    """
    from monitor.settings import load_settings
    from monitor.store import source_state

    name = _name(_address(url), name)
    source = feed(f"news.{name}", url)
    settings = load_settings(db)
    with opened(db) as store:
        sources = declared(settings, store)
        if twin := next((same for same in sources.values() if same.url == url), None):
            raise typer.BadParameter(f"{url} is watched already, as {twin.id}")
        if source.id in sources:
            raise typer.BadParameter(f"{source.id} exists already; give another --name")
        if not no_check:
            (result,) = asyncio.run(sources_check.check_now(settings, [source]))
            if result.verdict != "ok":
                raise Unreadable(
                    f"{url}: {result.why}; nothing was added (--no-check adds it unseen)"
                )
        with store.write() as session:
            source_state.add_feed(session, source.id, url, clock())
    print(f"{source.id}: added")
    output.say(
        "its first poll is history and alerts nobody; `lastcall run` or `lastcall poll` does it"
    )


def remove(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="The id or the address of the feed.")],
    db: Db = None,
) -> None:
    """Stop watching a feed that was added. Its facts and events are kept.

    Example: lastcall sources remove-feed news.acme-blog
    """
    from monitor.store import source_state

    with opened(db) as store, store.write() as session:
        feeds = source_state.feeds(session)
        source_id = next((pair[0] for pair in feeds.items() if feed in pair), None)
        if not source_id:
            raise NotFound(
                f"no feed {feed!r} was added; `lastcall sources disable` stops a built-in source"
            )
        source_state.remove_feed(session, source_id)
    print(f"{source_id}: removed")


def _address(url: str) -> SplitResult:
    """Return the parts of an http or https address."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for what is no number
    except ValueError as error:
        raise typer.BadParameter(f"{url!r} is no address: {error}") from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not url.isprintable()
        or " " in url
    ):
        raise typer.BadParameter(f"{url!r} is no address of a feed; write https://...")
    if parts.username is not None:
        raise typer.BadParameter(
            "leave the user name and password out: the address is shown everywhere"
        )
    return parts


def _name(parts: SplitResult, option: str | None) -> str:
    """Return what follows ``news.`` in the id: blog-example-atom for ``blog.example/atom.xml``."""
    if option is not None:
        if not NAME.fullmatch(option):
            raise typer.BadParameter(
                f"{option!r} is no name; write small letters, digits and single hyphens"
            )
        return option
    place = (parts.hostname or "").removeprefix("www.") + re.sub(r"\.\w+$", "", parts.path)
    name = "-".join(re.findall(r"[a-z0-9]+", place.lower()))
    if not name:
        raise typer.BadParameter("the address makes no name; give one with --name")
    return name

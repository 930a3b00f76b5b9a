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
            "--name", metavar="NAME", help="Its id becomes news.NAME; default: from the address."
        ),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Add it without a look at it.")
    ] = False,
    db: Db = None,
) -> None:
    """Watch an RSS or Atom feed. It is fetched once, and refused if it is no feed or says nothing.

    Example: lastcall sources add-feed https://blog.example/atom.xml --name acme-blog
    """
    from monitor.settings import load_settings
    from monitor.store import source_state

    name = _name(_address(url), name)
    source = feed(f"news.{name}", url)
    settings = load_settings(db)
    with opened(db) as store:
        known = declared(settings, store)
        if twin := next((one for one in known.values() if one.url == url), None):
            raise typer.BadParameter(f"{url} is there already, as {twin.id}")
        if source.id in known:
            raise typer.BadParameter(f"{source.id} is there already; give another --name")
        if not no_check:
            (look,) = asyncio.run(sources_check.look(settings, [source]))
            if look.verdict != "ok":
                raise Unreadable(
                    f"{url}: {look.why}; nothing was added (--no-check adds it unseen)"
                )
        with store.write() as session:
            source_state.add_feed(session, source.id, url, clock())
    print(f"{source.id}: added")
    output.say(
        "its first poll is history and alerts nobody; `lastcall run` picks it up, else `lastcall "
        "poll`"
    )


def remove(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="Its id or its address.")],
    db: Db = None,
) -> None:
    """Watch an added feed no more. What is known from it stays.

    Example: lastcall sources remove-feed news.acme-blog
    """
    from monitor.store import source_state

    with opened(db) as store, store.write() as session:
        found = next(
            (pair[0] for pair in source_state.feeds(session).items() if feed in pair), None
        )
        if not found:
            raise NotFound(
                f"no feed {feed!r} was added; `lastcall sources disable` stops a built-in source"
            )
        source_state.remove_feed(session, found)
    print(f"{found}: removed")


def _address(url: str) -> SplitResult:
    """The parts of an http or https address."""
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
            "an address with a password in it would be shown everywhere; leave it out"
        )
    return parts


def _name(parts: SplitResult, given: str | None) -> str:
    """What stands after ``news.`` in the id: ``blog.example/atom.xml`` becomes
    blog-example-atom.
    """
    if given is not None:
        if not NAME.fullmatch(given):
            raise typer.BadParameter(
                f"{given!r} is no name; write small letters, digits and single hyphens"
            )
        return given
    place = (parts.hostname or "").removeprefix("www.") + re.sub(r"\.\w+$", "", parts.path)
    name = "-".join(re.findall(r"[a-z0-9]+", place.lower()))
    if not name:
        raise typer.BadParameter("the address makes no name; give one with --name")
    return name

"""A look at every source as it is now: fetched and read as a poll would, and nothing recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.errors import FetchFailed, Unreadable
from monitor.polling.fetch import NO_VALIDATORS
from monitor.polling.parser_pool import Parser
from monitor.polling.poll import Getter
from monitor.reading.source import Source

Verdict = Literal["ok", "unreadable", "unreachable", "off"]


@dataclass(frozen=True)
class Look:
    """What came back for one source. ``size`` is in bytes, ``rows`` counts its facts, ``why`` says
    what is wrong.
    """

    source_id: str
    verdict: Verdict
    why: str = ""
    status: int = 0
    content_type: str = ""
    size: int = 0
    rows: int = 0
    ms: int = 0


async def survey(
    getter: Getter,
    parser: Parser,
    sources: Iterable[Source],
    *,
    keys: Callable[[str], str | None] = lambda name: None,
    urls: Mapping[str, str] | None = None,
    tell: Callable[[Look], None] = lambda look: None,
) -> list[Look]:
    """Look at these sources at once, and return what came back in their order; ``tell`` hears of
    each as it ends.

    ``keys`` and ``urls`` are those of monitor.polling.poll.Poller.
    """

    async def one(source: Source) -> Look:
        look = await _look(getter, parser, source, keys, (urls or {}).get(source.id))
        tell(look)
        return look

    return list(await asyncio.gather(*(one(source) for source in sources)))


async def _look(
    getter: Getter,
    parser: Parser,
    source: Source,
    keys: Callable[[str], str | None],
    url: str | None,
) -> Look:
    key = keys(source.access.key) if source.access else None
    if source.access and not key:
        return Look(source.id, "off", f"{source.access.key} is not set")
    try:
        fetched = await getter.get(source, NO_VALIDATORS, key, url)
    except FetchFailed as error:
        return Look(source.id, "unreachable", _why(source, error), error.status or 0)
    verdict: Verdict
    try:
        rows = len((await parser.parse(source, fetched.body)).facts or ())
        verdict, why = "ok", ""
    except Unreadable as error:
        verdict, why, rows = "unreadable", _why(source, error), 0
    return Look(
        source.id,
        verdict,
        why,
        fetched.status,
        fetched.content_type,
        len(fetched.body),
        rows,
        round(fetched.ms),
    )


def _why(source: Source, error: Exception) -> str:
    return str(error).removeprefix(f"{source.id}: ")

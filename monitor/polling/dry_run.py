"""Check sources as they are now: fetch and parse each as a poll would, and record nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.errors import FetchFailed, Unreadable
from monitor.polling.fetch import NO_VALIDATORS
from monitor.polling.parser_pool import Parser
from monitor.polling.poll import AnyFetcher, no_key
from monitor.reading.source import Source

Verdict = Literal["ok", "unreadable", "unreachable", "off"]


@dataclass(frozen=True)
class SourceCheck:
    """Hold the result for one source. ``size`` is in bytes, ``rows`` counts its facts, ``why`` is
    the error.
    """

    source_id: str
    verdict: Verdict
    why: str = ""
    status: int = 0
    content_type: str = ""
    size: int = 0
    rows: int = 0
    ms: int = 0


async def check_sources(
    fetcher: AnyFetcher,
    parser: Parser,
    sources: Iterable[Source],
    *,
    keys: Callable[[str], str | None] = no_key,
    urls: Mapping[str, str] | None = None,
    report: Callable[[SourceCheck], None] = lambda check: None,
) -> list[SourceCheck]:
    """Check these sources at once and return the results in their order.

    ``report`` gets each result as its check ends. ``keys`` and ``urls`` are those of
    monitor.polling.poll.PollSettings."""

    async def check(source: Source) -> SourceCheck:
        key = keys(source.access.key) if source.access else None
        result = await _check(fetcher, parser, source, key, (urls or {}).get(source.id))
        report(result)
        return result

    return list(await asyncio.gather(*(check(source) for source in sources)))


async def _check(
    fetcher: AnyFetcher, parser: Parser, source: Source, key: str | None, url: str | None
) -> SourceCheck:
    if source.broken:
        return SourceCheck(source.id, "unreadable", source.broken)
    if source.access and not key:
        return SourceCheck(source.id, "off", f"{source.access.key} is not set")
    try:
        fetched = await fetcher.get(source, NO_VALIDATORS, key, url)
    except FetchFailed as error:
        return SourceCheck(source.id, "unreachable", _why(source, error), error.status or 0)
    verdict: Verdict
    try:
        rows = len((await parser.parse(source, fetched.body)).facts or ())
        verdict, why = "ok", ""
    except Unreadable as error:
        verdict, why, rows = "unreadable", _why(source, error), 0
    return SourceCheck(
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

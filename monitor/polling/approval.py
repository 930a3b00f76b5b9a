"""Approve a held document: record it as a poll whose page an operator trusts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from monitor.core.contradictions import Deviation
from monitor.polling.fetch import NO_VALIDATORS, Fetched
from monitor.polling.outcomes import PollResult
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.record import Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import Source
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.tables import SourceRow


def approve(
    store: Store,
    source: Source,
    state: SourceRow,
    now: datetime,
    declared: Mapping[str, Source],
    deviations: Collection[Deviation],
) -> PollResult:
    """Record the held document of a source as believed, this once. The next poll stays due."""
    with store.read() as session:
        body = source_state.document(session, state.held) or b""
    fetched = Fetched(
        status=200,
        body=body,
        content_type="",
        validators=NO_VALIDATORS,
        ms=0,
        not_modified=False,
        retry_after=None,
        max_age=None,
        url=source.url,
    )
    document = Document(fetched, ParsedPage(source.digest(body), source.read(body)))
    rules = PollRules(declared, deviations, approved=True)
    return record(store, source, document, PollTimes(now, state.due_at), rules)

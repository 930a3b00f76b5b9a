"""An archive with faults in it, replayed: the captures of the corpus, and a small one that is
written here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.core.facts import Fact
from monitor.polling.outcomes import PollResult
from monitor.reading.source import REGISTRY, Source
from monitor.replaying.fault_injection import REFUSED, FaultInjector
from monitor.replaying.replay import ArchivedDocument, ReplayStep, replay
from monitor.store.db import Store
from tests.support.fixtures import FIXTURES
from tests.support.replay_archive import told

#: Sources of the corpus by the time that a replay of them takes: each family is about as dear as
#: the next.
FAMILIES = (
    ("anthropic.deprecations", "anthropic.models"),
    ("anthropic.overview",),
    ("anthropic.pricing",),
    ("anthropic.release_notes",),
    ("openai.deprecations", "openai.news", "openai.changelog"),
    ("openai.pricing",),
    ("openai.models",),
    ("gemini.deprecations", "gemini.changelog"),
    ("gemini.pricing",),
    ("gemini.models",),
)

#: A summer of pages: a fixture, and what is written anew in it day by day.
SUMMER: Mapping[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "example.deprecations": (
        "example/deprecations.md",
        (
            ("2026-06-01", "", ""),
            ("2026-06-11", "December 1, 2026", "January 15, 2027"),  # postponed
            ("2026-07-02", "| Q1 2027 ", "| 2027-02-01 "),  # made exact
            ("2026-07-20", "Not sooner than 2027-03-01", "2027-06-30"),  # from a floor to an end
            ("2026-08-05", "`anvil-3`, `magnet-1`", "`anvil-3`"),
            (
                "2026-08-20",
                "| `anvil-3`   ",
                "| `anvil-4` | Available | — | — | — |\n| `anvil-3`   ",
            ),
        ),
    ),
    "anthropic.pricing": (
        "anthropic/pricing.md",
        (
            ("2026-06-01", "", ""),
            (
                "2026-06-20",
                "| Claude Opus 5.5 | $4 / MTok | $5 / MTok",
                "| Claude Opus 5.5 | $3 / MTok | $3.75 / MTok",
            ),
            ("2026-07-11", "$0.50 / MTok | $0.625 / MTok", "$0.40 / MTok | $0.50 / MTok"),
            (
                "2026-08-11",
                "| Claude Opus 5.5 | $3 / MTok | $3.75 / MTok",
                "| Claude Opus 5.5 | $4 / MTok | $5 / MTok",
            ),
        ),
    ),
    "azure.partners": (
        "azure/partners.html",
        (
            ("2026-06-02", "", ""),
            ("2026-06-12", "January 30, 2026", "March 30, 2027"),
            ("2026-07-12", "Mistral-medium-2505", "Mistral-medium-2604"),
        ),
    ),
    "openai.models": (
        "openai/models.json",
        (
            ("2026-06-03", "", ""),
            (
                "2026-06-13",
                '"created": 1705948997, ',
                '"created": 1705948997, "shutdown_date": "2027-01-04", ',
            ),
            (
                "2026-07-13",
                '{"id": "gpt-4-',
                '{"id": "gpt-5.3", "created": 1780000000}, {"id": "gpt-4-',
            ),
            ("2026-08-13", '"2026-10-23"', '"2026-12-23"'),
        ),
    ),
    "openai.news": (
        "openai/news.xml",
        (
            ("2026-06-04", "", ""),
            (
                "2026-06-14",
                "<item>",
                "<item><title>Another</title><link>https://openai.com/news/1</link>"
                "<pubDate>Sat, 13 Jun 2026 12:00:00 GMT</pubDate></item><item>",
            ),
        ),
    ),
    "minimax.releases": (
        "minimax/releases.md",
        (
            ("2026-06-05", "", ""),
            (
                "2026-08-01",
                "#### Jul. 31, 2026",
                '#### Aug. 1, 2026\n\n<Card title="M4" href="/m4" cta="More">\n'
                "  It thinks.\n</Card>\n\n#### Jul. 31, 2026",
            ),
        ),
    ),
}


def write_summer(directory: Path) -> Path:
    """Lay SUMMER out as an archive. Each day keeps what the days before changed."""
    for source_id, (name, days) in SUMMER.items():
        text = (FIXTURES / name).read_text("utf-8")
        folder = directory / source_id
        folder.mkdir(parents=True)
        for day, before, after in days:
            assert before in text, (source_id, day)
            text = text.replace(before, after, 1) if before else text
            (folder / f"{day}{Path(name).suffix}").write_text(text, "utf-8")
    return directory


#: What was read already in this process: the same captures come in every seed.
_READ: dict[tuple[str, bytes], list[Fact] | Exception] = {}


def _cached(source: Source) -> Source:
    """A source that reads each document once a process."""

    def parse(body: bytes) -> list[Fact]:
        known = (source.id, hashlib.sha256(body).digest())
        if known not in _READ:
            try:
                _READ[known] = list(source.parse(body))
            except Exception as error:  # what it is made into is up to Source.read
                _READ[known] = error
        found = _READ[known]
        if isinstance(found, Exception):
            raise found
        return found

    return replace(source, parse=parse)


DECLARED = {source_id: _cached(source) for source_id, source in REGISTRY.items()}

#: What subscribers were told, by source and subject (a model, a notice), each in its order.
Told = dict[tuple[str, str], list[str]]


@dataclass(frozen=True)
class Played:
    """``taken`` counts the documents that were taken over; one that is refused or held is never cut
    into.
    """

    told: Told
    faults: Counter[tuple[str, str]]
    taken: int


def play(store: Store, steps: Iterable[ReplayStep], faults: FaultInjector | None = None) -> Played:
    """Replay into an empty store: what was told, and how each kind of fault ended how often."""
    ended: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], str] = {}

    def tell(step: ReplayStep, polled: PollResult) -> None:
        if step.fault:
            ended[step.fault, polled.outcome] += 1
        else:
            last[step.source_id, f"{step.at:%F}"] = polled.outcome
        if faults:
            faults.observe(polled)

    asyncio.run(replay(store, steps, DECLARED, report=tell))
    found: Told = {}
    for event in told(store):
        found.setdefault((event["source"], event["model"] or event["summary"]), []).append(
            f"{event['id']} {event['summary']}"
        )
    return Played(found, ended, sum(outcome not in REFUSED for outcome in last.values()))


def play_faulty(store: Store, documents: Iterable[ArchivedDocument], seed: int) -> Played:
    faults = FaultInjector(seed)
    return play(store, faults.between(documents), faults)


def differences(clean: Told, faulty: Told) -> list[str]:
    """What was told falsely (+), missed (-), or in another order (~)."""
    found = []
    for subject in sorted(clean.keys() | faulty.keys()):
        before, after = clean.get(subject, []), faulty.get(subject, [])
        lines = [f"- {line}" for line in before if line not in after]
        lines += [f"+ {line}" for line in after if line not in before]
        if before != after and not lines:
            lines = [f"~ {line}" for line in after]
        found += [f"{subject[0]} {line}" for line in lines]
    return found

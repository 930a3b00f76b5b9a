"""Real pages over time through the whole pipeline: what changed is told once, what did not is
not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.core.facts import Json
from monitor.errors import NotFound
from monitor.reading.source import REGISTRY
from monitor.replaying.replay import archive
from monitor.store.db import Store
from monitor.store.schema import ready
from tests.support.corpus import needs_corpus
from tests.support.fixtures import FIXTURES
from tests.support.replay_archive import FOLDERS, captures, lay_out, run, told


@pytest.fixture
def database(tmp_path: Path) -> Store:
    return ready(Store(str(tmp_path / "replay.db")))


async def replayed(
    database: Store, tmp_path: Path, source_id: str, names: list[str] | None = None
) -> list[Json]:
    await run(database, lay_out(tmp_path / "archive", source_id, names))
    return told(database)


def lines(
    events: list[Json], keep: Callable[[Json], bool] = lambda event: True
) -> list[tuple[str, str, str]]:
    """(day, kind, summary without its subject) of events."""
    return [
        (event["detected_at"][:10], event["kind"], event["summary"].partition(": ")[2])
        for event in events
        if keep(event)
    ]


# --- the archive


def lay_out_days(directory: Path, *names: str) -> Path:
    """An archive of one source with empty files of these names."""
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return directory


def test_hidden_folders_are_no_sources(tmp_path: Path) -> None:
    folder = lay_out_days(tmp_path, "openai.deprecations/2026-02-28.md", ".git/HEAD", ".cache/x")
    (document,) = archive(folder, REGISTRY)
    assert document.path.name == "2026-02-28.md"


def test_a_day_that_does_not_exist_names_its_file(tmp_path: Path) -> None:
    folder = lay_out_days(tmp_path, "openai.deprecations/2026-02-30.md")
    with pytest.raises(
        NotFound, match=r"openai\.deprecations/2026-02-30\.md: there is no day 2026-02-30"
    ):
        archive(folder, REGISTRY)


# --- what changed
# ------------------------------------------------------------------------------------------


@needs_corpus
async def test_the_realtime_previews_are_postponed_twice(database: Store, tmp_path: Path) -> None:
    events = await replayed(database, tmp_path, "openai.deprecations")
    for model in (
        "gpt-4o-realtime-preview",
        "gpt-4o-realtime-preview-2025-06-03",
        "gpt-4o-realtime-preview-2024-12-17",
    ):
        moves = lines(
            events,
            lambda event, model=model: event["model"] == model and "postponed" in event["kind"],
        )
        assert moves == [
            (
                "2026-02-26",
                "retirement.postponed",
                "postponed by 25 days, 2026-02-27 -> 2026-03-24 (in 26 days)",
            ),
            (
                "2026-04-03",
                "retirement.postponed",
                "postponed by 44 days, 2026-03-24 -> 2026-05-07 (in 34 days)",
            ),
        ]
    april = [event for event in events if event["detected_at"] == "2026-04-03T00:00:00Z"]
    assert sum(event["kind"] == "retirement.postponed" for event in april) == 7
    assert (
        sum(event["kind"] == "retirement.announced" for event in april) == 6
    )  # Sora 2 and the Videos API


@needs_corpus
async def test_the_date_of_claude_3_haiku_is_set_and_corrected_the_next_day(
    database: Store, tmp_path: Path
) -> None:
    events = await replayed(database, tmp_path, "anthropic.deprecations")
    haiku = lines(
        events,
        lambda event: (
            event["model"] == "claude-3-haiku-20240307" and "2026" in event["detected_at"]
        ),
    )
    assert haiku == [
        (
            "2026-02-19",
            "retirement.announced",
            "retires 2026-04-19 (in 59 days); replacement claude-haiku-4-5-20251001",
        ),
        (
            "2026-02-20",
            "retirement.postponed",
            "postponed by 1 day, 2026-04-19 -> 2026-04-20 (in 59 days)",
        ),
        (
            "2026-04-21",
            "retirement.completed",
            "retired on 2026-04-20; replacement claude-haiku-4-5-20251001",
        ),
    ]


@needs_corpus
async def test_the_scheduled_rise_of_sonnet_5_is_cancelled(database: Store, tmp_path: Path) -> None:
    events = await replayed(database, tmp_path, "anthropic.pricing")
    output = lines(
        events, lambda event: event["model"] == "Claude Sonnet 5" and "output " in event["summary"]
    )
    standard = [line for line in output if "(batch)" not in line[2]]
    assert standard == [
        ("2026-07-21", "price.scheduled", "output will be 15 USD per 1M tokens from 2026-09-01"),
        ("2026-07-21", "price.added", "output 10 USD per 1M tokens until 2026-08-31"),
        (
            "2026-08-12",
            "price.unscheduled",
            "output of 15 USD per 1M tokens from 2026-09-01 is off the page",
        ),
        (
            "2026-08-12",
            "price.changed",
            "output 10 USD per 1M tokens now without an end, was until 2026-08-31",
        ),
    ]


@needs_corpus
async def test_the_long_context_premium_of_opus_46_goes(database: Store, tmp_path: Path) -> None:
    events = await replayed(database, tmp_path, "anthropic.pricing")
    gone = [
        (event["detected_at"][:10], event["before"]["meter"], event["before"]["amount"])
        for event in events
        if event["model"] == "Claude Opus 4.6"
        and event["kind"] == "price.removed"
        and event["before"]["context"] == ">200k"
        and event["before"]["tier"] == "standard"
    ]
    assert gone == [("2026-03-13", "input", "10"), ("2026-03-13", "output", "37.50")]


@needs_corpus
async def test_the_unit_of_the_code_interpreter_changes(database: Store, tmp_path: Path) -> None:
    events = await replayed(
        database, tmp_path, "openai.pricing", ["2025-10-15.jina.md", "2026-04-03.md"]
    )
    container = [event for event in events if "ode Interpreter" in event["model"]]
    before = [event["before"] for event in container if event["kind"] == "price.removed"]
    after = [event["after"] for event in container if event["kind"] == "price.added"]
    assert [(price["amount"], price["per"]) for price in before] == [("0.03", "container")]
    assert {(price["context"], price["amount"], price["per"]) for price in after} == {
        ("1 GB", "0.03", "session"),
        ("4 GB", "0.12", "session"),
        ("16 GB", "0.48", "session"),
        ("64 GB", "1.92", "session"),
    }


# --- what did not
# ------------------------------------------------------------------------------------------

SILENT = [
    (
        "anthropic.deprecations",
        "2026-02-06.md",
        "2026-02-12.md",
    ),  # layout of the words around the tables
    ("anthropic.deprecations", "2026-02-20.md", "2026-03-20.md"),  # a definition rewritten
    (
        "anthropic.deprecations",
        "2026-08-06.md",
        "2026-08-20.md",
    ),  # front matter, links made absolute
    ("anthropic.pricing", "2026-03-13.md", "2026-03-14.md"),  # dollar signs escaped
    ("anthropic.pricing", "2026-03-14.md", "2026-03-27.md"),
    ("anthropic.pricing", "2026-03-27.md", "2026-03-28.md"),
    ("anthropic.pricing", "2026-04-07.md", "2026-04-07.2.md"),
    ("anthropic.pricing", "2026-04-25.md", "2026-05-01.md"),
    ("anthropic.pricing", "2026-08-12.md", "2026-08-13.md"),  # links made absolute
    ("anthropic.overview", "2026-02-20.md", "2026-03-12.md"),
    ("anthropic.overview", "2026-03-30.md", "2026-04-07.md"),
    (
        "openai.deprecations",
        "2026-06-26.html2md.md",
        "2026-07-06.md",
    ),  # the same page, converted and as served
    ("openai.models", "2025-03-25.json", "2025-04-02.json"),  # order only
    ("openai.news", "2026-01-25.xml", "2026-01-25.2.xml"),  # lastBuildDate only
    ("openai.news", "2026-01-25.2.xml", "2026-01-26.xml"),
]


@needs_corpus
@pytest.mark.parametrize(("source_id", "before", "after"), SILENT)
async def test_wording_raises_nothing(
    database: Store, tmp_path: Path, source_id: str, before: str, after: str
) -> None:
    assert lines(await replayed(database, tmp_path, source_id, [before, after])) == []


@needs_corpus
async def test_a_cent_written_out_and_a_label_are_no_change(
    database: Store, tmp_path: Path
) -> None:
    """`$1.6` became `$1.60`, and Opus 4.1 was labelled deprecated: both between two pages that
    differ otherwise.
    """
    events = await replayed(
        database,
        tmp_path,
        "anthropic.pricing",
        ["2025-05-27.html2md.md", "2025-12-05.md", "2026-05-01.md", "2026-07-21.md"],
    )
    assert (
        lines(
            events,
            lambda event: (
                event["model"] == "Claude Haiku 3.5" and event["before"] and event["after"]
            ),
        )
        == []
    )
    assert (
        lines(
            events,
            lambda event: event["model"] == "Claude Opus 4.1" and event["before"] is not None,
        )
        == []
    )


# --- the archive
# -------------------------------------------------------------------------------------------


@needs_corpus
async def test_everything_again_changes_nothing_and_a_prefix_first_neither(
    database: Store, tmp_path: Path
) -> None:
    directory = tmp_path / "archive"
    for source_id in FOLDERS:
        lay_out(directory, source_id)
    first = await run(database, directory)
    assert first.documents == len(archive(directory, REGISTRY))
    ids = [event["id"] for event in told(database)]
    assert len(ids) == len(set(ids)) > 1000
    again = await run(database, directory)
    assert (again.events, again.documents, again.skipped) == (0, 0, first.documents)

    other = ready(Store(str(tmp_path / "other.db")))
    names = [path.name for path in captures("anthropic.deprecations")]
    await run(other, lay_out(tmp_path / "prefix", "anthropic.deprecations", names[:7]))
    await run(other, lay_out(tmp_path / "whole", "anthropic.deprecations"))
    whole = [event["id"] for event in told(database) if event["source"] == "anthropic.deprecations"]
    assert [event["id"] for event in told(other)] == whole
    database.close()
    other.close()


def test_the_order_is_by_date_then_number(tmp_path: Path) -> None:
    folder = tmp_path / "openai.deprecations"
    folder.mkdir()
    for name in (
        "2026-02-19.2.md",
        "2026-02-19.md",
        "2026-02-18.tag.html.gz",
        "2026-02-19.headers.json",
        "notes.txt",
    ):
        (folder / name).write_bytes(b"")
    found = [(document.path.name, str(document.at)) for document in archive(tmp_path, REGISTRY)]
    assert found == [
        ("2026-02-18.tag.html.gz", "2026-02-18 00:00:00+00:00"),
        ("2026-02-19.md", "2026-02-19 00:00:00+00:00"),
        ("2026-02-19.2.md", "2026-02-19 00:00:01+00:00"),
    ]


def test_a_folder_that_is_no_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "openai.nothing").mkdir()
    with pytest.raises(NotFound, match=r"openai\.nothing"):
        archive(tmp_path, REGISTRY)
    with pytest.raises(NotFound, match="no documents"):
        archive(FIXTURES / "openai", REGISTRY)


async def test_a_page_that_cannot_be_read_is_an_outcome(database: Store, tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "openai.deprecations"
    folder.mkdir(parents=True)
    good = (FIXTURES / "openai" / "deprecations.md").read_bytes()
    (folder / "2026-01-01.md").write_bytes(good)
    (folder / "2026-01-02.md").write_bytes(good.replace(b"Shutdown date", b"End"))
    (folder / "2026-01-03.md").write_bytes(good)
    done = await run(database, tmp_path / "archive")
    assert done.outcomes == {"baseline": 1, "unreadable": 1, "unchanged": 1}
    assert [
        event["kind"] for event in told(database) if event["kind"] != "retirement.completed"
    ] == []
    database.close()

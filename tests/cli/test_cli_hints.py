"""What a hint says of an end is no end: `upcoming` and `check` go by official sources alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli import app
from monitor.core.diff import diff, snapshot
from monitor.core.facts import Retirement, When
from monitor.reading.source import REGISTRY
from monitor.store import fact_versions, source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from sources import load

NOW = datetime(2026, 11, 1, tzinfo=UTC)
load()


def ending(source_id: str, model: str, surface: str = "api") -> Retirement:
    """A model that is long retired, by the word of one source."""
    return Retirement(
        provider=source_id.partition(".")[0],
        model=model,
        surface=surface,
        stage="deprecated",
        retires=When("2026-01-01" if model == "gone" else "2099-01-01"),
    )


def test_hints_end_nothing_and_official_sources_do(tmp_path: Path) -> None:
    database = tmp_path / "lastcall.db"
    store = ready(Store(str(database)))
    told = {"litellm.prices": ["gone", "going"], "openai.deprecations": ["official"]}
    with store.write() as session:
        source_state.register(session, {source_id: REGISTRY[source_id] for source_id in told}, NOW)
        for source_id, models in told.items():
            stated = snapshot(ending(source_id, model) for model in models)
            fact_versions.apply(session, source_id, diff({}, stated), NOW, "")
        chat = snapshot([ending("openai.deprecations", "gone", "chatgpt")])
        fact_versions.apply(session, "openai.deprecations", diff({}, chat), NOW, "")
    store.close()

    def asked(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--db", str(database), *words])
        return done.exit_code, done.stdout

    assert [row["model"] for row in json.loads(asked("upcoming", "--json")[1])] == ["official"]
    assert asked("check", "going")[0] == 5  # a hint alone does not make a model known
    code, said = asked(
        "check", "gone", "--json"
    )  # retired from ChatGPT, and by a hint: the API answers
    assert (code, json.loads(said)[0]["status"]) == (0, "ok")

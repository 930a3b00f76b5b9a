"""The published schemas: what is written is what is true, and every message of a real run is valid
by them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator
from sqlmodel import col, select

from monitor.delivery.webhook import envelope
from monitor.delivery.webhook.schema import MESSAGES, message
from monitor.demo import run as year
from monitor.store.db import Store
from monitor.store.schema import ready
from monitor.store.tables import EventRow
from sources import load
from tests.support.receivers import event
from tests.tools.render_docs import SCHEMAS, schemas

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)


def test_the_files_are_those_of_the_program():
    """``python -m tests.tools.render_docs`` writes them."""
    assert {path.name: path.read_text("utf-8") for path in SCHEMAS.iterdir()} == {
        path.name: text for path, text in schemas().items()
    }


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_is_a_schema(kind):
    Draft202012Validator.check_schema(message(kind))


async def test_every_message_of_a_year_is_valid(tmp_path):
    """The demo's pages through the whole pipeline: listings, retirements, prices, news, sources."""
    store = ready(Store(str(tmp_path / "year.db")))
    await year(store, load(), day=lambda *_: None, event=lambda *_: None, refused=lambda *_: None)
    with store.read() as session:
        rows = list(session.exec(select(EventRow).order_by(col(EventRow.sequence))))
    store.close()
    kinds = {row.kind for row in rows}
    assert len(kinds) > 8
    validators = {kind: Draft202012Validator(message(kind)) for kind in [*kinds, "digest"]}
    for row in rows:
        validators[row.kind].validate(json.loads(envelope.seal("", [row]).body))
    validators["digest"].validate(json.loads(envelope.seal("", rows[:50], "msg_1").body))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "price.increased"},
        {"severity": "loud"},
        {"effective": {"text": "2026"}},
        {"after": {"fact": "price"}},
    ],
)
def test_what_is_wrong_is_not_valid(wrong):
    validator = Draft202012Validator(message("retirement.postponed"))
    row = event(1, NOW, sequence=1, after=None)
    good = json.loads(envelope.seal("", [row]).body)
    validator.validate(good)
    assert not validator.is_valid(good | {"data": good["data"] | wrong})

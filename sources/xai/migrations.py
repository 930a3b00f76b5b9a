"""xAI, migration guide: https://docs.x.ai/developers/migration/may-15-retirement.md

The guide first said that requests would fail. It was turned round later: its models go on answering
as another model, at the price of that one. Both are read. The moment of all models stands in one
sentence, in Pacific time. A price sentence of another form is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile, islice, takewhile

from monitor.core.facts import Fact, Price, Retirement, When
from monitor.reading.page import (
    Row,
    Text,
    Unreadable,
    blocks,
    codes,
    inline,
    layout,
    money,
    tables,
    when,
)
from monitor.reading.source import source

_REPLACED = layout(model="model being retired", target="recommended replacement")
_REDIRECTED = layout(model="model being retired", target="redirect target*")

_EFFECTIVE = re.compile(r"Effective (.+? PT)\b")
_TARGET = re.compile(r'(?P<model>[\w.-]+)(?: with "?(?P<effort>\w+)"? reasoning effort)?')
_BILLED = re.compile(
    r"billed at (?P<model>[\w.-]+) pricing of (?P<input>\$[\d.]+ per 1M) input tokens"
    r" and (?P<output>\$[\d.]+ per 1M) output tokens"
)


@source(
    "https://docs.x.ai/developers/migration/may-15-retirement.md",
    facts=(Retirement, Price),
    markers=(b"Model being retired", b"grok-code-fast-1"),
    keeps_retired=True,
)
def migrations(body: bytes) -> Iterator[Fact]:
    """Models with the ones that replace them or answer for them; then with the price at which those
    answer.
    """
    page = blocks(body)
    texts = [block for block in page if isinstance(block, Text)]
    end = _end(texts)
    rows = {
        model: row for row in tables(page, _REPLACED, _REDIRECTED) for model in codes(row["model"])
    }
    billed = list(_billed(texts))
    for model in dict.fromkeys([*_listed(texts), *rows]):
        row = rows.get(model)
        target = _target(row) if row else None
        yield Retirement(
            model=model,
            stage="deprecated",
            retires=end,
            replacements=(target["model"],) if target else (),
            note=f"goes on as {row['target'].line}" if row and row.layout is _REDIRECTED else "",
            quote=row.quote if row else f"{model}: {end.words}",
        )
        for price in billed:
            if row and target and row.layout is _REDIRECTED and target["model"] == price["model"]:
                yield from _answered(model, price, end)


def _end(texts: list[Text]) -> When:
    found = {when(match[1]) for text in texts for match in _EFFECTIVE.finditer(text.inline.line)}
    if len(found) != 1:
        raise Unreadable(f"not one moment at which the models retire: {sorted(map(str, found))}")
    [end] = found
    if end is None:
        raise Unreadable("no moment at which the models retire")
    return end


def _listed(texts: list[Text]) -> Iterator[str]:
    """The list right under the sentence with the moment; the table might fall short of it."""
    after = dropwhile(lambda text: not _EFFECTIVE.search(text.inline.line), texts)
    for text in takewhile(lambda text: text.starts, islice(after, 1, None)):
        yield from codes(text.inline)


def _target(row: Row) -> re.Match[str]:
    match = _TARGET.fullmatch(row["target"].line)
    if not match:
        raise row["target"].error("no model to go on as")
    return match


def _billed(texts: list[Text]) -> Iterator[re.Match[str]]:
    for text in texts:
        if "billed at" in text.inline.line:
            match = _BILLED.search(text.inline.line)
            if not match:
                raise text.inline.error("no price known by which redirected requests are billed")
            yield match


def _answered(model: str, price: re.Match[str], starts: When) -> Iterator[Price]:
    for meter in ("input", "output"):
        said = inline(price[meter].replace("per 1M", "per 1M tokens"))
        if amount := money(said):
            yield Price(
                model=model,
                meter=meter,
                amount=amount.amount,
                per=amount.per,
                starts=starts,
                note=f"the price of {price['model']}, which answers",
                quote=price[0],
            )

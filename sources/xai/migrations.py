"""xAI, migration guide: https://docs.x.ai/developers/migration/may-15-retirement.md

The guide first said that requests would fail. It was turned round later: its models go on answering
as another model, at the price of that one. Both are read. The moment of all models stands in one
sentence, in Pacific time. A price sentence of another form is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile, islice, takewhile

from monitor.core.facts import Fact, Price, Retirement, When
from monitor.reading import page
from monitor.reading.source import source

REPLACED = page.layout(model="model being retired", target="recommended replacement")
REDIRECTED = page.layout(model="model being retired", target="redirect target*")

EFFECTIVE = re.compile(r"Effective (.+? PT)\b")
TARGET = re.compile(r'(?P<model>[\w.-]+)(?: with "?(?P<effort>\w+)"? reasoning effort)?')
BILLED = re.compile(
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
    """Yield each model with the one that replaces it or answers for it, then the price at which
    that one answers.
    """
    blocks = page.blocks(body)
    texts = [block for block in blocks if isinstance(block, page.Text)]
    moment = _moment(texts)
    rows = {
        model: row
        for row in page.tables(blocks, REPLACED, REDIRECTED)
        for model in page.codes(row["model"])
    }
    billed = {match["model"]: match for match in _billed(texts)}
    for model in dict.fromkeys([*_listed(texts), *rows]):
        row = rows.get(model)
        target = _target(row) if row else ""
        redirected = row is not None and row.layout is REDIRECTED
        yield Retirement(
            model=model,
            stage="deprecated",
            retires=moment,
            replacements=(target,) if target else (),
            note=f"goes on as {row['target'].line}" if row and redirected else "",
            quote=row.quote if row else f"{model}: {moment.words}",
        )
        if redirected and target in billed:
            yield from _prices(model, billed[target], moment)


def _moment(texts: Sequence[page.Text]) -> When:
    moments = {
        page.when(match[1]) for text in texts for match in EFFECTIVE.finditer(text.inline.line)
    }
    moment = moments.pop() if len(moments) == 1 else None
    if moment is None:
        others = sorted(map(str, moments))
        raise page.Unreadable(f"not one moment at which the models retire: {others}")
    return moment


def _listed(texts: Sequence[page.Text]) -> Iterator[str]:
    """Yield the list right under the sentence with the moment; the table might fall short of it."""
    after = dropwhile(lambda text: not EFFECTIVE.search(text.inline.line), texts)
    for text in takewhile(lambda text: text.starts, islice(after, 1, None)):
        yield from page.codes(text.inline)


def _target(row: page.Row) -> str:
    match = TARGET.fullmatch(row["target"].line)
    if not match:
        raise row["target"].error("no model to go on as")
    return match["model"]


def _billed(texts: Sequence[page.Text]) -> Iterator[re.Match[str]]:
    for text in texts:
        if "billed at" in text.inline.line:
            match = BILLED.search(text.inline.line)
            if not match:
                raise text.inline.error("no price known by which redirected requests are billed")
            yield match


def _prices(model: str, billed: re.Match[str], starts: When) -> Iterator[Price]:
    note = f"the price of {billed['model']}, which answers"
    for meter in ("input", "output"):
        cell = page.inline(billed[meter].replace("per 1M", "per 1M tokens"))
        if price := page.price(cell, model, meter, starts=starts, note=note, quote=billed[0]):
            yield price

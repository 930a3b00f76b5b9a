"""xAI: the model list of its API, and its migration guide. There is no deprecation page.

The list (https://api.x.ai/v1/models) has ids alone in 2025, prices since 2026-05-23 and aliases
since 2026-06-16. Prices are whole numbers in units of 1e-10 USD, for a token or an image; those
ending in ``_long_context`` hold above ``long_context_threshold``. No date of an end: that a model
leaves is the only sign of it.

The guide (https://docs.x.ai/developers/migration/may-15-retirement.md) first said that requests
would fail, and was turned round later: its models go on answering as another model, at the price of
that one. Both are read. The moment of all models stands in one sentence, in Pacific time.

What would break it: a field with "price" in its name that is not known, or a price sentence of
another form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import dropwhile, islice, takewhile
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement, When
from monitor.reading.page import (
    Row,
    Text,
    Unreadable,
    blocks,
    codes,
    inline,
    layout,
    money,
    parsed_json,
    tables,
    when,
)
from monitor.reading.source import Access, source

# --- models
# ------------------------------------------------------------------------------------------------

#: Fields with an amount for a token, in 1e-10 USD.
_TOKENS = {
    "prompt_text_token_price": "input",
    "cached_prompt_text_token_price": "cached_input",
    "completion_text_token_price": "output",
    "prompt_image_token_price": "image_input",
}
_LONG = "_long_context"
_FIELDS = {*_TOKENS, *(field + _LONG for field in _TOKENS), "image_price"}


@source(
    "https://api.x.ai/v1/models",
    facts=(Listing, Price),
    access=Access(key="XAI_API_KEY"),
    markers=(b'"data"', b"grok-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The models of the API with their aliases, contexts and prices; those of video have no price
    here.
    """
    items: list[dict[str, Any]] = parsed_json(body)["data"]
    names = {item["id"] for item in items}
    for item in items:
        name = item["id"]
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=item["created"])
        yield Listing(
            model=name,
            context_window=item.get("context_length"),
            created=When(day.strftime("%Y-%m-%d"), words=str(item["created"])),
            quote=json.dumps(item)[:500],
        )
        for alias in item.get("aliases") or ():
            if (
                alias not in names
            ):  # a name that is listed for itself is no alias, whatever another model says
                yield Listing(
                    model=alias, alias_of=name, quote=f'"{alias}" among the aliases of "{name}"'
                )
        yield from _prices(item)


def _prices(item: dict[str, Any]) -> Iterator[Price]:
    name = item["id"]
    for field, said in item.items():
        if "price" in field and field not in _FIELDS:
            raise Unreadable(f"unknown price of {name}: {field!r}: {said!r}")
        if field not in _FIELDS or not _is_price(said):
            continue
        base = field.removesuffix(_LONG)
        if field == "image_price":
            yield _image(name, said, "", f'"{field}": {said}')
        else:
            yield Price(
                model=name,
                meter=_TOKENS[base],
                amount=_usd(said, 10**6),
                per="1M tokens",
                context=_context(item, field),
                quote=f'"{field}": {said}',
            )
    for row in item.get("pricing") or ():
        if unknown := row.keys() - {"price_per_image", "quality", "resolution"}:
            raise Unreadable(f"unknown price of {name}: {sorted(unknown)} in {row}")
        yield _image(
            name, row["price_per_image"], f"{row['quality']} {row['resolution']}", json.dumps(row)
        )


def _image(model: str, said: object, context: str, quote: str) -> Price:
    return Price(
        model=model,
        meter="image_output",
        amount=_usd(said, 1),
        per="image",
        context=context,
        quote=quote,
    )


def _is_price(said: object) -> bool:
    """Whether a field holds a price: null is unknown, and zero is what a model has that does not
    take images.
    """
    return said is not None and said != 0


def _usd(said: object, count: int) -> Decimal:
    """An amount in 1e-10 USD as USD for so many."""
    if not isinstance(said, int) or said < 0:
        raise Unreadable(f"not a price in 1e-10 USD: {said}")
    return (Decimal(said * count).scaleb(-10)).normalize()


def _context(item: dict[str, Any], field: str) -> str:
    """The prompts a price is for: empty where the field has no second price for long ones."""
    if not _is_price(item.get(field.removesuffix(_LONG) + _LONG)):
        return ""
    thousands, rest = divmod(item["long_context_threshold"], 1000)
    if rest:
        raise Unreadable(f"{item['id']}: a threshold of {item['long_context_threshold']} tokens")
    return f"{'>' if field.endswith(_LONG) else '<='}{thousands}k"


# --- the migration guide
# -----------------------------------------------------------------------------------

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

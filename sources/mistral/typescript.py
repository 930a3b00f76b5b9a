"""Mistral, models: the TypeScript from which the site is rendered, one object for each model.

It alone has prices, in USD and EUR beside each other, and a status. An unknown status, denominator
or label of a price is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement, Stage
from monitor.reading.page import (
    Inline,
    Unreadable,
)
from sources.mistral.javascript import Literal
from sources.mistral.words import day, tokens

MODEL_FILE = re.compile(r"^// ===== (\S+\.ts) =====$", re.MULTILINE)
STAGES: dict[str, Stage] = {
    "Active": "active",
    "GA": "active",
    "PublicPreview": "active",
    "Deprecated": "deprecated",
    "Retired": "retired",
}
#: Denominator -> what it says of the meter, and the unit.
_UNITS = {
    "/M Tokens": ("", "1M tokens"),
    "/M Chars": ("", "1M characters"),
    "/Min": ("audio_", "minute"),
    "/1000 Pages": ("", "1K pages"),
    "/1000 Annotated Pages": ("annotated_", "1K pages"),
}
_LABELS = {"": "", "Input": "", "Output": "", "Cached input": "cached_"}


def typescript(text: str) -> Iterator[Fact]:
    """One object for each model's file; the index beside them only imports the files."""
    _, *parts = MODEL_FILE.split(text)
    for path, code in zip(parts[::2], parts[1::2], strict=True):
        if path.endswith("/index.ts"):
            continue
        _, found, literal = code.partition("export default ")
        if not found:
            raise Unreadable(f"{path}: no 'export default'")
        try:
            model = Literal(literal).value()
            yield from _of_file(model, path)
        except (KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"{path}: not a model: {type(error).__name__}: {error}") from error
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}") from error


def _of_file(model: Mapping[str, Any], path: str) -> Iterator[Fact]:
    name, status, ids = model["name"], model["status"], model["identifiers"]["apiNames"]
    if status not in STAGES:
        raise Unreadable(f"unknown status {status!r}")
    slug = model["slug"]
    inputs = tuple(model["capabilities"]["input"])
    if ids and STAGES[status] != "retired":
        listing = Listing(
            model=ids[0],
            name=name,
            context_window=tokens(Inline(model.get("contextLength") or "")),
            max_output=tokens(Inline(model.get("outputTokenLimit") or "")),
            modalities=inputs,
            created=day(model["releaseDate"]),
            quote=f"{slug}: {', '.join(ids)}",
        )
        yield listing
        for alias in ids[1:]:
            yield replace(
                listing,
                model=alias,
                context_window=None,
                max_output=None,
                modalities=(),
                alias_of=ids[0],
            )
    told = model.get("metadata", {})
    ends = {
        key: told.get(key) or "" for key in ("deprecationDate", "retirementDate", "replacement")
    }
    stage = STAGES[status]
    retires = day(ends["retirementDate"])
    if stage != "active" or any(ends.values()):
        yield Retirement(
            model=ids[0] if ids else name,
            term=status,
            stage="deprecated" if stage == "active" and retires else stage,
            deprecated=day(ends["deprecationDate"]),
            retires=retires,
            replacements=tuple(filter(None, [ends["replacement"]])),
            note="" if ids else "no id of the API",
            quote=f"{slug} ({name}): {status}, "
            + ", ".join(f"{key} {said or '-'}" for key, said in ends.items()),
        )
    features = model["capabilities"]["features"]
    transcribes = "transcriptions" in features and "chat-completions" not in features
    pricing = model["pricing"]
    if pricing["type"] not in ("flat", "custom"):
        raise Unreadable(f"unknown type of pricing {pricing['type']!r}")
    flat = pricing["type"] == "flat"  # one amount that is the whole pricing
    for side, items in (
        [("input", [pricing])] if flat else [(side, pricing[side]) for side in ("input", "output")]
    ):
        for item in items:
            yield from _prices(item, side, ids[0] if ids else name, transcribes, slug)


def _prices(
    item: Mapping[str, Any], side: str, model: str, transcribes: bool, slug: str
) -> Iterator[Price]:
    """The price of one item in both currencies. Zero is how the file says that this is not
    billed.
    """
    denominator, label = item["denominator"], item.get("label", "")
    if denominator not in _UNITS or label not in _LABELS:
        raise Unreadable(f"unknown unit or label of a price: {item}")
    prefix, per = _UNITS[denominator]
    # One id is both a chat model and a transcription service, at two prices a minute
    # (voxtral-mini-2507).
    meter = "transcription" if transcribes and per == "minute" else _LABELS[label] + prefix + side
    for key, currency in (("price", "USD"), ("priceEur", "EUR")):
        amount = item.get(key)
        if amount is not None and amount != 0:
            yield Price(
                model=model,
                meter=meter,
                amount=amount,
                currency=currency,
                per=per,
                quote=f"{slug}: {side} {amount} {currency} {denominator}",
            )

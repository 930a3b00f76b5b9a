"""Mistral, models: the TypeScript from which the site is rendered, one object for each model.

It alone has prices, in USD and EUR beside each other, and a status. The index beside the models'
files only imports them. An unknown status, denominator or label of a price is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement, Stage
from monitor.reading import page
from sources.mistral.javascript import Literal
from sources.mistral.rows import day, tokens

FILE = re.compile(r"^// ===== (\S+\.ts) =====$", re.MULTILINE)
STAGES: dict[str, Stage] = {
    "Active": "active",
    "GA": "active",
    "PublicPreview": "active",
    "Deprecated": "deprecated",
    "Retired": "retired",
}
#: A denominator: what it adds to the meter, and the unit.
UNITS = {
    "/M Tokens": ("", "1M tokens"),
    "/M Chars": ("", "1M characters"),
    "/Min": ("audio_", "minute"),
    "/1000 Pages": ("", "1K pages"),
    "/1000 Annotated Pages": ("annotated_", "1K pages"),
}
LABELS = {"": "", "Input": "", "Output": "", "Cached input": "cached_"}


def is_typescript(text: str) -> bool:
    """Return whether a document is a bundle of the models' files."""
    return FILE.search(text) is not None


def typescript(text: str) -> Iterator[Fact]:
    """Yield the facts of all files of a bundle."""
    _, *parts = FILE.split(text)
    for path, code in zip(parts[::2], parts[1::2], strict=True):
        if path.endswith("/index.ts"):
            continue
        _, export, literal = code.partition("export default ")
        if not export:
            raise page.Unreadable(f"{path}: no 'export default'")
        try:
            yield from _facts(Literal(literal).value())
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"not a model: {type(error).__name__}: {error}"
            raise page.Unreadable(f"{path}: {reason}") from error
        except page.Unreadable as error:
            raise page.Unreadable(f"{path}: {error}") from error


def _facts(file: Mapping[str, Any]) -> Iterator[Fact]:
    ids, status = file["identifiers"]["apiNames"], file["status"]
    if status not in STAGES:
        raise page.Unreadable(f"unknown status {status!r}")
    if ids and STAGES[status] != "retired":
        yield from _listings(file, ids)
    model = ids[0] if ids else file["name"]
    yield from _retirement(file, model, "" if ids else "no id of the API")
    yield from _prices(file, model)


def _listings(file: Mapping[str, Any], ids: list[str]) -> Iterator[Listing]:
    common = Listing(
        model=ids[0],
        name=file["name"],
        created=day(file["releaseDate"]),
        quote=f"{file['slug']}: {', '.join(ids)}",
    )
    yield replace(
        common,
        context_window=tokens(page.Inline(file.get("contextLength") or "")),
        max_output=tokens(page.Inline(file.get("outputTokenLimit") or "")),
        modalities=tuple(file["capabilities"]["input"]),
    )
    for alias in ids[1:]:
        yield replace(common, model=alias, alias_of=ids[0])


def _retirement(file: Mapping[str, Any], model: str, note: str) -> Iterator[Retirement]:
    stage, metadata = STAGES[file["status"]], file.get("metadata", {})
    fields = ("deprecationDate", "retirementDate", "replacement")
    deprecated, retires, replacement = (metadata.get(field) or "" for field in fields)
    if stage == "active" and not (deprecated or retires or replacement):
        return
    values = zip(fields, (deprecated, retires, replacement), strict=True)
    printed = ", ".join(f"{field} {value or '-'}" for field, value in values)
    yield Retirement(
        model=model,
        term=file["status"],
        stage="deprecated" if stage == "active" and retires else stage,
        deprecated=day(deprecated),
        retires=day(retires),
        replacements=tuple(filter(None, [replacement])),
        note=note,
        quote=f"{file['slug']} ({file['name']}): {file['status']}, {printed}",
    )


def _prices(file: Mapping[str, Any], model: str) -> Iterator[Price]:
    pricing, features = file["pricing"], file["capabilities"]["features"]
    # One id is both a chat model and a transcription service, at two prices a minute
    # (voxtral-mini-2507).
    transcribes = "transcriptions" in features and "chat-completions" not in features
    if pricing["type"] not in ("flat", "custom"):
        raise page.Unreadable(f"unknown type of pricing {pricing['type']!r}")
    flat = pricing["type"] == "flat"  # one amount that is the whole pricing
    items = (
        [("input", pricing)]
        if flat
        else [(side, item) for side in ("input", "output") for item in pricing[side]]
    )
    for side, item in items:
        denominator, label = item["denominator"], item.get("label", "")
        if denominator not in UNITS or label not in LABELS:
            raise page.Unreadable(f"unknown unit or label of a price: {item}")
        prefix, per = UNITS[denominator]
        per_minute = transcribes and per == "minute"
        meter = "transcription" if per_minute else LABELS[label] + prefix + side
        for key, currency in (("price", "USD"), ("priceEur", "EUR")):
            if amount := item.get(key):  # zero is how a file says that this is not billed
                yield Price(
                    model=model,
                    meter=meter,
                    amount=amount,
                    currency=currency,
                    per=per,
                    quote=f"{file['slug']}: {side} {amount} {currency} {denominator}",
                )

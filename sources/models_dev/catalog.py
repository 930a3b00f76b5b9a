"""models.dev: https://models.dev/api.json, the models of two hundred hosts, kept by hand in a
repository.

Host to models, amounts in USD for 1M tokens. One id stands under many hosts, at other prices: a
model is named ``host/id`` here, as the repository does (``groq/openai/gpt-oss-120b``). A hint:
weeks late, and no retirement dates; its ``status`` (alpha, beta, deprecated) is kept as a note.

Odd, and read so:
- A model may have no ``cost``. 0 is free, or a placeholder until somebody fills it in: no fact.
- ``release_date`` holds days that do not exist (month 00): not read.
- ``context_over_200k`` is an older way to write a tier of ``tiers``, where both stand the latter is
  read.
- ``experimental.modes.fast.cost`` is a tier of service, with only the prices that differ.

What would break it, as Unreadable: an amount that is no number, a tier by anything but the size of
the context, a price list without input or output."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from monitor.core.facts import Fact, Listing, Price
from monitor.reading.page import Unreadable, above, amount, parsed_json
from monitor.reading.source import source

_METERS = {
    "input": "input",
    "output": "output",
    "reasoning": "reasoning",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "input_audio": "audio_input",
    "output_audio": "audio_output",
}
#: What else stands beside amounts.
_TIERS = frozenset({"tiers", "tier", "context_over_200k"})


@source(
    "https://models.dev/api.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Listing, Price),
    markers=(b'"models"', b'"cost"', b'"release_date"'),
    max_bytes=30_000_000,
)
def catalog(body: bytes) -> Iterator[Fact]:
    """Every model of every host, and its prices."""
    for host, entry in parsed_json(body).items():
        for name, model in entry["models"].items():
            yield _listing(f"{host}/{name}", model)
            yield from _prices(f"{host}/{name}", model)


def _listing(name: str, model: dict[str, Any]) -> Listing:
    limit, kinds = model["limit"], model["modalities"]
    outputs = (f"{kind} output" for kind in sorted(kinds["output"]) if kind != "text")
    return Listing(
        model=name,
        name=model["name"],
        context_window=limit["context"] or None,
        max_output=limit["output"] or None,
        modalities=(*sorted(kinds["input"]), *outputs),
        note=_note(model),
        quote=f"{name} ({model['name']})",
    )


def _note(model: dict[str, Any]) -> str:
    unread = ", ".join(sorted((model.get("cost") or {}).keys() - _METERS.keys() - _TIERS))
    status = f"status {model['status']}" if model.get("status") else ""
    return "; ".join(filter(None, (status, f"prices not read: {unread}" if unread else "")))


def _prices(name: str, model: dict[str, Any]) -> Iterator[Price]:
    cost = model.get("cost") or {}
    if cost:
        yield from _row(name, cost)
    tiers = cost.get("tiers") or ()
    for tier in tiers:
        if tier["tier"].get("type", "context") != "context":
            raise Unreadable(f"{name}: a tier by {tier['tier']}")
        yield from _row(name, tier, context=above(tier["tier"]["size"]))
    if not tiers and "context_over_200k" in cost:
        yield from _row(name, cost["context_over_200k"], context=">200k")
    for mode, special in model["experimental"]["modes"].items() if "experimental" in model else ():
        if "cost" in special:  # a mode can be a setting at the same price
            yield from _row(name, special["cost"], tier=mode)


def _row(
    name: str, cost: dict[str, Any], tier: str = "standard", context: str = ""
) -> Iterator[Price]:
    said = ", ".join(filter(None, (tier if tier != "standard" else "", context)))
    missing = {"input", "output"} - cost.keys()
    if missing:
        raise Unreadable(f"{name}: no price for {' and '.join(sorted(missing))}")
    for key, meter in _METERS.items():
        quote = f"{name}{f' ({said})' if said else ''}: {key} {cost.get(key)}"
        price = amount(cost.get(key), 1, quote)
        if price is not None:
            yield Price(
                model=name,
                meter=meter,
                amount=price,
                per="1M tokens",
                tier=tier,
                context=context,
                quote=quote,
            )

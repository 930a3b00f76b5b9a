"""models.dev: https://models.dev/api.json, the models of two hundred hosts, kept by hand.

Host to models, amounts in USD for 1M tokens. One id stands under many hosts, at other prices: a
model is named ``host/id`` here, as the repository does (``groq/openai/gpt-oss-120b``). A hint:
weeks late, and without dates of retirement; its ``status`` (alpha, beta, deprecated) is kept as a
note.

- A model may have no ``cost``. 0 is free, or a placeholder until somebody fills it in: no fact.
- ``release_date`` holds days that do not exist (month 00): not read.
- ``context_over_200k`` is an older way to write a tier of ``tiers``. Where both stand the latter is
  read.
- ``experimental.modes.fast.cost`` is a tier of service, with only the prices that differ.

An amount that is no number, a tier by anything but the size of the context, and a price list
without input or output are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from monitor.core.facts import Fact, Listing, Price
from monitor.reading import page
from monitor.reading.source import source

METERS = {
    key: (meter, "1M tokens", 1)
    for key, meter in {
        "input": "input",
        "output": "output",
        "reasoning": "reasoning",
        "cache_read": "cached_input",
        "cache_write": "cache_write",
        "input_audio": "audio_input",
        "output_audio": "audio_output",
    }.items()
}
#: What else stands beside amounts.
TIERS = {"tiers", "tier", "context_over_200k"}


@source(
    "https://models.dev/api.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Listing, Price),
    markers=(b'"models"', b'"cost"', b'"release_date"'),
    max_bytes=30_000_000,
)
def catalog(body: bytes) -> Iterator[Fact]:
    """Yield every model of every host, and its prices."""
    for host, entry in page.parsed_json(body).items():
        for name, model in entry["models"].items():
            yield _listing(f"{host}/{name}", model)
            yield from _prices(f"{host}/{name}", model)


def _listing(name: str, model: Mapping[str, Any]) -> Listing:
    limit, kinds = model["limit"], model["modalities"]
    outputs = (f"{kind} output" for kind in sorted(kinds["output"]) if kind != "text")
    unread = ", ".join(sorted((model.get("cost") or {}).keys() - METERS.keys() - TIERS))
    notes = (
        f"status {model['status']}" if model.get("status") else "",
        f"prices not read: {unread}" if unread else "",
    )
    return Listing(
        model=name,
        name=model["name"],
        context_window=limit["context"] or None,
        max_output=limit["output"] or None,
        modalities=(*sorted(kinds["input"]), *outputs),
        note="; ".join(filter(None, notes)),
        quote=f"{name} ({model['name']})",
    )


def _prices(name: str, model: Mapping[str, Any]) -> Iterator[Price]:
    cost = model.get("cost") or {}
    if cost:
        yield from _costs(name, cost)
    tiers = cost.get("tiers") or ()
    for tier in tiers:
        if tier["tier"].get("type", "context") != "context":
            raise page.Unreadable(f"{name}: a tier by {tier['tier']}")
        yield from _costs(name, tier, context=page.above(tier["tier"]["size"]))
    if not tiers and "context_over_200k" in cost:
        yield from _costs(name, cost["context_over_200k"], context=">200k")
    for mode, special in model["experimental"]["modes"].items() if "experimental" in model else ():
        if "cost" in special:  # a mode can be a setting at the same price
            yield from _costs(name, special["cost"], tier=mode)


def _costs(
    name: str, cost: Mapping[str, Any], tier: str = "standard", context: str = ""
) -> Iterator[Price]:
    if missing := {"input", "output"} - cost.keys():
        raise page.Unreadable(f"{name}: no price for {' and '.join(sorted(missing))}")
    terms = ", ".join(filter(None, (tier if tier != "standard" else "", context)))
    quoted = f"{name} ({terms})" if terms else name
    return page.number_prices(cost, METERS, name, quoted, tier=tier, context=context)

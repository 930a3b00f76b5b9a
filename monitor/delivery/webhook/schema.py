"""Write the JSON Schema (draft 2020-12) of every message, from the facts and kinds themselves.

Messages may get more properties: receivers should ignore those they do not know."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from monitor.core import facts
from monitor.core.facts import FACTS, PER, Fact, Json, When
from monitor.core.interpret import KINDS
from monitor.core.severity import SEVERITIES
from monitor.delivery.webhook.envelope import DIGEST, VERIFICATION

#: Every type that a webhook may carry.
MESSAGES = (*KINDS, DIGEST, VERIFICATION)

_TIME: Json = {"type": "string", "format": "date-time", "description": "UTC, ISO 8601."}
_TEXT: Json = {"type": "string"}
#: The facts that an event may hold before and after, by the first word of its kind. Other kinds
#: hold none.
_ABOUT: dict[str, tuple[str, ...]] = {
    "model": ("listing", "retirement"),
    "retirement": ("retirement",),
    "replacement": ("retirement",),
    "price": ("price",),
    "notice": ("notice",),
    "conflict": tuple(FACTS),
}
_WHEN: Json = {
    "type": "object",
    "description": "A date as vague as it was printed.",
    "required": ["text", "bound", "words"],
    "properties": {
        "text": {
            "type": "string",
            "description": "2026, 2026-Q3, 2026-08, 2026-08-16 or 2026-05-15T19:00Z.",
        },
        "bound": {
            "enum": list(get_args(facts.Bound)),
            "description": "not_before promises only a floor.",
        },
        "words": {"type": "string", "description": "As it was printed."},
    },
}


def message(kind: str) -> Json:
    """Return the schema of a message by its type. Raise KeyError for an unknown type."""
    if kind not in MESSAGES:
        raise KeyError(kind)
    names = tuple(FACTS) if kind == DIGEST else _ABOUT.get(kind.partition(".")[0], ())
    data: Json = (
        {"$ref": "#/$defs/event"}
        if kind != DIGEST
        else {
            "type": "object",
            "required": ["events"],
            "properties": {
                "events": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/event"}}
            },
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {"type": {"const": kind}, "timestamp": _TIME, "data": data},
        "$defs": {
            "event": _event((kind,) if kind != DIGEST else KINDS, names),
            "when": _WHEN,
            **{name: _fact(FACTS[name]) for name in names},
        },
    }


def _event(kinds: tuple[str, ...], names: tuple[str, ...]) -> Json:
    """Return the schema of an event of the log, as `lastcall events --json` prints it too
    (monitor.store.tables.event_json).
    """
    side = _or_null([{"$ref": f"#/$defs/{name}"} for name in names])
    properties: Json = {
        "id": {"type": "string", "description": "The same on every attempt: the idempotency key."},
        "sequence": {"type": "integer", "minimum": 0, "description": "Its place in the log."},
        "kind": {"enum": list(kinds)},
        "severity": {"enum": list(SEVERITIES)},
        "provider": _TEXT,
        "model": {
            "type": "string",
            "description": "The provider's own id; empty where it is about no model.",
        },
        "version": _TEXT,
        "region": _TEXT,
        "surface": {"type": "string", "description": "api unless the page says otherwise."},
        "canonical": {"type": "string", "description": "maker/model, the same on every platform."},
        "summary": {"type": "string", "description": "One line for people."},
        "before": side,
        "after": side,
        "effective": _or_null([{"$ref": "#/$defs/when"}]),
        "detected_at": _TIME,
        "source": _TEXT,
        "url": {"type": "string", "description": "The page it was read from."},
        "document": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        "quote": {"type": "string", "description": "The row or sentence it was read from."},
        "baseline": {"type": "boolean"},
        "corrects": {
            "type": ["string", "null"],
            "description": "The id of an event that no longer holds.",
        },
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _fact(kind: type[Fact]) -> Json:
    hints = get_type_hints(kind)
    properties = {field.name: _typed(field.name, hints[field.name]) for field in fields(kind)}
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "required": ["fact", *properties],
        "properties": {"fact": {"const": kind.fact}} | properties,
    }


def _typed(name: str, hint: Any) -> Json:
    """Return the schema of a field of a fact by its annotation."""
    if name == "per":
        return {"enum": sorted(PER)}
    if get_origin(hint) in (Union, UnionType):
        return _or_null([_typed(name, part) for part in get_args(hint) if part is not type(None)])
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _TEXT}
    if hint is When:
        return {"$ref": "#/$defs/when"}
    if hint is Decimal:
        return {
            "type": "string",
            "pattern": r"^\d+(\.\d+)?$",
            "description": "A decimal number, exactly as printed.",
        }
    return {str: _TEXT, int: {"type": "integer"}}[hint]


def _or_null(schemas: list[Json]) -> Json:
    return {"anyOf": [*schemas, {"type": "null"}]} if schemas else {"type": "null"}

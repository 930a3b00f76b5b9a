"""Read JSON documents and the numbers in them, exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.core.facts import When
from monitor.errors import Unreadable
from monitor.reading.document import decode


def parsed_json(body: bytes) -> Any:
    """Return a JSON document. A number with a point or an exponent stays text: money is never a
    float.

    Raises Unreadable for what RFC 8259 leaves open and a parser would decide in silence: a name
    that stands twice with two values, ``NaN`` and ``Infinity``, and more levels than the parser can
    follow."""
    try:
        return json.loads(
            decode(body), parse_float=str, parse_constant=_no_number, object_pairs_hook=_object
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, value in pairs:
            if value != members[name]:
                raise ValueError(f"{name!r} is given twice: {value!r} and {members[name]!r}")
    return members


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def epoch_day(seconds: int) -> When:
    """Return the day (UTC) of a count of seconds since 1970, as model lists give it."""
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return When(day.strftime("%Y-%m-%d"), words=str(seconds))

"""Read the Retry-After header of an HTTP response (RFC 9110, 10.2.3): seconds, or a date."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(header: str | None, now: datetime, longest: float) -> float | None:
    """Return how many seconds the server asks us to wait, at most ``longest``.

    Return None for a missing header and for one that states no wait. A date that is past is no
    wait at all: 0. Fractions ("1.5") are not in the RFC, but some servers send them."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            then = parsedate_to_datetime(header)
            wait = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
        except (ValueError, OverflowError, IndexError, TypeError):
            return None
        seconds = max(wait, 0.0)
    return None if math.isnan(seconds) or seconds < 0 else min(seconds, longest)

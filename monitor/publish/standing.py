"""How a target stands after a try: when its operator is told, when it is left alone, when it is given up. Pure.

    4 failures in a row     the operator is told once (endpoint.failing), and later that it recovered
    10 failures in a row    the circuit is open: one probe at a time, after a pause that doubles up to an hour
    5 days of nothing else  it is disabled (endpoint.disabled), and what it is owed is held

Any try that arrives ends all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Failed tries in a row, as Svix has it (OP_WEBHOOKS_SEND_FAILING_EVENT_AFTER).
TOLD_AFTER = 4
#: So many that no schedule of a single delivery is delayed by the pause: its waits are longer by then.
OPEN_AFTER = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
#: Standard Webhooks asks for days; Svix has 120 hours and wants two failures that lie apart.
GIVEN_UP_AFTER, APART = timedelta(days=5), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Standing:
    """``failures`` in a row since ``failing_since``; none of either for a healthy target."""

    failures: int = 0
    failing_since: datetime | None = None

    def failed(self, now: datetime) -> Standing:
        return Standing(self.failures + 1, self.failing_since or now)

    @property
    def is_news(self) -> bool:
        """Whether the failure that led here is the one to tell of."""
        return self.failures == TOLD_AFTER

    @property
    def was_told(self) -> bool:
        return self.failures >= TOLD_AFTER

    @property
    def pause(self) -> timedelta | None:
        """How long nothing is sent before the next probe, without jitter; None while the circuit is closed."""
        if self.failures < OPEN_AFTER:
            return None
        return min(FIRST_PAUSE * (1 << min(self.failures - OPEN_AFTER, 10)), LONGEST_PAUSE)

    def is_given_up(self, now: datetime) -> bool:
        failing = now - (self.failing_since or now)
        return self.failures >= 2 and failing >= APART and failing >= GIVEN_UP_AFTER

"""How a target stands after a try: when its operator is told, when it is left alone, when it is
given up. Pure.

    4 failures in a row     the operator is told once (endpoint.failing), and later that it
    recovered 10 failures in a row,   the circuit is open: one probe at a time, and before each a
    pause of a tenth of the time over 5 minutes          that it has been failing, up to an hour 5
    days of nothing else  it is disabled (endpoint.disabled), and what it is owed is held

Any try that arrives ends all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Failed tries in a row, as Svix has it (OP_WEBHOOKS_SEND_FAILING_EVENT_AFTER).
TOLD_AFTER = 4
#: Both, so that a burst of messages that a receiver refuses does not close the way for those behind
#: it.
OPEN_AFTER, OPEN_FROM = 10, timedelta(minutes=5)
#: The pause, as a share of the time of failing. No wait of the schedule of a single delivery is
#: shorter.
PAUSED, LONGEST_PAUSE = 0.1, timedelta(hours=1)
#: Standard Webhooks asks for days; Svix has 120 hours and wants two failures that lie apart.
GIVEN_UP_AFTER, APART = timedelta(days=5), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """``failures`` in a row since ``failing_since``; none of either for a healthy target."""

    failures: int = 0
    failing_since: datetime | None = None

    def failed(self, now: datetime) -> TargetHealth:
        return TargetHealth(self.failures + 1, self.failing_since or now)

    @property
    def is_news(self) -> bool:
        """Whether the failure that led here is the one to tell of."""
        return self.failures == TOLD_AFTER

    @property
    def was_told(self) -> bool:
        return self.failures >= TOLD_AFTER

    def pause(self, now: datetime) -> timedelta | None:
        """How long nothing is sent before the next probe, without jitter; None while the circuit is
        closed.
        """
        failing = now - (self.failing_since or now)
        if self.failures < OPEN_AFTER or failing < OPEN_FROM:
            return None
        return min(failing * PAUSED, LONGEST_PAUSE)

    def is_given_up(self, now: datetime) -> bool:
        failing = now - (self.failing_since or now)
        return self.failures >= 2 and failing >= APART and failing >= GIVEN_UP_AFTER

"""Retry-After as servers send it: seconds, dates, and values that state no wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = 86_400.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("0", 0),
        ("-5", None),
        ("1000000000", DAY),
        ("1e9", DAY),
        ("inf", DAY),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Mon, 23 Nov 2026 00:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 00:02:00 -0000", 120),
        ("Monday, 23-Nov-26 00:02:00 GMT", 120),
        ("Mon Nov 23 00:02:00 2026", 120),
        ("Sun, 22 Nov 2026 00:00:00 GMT", 0),
        ("Mon, 23 Nov 2099 00:00:00 GMT", DAY),
        ("Mon, 99 Nov 2026 00:00:00 GMT", None),
        ("Mon, 23 Nov 99999 00:00:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_nothing_else(header, seconds):
    assert retry_after_seconds(header, NOW, DAY) == seconds


@given(
    st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(format_datetime)
)
def test_a_wait_is_within_its_limit_whatever_was_sent(header):
    seconds = retry_after_seconds(header, NOW, DAY)
    assert seconds is None or 0 <= seconds <= DAY

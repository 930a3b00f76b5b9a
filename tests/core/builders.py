"""Facts for the tests of changes: one retirement and one price of the model ``m``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from monitor.core.facts import Bound, Price, Retirement, When


def retirement(date: str | None, bound: Bound = "on") -> Retirement:
    return Retirement(model="m", stage="deprecated", retires=When(date, bound) if date else None)


def price(amount: str, **more: Any) -> Price:
    return Price(model="m", meter="input", per="1M tokens", amount=Decimal(amount), **more)

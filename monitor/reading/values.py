"""Dates as vague as they are printed, and money as text. Exact or Unreadable, never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation
from typing import Literal

from monitor.core.facts import Bound, When
from monitor.errors import Unreadable
from monitor.reading.blocks import Inline, clean, inline

# --- dates
# -------------------------------------------------------------------------------------------------

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_ZONES = {
    "utc": 0,
    "utc time": 0,
    "gmt": 0,
    "z": 0,
    "beijing time": 8,
    "beijing": 8,
    "cst (beijing)": 8,
}
_LOCAL = {
    "pt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pacific": "America/Los_Angeles",
    "pacific time": "America/Los_Angeles",
    "et": "America/New_York",
    "est": "America/New_York",
    "edt": "America/New_York",
    "eastern": "America/New_York",
}

#: Ways to say that there is no date. What they mean differs (none planned, not told yet); that
#: stays in the quote.
_NO_DATE = frozenset(
    {
        "",
        "-",
        "--",
        "---",
        "n/a",
        "na",
        "none",
        "tbd",
        "tba",
        "to be announced",
        "to be determined",
        "no shutdown date announced",
        "no retirement date announced",
        "no retirement scheduled",
        "no date announced",
        "not announced",
        "not scheduled",
    }
)

_FLOOR = re.compile(
    r"(?:(?:eol |starting )?(?:not|no) (?:sooner|earlier) than|not? before"
    r"|(?:no retirement scheduled\. )?will not retire before"  # Azure, 2025: both in one cell
    r"|at (?:the )?earliest(?: on| in)?|earliest(?: in| on)?)\s*:?\s+(.+)"
)
_FLOOR_AFTER = re.compile(r"(.+?),? (?:or later|at (?:the )?earliest|earliest|\(earliest\))")
_BY = re.compile(r"(?:by|no later than|not later than|on or before)\s+(.+)")
_ON = re.compile(r"(?:on|as of|effective|starting|from)\s+(.+)")

_MONTH = r"(?P<month>[a-z]+)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_CORES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<year>\d{4})-(?P<m>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<year>\d{4})[/.](?P<m>\d{1,2})[/.](?P<day>\d{1,2})",
        rf"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?{_MONTH},? {_DAY}(?:,|,? of)? "
        rf"?(?P<year>\d{{4}})",
        rf"{_DAY}(?: of)? {_MONTH},? (?P<year>\d{{4}})",
        rf"{_MONTH},? (?:of )?(?P<year>\d{{4}})",
        r"(?P<year>\d{4})-(?P<m>\d{1,2})",
        r"q(?P<q>[1-4]),? (?:of )?(?P<year>\d{4})",
        r"(?P<year>\d{4})[ -]q(?P<q>[1-4])",
        r"(?P<qname>first|second|third|fourth) quarter(?: of)? (?P<year>\d{4})",
        # alone, any other four digits are a version (Azure prints 0914) or a count
        r"(?P<year>20\d\d)",
    )
)
_NO_YEAR = re.compile(rf"{_MONTH} {_DAY}")
_SLASH = re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4}|\d\d)")
_ZONE = (
    r"z|utc(?: ?[+-]\d{1,2}(?::?\d\d)?| time)?|gmt|[+-]\d\d:?\d\d"
    r"|p[ds]?t|e[ds]?t|pacific(?: time)?|eastern|beijing(?: time)?"
)
_TIME = re.compile(
    r"(?P<date>.+?)(?:,? at |t(?=\d)|,? "
    r")(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d(?:\.\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?"
    rf"\s*\(?(?P<zone>{_ZONE})?\)?"
)
_ZONE_FIRST = re.compile(r"(?P<zone>beijing time|utc) (?P<rest>.+)")
_TIME_FIRST = re.compile(
    rf"(?P<time>\d{{1,2}}(?::\d\d)?\s*(?:[ap]\.?m\.?)?\s*\(?(?:{_ZONE})\)?),? on (?P<date>.+)"
)

Order = Literal["mdy", "dmy"]


def when(
    said: Inline | str,
    *,
    order: Order | None = None,
    year: int | None = None,
    zone: str | None = None,
) -> When | None:
    """The date a cell states, exactly as vague as it is; None where it says that there is none.

    ``order`` allows slash dates and says how they run. ``year`` completes a month and day. ``zone``
    (an IANA name) is that of a time printed without one; without it such a time keeps the precision
    of its day. Raises Unreadable, naming the place and the text, for every form that is not known.
    """
    cell = said if isinstance(said, Inline) else inline(said)
    words = cell.line
    text = words.casefold().strip(" .*:")
    if text in _NO_DATE:
        return None
    bound: Bound = "on"
    for pattern, meaning in (
        (_FLOOR, "not_before"),
        (_FLOOR_AFTER, "not_before"),
        (_BY, "by"),
        (_ON, "on"),
    ):
        if match := pattern.fullmatch(text):
            text, bound = match[1].strip(" ,"), meaning  # type: ignore[assignment]
            break
    try:
        stamp = _date(text, order, year) or _instant(text, order, year, zone)
        if stamp:
            return When(stamp, bound, words)
    except ValueError as error:
        raise cell.error(f"not a date ({error})") from error
    raise cell.error("no date form known")


def _date(text: str, order: Order | None, year: int | None) -> str | None:
    for core in _CORES:
        if match := core.fullmatch(text):
            part = match.groupdict()
            stamp = part["year"]
            if quarter := part.get("q") or part.get("qname"):
                return f"{stamp}-Q{_QUARTERS.get(quarter, quarter)}"
            month = _MONTHS.get(part.get("month") or "") or (
                int(part["m"]) if part.get("m") else None
            )
            if month is None:
                if part.get("month"):
                    continue
                return stamp
            stamp += f"-{month:02}"
            return f"{stamp}-{int(part['day']):02}" if part.get("day") else stamp
    if (match := _SLASH.fullmatch(text)) and order:
        first, second = int(match["a"]), int(match["b"])
        month, day = (first, second) if order == "mdy" else (second, first)
        full = match["year"] if len(match["year"]) == 4 else f"20{match['year']}"
        return f"{full}-{month:02}-{day:02}"
    if year and (match := _NO_YEAR.fullmatch(text)) and match["month"] in _MONTHS:
        return f"{year}-{_MONTHS[match['month']]:02}-{int(match['day']):02}"
    return None


def _instant(text: str, order: Order | None, year: int | None, zone: str | None) -> str | None:
    if turned := _TIME_FIRST.fullmatch(
        text
    ):  # "16:00 UTC on August 16, 2026" (DeepSeek's price notice)
        text = f"{turned['date']} {turned['time']}"
    ahead = _ZONE_FIRST.fullmatch(text)
    match = _TIME.fullmatch(ahead["rest"] if ahead else text)
    if not match or not (
        match["minute"] or match["half"]
    ):  # a lone number is a footnote, not an hour
        return None
    day = _date(match["date"].strip(" ,"), order, year)
    if not day or len(day) != 10:
        return None
    named = match["zone"] or (ahead["zone"] if ahead else None)
    offset = _offset(named, zone)
    if offset is None:
        return day
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour {hour} on a clock of twelve")
        hour = hour % 12 + (12 if match["half"].startswith("p") else 0)
    local = datetime.fromisoformat(day).replace(hour=hour, minute=int(match["minute"] or 0))
    if isinstance(offset, str):
        from zoneinfo import ZoneInfo

        aware = local.replace(tzinfo=ZoneInfo(offset))
    else:
        aware = local.replace(tzinfo=timezone(offset))
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _offset(named: str | None, default: str | None) -> timedelta | str | None:
    """A fixed offset, or the IANA name of a zone with summer time; None where the page names no
    zone.
    """
    if not named:
        return default
    if named in _LOCAL:
        return _LOCAL[named]
    if named in _ZONES:
        return timedelta(hours=_ZONES[named])
    sign, hours, minutes = re.fullmatch(
        r"(?:utc "
        r"?)?([+-])(\d{1,2}):?(\d\d)?",
        named,
    ).groups()  # type: ignore[union-attr]
    return (1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes or 0))


# --- money
# -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    """An amount with its currency and unit. ``per`` is one of facts.PER, or empty where nothing was
    printed.
    """

    amount: Decimal
    currency: str
    per: str


#: Words that are not a price. None of them is zero: a free tier has no price, a missing price is
#: unknown.
NO_PRICE = frozenset(
    {
        "",
        "-",
        "--",
        "---",
        "\\",
        "n/a",
        "na",
        "none",
        "null",
        "free",
        "free of charge",
        "not available",
        "not supported",
        "not applicable",
        "contact us",
        "contact sales",
        "coming soon",
        "limited-time free",
        "included",
    }
)

_CURRENCIES = {
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "€": "EUR",
    "eur": "EUR",
    "¥": "CNY",
    "cny": "CNY",
    "rmb": "CNY",
    "£": "GBP",
    "gbp": "GBP",
}
_AMOUNT = re.compile(
    r"(?P<before>us\$|\$|€|¥|£|usd|eur|cny)?\s*(?P<amount>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)\s*(?P<after>usd|eur|cny|rmb)?"
    r"\s*(?:(?:/|per|for)\s*(?P<per>[^$€¥£]+))?",
)
_UNITS = {
    "mtok": "1M tokens",
    "1m tokens": "1M tokens",
    "m tokens": "1M tokens",
    "million tokens": "1M tokens",
    "1m": "1M tokens",
    "1 million tokens": "1M tokens",
    "1,000,000 tokens": "1M tokens",
    "1k tokens": "1K tokens",
    "1,000 tokens": "1K tokens",
    "thousand tokens": "1K tokens",
    "1,000,000 tokens per hour": "1M tokens per hour",
    "1m tokens per hour": "1M tokens per hour",
    "1m tokens / hour": "1M tokens per hour",
    "1m characters": "1M characters",
    "m chars": "1M characters",
    "1k characters": "1K characters",
    "image": "image",
    "images": "image",
    "1k images": "1K images",
    "second": "second",
    "sec": "second",
    "minute": "minute",
    "min": "minute",
    "hour": "hour",
    "page": "page",
    "1k pages": "1K pages",
    "1,000 pages": "1K pages",
    "1000 pages": "1K pages",
    "request": "request",
    "call": "request",
    "use": "request",
    "1k requests": "1K requests",
    "1k calls": "1K requests",
    "1,000 requests": "1K requests",
    "1,000 calls": "1K requests",
    "1,000 search queries": "1K searches",
    "1k searches": "1K searches",
    "1,000 searches": "1K searches",
    "session": "session",
    "container": "container",
    "task": "task",
    "gb per day": "GB per day",
    "gb / day": "GB per day",
    "gb-day": "GB per day",
    "song": "song",
    "video": "video",
    "frame": "frame",
    "10s audio": "10 seconds",
}


def unit(text: str) -> str | None:
    """The unit of the closed list that these words name, or None."""
    return _UNITS.get(clean(text).casefold().strip(" ."))


def money(said: Inline | str, *, per: str = "", currency: str = "") -> Money | None:
    """The one price a cell states; None where it says that there is none ("-", "Free", "Contact
    us").

    ``per`` and ``currency`` are what the header or the page says where the cell does not. Raises
    Unreadable for an unknown unit, a bare number without a stated currency, or anything else."""
    cell = said if isinstance(said, Inline) else inline(said)
    text = cell.line.casefold().strip(" .*")
    if text in NO_PRICE:
        return None
    match = _AMOUNT.fullmatch(text)
    if not match:
        raise cell.error("not a price")
    symbol = match["before"] or match["after"]
    coin = _CURRENCIES[symbol] if symbol else currency
    if not coin:
        raise cell.error("an amount without a currency")
    if match["per"]:
        named = unit(match["per"])
        if named is None:
            raise cell.error("unknown unit of a price")
        per = named
    return Money(Decimal(match["amount"].replace(",", "")), coin, per)


# --- numbers of JSON
# ---------------------------------------------------------------------------------------

#: A computed float carries noise from its 16th figure on; nobody prices to the 12th.
_FIGURES = Context(prec=12)
_CENTS = Decimal("0.01")


def amount(number: object, times: int, quote: str) -> Decimal | None:
    """A price that stands as a bare number (text or int), times what turns its unit into ours; None
    for no price.

    Rounded to 12 significant figures, so that OpenRouter's ``0.00000100000000000000015`` of one day
    is the ``0.000001`` of another; written with two decimals at least. None, 0 and less are no
    price: free, not filled in yet (models.dev), or "depends on where it is routed" (-1 at
    OpenRouter). Raises Unreadable for the rest."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise Unreadable(f"not an amount: {quote}")
    try:
        printed = Decimal(number)
    except InvalidOperation:
        raise Unreadable(f"not an amount: {quote}") from None
    if not printed.is_finite() or abs(printed.adjusted()) > 20:
        raise Unreadable(f"not an amount: {quote}")
    if printed <= 0:
        return None
    rounded = _FIGURES.multiply(printed, times).normalize(_FIGURES)
    return rounded if rounded.as_tuple().exponent < -2 else rounded.quantize(_CENTS)  # type: ignore[operator]


def above(tokens: int | str) -> str:
    """The context of a price for prompts of more tokens than this: ``>200k``."""
    count = int(Decimal(tokens))
    return f">{count // 1000}k" if count % 1000 == 0 else f">{count}"

"""Dates as vague as they are printed: exact, or Unreadable, never a guess."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from monitor.core.facts import Bound, When
from monitor.reading.inline import Inline, inline

# --- words of dates
# ----------------------------------------------------------------------------------------

MONTHS = {
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

#: Names of zones: hours from UTC, or the IANA name of a zone with summer time. "PST" is standard
#: time in July too, and "PT" is whichever of the two is in force.
ZONES: Mapping[str, int | str] = {
    **dict.fromkeys(("z", "utc", "utc time", "gmt"), 0),
    **dict.fromkeys(("beijing", "beijing time"), 8),
    **dict.fromkeys(("pst", "pacific standard time"), -8),
    **dict.fromkeys(("pdt", "pacific daylight time"), -7),
    **dict.fromkeys(("est", "eastern standard time"), -5),
    **dict.fromkeys(("edt", "eastern daylight time"), -4),
    **dict.fromkeys(("pt", "pacific", "pacific time"), "America/Los_Angeles"),
    **dict.fromkeys(("et", "eastern", "eastern time"), "America/New_York"),
}

#: Ways to print that there is no date. Their meaning differs (none is planned, none is announced
#: yet), and the quote keeps it.
NO_DATE = frozenset(
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
        "no retirement scheduled",
        "no date announced",
        "not announced",
        "not scheduled",
    }
)

# --- forms of dates
# ----------------------------------------------------------------------------------------

_FLOOR = re.compile(
    r"(?:(?:eol |starting )?(?:not|no) (?:sooner|earlier) than|not? before"
    r"|(?:no retirement scheduled\. )?will not retire before"  # Azure, 2025: both in one cell
    r"|at (?:the )?earliest(?: on| in)?|earliest(?: in| on)?)\s*:?\s+(.+)"
)
_FLOOR_AFTER = re.compile(r"(.+?),? (?:or later|at (?:the )?earliest|earliest|\(earliest\))")
_BY = re.compile(r"(?:by|no later than|not later than|on or before)\s+(.+)")
_ON = re.compile(r"(?:on|as of|effective|starting|from)\s+(.+)")
_BOUNDS: tuple[tuple[re.Pattern[str], Bound], ...] = (
    (_FLOOR, "not_before"),
    (_FLOOR_AFTER, "not_before"),
    (_BY, "by"),
    (_ON, "on"),
)

_MONTH = r"(?P<month>[a-z]+)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YEAR}-(?P<m>\d{{1,2}})-(?P<day>\d{{1,2}})",
        rf"{_YEAR}[/.](?P<m>\d{{1,2}})[/.](?P<day>\d{{1,2}})",
        # A comma or a space stands before the year: "June 152026" is two dates, or none.
        rf"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?{_MONTH},? {_DAY}"
        rf"(?:, ?|,? of | ){_YEAR}",
        rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}",
        rf"{_MONTH},? (?:of )?{_YEAR}",
        rf"{_YEAR}-(?P<m>\d{{1,2}})",
        rf"q(?P<q>[1-4]),? (?:of )?{_YEAR}",
        rf"{_YEAR}[ -]q(?P<q>[1-4])",
        rf"(?P<qname>first|second|third|fourth) quarter(?: of)? {_YEAR}",
        # Alone, any other four digits are a version (Azure prints 0914) or a count.
        r"(?P<year>20\d\d)",
    )
)
_WITHOUT_YEAR = re.compile(rf"{_MONTH} {_DAY}")
_SLASHES = re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4}|\d\d)")
_OFFSET = re.compile(r"(?:utc ?)?(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?")

#: How the numbers of a date with slashes run.
Order = Literal["mdy", "dmy"]


def when(
    cell: Inline | str,
    *,
    order: Order | None = None,
    year: int | None = None,
    zone: str | None = None,
    zones: Mapping[str, int | str] | None = None,
    no_date: Collection[str] = (),
) -> When | None:
    """Return the date that a cell states, exactly as vague as it is printed, or None for "no date".

    ``order`` allows dates with slashes. ``year`` completes a month and a day. ``zone`` (an IANA
    name) is the zone of a time that is printed without one; where it is None too, such a time keeps
    the precision of its day. ``zones`` and ``no_date`` are spellings of this page alone, in lower
    case, beside ZONES and NO_DATE: an adapter brings those that its page uses.

    Raises Unreadable, with the place and the text, for every other form.
    """
    cell = cell if isinstance(cell, Inline) else inline(cell)
    text = cell.line.casefold().strip(" .*:")
    if text in NO_DATE or text in no_date:
        return None
    text, bound = _bound(text)
    try:
        if stamp := _date(text, order, year) or _instant(text, order, year, zone, zones or {}):
            return When(stamp, bound, cell.line)
    except (ValueError, OverflowError) as error:
        raise cell.error(f"not a date ({error})") from error
    raise cell.error("no date form known")


def _bound(text: str) -> tuple[str, Bound]:
    """Split off the words that make a date a floor or a last day."""
    for pattern, bound in _BOUNDS:
        if match := pattern.fullmatch(text):
            return match[1].strip(" ,"), bound
    return text, "on"


def _date(text: str, order: Order | None, year: int | None) -> str | None:
    """Return the text of a When for a day, month, quarter or year; None for any other form.

    The day need not exist: When refuses it.
    """
    for form in _FORMS:
        if match := form.fullmatch(text):
            parts = match.groupdict()
            stamp: str = parts["year"]
            if quarter := parts.get("q") or parts.get("qname"):
                return f"{stamp}-Q{_QUARTERS.get(quarter, quarter)}"
            if name := parts.get("month"):
                if name not in MONTHS:
                    continue
                stamp += f"-{MONTHS[name]:02}"
            elif number := parts.get("m"):
                stamp += f"-{int(number):02}"
            return f"{stamp}-{int(parts['day']):02}" if parts.get("day") else stamp
    if order and (match := _SLASHES.fullmatch(text)):
        first, second = int(match["a"]), int(match["b"])
        month, day = (first, second) if order == "mdy" else (second, first)
        full = match["year"] if len(match["year"]) == 4 else f"20{match['year']}"
        return f"{full}-{month:02}-{day:02}"
    if year and (match := _WITHOUT_YEAR.fullmatch(text)) and match["month"] in MONTHS:
        return f"{year}-{MONTHS[match['month']]:02}-{int(match['day']):02}"
    return None


# --- times of day
# ------------------------------------------------------------------------------------------


@functools.cache
def _clock_forms(names: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return the three forms of a time with its day, for zones of these names.

    They are: the time behind the day, the zone before both, and the time before the day.
    """
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    zone = rf"utc ?[+-]\d{{1,2}}(?::?\d\d)?|[+-]\d\d:?\d\d|{words}"
    return (
        re.compile(
            r"(?P<date>.+?)(?:,? at |t(?=\d)|,? )"
            r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d(?:\.\d+)?)?"
            rf"\s*(?P<half>[ap]\.?m\.?)?\s*\(?(?P<zone>{zone})?\)?"
        ),
        re.compile(rf"(?P<zone>{words}) (?P<rest>.+)"),
        re.compile(
            rf"(?P<time>\d{{1,2}}(?::\d\d)?\s*(?:[ap]\.?m\.?)?\s*\(?(?:{zone})\)?),? on "
            r"(?P<date>.+)"
        ),
    )


def _instant(
    text: str,
    order: Order | None,
    year: int | None,
    default: str | None,
    extra: Mapping[str, int | str],
) -> str | None:
    """Return the text of a When for a day with a time, in UTC.

    A time without a zone leaves the day. Returns None for any other form.
    """
    zones = {**ZONES, **extra}
    behind, zone_first, time_first = _clock_forms(tuple(zones))
    if match := time_first.fullmatch(text):
        # "16:00 UTC on August 16, 2026" (DeepSeek's price notice)
        text = f"{match['date']} {match['time']}"
    ahead = zone_first.fullmatch(text)  # "Beijing Time 2026.6.30 00:00" (Xiaomi)
    match = behind.fullmatch(ahead["rest"] if ahead else text)
    if not match or not (match["minute"] or match["half"]):
        return None  # a number alone is a footnote, not an hour
    day = _date(match["date"].strip(" ,"), order, year)
    if not day or len(day) != len("2026-01-01"):
        return None
    name = match["zone"] or (ahead["zone"] if ahead else None)
    zone = zones.get(name, name) if name else default
    if zone is None:
        return day
    hour, minute = _hour(int(match["hour"]), match["half"]), int(match["minute"] or 0)
    return _utc(datetime.fromisoformat(day).replace(hour=hour, minute=minute), zone)


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of the day for one of a clock of twelve, or of twenty-four without ``half``.

    Raises ValueError for an hour that a clock of twelve does not have.
    """
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"no hour {hour} on a clock of twelve")
    return hour % 12 + (12 if half.startswith("p") else 0)


def _utc(local: datetime, zone: int | str) -> str:
    """Return a local time as the text of an instant in UTC.

    ``zone`` is a number of hours, an IANA name, or an offset as printed ("utc+8", "+08:00").
    """
    if isinstance(zone, str) and (offset := _OFFSET.fullmatch(zone)):
        shift = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        aware = local.replace(tzinfo=timezone(shift if offset["sign"] == "+" else -shift))
    elif isinstance(zone, str):
        from zoneinfo import ZoneInfo

        aware = local.replace(tzinfo=ZoneInfo(zone))
    else:
        aware = local.replace(tzinfo=timezone(timedelta(hours=zone)))
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")

"""Azure, retirements: cells of dates. Since 2026 a cell has one date or none, but for Standard
deployments. Before, it had labels and sentences, each on its own line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.core.facts import When
from monitor.reading import page

DATE = r"(?:\d{4}-\d\d-\d\d|[A-Z][a-z]+\.? \d{1,2}, \d{4})"
BY_TYPE = re.compile(
    rf"Standard deployment types? retires? on (?P<standard>{DATE})(?: ?, [^.]*)? ?\."
    rf" (?:For )?(?:all )?other deployment types\b[^.\d]* (?P<others>{DATE}) ?\.?",
    re.IGNORECASE,
)
#: How old versions are upgraded in place, before they retire or instead: small print.
UPGRADE = re.compile(
    r"No auto-?upgrades"
    rf"|.*\bupgraded to\b.+, starting (?:on|no sooner than) {DATE}(?:, or later)?\.?",
    re.IGNORECASE,
)
LABELLED = re.compile(
    r"(?:(?P<deprecated>deprecat(?:ed|ion))|retirement)(?: date)?: (?P<date>.+)", re.IGNORECASE
)
NOT_SCHEDULED = re.compile(r"No retirement scheduled\. ", re.IGNORECASE)


@dataclass(frozen=True)
class Dates:
    """The dates of a cell. ``standard`` is the retirement of Standard deployments where it differs;
    ``note`` has the sentences beside the dates.
    """

    retires: When | None
    standard: When | None = None
    deprecated: When | None = None
    note: str = ""


def dates(cell: page.Inline) -> Dates:
    """Return the dates of a cell. Raises Unreadable for a sentence that is not known."""
    if match := BY_TYPE.fullmatch(cell.line):
        others, standard = (_when(match[part], cell) for part in ("others", "standard"))
        return Dates(others, standard, note=cell.line)
    deprecated, retirements, notes = None, [], []
    for line in cell.text.split("\n"):
        labelled = LABELLED.fullmatch(line)
        if UPGRADE.fullmatch(line):
            notes.append(line)
        elif labelled and labelled["deprecated"]:
            deprecated = _when(labelled["date"], cell)
        else:
            date = labelled["date"] if labelled else NOT_SCHEDULED.sub("", line)
            retirements.append(_when(date, cell))
    if len(retirements) > 1:
        raise cell.error("more than one retirement")
    retires = retirements[0] if retirements else None
    return Dates(retires, None, deprecated, "; ".join(notes))


def _when(text: str, cell: page.Inline) -> When | None:
    return page.when(page.inline(text, cell.where))

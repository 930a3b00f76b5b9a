"""Groq's deprecations as archives keep them in 2025: the text of the page, without its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitor.core.facts import Retirement
from monitor.reading import page
from sources.groq.deprecations import announcements, deprecations

#: A table of the page as text: cells on lines of their own, with tabs between them.
HEADER = r"^Deprecated Model\tShutdown Date\tRecommended Replacement Model ID$"
ROW = re.compile(r"^(\S+)\n\n(\S[^\t\n]*)\t\n(\S.*)$", re.MULTILINE)
TABLE = (
    "| Deprecated Model | Shutdown Date | Recommended Replacement Model ID |\n| --- | --- | --- |"
)


@deprecations.earlier(mark=HEADER, until="2025-10-31")
def text(body: bytes) -> Iterable[Retirement]:
    """The text with its headings and tables put back into Markdown."""
    headed = re.sub(r"^([A-Z]\w+ \w+, \w+: )", r"### \1", page.decode(body), flags=re.MULTILINE)
    tabled = re.sub(HEADER, TABLE, headed, flags=re.MULTILINE)
    markdown = ROW.sub(r"| \1 | \2 | \3 |", tabled)
    if broken := next((line for line in markdown.splitlines() if "\t" in line), ""):
        raise page.Unreadable(f"a row of a table is not known: {broken!r}")
    return announcements(markdown)

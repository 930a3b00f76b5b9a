"""Cohere: days and sentences that lists and paragraphs of a deprecation share."""

from __future__ import annotations

import re

from monitor.core.facts import When
from monitor.reading import page

#: The place of a day, whatever stands in it: what is no day is unreadable.
EFFECTIVE = re.compile(r"Effective (?P<day>[^,]+, [^ ,]+),")
#: "For command model replacements, we recommend you use `a`, `b`, or `c` instead."
RECOMMENDED = re.compile(r"For (?P<family>\w+) model replacements, we recommend you use .+")


def day(text: str) -> When:
    """Return a day that must be there."""
    result = page.when(text)
    if result is None:
        raise page.Unreadable(f"not a day: {text!r}")
    return result


def effective(section: page.Section) -> When:
    """Return the day of the sentence "Effective ...", on which the models of a section retire."""
    for text in section.texts:
        if match := EFFECTIVE.match(text.inline.line):
            return day(match["day"])
    raise section.heading.error("no sentence says when this takes effect")

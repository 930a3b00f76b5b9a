"""Gemini API, prices of 2025: two conversions of the page that lost parts of it.

One has lists in the place of tables (May 2025). Both lost most headings, so that only a description
tells which model the prices below it are of. Each function puts one of these back. A description
that is not in the table here is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monitor.reading.page import (
    Block,
    Heading,
    Inline,
    RawRow,
    Table,
    Text,
    inline,
)

# conversions: lists instead of tables (May 2025), and the tables without most of their headings
# (both).

_LISTED = re.compile(r"(Free Tier|Paid Tier, per .+? in USD): (.+)")


def with_tables(page: Sequence[Block]) -> list[Block]:
    """The page, with each list of prices as the table it was: a kind, and below it one item for
    each tier.
    """
    found: list[Block] = []
    at = 0
    while at < len(page):
        header: tuple[str, ...] = ()
        rows: list[RawRow] = []
        while listed := _listed(page[at : at + 3]):
            kind, (free, free_price), (paid, paid_price) = listed
            if rows and header != ("", free, paid):
                raise kind.error("another column than in the rows above")
            header = ("", free, paid)
            rows.append(RawRow((kind, Inline(free_price), Inline(paid_price))))
            at += 3
        block = Table(header, tuple(rows), 0) if rows else page[at]
        if isinstance(block, Text) and _LISTED.fullmatch(block.inline.line):
            raise block.inline.error("not in a row of a price list")
        found.append(block)
        at += not rows
    return found


def _listed(items: Sequence[Block]) -> tuple[Inline, tuple[str, str], tuple[str, str]] | None:
    """A list's row: its kind, and header and price of its two tiers."""
    texts = [item for item in items if isinstance(item, Text)]
    if [text.depth for text in texts] != [1, 2, 2]:
        return None
    free, paid = (_LISTED.fullmatch(text.inline.line) for text in texts[1:])
    if not free or not paid or free[1] != "Free Tier" or paid[1] == "Free Tier":
        return None
    return texts[0].inline, (free[1], free[2]), (paid[1], paid[2])


PREVIEW = " (preview)"
#: What is said of one model only in the pages that lost their headings, and the ids (or the name)
#: that stood there. Previews go by the id they had as stable models, so that their later prices are
#: a change and not a new model.
_DESCRIBED = tuple(
    (re.compile(words, re.IGNORECASE), ids)
    for words, ids in (
        (r"multipurpose model", "`gemini-2.5-pro`"),
        (r"first hybrid reasoning", "`gemini-2.5-flash`"),
        (r"based on the 2\.5 flash", "`gemini-2.5-flash-preview-09-2025`"),
        (
            r"most cost effective",
            "`gemini-{series}-flash-lite`",
        ),  # said of two: each stands below the Flash of its series
        (r"based on gemini 2\.5 flash lite", "`gemini-2.5-flash-lite-preview-09-2025`"),
        (
            r"native audio models",
            "Gemini 2.5 Flash Native Audio",
        ),  # several ids, one after the other
        (r"native image generation.+ as 2\.5 flash", "`gemini-2.5-flash-image`"),
        (r"2\.5 flash text-to-speech", "`gemini-2.5-flash-preview-tts`"),
        (r"2\.5 pro text-to-speech", "`gemini-2.5-pro-preview-tts`"),
        (r"most balanced multimodal", "`gemini-2.0-flash`"),
        (
            r"latest image",
            "`imagen-4.0-generate-001`, `imagen-4.0-ultra-generate-001`, "
            "`imagen-4.0-fast-generate-001`",
        ),
        (r"state-of-the-art image", "`imagen-3.0-generate-002`"),
        (r"state-of-the-art video", "`veo-2.0-generate-001`"),
        (r"newest embeddings model", "`gemini-embedding-001`"),
        (r"embodied reasoning", "Gemini Robotics-ER"),  # its version is not printed
        (r"fastest multimodal", "`gemini-1.5-flash`"),
        (r"lower intelligence", "`gemini-1.5-flash-8b`"),
        (r"1\.5 series", "`gemini-1.5-pro`"),
        (r"open model built", "Gemma"),  # never had a price
    )
)


def with_headings(page: Sequence[Block]) -> list[Block]:
    """The page, with a heading and ids above each model of which a lossy conversion left a
    description only.

    A page has lost headings if prices stand before the first one, or a known description follows
    other prices. All paragraphs between prices are then looked at: without a heading among them,
    exactly one description must be known."""
    parts: list[list[Block]] = []  # everything up to the next prices, with these
    for block in page:
        if not parts or (isinstance(parts[-1][-1], Table) and not isinstance(block, Table)):
            parts.append([])
        parts[-1].append(block)
    bare = [part for part in parts if isinstance(part[-1], Table) and not _headings(part)]
    if not any(part is parts[0] or _described(part) for part in bare):
        return list(page)
    found: list[Block] = []
    for part in parts:
        texts = _paragraphs(part)
        if texts and any(part is other for other in bare):
            known = _described(part)
            if len(known) != 1:
                raise texts[-1].error("prices of no known model follow this description")
            above = re.search(r"gemini[- ](\d\.\d)", "".join(_headings(found)[-1:]), re.IGNORECASE)
            ids = known[0].format(series=above[1] if above else "?")
            if "?" in ids:
                raise texts[-1].error("no Gemini model stands above")
            preview = any(text.line.startswith("Preview models may change") for text in texts)
            prices = next(at for at, block in enumerate(part) if isinstance(block, Table))
            part[prices:prices] = [Heading(2, inline(ids + PREVIEW * preview)), Text(inline(ids))]
        found += part
    return found


def _headings(part: Sequence[Block]) -> list[str]:
    return [block.inline.line for block in part if isinstance(block, Heading) and block.level == 2]


def _paragraphs(part: Sequence[Block]) -> list[Inline]:
    """The paragraphs, without the notes, which begin with their mark in brackets."""
    texts = (block for block in part if isinstance(block, Text))
    return [
        text.inline for text in texts if text.depth == 0 and not text.inline.text.startswith("[")
    ]


def _described(part: Sequence[Block]) -> list[str]:
    texts = _paragraphs(part)
    return [ids for words, ids in _DESCRIBED if any(words.search(text.line) for text in texts)]


class Part(NamedTuple):
    """What one row prices, or one of two things of it. All text is in lower case."""

    kind: str
    paid: str
    ids: Sequence[str]
    context: str = ""
    note: str = ""


_TITLED = re.compile(
    r"(?P<first>non-thinking|input): ?(?P<one>.+?)(?P<second>thinking|output): ?(?P<two>.+)"
)
_SPEECH = re.compile(r"text-to-speech ?\((?P<id>[\w.-]+)\)")
_SPEECH_PRICES = re.compile(r"(?P<one>\$[\d.]+) ?\(input\) ?(?P<two>\$[\d.]+) ?\(output\)")


def split_row(kind: str, paid: str, ids: Sequence[str]) -> Iterator[Part]:
    """A row as it is, or the two rows that say today what one row said in 2025.

    Output without thinking is the plain meter: it is this price that became the only one when the
    two were merged."""
    titled, speech = _TITLED.fullmatch(paid), _SPEECH.fullmatch(kind)
    if (
        kind == "live api"
        and titled
        and titled["first"] == "input"
        and titled["second"] == "output"
    ):
        for meter, price in (("input", titled["one"]), ("output", titled["two"])):
            yield Part(
                f"{meter} price", price.replace("image [video]", "image / video"), ids, "live"
            )
    elif kind.startswith("output price") and titled and titled["first"] == "non-thinking":
        yield Part(kind, titled["one"], ids, note="non-thinking")
        yield Part(kind, titled["two"], ids, "thinking")
    elif speech and (prices := _SPEECH_PRICES.fullmatch(paid)):
        yield Part("input price", prices["one"], [speech["id"]])
        yield Part("output price", f"{prices['two']} (audio)", [speech["id"]])
    elif kind == "context caching (storage)":
        yield Part(kind, re.sub(r"(?<=\d) per hour", " / 1,000,000 tokens per hour", paid), ids)
    elif kind != "tuning price" or not paid.endswith("tuning service is free of charge."):
        yield Part(kind, paid, ids)

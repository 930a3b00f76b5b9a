"""Gemini API, prices of 2025: two conversions of the page that lost parts of it.

One has lists in the place of tables (May 2025). Both lost most headings, so that only a description
tells which model the prices below it are of. Each function puts one of these back, so that
price_rows.py can read the page. A description that is not in the table here is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from monitor.core.facts import Price
from monitor.reading import page
from sources.gemini.price_rows import PREVIEW, Part, page_prices
from sources.gemini.pricing import pricing


# The page of 2026-06-02 is the first with headings, and a title in lower case.
@pricing.earlier(mark=r"^(?:#+ |Title: )Gemini Developer API Pricing", until="2026-06-01")
def pricing_2025(body: bytes) -> Iterator[Price]:
    """Yield the prices of both conversions."""
    return page_prices(with_headings(with_tables(page.blocks(body))), split_row)


LISTED = re.compile(r"(Free Tier|Paid Tier, per .+? in USD): (.+)")


def with_tables(blocks: Sequence[page.Block]) -> list[page.Block]:
    """Return the page with each list of prices as the table it was.

    A list item is a kind of price, and below it stands an item for each tier."""
    result: list[page.Block] = []
    at = 0
    while at < len(blocks):
        header: tuple[str, ...] = ()
        rows: list[page.RawRow] = []
        while listed := _listed(blocks[at : at + 3]):
            kind, (free, free_price), (paid, paid_price) = listed
            if rows and header != ("", free, paid):
                raise kind.error("another column than in the rows above")
            header = ("", free, paid)
            rows.append(page.RawRow((kind, page.Inline(free_price), page.Inline(paid_price))))
            at += 3
        block = page.Table(header, tuple(rows), 0) if rows else blocks[at]
        if isinstance(block, page.Text) and LISTED.fullmatch(block.inline.line):
            raise block.inline.error("not in a row of a price list")
        result.append(block)
        at += not rows
    return result


def _listed(
    items: Sequence[page.Block],
) -> tuple[page.Inline, tuple[str, str], tuple[str, str]] | None:
    """Return a list's row: its kind, and header and price of its two tiers."""
    texts = [item for item in items if isinstance(item, page.Text)]
    if [text.depth for text in texts] != [1, 2, 2]:
        return None
    free, paid = (LISTED.fullmatch(text.inline.line) for text in texts[1:])
    if not free or not paid or free[1] != "Free Tier" or paid[1] == "Free Tier":
        return None
    return texts[0].inline, (free[1], free[2]), (paid[1], paid[2])


#: Words that describe one model only in the pages that lost their headings, and the ids (or the
#: name) that stood there. Previews go by the id they had as stable models, so that their later
#: prices are a change and not a new model. "Most cost effective" describes two models: each stands
#: below the Flash of its series. The native audio models have several ids, one after the other. The
#: version of Gemini Robotics-ER is not printed. Gemma never had a price.
DESCRIPTIONS = tuple(
    (re.compile(words, re.IGNORECASE), ids)
    for words, ids in (
        (r"multipurpose model", "`gemini-2.5-pro`"),
        (r"first hybrid reasoning", "`gemini-2.5-flash`"),
        (r"based on the 2\.5 flash", "`gemini-2.5-flash-preview-09-2025`"),
        (r"most cost effective", "`gemini-{series}-flash-lite`"),
        (r"based on gemini 2\.5 flash lite", "`gemini-2.5-flash-lite-preview-09-2025`"),
        (r"native audio models", "Gemini 2.5 Flash Native Audio"),
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
        (r"embodied reasoning", "Gemini Robotics-ER"),
        (r"fastest multimodal", "`gemini-1.5-flash`"),
        (r"lower intelligence", "`gemini-1.5-flash-8b`"),
        (r"1\.5 series", "`gemini-1.5-pro`"),
        (r"open model built", "Gemma"),
    )
)


def with_headings(blocks: Sequence[page.Block]) -> list[page.Block]:
    """Return the page with a heading and ids above each model that has only a description left.

    A page has lost headings if prices stand before the first one, or if a known description follows
    other prices. Then all paragraphs between prices are read: without a heading among them, exactly
    one description must be known."""
    parts: list[list[page.Block]] = []  # everything up to the next prices, with these
    for block in blocks:
        after_prices = parts and isinstance(parts[-1][-1], page.Table)
        if not parts or (after_prices and not isinstance(block, page.Table)):
            parts.append([])
        parts[-1].append(block)
    bare = [part for part in parts if isinstance(part[-1], page.Table) and not _headings(part)]
    if not any(part is parts[0] or _described(part) for part in bare):
        return list(blocks)
    result: list[page.Block] = []
    for part in parts:
        texts = _paragraphs(part)
        if texts and any(part is other for other in bare):
            ids = _ids_of(part, texts, above=result)
            preview = any(text.line.startswith("Preview models may change") for text in texts)
            prices = next(at for at, block in enumerate(part) if isinstance(block, page.Table))
            title = page.inline(ids + PREVIEW * preview)
            part[prices:prices] = [page.Heading(2, title), page.Text(page.inline(ids))]
        result += part
    return result


def _ids_of(
    part: Sequence[page.Block], texts: Sequence[page.Inline], above: Sequence[page.Block]
) -> str:
    """Return the ids of the one model that a part describes. ``above`` is the page before it."""
    described = _described(part)
    if len(described) != 1:
        raise texts[-1].error("prices of no known model follow this description")
    last = "".join(_headings(above)[-1:])
    series = re.search(r"gemini[- ](\d\.\d)", last, re.IGNORECASE)
    if "{series}" in described[0] and not series:
        raise texts[-1].error("no Gemini model stands above")
    return described[0].format(series=series[1] if series else "")


def _headings(part: Sequence[page.Block]) -> list[str]:
    headings = (block for block in part if isinstance(block, page.Heading) and block.level == 2)
    return [heading.inline.line for heading in headings]


def _paragraphs(part: Sequence[page.Block]) -> list[page.Inline]:
    """Return the paragraphs without the notes, which begin with their mark in brackets."""
    texts = (block for block in part if isinstance(block, page.Text) and block.depth == 0)
    return [text.inline for text in texts if not text.inline.text.startswith("[")]


def _described(part: Sequence[page.Block]) -> list[str]:
    texts = _paragraphs(part)
    return [ids for words, ids in DESCRIPTIONS if any(words.search(text.line) for text in texts)]


TITLED = re.compile(
    r"(?P<first>non-thinking|input): ?(?P<price>.+?)"
    r"(?P<second>thinking|output): ?(?P<second_price>.+)"
)
SPEECH = re.compile(r"text-to-speech ?\((?P<id>[\w.-]+)\)")
SPEECH_PRICES = re.compile(r"(?P<input>\$[\d.]+) ?\(input\) ?(?P<output>\$[\d.]+) ?\(output\)")


def split_row(row: Part) -> Iterator[Part]:
    """Yield a row as it is, or the two rows that say today what one row said in 2025.

    Output without thinking is the plain meter: this price became the only one when the two were
    merged."""
    titled, speech = TITLED.fullmatch(row.paid), SPEECH.fullmatch(row.kind)
    titles = titled.group("first", "second") if titled else ()
    if titled and row.kind == "live api" and titles == ("input", "output"):
        for meter, price in (("input", titled["price"]), ("output", titled["second_price"])):
            text = price.replace("image [video]", "image / video")
            yield Part(f"{meter} price", text, row.ids, "live")
    elif titled and row.kind.startswith("output price") and titles[0] == "non-thinking":
        yield row._replace(paid=titled["price"], note="non-thinking")
        yield row._replace(paid=titled["second_price"], context="thinking")
    elif speech and (prices := SPEECH_PRICES.fullmatch(row.paid)):
        yield Part("input price", prices["input"], [speech["id"]])
        yield Part("output price", f"{prices['output']} (audio)", [speech["id"]])
    elif row.kind == "context caching (storage)":
        per = re.sub(r"(?<=\d) per hour", " / 1,000,000 tokens per hour", row.paid)
        yield row._replace(paid=per)
    elif row.kind != "tuning price" or not row.paid.endswith("tuning service is free of charge."):
        yield row

"""Gemini API (ai.google.dev): deprecations, prices, model list and changelog.

Deprecations: one table under each family, rows of shut-down models gray in HTML only, so the HTML
is read and not the ``.md.txt`` twin. Since May 2026 a note makes all its dates the *earliest
possible* ones; a page without the note (until March 2026) prints firm dates, and floors as
"Earliest June 2026". There is no date of announcement. Ids differ now and then from those of the
API (``embedding-2-preview``), and are kept as printed.

Prices: one H2 for each model, its ids in code spans below, one table for each tier. Several prices
stand in a cell, each with its own unit and condition. ``model`` is the id, the one name that all
layouts share with the other pages of this provider; the heading's name is used only where no id is
printed. Conversions of 2025 lost most headings, and some made lists of the tables: the last part of
this file puts both back.

What would break it, as Unreadable: a new row kind, tier or condition of the price page; a model of
2025 told by a description that is not known here; another wording of the note on dates; a heading
of the changelog that is no date. A note without its words "earliest possible" would go unseen."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, Stage, When
from monitor.reading.page import (
    NO_PRICE,
    Block,
    Heading,
    Inline,
    RawRow,
    Row,
    Table,
    Text,
    Unreadable,
    blocks,
    codes,
    decode,
    inline,
    is_html,
    layout,
    parsed_json,
    sections,
    tables,
    unit,
    when,
)
from monitor.reading.source import Access, source

DOCS = "https://ai.google.dev/gemini-api/docs"

# --- deprecations
# ------------------------------------------------------------------------------------------

_SCHEDULE = layout(
    model="model*|agent*|managed agent*",
    released="release date",
    retires="shutdown date",
    replacement="recommended replacement",
)
_MARKUP = re.compile(r"(?:<[^>]*>|[*>\s])+")
_ALL_FLOORS = re.compile(
    r"dates listed in the table indicate the earliest possible dates", re.IGNORECASE
)


# Rows leave some time after their date (the Gemini 1.x rows did), so that one which leaves was not
# withdrawn.
@source(f"{DOCS}/deprecations?hl=en", facts=(Retirement,), markers=(b"Shutdown date", b"gemini-"))
def deprecations(body: bytes) -> Iterator[Fact]:
    """A gray row is shut down; any other with a firm date is deprecated, and with a floor or no
    date active.
    """
    text = decode(body)
    plain = _MARKUP.sub(" ", text)
    floors = _ALL_FLOORS.search(plain) is not None
    if not floors and "earliest possible" in plain:
        raise Unreadable("the note on the earliest possible dates is worded in a new way")
    page = text if is_html(text) else _text_tables(text)
    for row in tables(page, _SCHEDULE):
        gone = "row-gray" in row.classes
        retires = when(row["retires"])
        if retires and floors and not gone:
            retires = replace(retires, bound="not_before")
        stage: Stage = (
            "retired" if gone else "deprecated" if retires and retires.bound == "on" else "active"
        )
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage=stage,
                retires=retires,
                replacements=_replacements(row["replacement"]),
                quote=row.quote,
            )


def _replacements(cell: Inline) -> tuple[str, ...]:
    """The ids of a cell ("`a` or the GA models on ..." names one), or the product it names in
    words.
    """
    named = tuple(code for code in cell.codes if code)
    if named or not cell or cell.line.casefold() in ("-", "n/a"):
        return named
    if "`" in cell.line:
        raise cell.error("a code span that does not end")
    parts = tuple(re.split(r",\s*|\s+or\s+", cell.line))
    return parts if all(re.fullmatch(r"[\w.-]+", part) for part in parts) else (cell.line,)


_TEXT_HEADER = "Model Release date Shutdown date Recommended replacement"
_DAY = r"(?:[A-Z][a-z]+ (?:\d{1,2}, )?\d{4})"
_TEXT_ROW = re.compile(
    rf"([\w.-]+)(?: ({_DAY}))? ((?:Earliest )?{_DAY}|No shutdown date announced)(?: ([\w.-]+(?: "
    r"or .+)?))?"
)


def _text_tables(text: str) -> str:
    """Plain text of the page (archives hold it) as Markdown: its tables have one line a row and no
    separators.

    Markdown comes back as it is. A line of a table that is neither a row nor the divider raises
    Unreadable."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == _TEXT_HEADER:
            inside = True
            lines += [
                "| Model | Release date | Shutdown date | Recommended replacement |",
                "|---|---|---|---|",
            ]
        elif inside and line.strip() == "Preview models":
            lines.append("| Preview models ||||")
        elif inside and line.strip():
            match = _TEXT_ROW.fullmatch(line.strip())
            if not match:
                raise Unreadable(f"not a row of the table: {line!r}")
            lines.append(f"| {' | '.join(cell or '' for cell in match.groups())} |")
        else:
            inside = False
            lines.append(line)
    return "\n".join(lines)


# --- prices
# ------------------------------------------------------------------------------------------------

_PRICES = layout(kind="", paid="paid tier, per *")
#: The tables under these say how tools and agents are billed, in sentences; their prices stand in
#: the models' tables.
_NOT_MODELS = re.compile(r"pricing for (?:tools|agents)|notes", re.IGNORECASE)
_TIERS = ("standard", "batch", "flex", "priority")


@source(f"{DOCS}/pricing.md.txt?hl=en", facts=(Price,), markers=(b"Paid Tier",))
def pricing(body: bytes) -> Iterator[Fact]:
    """The paid tier. The free one has limits but no prices, and unknown is not zero."""
    for name, section in _models(_with_headings(_with_tables(blocks(body)))):
        ids, tiers = _ids(section) or (_display_name(name),), _tiers(section)
        stage = "preview" if name.endswith(_PREVIEW) else ""
        for row in tables(section, _PRICES):
            headed = row.heading.casefold() if len(row.path) > 1 else ""
            tier = headed or "".join(tiers[row.nth - 1 : row.nth])
            if tier not in _TIERS:
                raise row["kind"].error(f"no known tier for table {row.nth} under {row.heading!r}")
            yield from _row_prices(row, tier, ids, stage)


def _models(page: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Each model's heading, and its blocks with it. A table before the first H2 is of no known
    model.
    """
    parts: list[tuple[str, list[Block]]] = []
    for block in page:
        if isinstance(block, Heading) and block.level == 2:
            parts.append((block.inline.line, [block]))
        elif parts:
            parts[-1][1].append(block)
        elif isinstance(block, Table):
            raise Unreadable(f"table {block.number} stands under no model's heading")
    return ((name, section) for name, section in parts if not _NOT_MODELS.fullmatch(name))


def _ids(section: Sequence[Block]) -> tuple[str, ...]:
    """The ids of the line under the heading: code spans with nothing but "," and "and" between
    them.
    """
    for block in section:
        if isinstance(block, Text) and (spans := block.inline.codes):
            rest = block.inline.line
            for span in spans:
                rest = rest.replace(span, "", 1)
            if not re.sub(r",|\band\b|\s", "", rest):
                return spans
    return ()


def _display_name(heading: str) -> str:
    """A heading without its labels: "Gemini 3 Pro Image (Nano Banana Pro) 🍌" is Gemini 3 Pro
    Image.
    """
    return re.sub(r"\s*(?:\([^)]*\)|[^\w\s.()-])\s*", " ", heading).strip()


def _tiers(section: Sequence[Block]) -> tuple[str, ...]:
    """The tiers of a model's tables where no heading names them: the tabs above, or else their
    usual order.

    The page's script shows tables as tabs; in text only a line of links is left of them, or nothing
    at all."""
    for block in section:
        if isinstance(block, Text):
            tabs = tuple(name.casefold() for name, _ in block.inline.links)
            if tabs and set(tabs) <= set(_TIERS):
                if len(tabs) != sum(isinstance(other, Table) for other in section):
                    raise block.inline.error("tabs and tables differ in number")
                return tabs
    return _TIERS


_KINDS = (  # what a row prices; groups: variant, modality, meter, label
    re.compile(
        r"(?P<modality>text|image|audio|video)? ?(?P<meter>input|output) price(?: "
        r"\((?P<label>[^)]*)\))?"
    ),
    re.compile(r"(?P<meter>context caching)(?: price)?(?: \((?P<label>storage)\))?"),
    re.compile(r"(?P<meter>tuning) price"),
    re.compile(r"(?P<modality>image) generation pricing"),
    re.compile(
        r"(?:(?P<variant>.+) )?(?P<modality>image|video)(?: with audio)? price(?: \(default\))?"
    ),
    re.compile(r"(?P<variant>lyria .+?)(?: \((?:\d+s|full song)\))?"),
)
_METERS = {
    "input": "input",
    "output": "output",
    "context caching": "cached_input",
    "tuning": "training",
}
_GROUNDING = re.compile(r"grounding with google (?P<service>search|maps|web and image search)")
_GROUNDING_PRICE = re.compile(
    r"(?:(?P<free>[^$]+?),? then )?\$(?P<amount>\d+(?:\.\d+)?) (?:/|per) (?P<per>1(?:,000|k) [a-z "
    r"]+?)"
    r"(?: for text and image-based grounding)?\.?"
)


def _row_prices(row: Row, tier: str, ids: Sequence[str], stage: str) -> Iterator[Price]:
    kind, paid = (
        row["kind"].line.casefold().rstrip("* "),
        row["paid"].line.casefold().replace("*", "").strip(),
    )
    if kind == "used to improve our products" or re.sub(r" \([^)]*\)$", "", paid) in NO_PRICE:
        return
    if grounding := _GROUNDING.fullmatch(kind):
        match = _GROUNDING_PRICE.fullmatch(paid)
        per = (
            unit(re.sub("grounded prompts|grounding requests", "requests", match["per"]))
            if match
            else None
        )
        if not match or not per:
            raise row["paid"].error("not a price of grounding")
        # "Web and Image Search" is what the image models' search was called for some months of 2026
        meter = "google_maps" if grounding["service"] == "maps" else "google_search"
        for model in ids:
            yield Price(
                model=model,
                meter=meter,
                amount=Decimal(match["amount"]),
                per=per,
                tier=tier,
                note=_note(match["free"], stage),
                quote=row.quote,
            )
        return
    for part in _split_row(kind, paid, ids):
        yield from _part_prices(row, part, tier, stage)


def _note(*words: str | None) -> str:
    return "; ".join(word for word in words if word)


def _part_prices(row: Row, part: _Part, tier: str, stage: str) -> Iterator[Price]:
    found = next(
        (match.groupdict() for pattern in _KINDS if (match := pattern.fullmatch(part.kind))), None
    )
    head = re.fullmatch(r"Paid Tier, per (.+) in USD", row.headers["paid"], re.IGNORECASE)
    usual = unit(head[1]) if head else None
    if not found:
        raise row["kind"].error("unknown kind of price")
    if not usual:
        raise row["paid"].error(f"unknown unit in the header {row.headers['paid']!r}")
    models = (
        _of_variant(row["kind"], found["variant"], part.ids) if found.get("variant") else part.ids
    )
    modality = found.get("modality") or ("audio" if found.get("variant") else "")
    meter = _METERS[found.get("meter") or "output"]
    label = (found.get("label") or "").replace("including thinking tokens", "")
    for item in _items(row["paid"], part.paid):
        for name, context, per in _terms(row["paid"], item, meter, modality or label, usual):
            for model in models:
                yield Price(
                    model=model,
                    meter=name,
                    amount=item.amount,
                    per=per,
                    tier=tier,
                    context=f"{part.context} {context}".strip(),
                    starts=item.starts,
                    ends=item.ends,
                    note=_note(item.label, part.note, stage),
                    quote=row.quote,
                )


_VARIANTS = {"fast", "ultra", "lite", "clip", "pro"}


def _of_variant(cell: Inline, name: str, ids: Sequence[str]) -> list[str]:
    """The one id that a row such as "Veo 3.1 Fast" prices: that with "fast" in it; "Standard" has
    no such word.
    """
    wanted = _VARIANTS & set(name.split())
    fitting = [model for model in ids if _VARIANTS & set(model.split("-")) == wanted]
    if len(fitting) != 1:
        raise cell.error(f"not one of the ids {', '.join(ids)}")
    return fitting


@dataclass(frozen=True)
class _Item:
    """One amount of a cell with everything printed about it. ``label`` is the words in brackets
    after it.
    """

    amount: Decimal
    per: str
    context: str
    label: str
    starts: When | None
    ends: When | None


_DATE = r"[a-z]+ \d{1,2}, \d{4}"
_ITEM = re.compile(
    r"(?P<amount>\d[\d,]*(?:\.\d+)?)"
    r"(?:\s*(?:/|\bper\b)\s*(?P<per>[\w,./ ]+?))?"
    r"(?:,? prompts (?P<context>(?:<=|>) ?\d+k)(?: tokens?)?)?"
    r"(?:\s*\((?P<label>[\w ,/]+)\))?"
    rf"(?: through (?P<ends>{_DATE}))?(?: starting (?P<starts>{_DATE}))?"
    r"(?: \(\w+ output not supported\))?"
    r"[\s.,)]*(?P<lead>equivalent to|or|and)?\s*\(?"
)


def _items(cell: Inline, paid: str) -> list[_Item]:
    """The prices of a cell. Each begins at its dollar sign; the word before the next one ends
    it.
    """
    before, *parts = paid.split("$")
    if before.strip() not in ("", "same as standard") or not parts:
        raise cell.error("not a price")
    items: list[_Item] = []
    for part in reversed(parts):
        match = _ITEM.fullmatch(part)
        if not match:
            raise cell.error(f"no price form known for '${part.strip()}'")
        said = match.groupdict("")
        if said["lead"] == "or" and items and not said["label"]:
            said["label"] = items[-1].label  # "$3.00 or $0.005/min (audio)": the label is of both
        starts, ends = (when(said[name]) if said[name] else None for name in ("starts", "ends"))
        amount = Decimal(said["amount"].replace(",", ""))
        items.append(
            _Item(
                amount, said["per"], said["context"].replace(" ", ""), said["label"], starts, ends
            )
        )
    return items[::-1]


_MODALITIES = {
    "text": "text",
    "thinking": "text",
    "image": "image",
    "images": "image",
    "audio": "audio",
    "video": "video",
}
_RESOLUTION = re.compile(r"\d+p|\dk")
_SIZED = re.compile(r"((?:[\d.]+k/)*[\d.]+k) image")


def _terms(
    cell: Inline, item: _Item, meter: str, usual_label: str, usual: str
) -> Iterator[tuple[str, str, str]]:
    """The meter, context and unit of each price that one amount states.

    "(text / image / video)" is the plain meter, "(audio / video)" one meter each; "per 1K/2K image"
    and "(720p and 1080p)" are one context each."""
    sizes = _SIZED.fullmatch(item.per)
    per = "image" if sizes else unit(item.per) if item.per else usual
    if not per:
        raise cell.error(f"unknown unit {item.per!r}")
    contexts = sizes[1].split("/") if sizes else [item.context]
    if item.label in ("storage price", "storage") or per == "1M tokens per hour":
        yield "cache_storage", item.context, per
        return
    parts = _parts(item.label)
    if parts and all(_RESOLUTION.fullmatch(part) for part in parts):
        contexts, parts = parts, []
    if item.label == "input caching":
        parts = []
    if not parts:
        implied = {"image": "image", "10 seconds": "audio"}.get(per, "") if per != usual else ""
        parts = _parts(implied or usual_label)
    unknown = [part for part in parts if part not in _MODALITIES]
    if unknown:
        raise cell.error(f"unknown label {unknown[0]!r}")
    kinds = {_MODALITIES[part]: None for part in parts}
    if kinds.keys() == {"image"} and per == "1M tokens" and item.amount < Decimal("0.01"):
        per = "image"  # "$0.0006 (image)*" of a token column: its footnote gives it for an image
    names = [meter] if not kinds or "text" in kinds else [f"{kind}_{meter}" for kind in kinds]
    for name in names:
        for context in contexts:
            yield name, context, per


def _parts(label: str) -> list[str]:
    return [part for part in re.split(r"\s*(?:/|,|\band\b)\s*", label) if part]


# --- models
# ------------------------------------------------------------------------------------------------


def _next_page(body: bytes) -> dict[str, str] | None:
    token = json.loads(body).get("nextPageToken")
    return {"pageToken": token} if token else None


@source(
    "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
    facts=(Listing,),
    access=Access("GEMINI_API_KEY", header="x-goog-api-key", prefix="", next_page=_next_page),
    markers=(b'"models"', b"models/gemini-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The model list, one page body or an array of all of them.

    A first page alone is refused: what stands on the others would look delisted. The list is no
    proof that a model works: shut-down ones stay on it for months."""
    document = parsed_json(body)
    pages = document if isinstance(document, list) else [document]
    if pages[-1].get("nextPageToken"):
        raise Unreadable(f"page {len(pages)} of a paged list, and the next is missing")
    for page in pages:
        for model in page["models"]:
            yield Listing(
                model=model["name"].removeprefix("models/"),
                name=model.get("displayName", ""),
                context_window=model["inputTokenLimit"],
                max_output=model["outputTokenLimit"],
                quote=f"{model['name']} ({model.get('displayName', '')})",
            )


# --- changelog
# ---------------------------------------------------------------------------------------------

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)")
_GROUP = re.compile(r"[\w ]{1,30}:")  # "Model updates:" above a list, until mid 2025
_MODEL_ID = re.compile(r"[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+")


@source(f"{DOCS}/changelog?hl=en", facts=(Notice,), markers=(b"Gemini API",))
def changelog(body: bytes) -> Iterator[Fact]:
    """One notice for each list item of a day, with its nested items and further paragraphs.

    Its title is the first sentence, so that a list of models which grows later stays the same
    notice."""
    for section in sections(body):
        if section.level == 1:
            continue
        published = when(replace(section.heading, where="heading"))
        if not published:
            raise section.heading.error("a heading without a date")
        link = "{0}/changelog#{2}-{3}-{1}".format(DOCS, *published.text.split("-"))
        used: Counter[str] = Counter()
        told: set[str] = set()
        for entry in _entries(section.texts):
            first, summary = entry[0].inline.line, " ".join(text.inline.line for text in entry)
            if summary in told:
                continue  # February 19, 2025 says the same under "Model updates" and "API updates"
            told.add(summary)
            sentence = _SENTENCE.match(first)
            title = sentence[1] if sentence else first
            used[title] += 1
            named = (
                code for text in entry for code in text.inline.codes if _MODEL_ID.fullmatch(code)
            )
            yield Notice(
                title=title if used[title] == 1 else f"{title} ({used[title]})",
                link=link,
                published=published,
                summary=summary,
                models=tuple(dict.fromkeys(named)),
                quote=first,
            )


def _entries(texts: Iterable[Text]) -> list[list[Text]]:
    """The texts of a day by list item. A day without a list is one entry."""
    found: list[list[Text]] = []
    for text in texts:
        if text.depth == 0 and _GROUP.fullmatch(text.inline.line):
            continue
        if (text.starts and text.depth == 1) or not found:
            found.append([])
        found[-1].append(text)
    return found


# --- prices of 2025
# ---------------------------------------------------------------------------------------- Two
# conversions: lists instead of tables (May 2025), and the tables without most of their headings
# (both).

_LISTED = re.compile(r"(Free Tier|Paid Tier, per .+? in USD): (.+)")


def _with_tables(page: Sequence[Block]) -> list[Block]:
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


_PREVIEW = " (preview)"
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


def _with_headings(page: Sequence[Block]) -> list[Block]:
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
            part[prices:prices] = [Heading(2, inline(ids + _PREVIEW * preview)), Text(inline(ids))]
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


class _Part(NamedTuple):
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


def _split_row(kind: str, paid: str, ids: Sequence[str]) -> Iterator[_Part]:
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
            yield _Part(
                f"{meter} price", price.replace("image [video]", "image / video"), ids, "live"
            )
    elif kind.startswith("output price") and titled and titled["first"] == "non-thinking":
        yield _Part(kind, titled["one"], ids, note="non-thinking")
        yield _Part(kind, titled["two"], ids, "thinking")
    elif speech and (prices := _SPEECH_PRICES.fullmatch(paid)):
        yield _Part("input price", prices["one"], [speech["id"]])
        yield _Part("output price", f"{prices['two']} (audio)", [speech["id"]])
    elif kind == "context caching (storage)":
        yield _Part(kind, re.sub(r"(?<=\d) per hour", " / 1,000,000 tokens per hour", paid), ids)
    elif kind != "tuning price" or not paid.endswith("tuning service is free of charge."):
        yield _Part(kind, paid, ids)

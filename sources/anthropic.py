"""Anthropic: https://platform.claude.com/docs/en, and the model list of its API.

The ``.md`` twins of the pages are read; the HTML of 2025 (Mintlify) has the same tables. The
answers carry no validators, and wording, row order, links and table widths change at every release,
so only cells count.

- Deprecations say everything twice: a status table (with floors, "Not sooner than", for active
  models) and dated history tables, which keep models long after the status table dropped them. Both
  are one fact for each id.
- Prices name models by display names. A name cell may hold several models, a label ("deprecated"),
  a date ("through August 31, 2026") or a size ("for prompts over 100,000 tokens"). Three layouts
  (December 2025 to May 2026) name their models only in the paragraph above the table.
- The overview has one column for each model, and since July 2026 footnote numbers glued to ids.

A new table, a new state, a price label with figures that is no date or size, or a platform id that
is not built on the API id is unreadable."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, Stage, When
from monitor.reading.page import (
    Inline,
    Row,
    Table,
    Unreadable,
    blocks,
    codes,
    layout,
    money,
    parsed_json,
    sections,
    tables,
    when,
)
from monitor.reading.source import Access, source

DOCS = "https://platform.claude.com/docs/en"
RELEASE_NOTES = f"{DOCS}/release-notes/overview"

#: How the tables say that there is nothing to name.
_NOTHING = frozenset({"", "-", "---", "n/a", "none"})

# --- deprecations
# ------------------------------------------------------------------------------------------

STATUS = layout(
    model="api model name",
    state="current state",
    deprecated="deprecated",
    retires="tentative retirement date|retirement date|retired",
)
HISTORY = layout(
    model="deprecated model", retires="retirement date", replacement="recommended replacement"
)
PARAMETERS = layout(
    parameter="parameter",
    state="status",
    replacement="recommended replacement",
    ignore=("behavior",),
)

#: The four states that the page defines under "Overview".
STAGES: dict[str, Stage] = {
    "active": "active",
    "legacy": "legacy",
    "deprecated": "deprecated",
    "retired": "retired",
}
#: The note under a heading of the history: "This model was retired August 5, 2026."
_RETIRED = re.compile(r"(?:This model was|These models were) retired\b")


@source(
    f"{DOCS}/about-claude/model-deprecations.md",
    every=timedelta(hours=3),
    facts=(Retirement,),
    markers=(b"Model status", b"claude-"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Fact]:
    """Model deprecations: the status table and the history as one, and the deprecated request
    parameters.
    """
    page = blocks(body)
    gone = {
        section.heading.line
        for section in sections(page)
        if any(_RETIRED.match(text.inline.line) for text in section.texts)
    }
    status: dict[str, Row] = {}
    history: dict[str, list[Row]] = defaultdict(list)
    parameters: list[Row] = []
    for row in tables(page, STATUS, HISTORY, PARAMETERS):
        if row.layout is PARAMETERS:
            parameters.append(row)
            continue
        for model in codes(row["model"]):
            if row.layout is HISTORY:
                history[model].append(row)
            elif model in status:
                raise row["model"].error("a second row of the status table for one id")
            else:
                status[model] = row
    for model in {**status, **history}:
        yield _retirement(model, status.get(model), history.get(model, []), gone)
    for row in parameters:
        stage, term, note = _stage(row["state"])
        for parameter in codes(row["parameter"]):
            yield Retirement(
                model=parameter,
                surface="parameter",
                stage=stage,
                term=term,
                note=note,
                quote=row.quote,
                replacements=row["replacement"].codes,
            )


def _retirement(model: str, state: Row | None, past: Sequence[Row], gone: set[str]) -> Retirement:
    """One id from its status row and its history. Where both give a date of retirement, the status
    table wins.
    """
    past = sorted(past, key=lambda row: _announced(row).text)
    last = past[-1] if past else None
    earlier = (
        f"announced before on {_announced(row)} for {row['retires'].line}" for row in past[:-1]
    )
    announced = _announced(last) if last else None
    retires = when(last["retires"]) if last else None
    deprecated = announced  # the status table has the same day, for as long as it keeps the row
    stage: Stage = "retired" if last and last.heading in gone else "deprecated"
    term = remark = ""
    if state:
        stage, term, remark = _stage(state["state"])
        deprecated = when(state["deprecated"])
        retires = when(state["retires"]) or retires
    return Retirement(
        model=model,
        stage=stage,
        term=term,
        deprecated=deprecated,
        retires=retires,
        announced=announced or deprecated,
        replacements=_replacements(last["replacement"]) if last else (),
        note="; ".join(filter(None, (remark, *earlier))),
        quote=" / ".join(row.quote for row in (state, last) if row),
    )


def _announced(row: Row) -> When:
    """The date in the heading of a history table: "2026-06-05: Claude Opus 4.1 model"."""
    announced = when(Inline(row.heading.partition(":")[0], where=row["model"].where))
    if not announced:
        raise row["model"].error(f"no date in the heading {row.heading!r}")
    return announced


def _stage(cell: Inline) -> tuple[Stage, str, str]:
    """Stage, printed word and remark of a state such as "Deprecated (Claude Opus 4.7 and
    later)".
    """
    match = re.fullmatch(r"(\w+)(?: \((.+)\))?", cell.line)
    if not match or match[1].casefold() not in STAGES:
        raise cell.error("unknown state")
    return STAGES[match[1].casefold()], match[1], match[2] or ""


def _replacements(cell: Inline) -> tuple[str, ...]:
    if cell.line.casefold() in _NOTHING:
        return ()
    return tuple(codes(cell)) if cell.codes or cell.line.startswith("claude-") else (cell.line,)


# --- prices
# ------------------------------------------------------------------------------------------------

_FAST, _LONG = "fast mode", "long context"
BASE = layout(
    model="model",
    input="base input tokens",
    cache_write="5m cache writes",
    cache_write_1h="1h cache writes",
    cached_input="cache hits*",
    output="output tokens",
)
BATCH = layout(model="model", input="batch input", output="batch output")
FAST = layout(model="model", input="input", output="output", under=_FAST)
FAST_BY_SIZE = layout(
    size="context window", input="input", output="output", under=_FAST
)  # 2026-02-08
FAST_ALONE = layout(input="input", output="output", under=_FAST)  # 2026-02-21 to 2026-05-01
LONG = layout(
    model="model", both="≤*", high_both=">*", under=_LONG, fill=("model",)
)  # from 2026-02-06
LONG_ALONE = layout(both="≤*", high_both=">*", under=_LONG)  # until January 2026
LONG_BY_METER = layout(  # from 2026-03-13
    model="model",
    input="≤ 200k input tokens input",
    output="≤ 200k input tokens output",
    high_input="> 200k input tokens input",
    high_output="> 200k input tokens output",
    under=_LONG,
)

#: Not prices of a model: multipliers, token counts of tools, marketplace units, session hours,
#: worked examples.
NO_PRICES = (
    layout(operation="cache operation", multiplier="multiplier"),
    layout(
        under="tool use pricing|specific tool pricing|agents pricing|agent use case|worked example"
    ),
    layout(
        under="cloud platform pricing|third-party platform|claude platform on aws|microsoft foundry"
    ),
)

_NAME = r"Claude(?: [A-Z\d][\w.]*)+"
_NAMED = re.compile(rf"({_NAME}(?:(?: / |, and |, | and )(?:{_NAME}|\d[\d.]*))*)(?: (.+))?")
_DATED = re.compile(r"(through|starting) (.+)")
_SIZE = re.compile(
    r"(?:for prompts )?(≤|>|up to|over) ?([\d,]+)(k?)(?: input)? tokens(?: (?:input|output))?",
    re.IGNORECASE,
)
#: A label in words is a remark; one with figures may be a condition of the price, unless it tells
#: of the life cycle.
_REMARK = re.compile(
    r"(?!(?:for|with|when|in|on|until|from)\b)\D*|(?:deprecated|retired|retires|retiring|legacy)\b.*"
)
#: Models in the paragraph above a table that has no column for them: "Claude Sonnet 4 and Sonnet
#: 4.5".
_IN_PROSE = re.compile(r"\b(?:Opus|Sonnet|Haiku) \d+(?:\.\d+)?")


@source(
    f"{DOCS}/about-claude/pricing.md",
    every=timedelta(hours=6),
    facts=(Price,),
    markers=(b"Model pricing", b"/ MTok"),
)
def pricing(body: bytes) -> Iterator[Fact]:
    """Pricing: base and cache prices, batch, fast mode and the premium for long prompts."""
    known = (BASE, BATCH, FAST, FAST_BY_SIZE, FAST_ALONE, LONG, LONG_ALONE, LONG_BY_METER)
    for row in tables(body, *known, skip=NO_PRICES):
        tier = (
            "batch" if row.layout is BATCH else "fast" if row.layout.under == _FAST else "standard"
        )
        offer = _offer(row)
        for role, cell in row.items():
            if role in ("model", "size"):
                continue
            meter, said = role.removeprefix("high_"), cell
            if meter == "both":
                meter, said = _labelled(cell)
            context = offer.context
            if row.layout.under == _LONG:
                context = _context(Inline(row.headers[role], where=cell.where))
            if paid := money(said):
                if not paid.per:
                    raise said.error("unknown unit of a price")
                for model in offer.models:
                    yield Price(
                        model=model,
                        meter=meter,
                        amount=paid.amount,
                        currency=paid.currency,
                        per=paid.per,
                        tier=tier,
                        context=context,
                        starts=offer.starts,
                        ends=offer.ends,
                        note=offer.note,
                        quote=row.quote,
                    )


@dataclass(frozen=True)
class _Offer:
    """What the name cell of a price says: whose price it is, and when or for which prompts it
    holds.
    """

    models: tuple[str, ...]
    context: str = ""
    starts: When | None = None
    ends: When | None = None
    note: str = ""


def _offer(row: Row) -> _Offer:
    if "model" not in row:
        models = tuple(dict.fromkeys(f"Claude {name}" for name in _IN_PROSE.findall(row.before)))
        if not models:
            raise Unreadable(
                f"table under {row.heading!r}: no model in the paragraph above it: {row.before!r}"
            )
        return _Offer(models, context=_context(row["size"]) if "size" in row else "")
    cell = row["model"]
    match = _NAMED.fullmatch(cell.line)
    if not match:
        raise cell.error("no model name")
    first, *others = re.split(r" / |, and |, | and ", match[1])
    family = first.rpartition(" ")[0]
    models = (
        first,
        *(other if other.startswith("Claude") else f"{family} {other}" for other in others),
    )
    offer, remarks = _Offer(models), []
    for label in filter(None, re.split(r" ?[()] ?", match[2] or "")):
        if dated := _DATED.fullmatch(label):
            day = when(Inline(dated[2], where=cell.where))
            offer = (
                replace(offer, ends=day) if dated[1] == "through" else replace(offer, starts=day)
            )
        elif _SIZE.fullmatch(label):
            offer = replace(offer, context=_context(Inline(label, where=cell.where)))
        elif _REMARK.fullmatch(label) and f"({label})" in cell.line:
            remarks.append(label)
        else:
            raise cell.error(f"unknown condition {label!r} of a price")
    return replace(offer, note="; ".join(remarks))


def _context(said: Inline) -> str:
    """ "≤ 200K input tokens" and "for prompts over 100,000 tokens" as ``<=200k`` and ``>100k``."""
    match = _SIZE.fullmatch(said.line)
    if not match:
        raise said.error("no size of a prompt")
    number = int(match[2].replace(",", "")) * (1000 if match[3] else 1)
    sign = "<=" if match[1].casefold() in ("≤", "up to") else ">"
    return f"{sign}{number // 1000}k" if number % 1000 == 0 else f"{sign}{number}"


def _labelled(cell: Inline) -> tuple[str, Inline]:
    """Meter and price of a cell such as "Output: $22.50 / MTok"."""
    match = re.fullmatch(r"(Input|Output): (.+)", cell.line)
    if not match:
        raise cell.error("neither an input nor an output price")
    return match[1].lower(), Inline(match[2], where=cell.where)


# --- models
# ------------------------------------------------------------------------------------------------


def _after(body: bytes) -> dict[str, str] | None:
    """The query of the next page of the list (API reference, "List Models": after_id, has_more,
    last_id).
    """
    page = json.loads(body)
    return {"after_id": page["last_id"]} if page["has_more"] else None


@source(
    "https://api.anthropic.com/v1/models",
    every=timedelta(hours=6),
    facts=(Listing,),
    access=Access(
        key="ANTHROPIC_API_KEY",
        header="x-api-key",
        prefix="",
        headers=(("anthropic-version", "2023-06-01"),),
        next_page=_after,
    ),
    markers=(b'"has_more"', b"claude-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The models of the API. Retired ones leave it within days, which makes it the best sign that
    they are gone.
    """
    document = parsed_json(body)
    pages = document if isinstance(document, list) else [document]
    if pages[-1]["has_more"]:
        raise Unreadable(f"page {len(pages)} of a paged list, and more follow")
    for item in (item for page in pages for item in page["data"]):
        if item["type"] != "model":
            raise Unreadable(f"an item that is no model: {item['type']!r} {item['id']!r}")
        yield Listing(
            model=item["id"],
            name=item["display_name"],
            context_window=item.get("max_input_tokens"),
            max_output=item.get("max_tokens"),
            modalities=_modalities(item.get("capabilities")),
            created=_created(item["created_at"]),
            quote=json.dumps(item, ensure_ascii=False)[:500],
        )


def _modalities(capabilities: Any) -> tuple[str, ...]:
    """What a model takes in; the objects of 2025 do not say."""
    if not capabilities:
        return ()
    takes = {"image": "image_input", "pdf": "pdf_input"}
    return ("text", *(name for name, field in takes.items() if capabilities[field]["supported"]))


def _created(stamp: str) -> When | None:
    """The release. The API reference gives it an epoch value where it is not known."""
    return None if stamp.startswith("1970-") else when(stamp)


NAMES = layout(
    model="model", api="anthropic api", bedrock="aws bedrock", vertex="gcp vertex ai"
)  # until mid 2025
ALIASES = layout(alias="alias", model="model id")
#: The overview of 2025 repeats the prices of the pricing page.
OLD_PRICES = layout(model="model", input="base input tokens", output="output tokens")

#: Rows of the transposed tables that are read, by how their titles start.
_API = ("claude api id", "api model name")
_ALIAS = ("claude api alias",)
_BEDROCK = ("aws bedrock id", "amazon bedrock id")
_VERTEX = ("gcp vertex ai id", "vertex ai id", "google cloud id")
_CONTEXT, _OUTPUT = ("context window",), ("max output",)

_DATED_ID = re.compile(r"claude-[a-z\d-]+?-\d{8}")
_TOKENS = re.compile(r"(?:1m \(or )?(\d+)([km]?)\)?(?: tokens\d?)?(?: / .+ \(beta\))?")

#: The HTML of 2025 wraps sizes in buttons that open a tooltip; the buttons of a page are otherwise
#: no text of it.
_BUTTON = re.compile(rb"</?button\b[^>]*>")


@source(
    f"{DOCS}/about-claude/models/overview.md",
    every=timedelta(hours=12),
    facts=(Listing,),
    markers=(b"Context window", b"Max output", b"claude-"),
)
def overview(body: bytes) -> Iterator[Fact]:
    """Models overview: ids on the API, Bedrock and Vertex, aliases, context window and longest
    output.

    An alias, and an id on another platform (surface ``bedrock`` or ``vertex``), is a Listing of its
    own whose ``alias_of`` is the id on the API."""
    found: dict[tuple[str, str], Listing] = {}

    def add(listing: Listing) -> None:
        """The first table that names an id tells most of it; what stands below repeats it."""
        first = found.setdefault((listing.surface, listing.model), listing)
        if first.alias_of != listing.alias_of:
            raise Unreadable(
                f"{listing.model!r} is an alias of {first.alias_of!r} and of {listing.alias_of!r}"
            )

    page = blocks(_BUTTON.sub(b"", body))
    transposed = [
        block for block in page if isinstance(block, Table) and block.header[:1] == ("Feature",)
    ]
    for table in transposed:
        for listing in _columns(table):
            add(listing)
    for row in tables(
        [block for block in page if block not in transposed], NAMES, ALIASES, skip=[OLD_PRICES]
    ):
        if row.layout is ALIASES:
            add(Listing(model=row["alias"].line, alias_of=row["model"].line, quote=row.quote))
            continue
        match = re.fullmatch(r"(\S+)(?: \((\S+)\))?", row["api"].line)
        if not match:
            raise row["api"].error("no id and alias")
        name, (model, alias) = row["model"].line, match.groups()
        add(Listing(model=model, name=name, quote=row.quote))
        if alias:
            add(Listing(model=alias, name=name, alias_of=model, quote=row.quote))
        for surface in ("bedrock", "vertex"):
            if platform := _platform_id(row[surface], surface, model):
                add(
                    Listing(
                        model=platform, name=name, surface=surface, alias_of=model, quote=row.quote
                    )
                )
    yield from found.values()


def _columns(table: Table) -> Iterator[Listing]:
    """The models of a table that has one column for each."""
    place = f"table {table.number}"
    for number, title in enumerate(table.header[1:], 1):
        cells: dict[str, Inline] = {}
        for row in table.rows:
            if len(row.cells) != len(table.header):
                raise row.cells[0].error(
                    f"{place}: {len(row.cells)} cells under {len(table.header)} columns"
                )
            cell = row.cells[number]
            cells[row.cells[0].line.casefold()] = replace(
                cell, where=f"{place}, {row.cells[0].line!r} of {title!r}"
            )
        name, _, label = title.removesuffix(")").partition(" (")
        api = _row(cells, _API, place)
        ids = _DATED_ID.findall(api.line) if len(api.codes) > 1 or " " in api.line else codes(api)
        for model in ids:
            listing = Listing(
                model=model,
                name=name,
                note=label,
                context_window=_tokens(_row(cells, _CONTEXT, place)),
                max_output=_tokens(_row(cells, _OUTPUT, place)),
                quote=f"{title} | {api.line}",
            )
            yield listing
            other = replace(listing, context_window=None, max_output=None, alias_of=model)
            if (
                "api model name" in cells
            ):  # the HTML of 2025: its aliases and platform ids stand in another table
                continue
            alias = _row(cells, _ALIAS, place)
            if alias.line.casefold() not in _NOTHING and alias.line != model:
                yield replace(other, model=codes(alias)[0], quote=f"{title} | {alias.line}")
            for surface, titles in (("bedrock", _BEDROCK), ("vertex", _VERTEX)):
                cell = _row(cells, titles, place)
                if platform := _platform_id(cell, surface, model):
                    yield replace(
                        other, model=platform, surface=surface, quote=f"{title} | {cell.line}"
                    )


def _row(cells: dict[str, Inline], titles: tuple[str, ...], place: str) -> Inline:
    """The cell of the row whose title is one of these, but for a footnote number glued to it."""
    for title, cell in cells.items():
        if title.rstrip("0123456789") in titles:
            return cell
    raise Unreadable(f"{place}: no row {titles[0]!r} among {list(cells)}")


def _platform_id(cell: Inline, surface: str, model: str) -> str | None:
    """The id of an API model on another platform, without the footnote number glued to it since
    July 2026.

    ``anthropic.claude-fable-53`` is ``anthropic.claude-fable-5`` with footnote 3. Only the API id
    can tell: Bedrock's is ``anthropic.`` and that, perhaps with a version; Vertex sets the date off
    with an ``@``."""
    if cell.line.casefold() in _NOTHING:
        return None
    base, _, date = re.fullmatch(r"(.+?)(-(\d{8}))?", model).groups()  # type: ignore[union-attr]
    shapes = {
        "bedrock": rf"(anthropic\.{re.escape(model)}(?:-v\d(?::\d)?)?)\d{{0,2}}",
        "vertex": rf"({re.escape(base)}(?:-v\d)?@{date})\d{{0,2}}"
        if date
        else rf"({re.escape(model)})\d{{0,2}}",
    }
    match = re.fullmatch(shapes[surface], cell.line)
    if not match:
        raise cell.error(f"not the {surface} id of {model}")
    return match[1]


def _tokens(cell: Inline) -> int | None:
    """ "200K tokens / 1M tokens (beta)" is 200000: what every request may use. K is a thousand, as
    the API has it.
    """
    if not cell:
        return None
    match = _TOKENS.fullmatch(cell.line.casefold())
    if not match:
        raise cell.error("no number of tokens")
    return int(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]]


# --- release notes
# -----------------------------------------------------------------------------------------

_DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}(?:st|nd|rd|th)?, \d{4}")
_MODEL_ID = re.compile(r"\bclaude-[\w.-]*\d[\w.-]*|\bclaude-[\w-]+-(?:preview|latest)\b")


@source(
    RELEASE_NOTES + ".md",
    every=timedelta(hours=6),
    facts=(Notice,),
    markers=(b"Claude Apps",),
)
def release_notes(body: bytes) -> Iterator[Fact]:
    """Release notes: a notice for each paragraph and bullet under a dated heading; nested bullets
    belong to theirs.

    Sections are edited and entries inserted long afterwards, so the title is the start of the first
    sentence only."""
    for number, section in enumerate(sections(body)):
        if not _DAY.fullmatch(section.heading.line):
            if number == 0 and section.level == 1:
                continue  # the title, which the pages since August 2026 do not have
            raise section.heading.error("a heading that is no date")
        published = when(section.heading)
        entries: list[list[Inline]] = []
        for text in section.texts:
            if text.depth > 1 and entries:
                entries[-1].append(text.inline)
            else:
                entries.append([text.inline])
        titles: set[str] = set()
        for parts in entries:
            title = next(title for title in _titles(parts[0].line) if title not in titles)
            titles.add(title)
            yield Notice(
                title=title,
                link=RELEASE_NOTES,
                published=published,
                summary=" ".join(part.line for part in parts),
                models=_ids(parts),
                quote=parts[0].line,
            )


def _titles(text: str) -> Iterator[str]:
    """The start of an entry's first sentence, and longer starts where two entries of a day begin
    alike.
    """
    text = text.lstrip("\\*- ")  # list marks that the page escaped (August 2026)
    sentence = re.split(r"(?<=[.!?:])\s+(?=[A-Z])", text)[0]
    for said, length in ((sentence, 80), (sentence, 160), (text, len(text))):
        yield said if len(said) <= length else said[:length].rpartition(" ")[0]
    yield from (f"{text} ({number})" for number in count(2))


def _ids(parts: Sequence[Inline]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            name for part in parts for span in part.codes for name in _MODEL_ID.findall(span)
        )
    )

"""OpenAI: deprecations, prices, the model list, the changelog and the news feed.

Deprecations (https://developers.openai.com/api/docs/deprecations.md): the announcement is the date
in the nearest dated heading above a table, the replacement is the last column, and past rows stay
for years. Since November 2026 the page has columns for status and notice date instead. `Date |
Update` tables are milestones of a product.

Prices (https://developers.openai.com/api/docs/pricing.md): MDX source (`rows={[["gpt-4.1", 2, 0.5,
8]]}`) until summer 2026, real tables since; the rendered page shows only the newest models and
hides the rest. The price list keeps models that were shut down, so that a row proves nothing about
availability.

What would break it: a unit, tool or lifecycle word that was never seen before raises Unreadable,
and so does a table of prices with other columns than such a table ever had."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.core.facts import Listing, Notice, Price, Retirement, Stage, When
from monitor.reading.page import (
    Block,
    Heading,
    Inline,
    Row,
    Section,
    Table,
    Text,
    Unreadable,
    blocks,
    decode,
    entries,
    inline,
    layout,
    money,
    parsed_json,
    sections,
    tables,
    tables_and_headings,
    unit,
    when,
)
from monitor.reading.source import Access, source

DOCS = "https://developers.openai.com/api/docs"

# --- deprecations
# ------------------------------------------------------------------------------------------

_DATED = layout(
    retires="shutdown date",
    model="model / system|model snapshot|model family / snapshot|deprecated model|legacy model|"
    "system",
    replacement="recommended replacement|substitute model|recommended replacement base model",
    spill="model",  # conversions lose the escape of the pipe between an id and its aliases
)
_STATUS = layout(
    retires="shutdown date",
    model="affected *",
    term="status",
    replacement="recommended replacement",
    announced="notice date",
    spill="model",
)
_MILESTONES = layout(date="date", update="update")

#: The three states the page of November 2026 defines.
_STAGES: dict[str, Stage] = {"active": "active", "deprecated": "deprecated", "shutdown": "retired"}

_ID = re.compile(r"[A-Za-z0-9][\w.:-]*")
_OR = re.compile(r"\s*(?:,|\||\bor\b|\band\b|\n)\s*")
_NO_REPLACEMENT = frozenset({"", "-", "---", "n/a", "none", "view transition guide"})


@source(
    f"{DOCS}/deprecations.md",
    facts=(Retirement,),
    markers=(b"Shutdown date",),
    focus=tables_and_headings,
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Retirement]:
    """Every model, endpoint and product with a shutdown date.

    Of two statements about one id the later announcement wins, of two on one day the upper one.
    That an announcement moves from "Upcoming" to "Past" says nothing: only the status word
    "Shutdown" makes retired."""
    stated: dict[str, Retirement] = {}
    for row in tables(body, _DATED, _STATUS, skip=[_MILESTONES]):
        for fact in _retirements(row):
            other = stated.get(fact.key)
            stated[fact.key] = _later(other, fact) if other else fact
    yield from stated.values()


def _retirements(row: Row) -> Iterator[Retirement]:
    of_status = row.layout is _STATUS
    term, stage = row["term"].line if of_status else "", _stage(row)
    announced = when(row["announced"]) if of_status else _announced(row)
    for name in _names(row["model"]):
        yield Retirement(
            model=name,
            surface=_surface(name, row),
            term=term,
            stage=stage,
            announced=announced,
            retires=when(row["retires"]),
            replacements=_replacements(row["replacement"]),
            quote=row.quote,
        )


def _stage(row: Row) -> Stage:
    if row.layout is _STATUS:
        word = row["term"].line.casefold()
        if word not in _STAGES:
            raise row["term"].error("unknown status")
        return _STAGES[word]
    # The table of 2023-06-13 promises only a floor, under the header "Legacy model".
    return "legacy" if row.headers["model"].casefold() == "legacy model" else "deprecated"


def _announced(row: Row) -> When | None:
    """The date of the nearest dated heading: `#### Base GPT models` stands below `### 2023-07-06:
    ...`.
    """
    for heading in reversed(row.path):
        day, colon, _ = heading.partition(":")
        if colon:
            return when(Inline(day, where=f"table {row.table}, heading {heading!r}"))
    return None


def _later(one: Retirement, two: Retirement) -> Retirement:
    """The later announcement, with what the earlier one said if it named another day."""
    first, second = ((fact.announced.text if fact.announced else "") for fact in (one, two))
    won, lost = (two, one) if second > first else (one, two)
    if won.retires == lost.retires:
        return won
    said = f"announced for {lost.retires or 'no date'}" + (
        f" on {lost.announced}" if lost.announced else ""
    )
    return replace(won, note=f"Also {said}.")


def _names(cell: Inline) -> list[str]:
    """What a cell names: its code spans, else its ids in prose, else the whole text as one
    product.
    """
    spans = cell.codes or tuple(_OR.split(cell.text))
    names = [name.strip(" *") for span in spans for name in re.split(r"[|,]", span)]
    names = list(dict.fromkeys(name for name in names if name))
    if not cell.codes and not all(_ID.fullmatch(name) for name in names):
        names = [cell.line.strip(" *")]
        if re.search(r"[(),|]", names[0]):
            raise cell.error("neither ids nor the name of a product")
    if not names:
        raise cell.error("nothing is named")
    return names


def _surface(name: str, row: Row) -> str:
    """What kind of thing is shut down: `/v1/edits`, `OpenAI-Beta: realtime=v1` and `Videos API` are
    no models.
    """
    if re.match(r"/?v\d+/", name):
        return "endpoint"
    if "=" in name:
        return "parameter"
    if " " in name:
        return "product"
    of_tuning = any(
        re.match(r"(?:[\d-]+: )?fine-tuning ", heading, re.IGNORECASE) for heading in row.path
    )
    return (
        "fine-tuning"
        if of_tuning or name.startswith("ft-") or "fine-tun" in row["model"].line
        else "api"
    )


def _replacements(cell: Inline) -> tuple[str, ...]:
    if cell.line.casefold() in _NO_REPLACEMENT:
        return ()
    # In `gpt-5.6-sol` (`reasoning.mode: pro`) the bracket holds a setting, not a model.
    outside = re.sub(r"\([^()]*\)", "", cell.text)
    kept = tuple(code for code in cell.codes if code in outside)
    return tuple(_names(Inline(outside.strip(), kept, where=cell.where)))


# --- prices
# ------------------------------------------------------------------------------------------------

#: Headings and, where the page prints its headings as plain lines, the lines that are headings.
_TITLES = frozenset(
    {
        "flagship models",
        "multimodal models",
        "realtime and audio generation models",
        "image generation models",
        "video generation models",
        "transcription models",
        "tools",
        "specialized models",
        "finetuning",
    }
)
_PANE = re.compile(r"(standard|batch|flex|priority)(?: pricing data)?")
_PER = re.compile(r"prices per (.+?)(?: unless noted)?\.")
_TOKENS = re.compile(
    r"(?:(?P<context>short|long) context[ :/-]*)?"
    r"(?P<meter>input|cached input|cache writes?|output|training)(?P<cost> / cost)?"
)
_METERS = {
    "cached input": "cached_input",
    "cache write": "cache_write",
    "cache writes": "cache_write",
}
_MODALITIES = frozenset({"text", "audio", "image"})
_USES = {"transcription": "transcription", "speech generation": "speech_generation"}
_PIXELS = re.compile(r"(\d+) ?x ?(\d+)")
#: The columns of every table that the price list ever had, in any order, with the captures that
#: show them. Another set is refused, since that is how a lost column looks. Where a set is another
#: one less a column (`training`, `modality`, `cached input`, `use case`), it is known in the
#: sections that have it and nowhere else.
_COLUMNS: dict[str, tuple[str, ...]] = {
    # September 2026
    "model | short context input | short context cached input | short context cache writes | "
    "short context output"
    " | long context input | long context cached input | long context cache writes | long context "
    "output": (),
    # 2026-05-08 and 06-26, where the first has its header in two rows
    "model | short context input | short context cached input | short context output"
    " | long context input | long context cached input | long context output": (),
    "model | modality | input | cached input | output / cost": (),
    "model | modality | input | cached input | output": (),  # September 2026 too
    "model | size | portrait | landscape | price per second": (),
    "model | use case | input | output | estimated cost": (),
    "category | model | input | cached input | output": (),
    "tool | details | pricing": (),
    # 2025-10-15
    "model | training | input | cached input | output": (),  # 2026-05-08 and 06-26 too
    "model | input | cached input | output": ("text tokens", "image tokens", "audio tokens"),
    "model | input | output": ("legacy models",),
    "model | input | output | estimated cost": ("text tokens", "audio tokens"),
    "model | use case | cost": (),
    "model | cost | batch cost": (),
    "model | size: output resolution | price per second": (),
    "model | quality | 1024 x 1024 | 1024 x 1536 | 1536 x 1024": (),
    "model | quality | 1024 x 1024 | 1024 x 1792 | 1792 x 1024": (),
    "model | quality | 256 x 256 | 512 x 512 | 1024 x 1024": (),
    "tool | cost": (),
    "usage meter | free tier (per account, per month) | price beyond free tier": (),
}
_SECTIONS = {
    tuple(sorted(columns.split(" | "))): sections for columns, sections in _COLUMNS.items()
}
#: Columns without a price of their own. An estimate is no price: the tokens beside it are what is
#: billed.
_ABOUT = frozenset(
    {
        "model",
        "category",
        "modality",
        "quality",
        "size",
        "size: output resolution",
        "use case",
        "portrait",
        "landscape",
        "estimated cost",
    }
)
#: OpenAI has one threshold between short and long context; the page's MDX of 2026-04-03 to 07-15
#: prints it (`gpt-5.4 (<272K context length)`) where its tables say "Short context".
_SHORT, _LONG = "<272k", ">=272k"
_CONTEXT = {"short": "short", "long": _LONG}


@source(f"{DOCS}/pricing.md", facts=(Price,), markers=(b"gpt-",))
def pricing(body: bytes) -> Iterator[Price]:
    """Prices of the list, in MDX or in tables; also those of one model's own page
    (`/models/gpt-4.1.md`).
    """
    text = decode(body)
    if "<TextTokenPricingTables" in text:
        yield from _mdx(text)
    elif model := re.search(r"^Model ID: `([^`]+)`", text, re.MULTILINE):
        yield from _model_page(text, model[1])
    else:
        yield from _price_list(blocks(text))


def _price_list(page: Sequence[Block]) -> list[Price]:
    """All tables of the page. Above each stand its section, its tier (a line or a heading) and the
    default unit.
    """
    title, tier, per = "", "standard", ""
    found: list[Price] = []
    for block in page:
        if isinstance(block, Table):
            for row in _rows(block, title):
                found += _model_row(row, title, tier, per) if "model" in row else _tool_row(row)
            continue
        line = block.inline.line.casefold()
        if match := _PANE.fullmatch(line):
            tier = match[1]
        elif line in _TITLES or (isinstance(block, Heading) and not line.endswith(" data")):
            title, tier = line, "standard"
            if (
                not isinstance(block, Heading) or block.level < 4
            ):  # `#### Audio tokens` keeps the unit above it
                per = ""
        elif match := _PER.search(line):
            named = unit(match[1])
            if named is None:
                raise block.inline.error("unknown unit of a price")
            per = named
    long = {price.model for price in found if price.context == _LONG}
    # A model without a price for long context has one price, whatever the context.
    return [
        replace(price, context=_SHORT if price.model in long else "")
        if price.context == "short"
        else price
        for price in found
    ]


def _rows(table: Table, title: str) -> Iterator[dict[str, Inline]]:
    """Each row by the case-folded header that is above it.

    Conversions of the page lose rowspans and second header rows: a row that lacks its first cell
    goes on with the one above, a row that starts with "Model" is a header, and "Short context"
    spans its share of the columns."""
    place = f"table {table.number} under {title!r}"
    header = table.header
    above: tuple[Inline, ...] = ()
    for row in table.rows:
        cells = row.cells
        if not any(cells):
            continue
        if cells[0].line == "Model":
            spans = [] if header[0] else [f"{name} " for name in header if name]
            share = (len(cells) - 1) // max(len(spans), 1)
            prefixes = (
                ["", *(name for name in spans for _ in range(share))]
                if spans
                else [""] * len(cells)
            )
            if len(prefixes) != len(cells):
                raise Unreadable(
                    f"{place}: {len(cells)} columns do not share {' | '.join(spans)!r}"
                )
            header = tuple(prefix + cell.line for prefix, cell in zip(prefixes, cells, strict=True))
            continue
        names = [name.casefold() for name in header]
        sections = _SECTIONS.get(tuple(sorted(names)))
        if sections is None or (sections and title not in sections):
            raise Unreadable(
                f"{place}: no known table there has these columns: {' | '.join(header)!r}"
            )
        if above and len(cells) == len(header) - 1:
            cells = (above[0], *cells)
        elif above and not cells[0]:
            cells = (above[0], *cells[1:])
        if len(cells) != len(header):
            said = " | ".join(cell.line for cell in cells)
            raise Unreadable(f"{place}: {len(cells)} cells under {len(header)} columns: {said!r}")
        above = cells
        yield {
            name: replace(cell, where=f"{place}, column {name!r}")
            for name, cell in zip(names, cells, strict=True)
        }


def _model_row(row: dict[str, Inline], title: str, tier: str, per: str) -> Iterator[Price]:
    model, condition = _model(row["model"])
    modality = (
        row["modality"].line.casefold() if "modality" in row else title.removesuffix(" tokens")
    )
    if "modality" in row and modality not in _MODALITIES:
        raise row["modality"].error("unknown modality")
    common = Price(
        model=model,
        surface="fine-tuning" if title in ("fine-tuning", "finetuning") else "api",
        meter="",
        amount=Decimal(),
        per="1M tokens",
        tier=tier,
        context=condition,
        quote=" | ".join(cell.line for cell in row.values()),
    )
    for name, cell in row.items():
        if name in _ABOUT:
            continue
        if match := _TOKENS.fullmatch(name):
            context = _CONTEXT.get(match["context"], condition)
            about = replace(common, meter=_meter(match["meter"], modality), context=context)
            price = _priced(about, cell, per)
            if price and match["cost"] and price.per != "1M tokens":
                price = replace(
                    price, meter=modality
                )  # `$0.034 / minute` is for all of it, not for the output
        elif name == "price per second":
            price = _priced(replace(common, meter="video", context=_height(row)), cell, "second")
        elif match := _PIXELS.fullmatch(name):
            context = f"{row['quality'].line.casefold()} {match[1]}x{match[2]}"
            price = _priced(replace(common, meter="image", context=context), cell, per)
        elif use := row.get("use case"):
            if use.line.casefold() not in _USES:
                raise use.error("unknown use case")
            price = _priced(replace(common, meter=_USES[use.line.casefold()]), cell, per)
        else:
            charged = {"cost": tier, "batch cost": "batch"}[name]  # of an embedding
            price = _priced(replace(common, meter="input", tier=charged), cell, per)
        if price:
            yield price


def _meter(said: str, modality: str) -> str:
    """`cached input` of audio is `audio_cached_input`; training has no modality."""
    meter = _METERS.get(said, said)
    return (
        f"{modality}_{meter}" if modality in ("audio", "image") and meter != "training" else meter
    )


def _priced(about: Price, cell: Inline, per: str) -> Price | None:
    """What a cell states, `per` being the unit where it names none."""
    said = money(cell, per=per, currency="USD")
    if said is None:
        return None
    if not said.per:
        raise cell.error("a price without a unit")
    return replace(about, amount=said.amount, per=said.per)


def _model(cell: Inline) -> tuple[str, str]:
    """A model and the condition that some rows print behind its name."""
    name = cell.line
    if match := re.fullmatch(r"(\S+) \(([<>]=?)(\d+)k context length\)", name, re.IGNORECASE):
        return match[1], f"{match[2]}{match[3]}k"
    if match := re.fullmatch(r"(\S+) with data sharing", name):
        return match[1], "data sharing"
    if not name or re.search(r"[()$|]", name):
        raise cell.error("not the name of a model")
    return name, ""


def _height(row: dict[str, Inline]) -> str:
    """The resolution of a video: `720p`, or the shorter side of `Portrait: 720x1280 Landscape:
    1280x720`.
    """
    cell = row["size"] if "size" in row else row["size: output resolution"]
    match = re.fullmatch(r"(\d+)p|Portrait: (\d+)x\d+ Landscape: \d+x\2", cell.line)
    if not match:
        raise cell.error("unknown resolution")
    return f"{match[1] or match[2]}p"


#: Tools, each under one name and meter in all layouts; searches keep the words of the page.
_TOOLS = (
    (re.compile(r"file search storage"), "File search", "storage"),
    (re.compile(r"file search tool call(?: responses api only)?"), "File search", "call"),
    (re.compile(r"storage for chatkit .*|agent kit chatkit .* storage"), "ChatKit", "storage"),
    (re.compile(r"code interpreter"), "Code Interpreter", "container"),
    (
        re.compile(r"containers hosted shell and code interpreter"),
        "Hosted Shell and Code Interpreter",
        "container",
    ),
)
_SEARCH = re.compile(r"(?:Web search )?((?:Image )?Web search .+?)(?: \[\d+\])?", re.IGNORECASE)
#: Sessions of a container, by memory; the minutes of the session belong to the unit.
_SESSION = re.compile(r"((?:\d+ GB \$[\d.]+(?:, )?)+) per 20-minute session per container\.?")
_BESIDE = re.compile(
    r"\s*(?:\+ search content tokens (?:billed at model rates|are free)\.?|\(1 ?gb free\)"
    r"|after 1 gb free per account per month)$",
    re.IGNORECASE,
)


def _tool_row(row: dict[str, Inline]) -> Iterator[Price]:
    """A row of `Tool | Cost`, `Tool | Details | Pricing` or `Usage meter | Free tier | Price beyond
    free tier`.
    """
    named = " ".join(row[name].line for name in ("tool", "details", "usage meter") if name in row)
    (price,) = (row[name] for name in ("cost", "pricing", "price beyond free tier") if name in row)
    yield from _tool(named, price)


def _tool(name: str, cell: Inline) -> Iterator[Price]:
    """The prices of one tool, `name` being its group and its row, such as "File search Storage"."""
    tool, meter = next(
        (known for pattern, *known in _TOOLS if pattern.fullmatch(name.casefold())), ("", "")
    )
    if search := _SEARCH.fullmatch(name):
        tool, meter = search[1], "call"
    if not tool:
        raise cell.error(f"unknown tool {name!r}")
    quote = f"{name} | {cell.line}"
    if sessions := _SESSION.fullmatch(cell.line):
        for size, amount in re.findall(r"(\d+ GB) \$([\d.]+)", sessions[1]):
            yield Price(
                model=tool,
                surface="tool",
                meter=meter,
                amount=Decimal(amount),
                per="session",
                context=size,
                note="20-minute session of one container",
                quote=quote,
            )
        return
    said = money(Inline(_BESIDE.sub("", cell.line), where=cell.where))
    if said and not said.per:
        raise cell.error("a price without a unit")
    if said:
        yield Price(
            model=tool, surface="tool", meter=meter, amount=said.amount, per=said.per, quote=quote
        )


# MDX: arrays of JavaScript. Mirrors of the page hold only the start of some components and the end
# of others; a group without its `model:` cannot be told and is not read (web search, the first of
# the specialized models).

_COMPONENT = re.compile(r"<TextTokenPricingTables\b(.*?)/>\n", re.DOTALL)
_GROUP = re.compile(r"\bmodel: \"([^\"]+)\",\s*rows: (?=\[)")
_JS = re.compile(
    r"\s*(?:(?P<open>\[)|(?P<close>\])|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<null>null)|,|pricingHtml\(|\))"
)


def _mdx(text: str) -> Iterator[Price]:
    for component in _COMPONENT.finditer(text):
        tier = re.search(r'\btier="(\w+)"', component[1])
        rows = re.search(r"\brows=\{(?=\[)", component[1])
        if not tier or not rows or not _PANE.fullmatch(tier[1]):
            raise Unreadable(
                f"a TextTokenPricingTables without a known tier and rows: {component[0][:200]!r}"
            )
        for row in _arrays(component[1], rows.end()):
            yield from _token_row(row, tier[1])
    for group in _GROUP.finditer(text):
        panes = re.findall(r'data-value="(\w+)"', text[: group.start()])
        for row in _arrays(text, group.end()):
            if len(row) == 2:
                yield from _tool(f"{group[1]} {row[0].line}", row[1])
            else:
                yield from _token_row(row, panes[-1])


def _arrays(text: str, at: int) -> Iterator[list[Inline]]:
    """The rows of an array of arrays that begins at `at`."""
    row: list[Inline] = []
    depth = 0
    while token := _JS.match(text, at):
        at = token.end()
        if token["open"]:
            depth += 1
            row = []
        elif token["close"]:
            depth -= 1
            if depth == 0:
                return
            yield row
        elif token["double"] is not None or token["single"] is not None:
            row.append(inline(re.sub(r"\\(.)", r"\1", token["double"] or token["single"] or "")))
        elif token["number"] or token["null"]:
            row.append(Inline(token["number"] or ""))
    raise Unreadable(f"not an array of rows: {text[at : at + 80]!r}")


def _token_row(row: Sequence[Inline], tier: str) -> Iterator[Price]:
    """`[model, input, cached input, output]`, since July 2026 with cache writes before the output.

    The output is the last place; rows of both lengths stand in one table.
    """
    meters = {
        4: ("input", "cached_input", "output"),
        5: ("input", "cached_input", "cache_write", "output"),
    }
    quote = " | ".join(cell.line for cell in row)
    if len(row) not in meters or not re.match(r"[a-z]", row[0].line):
        raise Unreadable(f"not a row of token prices: {quote!r}")
    model, context = _model(row[0])
    common = Price(
        model=model,
        meter="",
        amount=Decimal(),
        per="1M tokens",
        tier=tier,
        context=context,
        quote=quote,
    )
    for meter, cell in zip(meters[len(row)], row[1:], strict=True):
        where = Inline(cell.text, where=f"{tier} prices of {model}, {meter}")
        if price := _priced(replace(common, meter=meter), where, "1M tokens"):
            yield price


_METRIC = layout(metric="metric", price="price", unit="unit")
#: Other tables of a model's page. The comparison repeats prices of other models under their display
#: names.
_NO_METRICS = (
    layout(endpoint="endpoint", route="route", support="support"),
    layout(model="model", input="input", under="quick comparison"),
    layout(tier="tier", tpm="tpm", under="rate limits"),
)


def _model_page(text: str, model: str) -> Iterator[Price]:
    for row in tables(text, _METRIC, skip=_NO_METRICS):
        name = row["metric"].line.casefold()
        modality = row.heading.casefold().removesuffix(" tokens")
        if not _TOKENS.fullmatch(name) or modality not in _MODALITIES:
            raise row["metric"].error(f"unknown metric under {row.heading!r}")
        about = Price(
            model=model,
            meter=_meter(name, modality),
            amount=Decimal(),
            per="1M tokens",
            quote=row.quote,
        )
        named = unit(row["unit"].line)
        if named is None:
            raise row["unit"].error("unknown unit of a price")
        if price := _priced(about, row["price"], named):
            yield price


# --- models
# ------------------------------------------------------------------------------------------------


@source(
    "https://api.openai.com/v1/models",
    facts=(Listing, Retirement),
    access=Access(key="OPENAI_API_KEY"),
    markers=(b'"data"', b"gpt-"),
)
def models(body: bytes) -> Iterator[Listing | Retirement]:
    """The models an account can see, in random order, and their `shutdown_date` (in the API since
    2026-08-14).

    The account's own fine-tunes (`ft:...`, `ada:ft-...`) are nobody else's news and are left out.
    Models stay listed for weeks after their shutdown."""
    for model in parsed_json(body)["data"]:
        name, quote = model["id"], json.dumps(model, ensure_ascii=False)
        if re.search(r"^ft:|:ft-", name):
            continue
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=model["created"])
        yield Listing(
            model=name,
            created=When(day.strftime("%Y-%m-%d"), words=str(model["created"])),
            quote=quote,
        )
        if model.get("shutdown_date"):
            yield Retirement(
                model=name, stage="deprecated", retires=when(model["shutdown_date"]), quote=quote
            )


# --- changelog and news
# ------------------------------------------------------------------------------------

_MONTH = re.compile(r"(?P<month>[A-Z][a-z]+),? (?P<year>\d{4})")
_DAY = re.compile(r"[A-Z][a-z]{2,8} \d{1,2}")
_KIND = re.compile(r"[A-Z][a-z]+")
_KINDS = frozenset(
    {"Feature", "Update", "Fix", "Announcement"}
)  # until June 2026; list items are one word too


@source(f"{DOCS}/changelog", every=timedelta(hours=2), facts=(Notice,), markers=(b"hangelog",))
def changelog(body: bytes) -> Iterator[Notice]:
    """Entries of the page: `### June, 2026`, a line `Jun 24`, a kind, lines of models and
    endpoints, paragraphs.

    The title is the first sentence; entries of one day that begin alike are one notice.
    """
    if re.match(rb"\s*(<\?xml|<rss)", body):
        yield from _feed(body)
        return
    for section in sections(body):
        if month := _MONTH.fullmatch(section.heading.line):
            yield from _month(section, int(month["year"]))
        elif section.texts and _DAY.fullmatch(section.texts[0].inline.line):
            raise section.heading.error("days under a heading that is no month")


def _month(section: Section, year: int) -> Iterator[Notice]:
    days = [number for number, text in enumerate(section.texts) if _DAY.fullmatch(text.inline.line)]
    if not days or days[0] != 0:
        raise section.heading.error("a month that does not begin with a day")
    for first, after in zip(days, [*days[1:], len(section.texts)], strict=True):
        yield _entry(section.texts[first:after], year)


def _entry(texts: Sequence[Text], year: int) -> Notice:
    day, rest = texts[0].inline, list(texts[1:])
    if not rest or not _KIND.fullmatch(rest[0].inline.line):
        raise day.error("an entry without a kind")
    if any(text.inline.line in _KINDS for text in rest[1:]):
        raise day.error("an entry with two kinds: the day of the second was not understood")
    tags = []
    for text in rest[1:]:
        if " " in text.inline.line:
            break
        tags.append(text.inline.line)
    said = [text.inline for text in rest[1 + len(tags) :]]
    if not said:
        raise day.error("an entry without text")
    summary = " ".join(text.line for text in said)
    spans = [*tags, *(code for text in said for code in text.codes)]
    return Notice(
        title=re.split(r"(?<=[.:;!?]) ", said[0].line)[0],
        link=f"{DOCS}/changelog",
        published=when(day, year=year),
        summary=summary,
        models=tuple(dict.fromkeys(name for name in spans if _MODEL.fullmatch(name))),
        quote=summary,
    )


#: Ids among the code spans of the changelog, which are mostly endpoints and parameters.
_MODEL = re.compile(
    r"(?:gpt|chatgpt|o\d|sora|dall-e|whisper|tts|text-embedding|text-moderation|omni-moderation|codex-mini"
    r"|computer-use|davinci|babbage)(?:-[\w.]+)+|chat-latest|o\d"
)


@source(
    "https://openai.com/news/rss.xml",
    every=timedelta(hours=1),
    facts=(Notice,),
    markers=(b"<rss", b"OpenAI News"),
)
def news(body: bytes) -> Iterator[Notice]:
    """The company's news. Only `lastBuildDate` differs between most polls."""
    yield from _feed(body)


def _feed(body: bytes) -> Iterator[Notice]:
    for entry in entries(body, dated=True):
        yield Notice(
            title=entry.title,
            link=entry.link,
            published=entry.published,
            summary=entry.summary,
            quote=f"{entry.title}. {entry.summary}",
        )

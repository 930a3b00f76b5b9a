"""OpenAI's pages as they were: the price list of 2025 and in MDX, and the changelog as a feed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from monitor.core.facts import Notice, Price
from monitor.reading import page
from sources.openai.changelog import changelog
from sources.openai.price_list import PANE, Line, columns, model, prices
from sources.openai.pricing import LABELS, column_price, pricing, with_contexts
from sources.openai.tools import tool_prices

#: The columns of every table of 2025-10-15.
COLUMNS = columns(
    """
    model | input | cached input | output, under text tokens, image tokens, audio tokens
    model | input | output, under legacy models
    model | input | output | estimated cost, under text tokens, audio tokens
    model | training | input | cached input | output
    model | use case | cost
    model | cost | batch cost
    model | size: output resolution | price per second
    model | quality | 1024 x 1024 | 1024 x 1536 | 1536 x 1024
    model | quality | 1024 x 1024 | 1024 x 1792 | 1792 x 1024
    model | quality | 256 x 256 | 512 x 512 | 1024 x 1024
    tool | cost
    usage meter | free tier (per account, per month) | price beyond free tier
    """
)
PIXELS = re.compile(r"(\d+) ?x ?(\d+)")
SIDES = re.compile(r"Portrait: (\d+)x\d+ Landscape: \d+x\1")
USES = {"transcription": "transcription", "speech generation": "speech_generation"}


@pricing.earlier(mark=r"^### (?:Built-in tools|Image tokens)$", until="2026-03-31")
def panes(body: bytes) -> Iterable[Price]:
    """The rendered list of 2025, in panes by modality and tier."""
    return with_contexts(prices(page.blocks(body), COLUMNS, _column_price))


def _column_price(name: str, line: Line) -> Price | None:
    if LABELS.fullmatch(name) or name in ("quality", "size: output resolution"):
        return None
    if match := PIXELS.fullmatch(name):
        quality = line.cells["quality"].line.casefold()
        return line.price(name, "image", context=f"{quality} {match[1]}x{match[2]}")
    if name == "price per second":
        size = line.cells["size: output resolution"]
        shorter = SIDES.fullmatch(size.line)
        if not shorter:
            raise size.error("unknown resolution")
        return line.price(name, "video", per="second", context=f"{shorter[1]}p")
    if name == "cost" and "use case" in line.cells:
        return line.price(name, page.word(line.cells["use case"], USES, "use case"))
    if name in ("cost", "batch cost"):  # of an embedding
        return line.price(name, "input", tier="batch" if name == "batch cost" else "")
    return column_price(name, line)


# MDX: arrays of JavaScript. Mirrors of the page hold only the start of some components and the end
# of others. A group without its `model:` is of no known model and is not read (web search, the
# first of the specialized models).

COMPONENT = re.compile(r"<TextTokenPricingTables\b(.*?)/>\n", re.DOTALL)
GROUP = re.compile(r"\bmodel: \"([^\"]+)\",\s*rows: (?=\[)")
JAVASCRIPT = re.compile(
    r"\s*(?:(?P<open>\[)|(?P<close>\])"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<null>null)|,|pricingHtml\(|\))"
)


@pricing.earlier(mark="<TextTokenPricingTables", until="2026-08-31")
def mdx(body: bytes) -> Iterator[Price]:
    """The source of the page in 2026: `rows={[["gpt-4.1", 2, 0.5, 8]]}`."""
    text = page.decode(body)
    for component in COMPONENT.finditer(text):
        tier = re.search(r'\btier="(\w+)"', component[1])
        rows = re.search(r"\brows=\{(?=\[)", component[1])
        if not tier or not rows or not PANE.fullmatch(tier[1]):
            raise page.Unreadable(
                f"a TextTokenPricingTables without a known tier and rows: {component[0][:200]!r}"
            )
        for row in _arrays(component[1], rows.end()):
            yield from _token_row(row, tier[1])
    for group in GROUP.finditer(text):
        tiers = re.findall(r'data-value="(\w+)"', text[: group.start()])
        for row in _arrays(text, group.end()):
            if len(row) == 2:
                yield from tool_prices(f"{group[1]} {row[0].line}", row[1])
            else:
                yield from _token_row(row, tiers[-1])


def _arrays(text: str, at: int) -> Iterator[list[page.Inline]]:
    """Yield the rows of an array of arrays that begins at `at`."""
    row: list[page.Inline] = []
    depth = 0
    while token := JAVASCRIPT.match(text, at):
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
            words = token["double"] or token["single"] or ""
            row.append(page.inline(re.sub(r"\\(.)", r"\1", words)))
        elif token["number"] or token["null"]:
            row.append(page.Inline(token["number"] or ""))
    raise page.Unreadable(f"not an array of rows: {text[at : at + 80]!r}")


def _token_row(row: Sequence[page.Inline], tier: str) -> Iterator[Price]:
    """`[model, input, cached input, output]`, since July 2026 with cache writes before the output.

    The output is the last place; rows of both lengths stand in one table.
    """
    meters = {
        4: ("input", "cached_input", "output"),
        5: ("input", "cached_input", "cache_write", "output"),
    }
    quote = " | ".join(cell.line for cell in row)
    if len(row) not in meters or not re.match(r"[a-z]", row[0].line):
        raise page.Unreadable(f"not a row of token prices: {quote!r}")
    name, context = model(row[0])
    terms: page.Terms = {"tier": tier, "context": context, "quote": quote}
    for meter, cell in zip(meters[len(row)], row[1:], strict=True):
        placed = page.Inline(cell.text, where=f"{tier} prices of {name}, {meter}")
        if price := page.price(placed, name, meter, per="1M tokens", currency="USD", **terms):
            yield price


@changelog.earlier(mark=r"\A\s*(?:<\?xml|<rss)", until="2026-01-31")
def feed(body: bytes) -> Iterator[Notice]:
    """The changelog as RSS, as it was served until January 2026."""
    yield from page.feed_notices(body)

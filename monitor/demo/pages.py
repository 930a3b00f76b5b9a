"""The pages of the demo's providers: true structure, ids, dates and prices, in words of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

Row = tuple[str, ...]

OPENAI_RETIREMENTS = "openai.deprecations"
OPENAI_PRICES = "openai.pricing"
CLAUDE_RETIREMENTS = "anthropic.deprecations"
CLAUDE_PRICES = "anthropic.pricing"
GEMINI_RETIREMENTS = "gemini.deprecations"
AZURE_RETIREMENTS = "azure.retirements"

#: A page that says 200 and is not the page: what stands before a site that takes its reader for a
#: robot.
WALL = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><p>Checking.</p></body></html>"
)


def table(header: Row, rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def openai_retirements(
    rows: Sequence[Row],
    header: Row = ("Shutdown date", "Model / system", "Recommended replacement"),
) -> bytes:
    """Rows of (announced, title, date, id, replacement), newest announcement first."""
    text = "# Deprecations\n\nA page of the demo.\n\n## Upcoming deprecations\n\n"
    for (announced, title), group in groupby(rows, key=lambda row: (row[0], row[1])):
        cells = [(row[2], f"`{row[3]}`", f"`{row[4]}`") for row in group]
        text += f"### {announced}: {title}\n\n" + table(header, cells) + "\n"
    return text.encode()


def openai_prices(rows: Mapping[str, tuple[str, str, str]]) -> bytes:
    """Prices of (input, cached input, output) in USD per 1M tokens, as the page's source has
    them.
    """
    lines = "\n".join(f'    ["{model}", {", ".join(prices)}],' for model, prices in rows.items())
    pane = (
        '<TextTokenPricingTables\n  client:load\n  tier="standard"\n'
        f"  rows={{[\n{lines}\n  ]}}\n/>\n"
    )
    return f"# Pricing\n\nPrices per 1M tokens.\n\n{pane}".encode()


def claude_retirements(status: Sequence[Row], history: Sequence[Row]) -> bytes:
    """Status rows of (id, state, deprecated, retires); history of (announced, title, retires, id,
    replacement).
    """
    header = ("API model name", "Current state", "Deprecated", "Tentative retirement date")
    text = "# Model deprecations\n\nA page of the demo.\n\n## Model status\n\n"
    text += table(header, [(f"`{row[0]}`", *row[1:]) for row in status])
    text += "\n## Deprecation history\n\n"
    for announced, title, retires, model, replacement in history:
        text += f"### {announced}: {title}\n\n"
        text += table(
            ("Retirement date", "Deprecated model", "Recommended replacement"),
            [(retires, f"`{model}`", f"`{replacement}`")],
        )
        text += "\n"
    return text.encode()


def claude_prices(rows: Sequence[Row]) -> bytes:
    """Rows of (name, input, 5m write, 1h write, hit, output), in USD per million tokens."""
    header = (
        "Model",
        "Base Input Tokens",
        "5m Cache Writes",
        "1h Cache Writes",
        "Cache Hits & Refreshes",
        "Output Tokens",
    )
    cells = [(row[0], *(f"${price} / MTok" for price in row[1:])) for row in rows]
    return (
        "# Pricing\n\nA page of the demo.\n\n## Model pricing\n\n" + table(header, cells)
    ).encode()


def gemini_retirements(rows: Sequence[Row], *, note: bool = False) -> bytes:
    """Rows of (id, released, date, replacement). With the ``note``, every date is the earliest
    possible one.
    """
    cells = "".join(
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>\n".format(
            row[0], row[1], row[2], f"<code>{row[3]}</code>" if row[3] else ""
        )
        for row in rows
    )
    head = "".join(
        f"<td><b>{name}</b></td>"
        for name in ("Model", "Release date", "Shutdown date", "Recommended replacement")
    )
    return (
        "<div><p>A page of the demo.</p>"
        + (
            "<aside>The dates listed in the table indicate the earliest possible dates.</aside>"
            if note
            else ""
        )
        + "<h2>Gemini 2.5 models</h2><table><thead><tr>"
        f"{head}</tr></thead><tbody>\n{cells}</tbody></table></div>"
    ).encode()


def azure_retirements(rows: Sequence[Row]) -> bytes:
    """Rows of (model, version, lifecycle, date, replacement)."""
    header = ("Model", "Version", "Lifecycle", "Retirement date", "Replacement")
    text = (
        "# Retirements\n\nA page of the demo.\n\n"
        "## Foundry Models sold by Azure\n\n### Azure OpenAI\n\n"
    )
    return (text + table(header, rows)).encode()

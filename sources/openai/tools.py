"""Read the prices of OpenAI's tools, each under one name and meter in all layouts of the price
list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from monitor.core.facts import Price
from monitor.reading import page

TOOLS = (
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
#: Searches keep the words of the page.
SEARCH = re.compile(r"(?:Web search )?((?:Image )?Web search .+?)(?: \[\d+\])?", re.IGNORECASE)
#: Sessions of a container, by memory; the minutes of the session belong to the unit.
SESSION = re.compile(r"((?:\d+ GB \$[\d.]+(?:, )?)+) per 20-minute session per container\.?")
BESIDE = re.compile(
    r"\s*(?:\+ search content tokens (?:billed at model rates|are free)\.?|\(1 ?gb free\)"
    r"|after 1 gb free per account per month)$",
    re.IGNORECASE,
)


def tool_prices(name: str, cell: page.Inline) -> Iterator[Price]:
    """Yield the prices of one tool, `name` being its group and its row, such as "File search
    Storage".
    """
    tool, meter = next(
        (fields for pattern, *fields in TOOLS if pattern.fullmatch(name.casefold())), ("", "")
    )
    if search := SEARCH.fullmatch(name):
        tool, meter = search[1], "call"
    if not tool:
        raise cell.error(f"unknown tool {name!r}")
    quote, note, per = f"{name} | {cell.line}", "", ""
    sizes = [("", BESIDE.sub("", cell.line))]
    if sessions := SESSION.fullmatch(cell.line):
        sizes = re.findall(r"(\d+ GB) (\$[\d.]+)", sessions[1])
        note, per = "20-minute session of one container", "session"
    for size, text in sizes:
        price = page.price(
            replace(cell, text=text),
            tool,
            meter,
            per=per,
            surface="tool",
            context=size,
            note=note,
            quote=quote,
        )
        if price:
            yield price

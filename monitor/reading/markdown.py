"""The blocks of a page in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.inline import CODE, inline

FENCE = re.compile(r"\s*(```|~~~)")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})\s*$")
DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d+[.)])\s+(.*)")
_PIPE = re.compile(r"(?<!\\)\|")


def markdown_blocks(text: str) -> list[Block]:
    found: list[Block] = []
    lines = text.splitlines()
    number = at = 0
    paragraph: list[str] = []

    def flush() -> None:
        if paragraph:
            said = inline("\n".join(paragraph))
            if said:
                found.append(Text(said))
            paragraph.clear()

    while at < len(lines):
        line = lines[at]
        if fence := FENCE.match(line):
            flush()
            at += 1
            while at < len(lines) and not lines[at].lstrip().startswith(fence[1]):
                at += 1
        elif heading := _HEADING.match(line):
            flush()
            found.append(Heading(len(heading[1]), inline(heading[2])))
        elif (
            len(paragraph) == 1
            and not _UNDERLINE.match(paragraph[0])
            and (under := _UNDERLINE.match(line))
        ):
            found.append(Heading(1 if under[1].startswith("=") else 2, inline(paragraph.pop())))
        elif (
            "|" in line
            and at + 1 < len(lines)
            and "|" in lines[at + 1]
            and DELIMITER.match(lines[at + 1])
        ):
            flush()
            number += 1
            table, at = _markdown_table(lines, at, number)
            found.append(table)
            continue
        elif item := _ITEM.match(line):
            flush()
            said = [item[2]]
            while (
                at + 1 < len(lines)
                and lines[at + 1].startswith(" ")
                and lines[at + 1].strip()
                and not _ITEM.match(lines[at + 1])
            ):
                at += 1
                said.append(lines[at].strip())
            found.append(
                Text(inline(" ".join(said)), 1 + len(item[1].expandtabs(4)) // 2, starts=True)
            )
        elif line.strip():
            paragraph.append(line)
        else:
            flush()
        at += 1
    flush()
    return found


def _markdown_table(lines: Sequence[str], at: int, number: int) -> tuple[Table, int]:
    """The table whose header is line ``at``, and the line after it."""
    header = tuple(inline(cell).line for cell in split_row(lines[at]))
    rows: list[RawRow] = []
    at += 2
    while at < len(lines) and "|" in lines[at]:
        line = lines[at]
        at += 1
        # A row broken over lines goes on in lines that do not start with a pipe.
        while (
            len(split_row(line)) < len(header)
            and at < len(lines)
            and "|" in lines[at]
            and not lines[at].lstrip().startswith("|")
        ):
            line = f"{line.rstrip().removesuffix('|').rstrip()} | {lines[at].strip()}"
            at += 1
        raw = split_row(line)
        cells = tuple(inline(cell) for cell in raw)
        # `| Preview models ||||` is how a cell over all columns looks in Markdown: the others have
        # no width at all.
        divider = len(header) > 1 and len(raw) > 1 and bool(cells[0]) and not any(raw[1:])
        rows.append(RawRow(cells, divider))
    return Table(header, tuple(rows), number), at


def split_row(line: str) -> list[str]:
    """The raw cells of a table line: pipes in code spans and after a backslash do not separate."""
    masked = CODE.sub(lambda match: match[0].replace("|", "\x01"), line.strip())
    cells = _PIPE.split(masked.removeprefix("|"))
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return [cell.replace("\x01", "|") for cell in cells]

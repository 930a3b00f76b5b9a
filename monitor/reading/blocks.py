"""The blocks of a page: headings, paragraphs, list items and tables, of HTML and Markdown alike."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.reading.inline import Inline


@dataclass(frozen=True)
class Heading:
    level: int
    inline: Inline


@dataclass(frozen=True)
class Text:
    """A paragraph or a list item.

    ``depth`` is 0 for a paragraph, and 1 or more for items of nested lists. ``starts`` marks the
    text that begins a list item; a further paragraph of the same item does not.
    """

    inline: Inline
    depth: int = 0
    starts: bool = False


@dataclass(frozen=True)
class RawRow:
    """A row as it stands. ``divider`` marks a cell over all columns, a title of the rows below."""

    cells: tuple[Inline, ...]
    divider: bool = False
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as a grid under its header, with its spans expanded.

    ``number`` counts the tables of the page from 1; 0 is a list that an adapter reads as the table
    it was.
    """

    header: tuple[str, ...]
    rows: tuple[RawRow, ...]
    number: int


Block = Heading | Text | Table

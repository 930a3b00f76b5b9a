"""A page as a list of blocks: headings, paragraphs, list items and tables, HTML and Markdown alike.

Markup is normalised once, here, so that no adapter has to know how a page happened to be served:
code spans, links, footnote marks, zero-width characters, the hyphens U+2010..2015, escaped pipes,
rowspan and colspan.

The HTML library is imported when it is first needed: a poll in which nothing changed needs none.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.errors import Unreadable

if TYPE_CHECKING:
    from bs4 import Tag

# --- text
# --------------------------------------------------------------------------------------------------

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_HYPHENS = re.compile("[\u2010-\u2015\u2212]")
#: Superscript digits and daggers are footnote marks; NFKC would turn them into digits of the number
#: before them.
_MARKS = re.compile("[\u00b9\u00b2\u00b3\u2070-\u2079\u2020\u2021]")
_SPACE = re.compile(r"[^\S\n]+")


def clean(text: str) -> str:
    """One line of plain text: compatibility forms folded, footnote marks and invisible characters
    removed.
    """
    text = unicodedata.normalize(
        "NFKC", _HYPHENS.sub("-", _MARKS.sub("", _INVISIBLE.sub("", text)))
    )
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def decode(body: bytes) -> str:
    """The text of a document: UTF-8, or what its byte order mark says. Raises Unreadable for
    anything else.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if body.startswith(mark):
            try:
                return body.decode(encoding)
            except UnicodeDecodeError as error:
                raise Unreadable(
                    f"not {encoding} text: {error.reason} at byte {error.start}"
                ) from error
    raise AssertionError  # every body starts with b""


def is_html(text: str) -> bool:
    """Whether a page is HTML rather than Markdown that happens to hold some tags."""
    return (
        re.match(
            r"\s*<(?!(?:style|Warning|Note|Tip|Info)\b)(?:!doctype|html|head|body|div|main|article|table|section|p|h\d)\b",
            text,
            re.IGNORECASE,
        )
        is not None
    )


_DOCUMENT = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
#: Bytes at the end of a page in which its last tag must stand: caches and servers add comments
#: behind it.
_TAIL = 2000


def damage(body: bytes) -> str | None:
    """What happened to a document on its way, or None: a web page without its end, a text that was
    encoded twice.

    HTML lets the last tags be left out; no page that is watched does. JSON and XML tell by
    themselves that they were cut, and Markdown has no end that could be missed."""
    if _DOCUMENT.match(body) and not any(
        tag in body[-_TAIL:].lower() for tag in (b"</html>", b"</body>")
    ):
        return "the page is cut: it has no </html>"
    return "the text was encoded twice" if _is_garbled(body) else None


def _is_garbled(body: bytes) -> bool:
    """Whether a document is UTF-8 that was taken for cp1252 or Latin-1 and encoded once more, as a
    whole.

    Then all that is not ASCII in it is UTF-8 of something, which no true letter is alone. What
    could not be encoded (U+FFFD) tells nothing."""
    runs = _BEYOND_ASCII.findall(body.decode("utf-8", "replace"))
    told = [run for run in runs if "\ufffd" not in run]
    return bool(told) and all(map(_is_utf8, told))


def _is_utf8(text: str) -> bool:
    """Whether characters are those that the bytes of UTF-8 have in cp1252, or in Latin-1 where that
    has none.
    """
    try:
        b"".join(
            character.encode("latin-1" if character < "\xa0" else "cp1252") for character in text
        ).decode()
    except UnicodeError:
        return False
    return True


@dataclass(frozen=True)
class Inline:
    """Normalised text of a cell, heading or paragraph, with the code spans and links that stood in
    it.

    ``where`` names the place in the document, for the message of an error.
    """

    text: str
    codes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    where: str = ""

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def line(self) -> str:
        """The text on one line."""
        return self.text.replace("\n", " ")

    def error(self, message: str) -> Unreadable:
        """An Unreadable that names this place."""
        return Unreadable(f"{self.where or 'document'}: {message}: {self.line!r}")


_CODE = re.compile(r"(?<!\\)(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?:[^()\s]|\([^()]*\))*)(?:\s+\"[^\"]*\")?\)")
_SUP = re.compile(r"<sup\b[^>]*>.*?</sup>|(?<=\S)\^[\w*\x00]+?\^", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_STRONG = re.compile(r"\*\*|(?<!\w)__|__(?!\w)")
_EMPHASIS = re.compile(
    r"(?<![\w*\\])\*(?=\S)([^*]*\S)\*(?![\w*])|(?<![\w\\])_(?=\S)([^_]*\S)_(?!\w)"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_HELD = re.compile("\x00(\\d+)\x00")


def inline(markdown: str, where: str = "") -> Inline:
    """Markdown (with the HTML that may stand in it) as normalised text."""
    codes: list[str] = []
    links: list[tuple[str, str]] = []
    held: list[str] = []

    def hold(said: str) -> str:
        """A place for text that is not markup any more."""
        held.append(said)
        return f"\x00{len(held) - 1}\x00"

    def code(match: re.Match[str]) -> str:
        codes.append(_code(html.unescape(match[2].replace("\\|", "|"))))
        return hold(codes[-1])

    def link(match: re.Match[str]) -> str:
        links.append((match[1], match[2]))
        return match[1]

    def restore(value: str) -> str:
        return _HELD.sub(lambda match: held[int(match[1])], value)

    def plain(value: str) -> str:
        value = _TAG.sub("", _BREAK.sub("\n", _SUP.sub("", value)))
        value = _EMPHASIS.sub(lambda m: m[1] or m[2], _STRONG.sub("", value))
        return clean(restore(html.unescape(value)))

    text = _ESCAPE.sub(lambda match: hold(match[1]), _CODE.sub(code, markdown))
    text = _LINK.sub(link, _IMAGE.sub("", text))
    named = tuple((plain(name), restore(href)) for name, href in links)
    return Inline(plain(text), tuple(codes), named, where)


def _code(text: str) -> str:
    """A code span without the footnote star that some pages glue to an id."""
    return clean(text).replace("\n", " ").rstrip("*")


def _inline_html(tag: Tag, where: str = "") -> Inline:
    from bs4.element import NavigableString, PreformattedString, Tag

    codes: list[str] = []
    links: list[tuple[str, str]] = []

    def walk(node: Tag) -> Iterator[str]:
        for child in node.children:
            if isinstance(child, PreformattedString):  # comments, doctypes
                continue
            if isinstance(child, NavigableString):
                yield _SPACE.sub(" ", str(child).replace("\n", " "))
            elif isinstance(child, Tag):
                if child.name in ("sup", "script", "style", "svg", "button"):
                    continue
                if child.name == "br":
                    yield "\n"
                    continue
                inner = "".join(walk(child))
                if child.name == "code":
                    codes.append(_code(inner))
                    yield codes[-1]
                elif child.name == "a":
                    links.append((clean(inner), str(child.get("href", ""))))
                    yield inner
                elif child.name in ("p", "div", "li", "ul", "ol", "tr"):
                    yield f"\n{inner}\n"
                else:
                    yield inner

    return Inline(clean("".join(walk(tag))), tuple(codes), tuple(links), where)


# --- blocks
# ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading:
    level: int
    inline: Inline


@dataclass(frozen=True)
class Text:
    """A paragraph or list item. ``depth`` is 0 for a paragraph, 1.. for items of nested lists.

    ``starts`` marks the text that begins a list item; a further paragraph of the same item does
    not."""

    inline: Inline
    depth: int = 0
    starts: bool = False


@dataclass(frozen=True)
class RawRow:
    cells: tuple[Inline, ...]
    divider: bool = False
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as a grid under its header; spans are already expanded.

    ``number`` counts the tables of the page from 1; 0 is a list that an adapter reads as the table
    it was."""

    header: tuple[str, ...]
    rows: tuple[RawRow, ...]
    number: int


Block = Heading | Text | Table


def blocks(body: bytes | str) -> list[Block]:
    """The headings, paragraphs, list items and tables of a page, in its order. HTML and Markdown
    alike.
    """
    text = decode(body) if isinstance(body, bytes) else body
    return _html_blocks(text) if is_html(text) else _markdown_blocks(text)


_FENCE = re.compile(r"\s*(```|~~~)")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})\s*$")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d+[.)])\s+(.*)")
_PIPE = re.compile(r"(?<!\\)\|")


def _markdown_blocks(text: str) -> list[Block]:
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
        if fence := _FENCE.match(line):
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
            and _DELIMITER.match(lines[at + 1])
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
    header = tuple(inline(cell).line for cell in _split(lines[at]))
    rows: list[RawRow] = []
    at += 2
    while at < len(lines) and "|" in lines[at]:
        line = lines[at]
        at += 1
        # A row broken over lines goes on in lines that do not start with a pipe.
        while (
            len(_split(line)) < len(header)
            and at < len(lines)
            and "|" in lines[at]
            and not lines[at].lstrip().startswith("|")
        ):
            line = f"{line.rstrip().removesuffix('|').rstrip()} | {lines[at].strip()}"
            at += 1
        raw = _split(line)
        cells = tuple(inline(cell) for cell in raw)
        # `| Preview models ||||` is how a cell over all columns looks in Markdown: the others have
        # no width at all.
        divider = len(header) > 1 and len(raw) > 1 and bool(cells[0]) and not any(raw[1:])
        rows.append(RawRow(cells, divider))
    return Table(header, tuple(rows), number), at


def _split(line: str) -> list[str]:
    """The raw cells of a table line: pipes in code spans and after a backslash do not separate."""
    masked = _CODE.sub(lambda match: match[0].replace("|", "\x01"), line.strip())
    cells = _PIPE.split(masked.removeprefix("|"))
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return [cell.replace("\x01", "|") for cell in cells]


def _html_blocks(text: str) -> list[Block]:
    from bs4 import BeautifulSoup, Tag

    soup = BeautifulSoup(text, "lxml")
    found: list[Block] = []
    number = 0

    def walk(node: Tag, depth: int) -> None:
        nonlocal number
        for child in node.children:
            if not isinstance(child, Tag):
                continue
            if child.name in ("script", "style", "template", "svg", "nav", "footer", "head"):
                continue
            if child.name == "table":
                number += 1
                found.append(_html_table(child, number))
                for stray in _beyond(child):
                    walk(stray, depth)
            elif len(child.name) == 2 and child.name[0] == "h" and child.name[1] in "123456":
                said = _inline_html(child)
                if said:
                    found.append(Heading(int(child.name[1]), said))
            elif child.name == "p":
                said = _inline_html(child)
                if said:
                    found.append(Text(said, depth))
            elif child.name in ("ul", "ol"):
                walk(child, depth + 1)
            elif child.name == "li":
                inner = child.find_all(("ul", "ol", "table", "p"))
                said = _inline_html(_without(child, inner)) if inner else _inline_html(child)
                first = len(found)
                if said:
                    found.append(Text(said, depth))
                if inner:
                    walk(child, depth)
                if (
                    len(found) > first
                    and isinstance(begun := found[first], Text)
                    and begun.depth == depth
                ):
                    found[first] = replace(begun, starts=True)
            else:
                walk(child, depth)

    walk(soup, 0)
    return found


def _without(item: Tag, inner: Sequence[Tag]) -> Tag:
    """A copy of a list item without the blocks nested in it."""
    import copy

    alone = copy.copy(item)
    for part in alone.find_all([tag.name for tag in inner]):
        part.extract()
    return alone


@dataclass
class _Line:
    """One ``<tr>`` after its spans were expanded. ``own`` counts the cells that stand in the row
    itself.
    """

    cells: list[Inline]
    own: int
    head: bool
    alone: bool
    classes: tuple[str, ...]


def _html_table(table: Tag, number: int) -> Table:
    lines = _grid(table)
    if lines and not any(line.head for line in lines):
        lines[0].head = True  # a table without <thead> has its header in its first row
    heads = [line.cells for line in lines if line.head]
    width = max(map(len, heads), default=0)
    titles = (
        dict.fromkeys(cells[column].line for cells in heads if column < len(cells))
        for column in range(width)
    )
    rows = []
    for line in lines:
        if line.head or not line.own or not any(line.cells):
            continue
        if line.alone and len(line.cells) < width:
            # a cell alone in its <tr> spans the rows that follow (Vertex prices): they carry it
            continue
        divider = line.own == 1 and width > 1 and len(line.cells) >= width
        rows.append(RawRow(tuple(line.cells), divider, line.classes))
    return Table(tuple(" ".join(title) for title in titles), tuple(rows), number)


_OF_TABLES = (
    "caption",
    "colgroup",
    "col",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "script",
    "style",
    "template",
)


def _grid(table: Tag) -> list[_Line]:
    """The rows of a table with rowspan and colspan expanded (HTML standard, "forming a table",
    4.9.12.1).
    """
    from bs4 import Tag

    lines: list[_Line] = []
    carried: dict[int, tuple[int, Inline]] = {}  # column -> (rows it still fills, cell)
    for cell in table.find_all(("td", "th")):
        if cell.find_parent(("tr", "table")) is table:
            cell.wrap(
                Tag(name="tr")
            )  # a cell outside of any row begins one (HTML standard, 13.2.6.4.13)
    for row in table.find_all("tr"):
        if row.find_parent("table") is not table:
            continue
        cells = row.find_all(("td", "th"), recursive=False)
        line: list[Inline] = []

        fresh: dict[int, tuple[int, Inline]] = {}
        for cell in cells:
            _carry(line, carried, fresh)
            said, down = _inline_html(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if down > 1:
                    fresh[len(line)] = (down - 1, said)
                line.append(said)
        _carry(line, carried, fresh)
        carried = {**carried, **fresh}
        head = row.parent is not None and row.parent.name == "thead"
        alone = len(cells) == 1 and _span(cells[0], "rowspan") > 1
        lines.append(_Line(line, len(cells), head, alone, tuple(row.get("class") or ())))
    return lines


def _beyond(table: Tag) -> Iterator[Tag]:
    """What stands in a table that nobody closed, wrapped for a walk: the next table ends it
    (13.2.6.4.9).

    A table within a cell is the cell's own affair.
    """
    from bs4 import Tag

    for part in (table, *table.find_all(("thead", "tbody", "tfoot", "tr"), recursive=False)):
        for child in list(part.children):
            if isinstance(child, Tag) and child.name not in _OF_TABLES:
                outside = Tag(name="div")
                outside.append(child)
                yield outside


def _carry(
    line: list[Inline], carried: dict[int, tuple[int, Inline]], fresh: dict[int, tuple[int, Inline]]
) -> None:
    """Put the cells that reach down from above into a row, as far as they come next."""
    while len(line) in carried:
        left, above = carried.pop(len(line))
        if left > 1:
            fresh[len(line)] = (left - 1, above)
        line.append(above)


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return min(max(int(value), 1), 1000) if value.isdigit() else 1


_OPENING = re.compile(rb"<(table|h[1-6])\b", re.IGNORECASE)
_CLOSING = {
    name: re.compile(rb"</" + name + rb"\s*+>", re.IGNORECASE)
    for name in (b"table", b"h1", b"h2", b"h3", b"h4", b"h5", b"h6")
}


def tables_and_headings(body: bytes) -> bytes:
    """A Source.focus for HTML: its tables and headings only, so that build ids and nonces around
    them do not count.
    """
    if not is_html(body[:200].decode("utf-8", "replace")):
        return body
    parts: list[bytes] = []
    endless: set[bytes] = (
        set()
    )  # what is closed nowhere below; sought again each time, it took minutes
    at = 0
    while opening := _OPENING.search(body, at):
        name, at = opening[1].lower(), opening.end()
        closing = None if name in endless else _CLOSING[name].search(body, at)
        if closing:
            parts.append(body[opening.start() : closing.end()])
            at = closing.end()
        else:
            endless.add(name)
    return b"<body>" + b"\n".join(parts) + b"</body>"

"""Helpers of adapters: tables by column names, sections, feeds, ids; with dates, money and markup
beside them.

Everything here is exact or raises Unreadable with the place and the text. An adapter imports from
this module only."""

from __future__ import annotations

import calendar
import io
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from monitor.core.facts import Fact, When
from monitor.errors import Unreadable
from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.dates import when
from monitor.reading.document import blocks, decode, is_html
from monitor.reading.focus import tables_and_headings
from monitor.reading.inline import Inline, clean, inline
from monitor.reading.money import NO_PRICE, Money, above, amount, money, unit

__all__ = [
    "NO_PRICE",
    "Block",
    "Element",
    "Entry",
    "Heading",
    "Inline",
    "Layout",
    "Money",
    "RawRow",
    "Row",
    "Section",
    "Table",
    "Text",
    "Unreadable",
    "above",
    "amount",
    "blocks",
    "clean",
    "codes",
    "decode",
    "elements",
    "entries",
    "inline",
    "is_html",
    "layout",
    "money",
    "newest",
    "parsed_json",
    "sections",
    "sentences",
    "tables",
    "tables_and_headings",
    "unit",
    "when",
]

# --- tables by column names
# --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """One known shape of a table: a role for each column that is read, and the columns that are
    not.

    A column is given by its header, case-folded; several names of one column are separated by ``|``
    and a trailing ``*`` matches any ending. All columns of a layout are required. ``under`` is a
    regular expression that one of the headings above must match. ``fill`` are roles whose empty
    cell repeats the cell above. ``spill`` is the role that takes the surplus when unescaped pipes
    gave a row too many cells. ``short`` is the role of a last column which a row may leave out: GFM
    (4.10) takes its cell for an empty one."""

    columns: Mapping[str, str]
    ignore: tuple[str, ...] = ()
    under: str = ""
    fill: tuple[str, ...] = ()
    spill: str = ""
    short: str = ""

    @cached_property
    def headers(self) -> tuple[str, ...]:
        return (*self.columns.values(), *self.ignore)

    def claims(self, header: Sequence[str], path: Sequence[str]) -> bool:
        if self.under and not any(
            re.search(self.under, heading, re.IGNORECASE) for heading in path
        ):
            return False
        return all(_column(header, names) is not None for names in self.headers)


def layout(
    *,
    ignore: Sequence[str] = (),
    under: str = "",
    fill: Sequence[str] = (),
    spill: str = "",
    short: str = "",
    **columns: str,
) -> Layout:
    """A Layout, roles as keyword arguments: ``layout(model="model / system|system",
    retires="shutdown date")``.
    """
    return Layout(columns, tuple(ignore), under, tuple(fill), spill, short)


def _column(header: Sequence[str], names: str) -> int | None:
    for name in names.split("|"):
        wanted = clean(name).casefold()
        for number, title in enumerate(header):
            folded = title.casefold()
            if folded == wanted or (wanted.endswith("*") and folded.startswith(wanted[:-1])):
                return number
    return None


@dataclass(frozen=True)
class Row(Mapping[str, Inline]):
    """One row of a claimed table: its cells by role, and where it stood.

    ``path`` are the headings above, outermost first; ``before`` the paragraph just above the table;
    ``group`` the last divider row; ``nth`` counts the tables since the last heading, from 1;
    ``headers`` gives the header as printed by role; ``classes`` the HTML classes of the row.
    """

    cells: Mapping[str, Inline]
    layout: Layout = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    path: tuple[str, ...] = ()
    before: str = ""
    group: str = ""
    nth: int = 1
    table: int = 1
    classes: tuple[str, ...] = ()
    quote: str = ""

    def __getitem__(self, role: str) -> Inline:
        return self.cells[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def heading(self) -> str:
        return self.path[-1] if self.path else ""


def tables(
    body: bytes | str | Sequence[Block], *layouts: Layout, skip: Sequence[Layout] = ()
) -> Iterator[Row]:
    """Every row of every table, by role.

    Raises Unreadable for a table that neither a layout nor ``skip`` claims, for a row that does not
    fit its header, and for an unknown column beside a layout which another, larger one contains:
    that is how a renamed column looks. An unknown column beside a complete layout is somebody's
    addition and is let be."""
    page = blocks(body) if isinstance(body, bytes | str) else body
    path: list[tuple[int, str]] = []
    before, nth = "", 0
    for block in page:
        if isinstance(block, Heading):
            path = [(level, text) for level, text in path if level < block.level] + [
                (block.level, block.inline.line)
            ]
            before, nth = "", 0
        elif isinstance(block, Text):
            before = block.inline.line
        else:
            nth += 1
            headings = tuple(text for _, text in path)
            claimed = _claim(block, headings, layouts, skip)
            if claimed:
                yield from _rows(block, claimed, headings, before, nth)
            before = ""


def _place(table: Table, headings: Sequence[str]) -> str:
    return (f"table {table.number}" if table.number else "a list") + (
        f" under {headings[-1]!r}" if headings else ""
    )


def _claim(
    table: Table, headings: tuple[str, ...], layouts: Sequence[Layout], skip: Sequence[Layout]
) -> Layout | None:
    titles = " | ".join(table.header)
    fits = [known for known in layouts if known.claims(table.header, headings)]
    passed = [known for known in skip if known.claims(table.header, headings)]
    if not fits and not passed:
        raise Unreadable(
            f"{_place(table, headings)}: no known layout has these columns: {titles!r}"
        )
    best = max(fits or passed, key=lambda known: (bool(known.under), len(known.headers)))
    known = {_column(table.header, names) for names in best.headers}
    unknown = [title for number, title in enumerate(table.header) if number not in known]
    # A layout without columns names a place, not a shape: what stands there is let be.
    contained = best.headers and any(set(best.headers) < set(other.headers) for other in layouts)
    if unknown and contained:
        raise Unreadable(
            f"{_place(table, headings)}: unknown column {unknown[0]!r} among {titles!r}; was one "
            "renamed?"
        )
    return best if fits else None


def _rows(
    table: Table, known: Layout, headings: tuple[str, ...], before: str, nth: int
) -> Iterator[Row]:
    place = _place(table, headings)
    found = {role: _column(table.header, names) for role, names in known.columns.items()}
    at = {role: column for role, column in found.items() if column is not None}
    headers = {role: table.header[column] for role, column in at.items()}
    group = ""
    above: dict[str, Inline] = {}
    width = len(table.header)
    for number, row in enumerate(table.rows, 1):
        cells = list(row.cells)
        where = f"{place}, row {number}"
        if row.divider:
            group = cells[0].line
            continue
        if len(cells) > width and known.spill:
            spill = at[known.spill]
            surplus = len(cells) - width + 1
            parts = cells[spill : spill + surplus]
            merged = Inline(
                " | ".join(part.text for part in parts),
                tuple(code for part in parts for code in part.codes),
                tuple(link for part in parts for link in part.links),
            )
            cells[spill : spill + surplus] = [merged]
        if known.short and len(cells) == at[known.short] == width - 1:
            cells.append(Inline(""))
        if len(cells) != width:
            text = " | ".join(cell.line for cell in cells)
            raise Unreadable(f"{where}: {len(cells)} cells under {width} columns: {text!r}")
        said: dict[str, Inline] = {}
        for role, column in at.items():
            cell = cells[column]
            if not cell and role in known.fill and role in above:
                cell = above[role]
            said[role] = above[role] = Inline(
                cell.text, cell.codes, cell.links, f"{where}, column {table.header[column]!r}"
            )
        yield Row(
            said,
            known,
            headers,
            headings,
            before,
            group,
            nth,
            table.number,
            row.classes,
            " | ".join(cell.line for cell in cells),
        )


# --- sections and feeds
# ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """A heading, the headings above it, and the paragraphs and list items up to the next
    heading.
    """

    path: tuple[str, ...]
    heading: Inline
    level: int
    texts: tuple[Text, ...]


def sections(body: bytes | str | Sequence[Block]) -> Iterator[Section]:
    """The sections of a page, in its order; text before the first heading belongs to none."""
    page = blocks(body) if isinstance(body, bytes | str) else body
    path: list[Heading] = []
    texts: list[Text] = []

    def done() -> Iterator[Section]:
        if path:
            above = tuple(heading.inline.line for heading in path[:-1])
            yield Section(above, path[-1].inline, path[-1].level, tuple(texts))
        texts.clear()

    for block in page:
        if isinstance(block, Heading):
            yield from done()
            path = [heading for heading in path if heading.level < block.level] + [block]
        elif isinstance(block, Text):
            texts.append(block)
    yield from done()


@dataclass(frozen=True)
class Element:
    """An MDX element: its attributes (a value in braces as it stands in them) and the Markdown in
    it, dedented.
    """

    attributes: Mapping[str, str]
    text: str

    def __getitem__(self, name: str) -> str:
        """An attribute that must be there."""
        if name not in self.attributes:
            raise Unreadable(f"an element without {name!r}: {self.text[:80]!r}")
        return self.attributes[name]


_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|\{([^}]*)\})")


def elements(page: str, name: str) -> list[Element]:
    """The elements of that name in the Markdown of a Mintlify site, such as ``<Update
    label="2026-08-14">``.

    Raises Unreadable where one does not end, or stands in another of its name.
    """
    tag = re.compile(
        rf"<(?P<end>/?){name}(?![\w.-])(?P<attributes>(?:[^<>\"{{/]|\"[^\"]*\"|\{{[^{{}}]*\}})*)(?P<alone>/?)>"
    )
    found, tags, opened = [], 0, None
    for match in tag.finditer(page):
        tags += 1
        if bool(match["end"]) != bool(opened):
            raise Unreadable(f"a <{name}> without an end, or within another")
        if opened or match["alone"]:
            start = opened or match
            values = {
                key: quoted or braced
                for key, quoted, braced in _ATTRIBUTE.findall(start["attributes"])
            }
            text = page[start.end() : match.start()]
            attributes = {key: inline(value).line for key, value in values.items()}
            found.append(Element(attributes, textwrap.dedent(text.strip("\n")).rstrip()))
        opened = None if match["end"] or match["alone"] else match
    if opened or tags != len(re.findall(rf"</?{name}(?![\w.-])", page)):
        raise Unreadable(f"a <{name}> without an end, or within another")
    return found


def sentences(said: Inline) -> list[Inline]:
    """The sentences of a paragraph, each with the code spans and links that stand in it."""
    text, found = said.line, []
    spans = [match.span() for match in re.finditer(r"\S.*?(?:[.!?](?=\s)|$)", text)]
    code_at, link_at = (
        _offsets(text, said.codes),
        _offsets(text, [name.replace("\n", " ") for name, _ in said.links]),
    )
    for start, end in spans:
        spans_in = tuple(
            code for code, at in zip(said.codes, code_at, strict=True) if start <= at < end
        )
        links_in = tuple(
            link for link, at in zip(said.links, link_at, strict=True) if start <= at < end
        )
        found.append(Inline(text[start:end], spans_in, links_in, said.where))
    return found


def _offsets(text: str, parts: Sequence[str]) -> list[int]:
    """Where parts that follow each other in a text stand in it."""
    found, at = [], 0
    for part in parts:
        at = text.index(part, at)
        found.append(at)
        at += len(part)
    return found


AnyFact = TypeVar("AnyFact", bound=Fact)


def newest(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """One fact for each key of a page that has its newest entry first; an older one stays in the
    note of the first.
    """
    first: dict[str, AnyFact] = {}
    for fact in facts:
        known = first.setdefault(fact.key, fact)
        if known.value != fact.value:
            first[fact.key] = replace(
                known, note="; ".join(filter(None, (known.note, f"earlier: {fact.quote}")))
            )
    return list(first.values())


@dataclass(frozen=True)
class Entry:
    """One item of a feed: plain text, and the day or instant it was published. ``markup`` is its
    body as served.
    """

    title: str
    link: str
    published: When | None
    summary: str
    markup: str = field(default="", compare=False)


#: Everything before the first start tag.
_BEFORE_ROOT = re.compile(r"(?:[^<]++|<(?![a-z]))*+", re.IGNORECASE)


def entries(body: bytes, *, dated: bool = False) -> list[Entry]:
    """The items of an RSS or Atom feed, each with its date if the feed is known to be ``dated``.

    feedparser is given a file to read, since it opens whatever looks like a path or URL, bytes
    included. It never raises by itself: a broken document is ``bozo`` with no entries, and an empty
    one is not even that. What is UTF-8 is read so, whatever it declares; other bytes must be what
    they declare, since a guess of their encoding would make other words of them. A feed that
    declares entities is refused: they expand without end, or name files."""
    import feedparser

    try:
        prolog = _BEFORE_ROOT.match(body.decode("utf-8"))
        headers = {"content-type": "application/xml; charset=utf-8"}
    except UnicodeDecodeError:
        prolog = _BEFORE_ROOT.match(body.decode("latin-1"))
        headers = {}
    if prolog and "<!ENTITY" in prolog[0]:
        raise Unreadable("a feed that declares entities")
    try:
        parsed: Any = feedparser.parse(
            io.BytesIO(body),
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers=headers,
        )
    except ValueError as error:  # feedparser stumbles over its own guess of an encoding
        raise Unreadable(f"not a well-formed feed: {error}") from error
    if parsed.bozo:
        raise Unreadable(f"not a well-formed feed: {parsed.bozo_exception}")
    if not parsed.get("version"):
        raise Unreadable("not a feed")
    found = []
    for item in parsed.entries:
        stamp, said = item.get("published_parsed"), item.get("published")
        if (
            said is None and "updated" in item
        ):  # asked for by get(), feedparser gives the other and warns
            stamp, said = item.get("updated_parsed"), item["updated"]
        if stamp is None and said:
            raise Unreadable(f"item {inline(item.get('title', '')).line!r}: no date: {said!r}")
        instant = datetime.fromtimestamp(calendar.timegm(stamp), UTC) if stamp else None
        published = When(instant.strftime("%Y-%m-%dT%H:%MZ")) if instant else None
        title, summary = inline(item.get("title", "")).line, inline(item.get("summary", "")).line
        markup = item["content"][0]["value"] if item.get("content") else item.get("summary", "")
        found.append(Entry(title, item.get("link", ""), published, summary, markup))
    if found and not any(entry.title for entry in found):
        raise Unreadable("no item has a title")
    if dated and any(entry.published is None for entry in found):
        raise Unreadable("an item without a date")
    return found


# --- JSON
# --------------------------------------------------------------------------------------------------


def parsed_json(body: bytes) -> Any:
    """A JSON document in which a number with a point or an exponent is its own text: money is never
    a float.

    Raises Unreadable for what RFC 8259 leaves open and a parser would decide in silence: a name
    that is given twice with two values, ``NaN`` and ``Infinity``, and more levels than the parser
    can follow."""
    try:
        return json.loads(
            decode(body), parse_float=str, parse_constant=_no_number, object_pairs_hook=_object
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if value != found[name]:
                raise ValueError(f"{name!r} is given twice: {value!r} and {found[name]!r}")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


# --- ids
# ------------------------------------------------------------------------------------------------

_ID = re.compile(r"[A-Za-z0-9][\w.:/@+-]*")


def codes(cell: Inline) -> list[str]:
    """The ids a cell names: its code spans, or its comma- and or-separated words where it has none.

    A pipe separates an id from its aliases, in a code span (``a | b``) and between spans. Raises
    Unreadable for a cell that holds neither.
    """
    spans = cell.codes or tuple(re.split(r"\s*(?:,|\||\bor\b|\band\b|\n)\s*", cell.text))
    found = [name.strip() for span in spans for name in re.split(r"[|,]", span)]
    ids = [name.rstrip("*") for name in found if name.strip("*")]
    wrong = [name for name in ids if not _ID.fullmatch(name)]
    if wrong or not ids:
        raise cell.error("no model id")
    return list(dict.fromkeys(ids))

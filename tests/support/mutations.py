"""Pages with one thing wrong: a header renamed, a column gone, a date or price that is none, in a
table or not.

A page is taken apart into its table cells and the text between them, so that each mutant is made
from the real text by a join. HTML and Markdown are one kind of page here, as they are to adapters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bs4 import BeautifulSoup

from monitor.core.facts import Notice
from monitor.errors import Implausible, Unreadable
from monitor.reading.dates import MONTHS, when
from monitor.reading.document import is_html
from monitor.reading.inline import inline
from monitor.reading.markdown import DELIMITER, split_row
from monitor.reading.money import money
from monitor.reading.source import Source

RENAMED = "Quux"
#: What makes a cell worth garbling, and what it is made into.
GARBLED: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda said: when(said, order="mdy"), "Smarch 45th, 20x6"),
    (money, "$1.x2 / furlong"),
)


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell where it originates; ``width`` columns from ``column`` on are under it."""

    table: int
    row: int
    column: int
    head: bool
    before: str
    inner: str
    after: str = ""
    width: int = 1

    @property
    def text(self) -> str:
        return inline(self.inner).line

    @property
    def columns(self) -> range:
        return range(self.column, self.column + self.width)

    def narrower(self) -> str:
        """The cell's text when one of its columns is gone."""
        if self.width == 1:
            return ""
        return (
            re.sub(r'colspan="\d+"', f'colspan="{self.width - 1}"', self.before)
            + self.inner
            + self.after
        )


@dataclass
class Page:
    parts: list[str | Cell] = field(default_factory=list)

    @property
    def cells(self) -> list[Cell]:
        return [part for part in self.parts if isinstance(part, Cell)]

    def with_inner(self, changed: Mapping[Cell, str]) -> str:
        """The page with other text in some cells."""
        return "".join(
            part
            if isinstance(part, str)
            else part.before + changed.get(part, part.inner) + part.after
            for part in self.parts
        )

    def without_column(self, table: int, column: int) -> str:
        return "".join(
            part
            if isinstance(part, str)
            else part.narrower()
            if part.table == table and column in part.columns
            else part.before + part.inner + part.after
            for part in self.parts
        )

    def without_row(self, table: int, row: int) -> str:
        return "".join(
            part if isinstance(part, str) else part.before + part.inner + part.after
            for part in self.parts
            if isinstance(part, str) or (part.table, part.row) != (table, row)
        )


def page(text: str) -> Page:
    return Page(list(_html(text) if is_html(text) else _markdown(text)))


_FENCE = re.compile(r"\s*(```|~~~)")


def _markdown(text: str) -> Iterator[str | Cell]:
    lines = [*text.splitlines(), ""]
    at = table = 0
    while at < len(lines) - 1:
        if fence := _FENCE.match(lines[at]):
            end = at + 1
            while end < len(lines) and not lines[end].lstrip().startswith(fence[1]):
                end += 1
            yield "\n".join(lines[at : end + 1]) + "\n"
            at = end + 1
        elif "|" in lines[at] and "|" in lines[at + 1] and DELIMITER.match(lines[at + 1]):
            table += 1
            first, width = at, len(split_row(lines[at]))
            while "|" in lines[at]:
                head, cells = at == first, split_row(lines[at])
                at += 1
                while (
                    len(cells) < width
                    and "|" in lines[at]
                    and not lines[at].lstrip().startswith("|")
                ):
                    cells += split_row(lines[at])  # a row broken over lines
                    at += 1
                yield from (
                    Cell(table, at, column, head, "|", inner) for column, inner in enumerate(cells)
                )
                yield Cell(
                    table, at, width, False, "|", "\n", width=0
                )  # goes with its row, and with no column
        else:
            yield lines[at] + "\n"
            at += 1


def _html(text: str) -> Iterator[str | Cell]:
    soup = BeautifulSoup(text, "lxml")
    cells: list[Cell] = []
    shown = [
        table
        for table in soup("table")
        if not table.find_parent(["nav", "footer", "template", "table"])
    ]
    for number, table in enumerate(shown, 1):
        rows = table("tr")
        has_head = table.find("thead") is not None
        taken: set[tuple[int, int]] = set()
        for at, row in enumerate(rows):
            column = 0
            for tag in row(["td", "th"], recursive=False):
                while (at, column) in taken:
                    column += 1
                down, width = (int(str(tag.get(name, 1))) for name in ("rowspan", "colspan"))
                taken |= {(at + y, column + x) for y in range(down) for x in range(width)}
                head = (
                    row.parent is not None and row.parent.name == "thead" if has_head else at == 0
                )
                opening = tag.decode().partition(">")[0] + ">"
                cells.append(
                    Cell(
                        number,
                        at,
                        column,
                        head,
                        opening,
                        tag.decode_contents(),
                        f"</{tag.name}>",
                        width,
                    )
                )
                column += width
                tag.replace_with(f"\ue000{len(cells) - 1}\ue001")
    for number, part in enumerate(re.split("\ue000(\\d+)\ue001", soup.decode())):
        yield cells[int(part)] if number % 2 else part


# --- what a mutant must do
# ---------------------------------------------------------------------------------

Told = list[tuple[str, tuple[object, ...]]] | str


def told(source: Source, text: str) -> Told:
    """What a page says to a source: its facts, or the message with which it was refused."""
    try:
        return [(fact.key, fact.value) for fact in source.read(text.encode())]
    except Unreadable as error:
        return str(error)


def page_faults(source: Source, text: str, across: Collection[str] = ()) -> list[str]:
    """Every mutant of an HTML or Markdown page that is neither refused nor says exactly what the
    page says.

    A refusal of a renamed header or of garbage has to name the table. ``across`` are the first
    headers of tables whose columns are models: there the first cell of each row is its name, and
    rows are what may be gone."""
    whole = page(text)
    facts = told(source, text)
    if isinstance(facts, str) or told(source, whole.with_inner({})) != facts:
        return [f"cannot be taken apart: {facts} became {told(source, whole.with_inner({}))}"]
    faults: list[str] = []

    def fault(cell: Cell, what: str, said: Told) -> None:
        answer = said if isinstance(said, str) else _difference(facts, said)
        faults.append(
            f"table {cell.table}, column {cell.column + 1} ({cell.text!r}) {what}: {answer}"
        )

    turned = {
        cell.table for cell in whole.cells if cell.head and cell.column == 0 and cell.text in across
    }
    for cell in whole.cells:
        if cell.table not in turned:
            names, lines, without = cell.head, cell.columns, whole.without_column
        else:
            names = not cell.head and cell.column == 0 and bool(cell.text.strip(":-"))
            lines, without = range(cell.row, cell.row + 1), whole.without_row
        if not names:
            continue
        gone = [told(source, without(cell.table, line)) for line in lines]
        for said in gone:
            if isinstance(said, list) and said != facts:
                fault(cell, "gone", said)
        said = told(source, whole.with_inner({cell: RENAMED}))
        # What can be gone without loss is not read, so its name may be anything.
        unread = said == facts and all(without_it == facts for without_it in gone)
        if not unread and not _refused(said, f"table {cell.table}"):
            fault(cell, "renamed", said)
    for cell in whole.cells:
        for reads, garbage in GARBLED:
            if cell.head or not _reads(reads, cell.inner):
                continue
            said = told(source, whole.with_inner({cell: garbage}))
            # Versions look like dates but are names: they come through as they are printed.
            verbatim = isinstance(said, list) and repr(said).replace(garbage, cell.text) == repr(
                facts
            )
            if (
                said != facts
                and not verbatim
                and not _refused(said, f"table {cell.table}", garbage)
            ):
                fault(cell, f"made {garbage!r}", said)
    return list(dict.fromkeys(faults))


# --- damage outside tables
# ---------------------------------------------------------------------------------

_MONTH = rf"\b(?:{'|'.join(MONTHS)})\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|GMT|[+-]\d\d:?\d\d))?)?"
#: What looks like a date or a price, wherever it stands. A date behind a letter, digit, point or
#: hyphen is in an id.
_TELLING = re.compile(
    rf"(?<![\w.-])(?:\d{{4}}[-\u2010\u2011/]\d\d[-\u2010\u2011/]\d\d{_CLOCK}|\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d\d)\b"
    rf"|{_MONTH},? {_DAY}(?:,? \d{{4}})?\b|{_DAY} {_MONTH},? \d{{4}}{_CLOCK}|{_MONTH},? \d{{4}})"
    r"|(?P<price>\$ ?\d+(?:[.,]\d+)*)",
    re.IGNORECASE,
)


def text_faults(source: Source, text: str) -> list[str]:
    """Every date and price, in a table or not, whose garbling goes unnoticed and changes what the
    page says.

    A title or an id may hold a date: there the garbage comes through as it is printed.
    """
    facts = _said(source, text)
    if isinstance(facts, str):
        return [f"cannot be read: {facts}"]
    faults: list[str] = []
    for match in _TELLING.finditer(text):
        garbage = "$1.x2" if match["price"] else "Smarch 45th, 20x6"
        said = _said(source, text[: match.start()] + garbage + text[match.end() :])
        if isinstance(said, str) or said == facts:
            continue
        if repr(said).replace(garbage, inline(match[0]).line) != repr(facts):
            line = text.count("\n", 0, match.start()) + 1
            faults.append(f"line {line}: {match[0]!r} made {garbage!r}: {_difference(facts, said)}")
    return faults


def _said(source: Source, text: str) -> Told:
    """What a page says, but for the titles of its notices: they are wording, and now and then cut
    to a length.
    """
    try:
        facts = source.read(text.encode())
    except Unreadable as error:
        return str(error)
    untitled = [replace(fact, title="") if isinstance(fact, Notice) else fact for fact in facts]
    return [(fact.key, fact.value) for fact in untitled]


def _refused(said: Told, *names: str) -> bool:
    """Whether a page was refused with a message that names the place; a missing marker names
    itself.
    """
    if isinstance(said, list):
        return False
    return "the document lacks" in said or all(
        re.search(rf"{re.escape(name)}(?!\d)", said) for name in names
    )


def _reads(reads: Callable[[str], object], text: str) -> bool:
    try:
        return reads(text) is not None
    except Unreadable:
        return False


def _difference(facts: Told, said: Told) -> str:
    """The first fact lost or changed, and how many more."""
    lost = [fact for fact in facts if fact not in said]
    new = [fact for fact in said if fact not in facts]
    return f"silently {len(lost)} facts less, {len(new)} others, such as {(lost or new)[:1]}"


def json_faults(source: Source, document: Any, required: Mapping[str, set[str]]) -> list[str]:
    """Every required key whose loss, or other name, in one object goes unnoticed and changes what
    the document says.
    """
    facts = told(source, json.dumps(document))
    faults: list[str] = []
    for path, item in objects(document):
        for key in sorted(required[path]):
            was = dict(item)
            for what, name in (("gone", None), ("renamed", RENAMED)):
                item.clear()
                item.update(
                    {name if k == key else k: v for k, v in was.items() if name or k != key}
                )
                said = told(source, json.dumps(document))
                if isinstance(said, list) and said != facts:
                    faults.append(f"{path}.{key} {what}: {_difference(facts, said)}")
            item.clear()
            item.update(was)
    return faults


def objects(value: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a JSON document with its path; members of lists, and of objects used as maps,
    share one path.

    A list at the top holds the pages of a list that an API gives in pages; each is a document of
    its own."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item, path if path == "$" else f"{path}[]")
    elif (
        isinstance(value, dict)
        and len(value) > 1
        and all(isinstance(item, dict) for item in value.values())
    ):
        for item in value.values():  # keys are names (models.dev, LiteLLM), not fields
            yield from objects(item, f"{path}{{}}")
    elif isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from objects(item, f"{path}.{key}")


def required_keys(documents: list[Any]) -> dict[str, set[str]]:
    """By path the keys that every object there has. What may be missing has to be shown missing in
    some fixture.
    """
    found: dict[str, set[str]] = {}
    for document in documents:
        for path, item in objects(document):
            found[path] = found.get(path, set(item)) & set(item)
    return found


# --- seeded damage
# -----------------------------------------------------------------------------------------

_PIECE = re.compile(rb"</?[A-Za-z][^<>]*>|\\?\||`+|[{}\[\]\",:]|^#+ |^- ", re.MULTILINE)
_CELL = re.compile(
    rb"(?<=\|)[^|\n]*(?=\|)|(?<=<td>).*?(?=</td>)|(?<=: )[^\n,{}\[\]]+(?=,?\n)|(?<=>)[^<>\n]+(?=</)"
)


def flipped(body: bytes, chance: Random) -> bytes:
    """The document with one to eight bytes made others."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def stripped(body: bytes, chance: Random) -> bytes:
    """The document without one to three tags, pipes, backticks, brackets or other marks of
    structure.
    """
    for _ in range(chance.randint(1, 3)):
        if found := list(_PIECE.finditer(body)):
            mark = chance.choice(found)
            body = body[: mark.start()] + body[mark.end() :]
    return body


def swapped(body: bytes, chance: Random) -> bytes:
    """The document with two cells, values or texts in each other's place."""
    found = list(_CELL.finditer(body))
    if len(found) < 2:
        return body
    one, other = sorted(chance.sample(found, 2), key=lambda match: match.start())
    return (
        body[: one.start()]
        + other[0]
        + body[one.end() : other.start()]
        + one[0]
        + body[other.end() :]
    )


def doubled(body: bytes, chance: Random) -> bytes:
    """The document with one of its lines, or of its rows, twice."""
    lines = re.split(rb"(?<=\n)|(?<=</tr>)", body)
    at = chance.randrange(len(lines))
    return b"".join(lines[: at + 1] + lines[at:])


def truncated(body: bytes, chance: Random) -> bytes:
    """The beginning of the document."""
    return body[: chance.randrange(len(body))]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    flipped,
    stripped,
    swapped,
    doubled,
    truncated,
)


#: What an adapter may stumble over in a JSON document: a key that is not there, or a value of
#: another type.
SHAPES = (KeyError, TypeError, AttributeError)


def damage_faults(source: Source, name: str, body: bytes, rounds: int) -> list[str]:
    """What left an adapter and was not its own refusal, over so many seeded damages of a
    document.
    """
    expected = (
        Unreadable,
        Implausible,
        *(SHAPES if body.lstrip().startswith((b"{", b"[")) else ()),
    )
    faults: list[str] = []
    for number in range(rounds):
        chance = Random(f"{name} {number}")
        damage = chance.choice(DAMAGES)
        try:
            source.read(damage(body, chance))
        except Unreadable as error:
            if not isinstance(error.__cause__ or error, expected):
                faults.append(f"{name} {number} ({damage.__name__}): {error}")
    return faults


# --- qualifiers
# --------------------------------------------------------------------------------------------

_S = r"(?:\s|&nbsp;|\*\*|</?\w+>)+"
#: Words that make a day a floor or a last day, as pages print them (monitor.reading.dates).
_QUALIFIER = re.compile(
    r"\b(?:(?:EOL |starting )?(?:not|no) (?:sooner|earlier) than|not? before|(?:no|not) later "
    r"than|on or before"
    r"|at (?:the )?earliest(?: on| in)?|earliest(?: possible)?(?: on| in)?|or "
    r"later|by)\b|\(earliest\)".replace(" ", _S),
    re.IGNORECASE,
)
_MONTH_ALONE = re.compile(
    rf"(?<!\d )(?<!\d(?:st|nd|rd|th) )({_MONTH}),? (\d{{4}})\b", re.IGNORECASE
)
_QUARTER = re.compile(r"\b(?:Q[1-4],? (\d{4})|(\d{4})[ -]Q[1-4])\b")


def unqualified(text: str) -> Iterator[tuple[str, str]]:
    """Every page on which one date promises more: words of a bound dropped, a whole sentence with
    such words dropped, a month made its first day, a quarter its year. With what was done."""
    for match in _QUALIFIER.finditer(text):
        yield f"without {match[0]!r}", text[: match.start()] + text[match.end() :].lstrip(" ")
        start = max(text.rfind(end, 0, match.start()) for end in (". ", "\n", ">")) + 1
        ends = [at for at in (text.find(end, match.end()) for end in (". ", "\n", "<")) if at >= 0]
        yield (
            f"without the sentence of {match[0]!r}",
            text[:start] + text[min(ends, default=len(text)) :],
        )
    for match in _MONTH_ALONE.finditer(text):
        yield (
            f"{match[0]!r} with a day",
            text[: match.start()] + f"{match[1]} 1, {match[2]}" + text[match.end() :],
        )
    for match in _QUARTER.finditer(text):
        yield (
            f"{match[0]!r} as a year",
            text[: match.start()] + (match[1] or match[2]) + text[match.end() :],
        )

"""Read tables by the names of their columns. A layout claims a table, or the page is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from monitor.errors import Unreadable
from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.document import blocks
from monitor.reading.inline import Inline, clean


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
        """Return True if the table under these headings has all columns of the layout."""
        if self.under and not any(
            re.search(self.under, heading, re.IGNORECASE) for heading in path
        ):
            return False
        return all(_columns(header, names) for names in self.headers)


def layout(
    *,
    ignore: Sequence[str] = (),
    under: str = "",
    fill: Sequence[str] = (),
    spill: str = "",
    short: str = "",
    **columns: str,
) -> Layout:
    """Return a Layout, with roles as keyword arguments: ``layout(model="model / system|system",
    retires="shutdown date")``. A role may be written ``input@>200k`` for ``prices``.
    """
    return Layout(columns, tuple(ignore), under, tuple(fill), spill, short)


def _columns(header: Sequence[str], names: str) -> list[int]:
    """Return the numbers of all columns that have one of these names."""
    exact, starts = set(), []
    for name in names.split("|"):
        folded = clean(name).casefold()
        if folded.endswith("*"):
            starts.append(folded[:-1])
        exact.add(folded)
    return [
        number
        for number, title in enumerate(header)
        if (folded := title.casefold()) in exact or folded.startswith(tuple(starts))
    ]


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


@dataclass(frozen=True)
class _Place:
    """Where a table stands on its page."""

    number: int
    path: tuple[str, ...]
    before: str
    nth: int

    def __str__(self) -> str:
        table = f"table {self.number}" if self.number else "a list"
        return table + (f" under {self.path[-1]!r}" if self.path else "")


def tables(
    body: bytes | str | Sequence[Block], *layouts: Layout, skip: Sequence[Layout] = ()
) -> Iterator[Row]:
    """Yield every row of every table, by role.

    Raises Unreadable for a table that neither a layout nor ``skip`` claims, for a row that does not
    fit its header, for two columns of one role or two roles of one column, and for an unknown
    column beside a layout which another, larger one contains: that is how a renamed column looks.
    An unknown column beside a complete layout is somebody's addition and is ignored."""
    document = blocks(body) if isinstance(body, bytes | str) else body
    path: list[tuple[int, str]] = []
    before, nth = "", 0
    for block in document:
        if isinstance(block, Heading):
            path = [(level, text) for level, text in path if level < block.level]
            path.append((block.level, block.inline.line))
            before, nth = "", 0
        elif isinstance(block, Text):
            before = block.inline.line
        else:
            nth += 1
            place = _Place(block.number, tuple(text for _, text in path), before, nth)
            claimed = _claim(block, place, layouts, skip)
            if claimed:
                yield from _rows(block, claimed, place)
            before = ""


def _claim(
    table: Table, place: _Place, layouts: Sequence[Layout], skip: Sequence[Layout]
) -> Layout | None:
    """Return the layout of a table, or None if it is to be skipped."""
    titles = " | ".join(table.header)
    fits = [shape for shape in layouts if shape.claims(table.header, place.path)]
    skipped = [shape for shape in skip if shape.claims(table.header, place.path)]
    if not fits and not skipped:
        raise Unreadable(f"{place}: no known layout has these columns: {titles!r}")
    best = max(fits or skipped, key=lambda shape: (bool(shape.under), len(shape.headers)))
    claimed = {number for names in best.headers for number in _columns(table.header, names)}
    unknown = [title for number, title in enumerate(table.header) if number not in claimed]
    # A layout without columns names a place, not a shape: what stands there is let be.
    contained = best.headers and any(set(best.headers) < set(other.headers) for other in layouts)
    if unknown and contained:
        raise Unreadable(
            f"{place}: unknown column {unknown[0]!r} among {titles!r}; was one renamed?"
        )
    return best if fits else None


def _roles(table: Table, shape: Layout, place: _Place) -> dict[str, int]:
    """Return the column of each role. Raises Unreadable unless it is one, and of no other role."""
    columns = {role: _columns(table.header, names) for role, names in shape.columns.items()}
    titles = " | ".join(table.header)
    for role, numbers in columns.items():
        if len(numbers) > 1:
            raise Unreadable(f"{place}: {len(numbers)} columns for {role!r} among {titles!r}")
    roles = {role: numbers[0] for role, numbers in columns.items()}
    number, count = Counter(roles.values()).most_common(1)[0] if roles else (0, 1)
    if count > 1:
        raise Unreadable(f"{place}: {count} roles for the column {table.header[number]!r}")
    return roles


def _rows(table: Table, shape: Layout, place: _Place) -> Iterator[Row]:
    roles = _roles(table, shape, place)
    headers = {role: table.header[column] for role, column in roles.items()}
    group = ""
    above: dict[str, Inline] = {}
    for number, row in enumerate(table.rows, 1):
        if row.divider:
            group = row.cells[0].line
            continue
        where = f"{place}, row {number}"
        parts = _fitted(row, shape, roles, len(table.header), where)
        cells: dict[str, Inline] = {}
        for role, column in roles.items():
            cell = parts[column]
            if not cell and role in shape.fill and role in above:
                cell = above[role]
            cells[role] = above[role] = Inline(
                cell.text, cell.codes, cell.links, f"{where}, column {headers[role]!r}"
            )
        yield Row(
            cells,
            shape,
            headers,
            place.path,
            place.before,
            group,
            place.nth,
            place.number,
            row.classes,
            " | ".join(cell.line for cell in parts),
        )


def _fitted(
    row: RawRow, shape: Layout, roles: Mapping[str, int], width: int, where: str
) -> list[Inline]:
    """Return the cells of a row, as many as the header has: see ``spill`` and ``short``."""
    cells = list(row.cells)
    if len(cells) > width and shape.spill:
        first = roles[shape.spill]
        surplus = len(cells) - width + 1
        parts = cells[first : first + surplus]
        merged = Inline(
            " | ".join(part.text for part in parts),
            tuple(code for part in parts for code in part.codes),
            tuple(link for part in parts for link in part.links),
        )
        cells[first : first + surplus] = [merged]
    if shape.short and len(cells) == roles[shape.short] == width - 1:
        cells.append(Inline(""))
    if len(cells) != width:
        text = " | ".join(cell.line for cell in cells)
        raise Unreadable(f"{where}: {len(cells)} cells under {width} columns: {text!r}")
    return cells

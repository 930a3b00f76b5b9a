"""What no reader of a page sees is no fact: comments, code, and what a lost end hides.

Each is tried on the fixtures of every source that reads Markdown or HTML.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading.document import is_html
from monitor.reading.markdown import DELIMITER, is_mdx
from monitor.reading.source import Source
from tests.support.fixtures import FIXTURES, fixtures
from tests.support.mutations import Told, told

_FENCE = re.compile(r" *(```+|~~~+)")


@cache
def pages() -> list[tuple[Source, Path, list[str]]]:
    """Every fixture in Markdown with its source and its lines.

    Markers are left out: a marker in a comment still marks the page.
    """
    return [
        (replace(source, markers=()), path, path.read_text("utf-8").splitlines())
        for source, path in fixtures()
        if path.suffix in (".md", ".mdx") and not is_html(path.read_text("utf-8"))
    ]


def outside_fences(lines: list[str]) -> list[int]:
    """The numbers of the lines outside of fences and front matter."""
    numbers, fence = [], ""
    if lines[0] == "---":
        fence = "---"
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence and number and line.strip() == fence:
            fence = ""
        elif not fence and mark:
            fence = mark[1]
        elif not fence:
            numbers.append(number)
    return numbers


def tables(lines: list[str]) -> list[range]:
    """The lines of each table, from its header to its last row."""
    result = []
    for number in outside_fences(lines)[1:]:
        header, dashes = lines[number - 1], lines[number]
        if "|" in header and "|" in dashes and DELIMITER.match(dashes):
            end = number
            while end < len(lines) and "|" in lines[end]:
                end += 1
            result.append(range(number - 1, end))
    return result


#: A page with one of its tables: the source, the lines, and those of the table.
TABLES = [
    pytest.param(source, lines, table, id=f"{path.parent.name}/{path.name}:{table.start + 1}")
    for source, path, lines in pages()
    for table in tables(lines)
]


def around(lines: list[str], table: range, before: str, after: str) -> str:
    """The page with a line before a table and one behind it."""
    body = lines[table.start : table.stop]
    return "\n".join(
        [*lines[: table.start], "", before, *body, after, "", *lines[table.stop :], ""]
    )


def without(lines: list[str], table: range) -> str:
    return "\n".join([*lines[: table.start], "", *lines[table.stop :], ""])


def same(reading: Told, expected: Told) -> bool:
    """Return True for the same facts, or for two refusals."""
    return reading == expected or (isinstance(reading, str) and isinstance(expected, str))


@pytest.mark.parametrize(("source", "lines", "table"), TABLES)
def test_a_table_in_a_comment_or_in_code_is_none(
    source: Source, lines: list[str], table: range
) -> None:
    expected = told(source, without(lines, table))
    for before, after in (("<!--", "-->"), ("{/*", "*/}"), ("````md", "````"), ("~~~~~", "~~~~~")):
        assert same(told(source, around(lines, table, before, after)), expected), before


UPDATES = [
    pytest.param(source, lines, id=f"{path.parent.name}/{path.name}")
    for source, path, lines in pages()
    if any(line.startswith("</Update>") for line in lines)
]


@pytest.mark.parametrize(("source", "lines"), UPDATES)
def test_an_entry_of_a_changelog_in_a_comment_is_none(source: Source, lines: list[str]) -> None:
    starts = [at for at, line in enumerate(lines) if line.startswith("<Update")]
    for start in starts:
        end = next(at for at in range(start, len(lines)) if lines[at].startswith("</Update>"))
        entry = range(start, end + 1)
        expected = told(source, without(lines, entry))
        for before, after in (("<!--", "-->"), ("{/*", "*/}")):
            assert same(told(source, around(lines, entry, before, after)), expected), start + 1


def begins_a_block(lines: list[str], table: range) -> bool:
    """Return True for a table in Markdown that is no MDX, and not below a list.

    In MDX, indentation makes no code; below an item, it makes a part of the item.
    """
    above = next((line for line in reversed(lines[: table.start]) if line.strip()), "")
    return not is_mdx("\n".join(lines)) and not re.match(r"\s|[-*+] |\d+[.)] ", above)


INDENTABLE = [case for case in TABLES if begins_a_block(*case.values[1:])]  # type: ignore[arg-type]


@pytest.mark.parametrize(("source", "lines", "table"), INDENTABLE)
def test_an_indented_table_is_code(source: Source, lines: list[str], table: range) -> None:
    body = [f"    {line}" for line in lines[table.start : table.stop]]
    page = "\n".join([*lines[: table.start], "", *body, "", *lines[table.stop :], ""])
    assert same(told(source, page), told(source, without(lines, table)))


def test_there_are_tables_to_hide() -> None:
    assert len(TABLES) > 200
    assert len(INDENTABLE) > 100
    assert len(UPDATES) >= 3


WEB_PAGES = [
    pytest.param(replace(source, markers=()), path, id=f"{path.parent.name}/{path.name}")
    for source, path in fixtures()
    if is_html(path.read_text("utf-8"))
]


@pytest.mark.parametrize(("source", "path"), WEB_PAGES)
def test_a_table_in_a_comment_or_a_script_of_a_web_page_is_none(source: Source, path: Path) -> None:
    page = path.read_text("utf-8")
    for table in list(re.finditer(r"<table\b(?:(?!<table\b).)*?</table>", page, re.DOTALL))[:10]:
        before, after = page[: table.start()], page[table.end() :]
        expected = told(source, before + after)
        for hidden in (
            f"<!-- {table[0]} -->",
            f"<script>{table[0]}</script>",
            f"<template>{table[0]}</template>",
        ):
            assert same(told(source, before + hidden + after), expected), hidden[:10]


# --- a lost end
# -----------------------------------------------------------------------------------------


def is_jsx(page: tuple[Source, Path, list[str]]) -> bool:
    """Return True for a page whose facts stand in code (OpenAI's prices of spring 2026)."""
    return any("rows={[" in line for line in page[2])


@settings(max_examples=300)
@given(st.data())
def test_no_fact_is_lost_where_a_fence_or_a_comment_has_no_end(data: st.DataObject) -> None:
    """The page is refused, or says what it says: never less (29 facts of OpenAI's became 25)."""
    source, path, lines = data.draw(st.sampled_from([page for page in pages() if not is_jsx(page)]))
    at = data.draw(st.sampled_from(outside_fences(lines)), label=path.name)
    mark = data.draw(st.sampled_from(["```", "````", "```ts", "~~~", "<!--", "{/*"]))
    cut = told(source, "\n".join([*lines[:at], mark, *lines[at:], ""]))
    assert isinstance(cut, str) or cut == told(source, "\n".join([*lines, ""]))


def test_no_fact_is_lost_where_front_matter_has_no_end() -> None:
    for source, path, lines in pages():
        if lines[0] == "---":
            end = lines.index("---", 1)
            cut = told(source, "\n".join([*lines[:end], *lines[end + 1 :], ""]))
            assert isinstance(cut, str) or cut == told(source, "\n".join([*lines, ""])), path


@pytest.mark.parametrize("mark", ["```", "~~~", "<!--"])
def test_openai_is_refused_with_a_fence_before_any_of_its_headings(mark: str) -> None:
    source, _, lines = next(
        page for page in pages() if page[1] == FIXTURES / "openai" / "deprecations.md"
    )
    for at in [at for at in outside_fences(lines) if lines[at].startswith("#")]:
        reading = told(source, "\n".join([*lines[:at], mark, *lines[at:], ""]))
        assert isinstance(reading, str)
        assert "without an end" in reading

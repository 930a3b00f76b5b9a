"""The blocks of a page in Markdown, as CommonMark has them and as providers print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import Unreadable
from monitor.reading.blocks import Heading, Table, Text
from monitor.reading.document import blocks
from monitor.reading.inline import inline
from tests.support.tables import grid, only_table


def outline(text: str) -> list[object]:
    """Return each block of a page in short: a heading, a text with its depth, a table's header."""
    return [
        f"h{block.level} {block.inline.line}"
        if isinstance(block, Heading)
        else (block.depth, block.inline.line)
        if isinstance(block, Text)
        else block.header
        for block in blocks(text)
    ]


TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"
AB = ("a", "b")


def test_markdown_blocks() -> None:
    page = (
        "# One #\ntext `a`\ngoes on\n\n## Two\n* item\n  goes on\n    * inner\n1. first\n2) second\n\n"
        f"{TABLE}last\n####### seven\n#hash\n\nThree\n=====\n\nFour\n---\n"
    )
    assert outline(page) == [
        "h1 One",
        (0, "text a goes on"),
        "h2 Two",
        (1, "item goes on"),
        (2, "inner"),
        (1, "first"),
        (1, "second"),
        AB,
        (0, "last ####### seven #hash"),
        "h1 Three",
        "h2 Four",
    ]


def test_items_of_lists() -> None:
    """A further paragraph of an item stands at its depth, and does not begin one (Vertex)."""
    page = "-   one\n    goes on\n\n    more\n\n    -   two\n\nafter"
    assert [
        (block.inline.line, block.depth, block.starts)
        for block in blocks(page)
        if isinstance(block, Text)
    ] == [("one goes on", 1, True), ("more", 1, False), ("two", 2, True), ("after", 0, False)]


def test_a_quote_is_text_as_it_is_printed() -> None:
    """Above every page of Mintlify's sites stands ``> ## Documentation Index``."""
    assert outline("> ## Index\n> of pages\n\n# One") == [(0, "> ## Index > of pages"), "h1 One"]


def test_front_matter_and_link_definitions_are_no_text() -> None:
    table = TABLE.replace("\n", "\n  ")
    page = (
        f"---\ntitle: One\nog:note: |\n  {table}\n---\n# Two\n\n[note]: # (gpt-draft ends)\n\nend"
    )
    assert outline(page) == ["h1 Two", (0, "end")]


# --- what no reader of the page sees
# ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        f"```md\n{TABLE}```",
        f"~~~\n{TABLE}~~~",
        f"````\n```\n{TABLE}```\n{TABLE}````",  # longer than the fence within it
        f"```\n{TABLE}~~~\n{TABLE}```",
        f"  ```\n{TABLE}  ```  ",
        f"<!--\n{TABLE}-->",
        f"<!-- a note\n\n```\n\n{TABLE}\n# b\n-->",  # a fence in a comment is none
        f"{{/*\n{TABLE}*/}}",
        f"{{ /* a */ }}\n<!-- b --> <!--\n{TABLE}-->",
        "    " + TABLE.replace("\n", "\n    ").rstrip(),
        "\t" + TABLE.replace("\n", "\n\t").rstrip(),
    ],
)
def test_code_and_comments_hold_no_blocks(hidden: str) -> None:
    assert outline(f"before\n\n{hidden}\n\nafter") == [(0, "before"), (0, "after")]


def test_comments_within_a_text() -> None:
    assert outline("a <!-- b --> c {/* d */} e") == [(0, "a c e")]
    assert outline("a\n<!-- b\n\n--> c\n\n# d {/* e */}") == [(0, "a"), (0, "c"), "h1 d"]
    assert grid("| a | b |\n|---|---|\n| 1<!-- 2 --> | {/* 3 */} |")[1:] == [["1", ""]]


@pytest.mark.parametrize(
    ("cut", "what"),
    [
        ("```\n", "code fence"),
        ("```ts\nconst a = 1\n", "code fence"),
        ("````\n```\n", "code fence"),
        ("~~~\n```\n", "code fence"),
        ("```\na\n```ts\n\n```\n", "code fence"),  # another begins: the first lost its end
        ("- item\n\n  ```\n", "code fence"),
        ("<!-- a\n", "comment"),
        ("{/* a\n", "comment"),
        ("<!-- a\n\n<!-- b -->\n", "comment"),
        ("{/* a -->\n", "comment"),
    ],
)
def test_a_page_that_ends_within_a_fence_or_a_comment_is_refused(cut: str, what: str) -> None:
    """Its end was lost: it would hide the rest of the page, and every fact there."""
    with pytest.raises(Unreadable, match=rf"line \d: a {what} without an end"):
        blocks(f"# a\n\n{cut}{TABLE}")


@pytest.mark.parametrize("block", [TABLE, "text\n", "# b\n\ntext\n", "<Note>\n"])
def test_front_matter_that_lost_its_end_is_refused(block: str) -> None:
    """It would reach to the next rule."""
    matter = "---\ntitle: a\nms.tags:\n- b\n# c\n\nrest: [\n  d\n]\n"
    assert outline(f"{matter}---\n{block}\n---\n\n# end")[-1] == "h1 end"
    with pytest.raises(Unreadable, match="front matter without an end"):
        blocks(f"{matter}\n{block}\n---\n\n# end")


@given(
    st.lists(st.sampled_from(["# a", "", "text", "- item", "```", "```ts", "~~~", "<!--", "-->"]))
)
def test_a_heading_is_read_or_the_page_is_refused(lines: list[str]) -> None:
    """Nothing that is open above the end of a page hides that end."""
    try:
        page = blocks("\n".join([*lines, "# end"]))
    except Unreadable:
        return
    assert page[-1] == Heading(1, inline("end"))


def test_lists_too_deep_to_be_read_are_refused() -> None:
    """The library drops in silence what stands deeper."""
    assert len(blocks("\n".join("  " * depth + "- x" for depth in range(40)))) == 40
    with pytest.raises(Unreadable, match="line 50: lists within lists"):
        blocks("\n".join("  " * depth + "- x" for depth in range(60)))


# --- MDX
# ------------------------------------------------------------------------------------------------


def test_indentation_makes_no_code_in_mdx() -> None:
    """Anthropic's overview of models: the table of legacy models stands within two components."""
    page = (
        '# Models\n\n<AccordionGroup>\n  <Accordion title="Legacy">\n    Still there.\n\n    '
        + TABLE.replace("\n", "\n    ").rstrip()
        + "\n\n        # Deep\n  </Accordion>\n</AccordionGroup>\n"
    )
    assert outline(page) == ["h1 Models", (0, "Still there."), AB, "h1 Deep"]


def test_a_component_in_a_fence_makes_no_mdx_of_a_page() -> None:
    code = "    " + TABLE.replace("\n", "\n    ")
    assert outline(f"```jsx\n<Card>\n```\n\n{code}") == []
    assert outline(f"<Card>\n\n{code}") == [AB]


def test_tags_of_components_are_no_text() -> None:
    page = f'<Update label="2026-08-14">\n## a\n{TABLE}</Update>\n<Card\n  title="b"\n/>\n'
    assert outline(page) == ["h2 a", AB]


# --- tables
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "a | b\n--- | ---\n1 | 2",
        "|a|b|\n|:--|--:|\n|1|2|",  # Anthropic since September 2026
        "  | a | b |\n  | :-: | - |\n  | 1 | 2 |",
        "| a | b |  \n|---|---|\t\n| 1 | 2",
        "| **a** | [b](/x) |\n|---|---|\n| `1` | 2<sup>1</sup> |",
    ],
)
def test_a_markdown_table(text: str) -> None:
    assert grid(text) == [["a", "b"], ["1", "2"]]


def test_pipes_that_do_not_separate() -> None:
    assert grid("| a | b |\n|---|---|\n| `x | y` | z \\| w |\n| `u \\| v` | ``p | ` q`` |") == [
        ["a", "b"],
        ["x | y", "z | w"],
        ["u | v", "p | ` q"],
    ]


def test_empty_cells_and_rows_of_another_length_are_kept() -> None:
    """What they mean is not decided here: tables() refuses them."""
    assert grid("| a | b | c |\n|---|---|---|\n| | 2 | |\n| 1 |\n| 1 | 2 | 3 | 4 |") == [
        ["a", "b", "c"],
        ["", "2", ""],
        ["1"],
        ["1", "2", "3", "4"],
    ]


def test_a_row_broken_over_lines() -> None:
    assert grid("| a | b | c |\n|---|---|---|\n| 1 |\n2 | 3 |\n| 4 | 5 | 6 |") == [
        ["a", "b", "c"],
        ["1", "2", "3"],
        ["4", "5", "6"],
    ]


def test_a_table_begins_within_a_list_that_has_no_end() -> None:
    """OpenAI's deprecations of November 2026, as text: no blank line stands anywhere."""
    assert outline(f"- one\n- two\nUpcoming\n{TABLE}after") == [
        (1, "one"),
        (1, "two Upcoming"),
        AB,
        (0, "after"),
    ]


def test_one_dash_underlines_no_heading() -> None:
    """Gemini's changelog as converted in June 2026: it marks an item of the next line."""
    assert outline("text\n-\nmore") == [(0, "text - more")]


def test_dividers() -> None:
    """Gemini's page in Markdown: a cell over all columns is followed by pipes without any width."""
    table = only_table(
        "| a | b | c |\n|---|---|---|\n| Preview models |||\n| 1 | | |\n| 1 | 2 | 3 |"
    )
    assert [row.divider for row in table.rows] == [True, False, False]


def test_tables_are_numbered_through_the_page() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    assert [block.number for block in blocks(table * 3) if isinstance(block, Table)] == [1, 2, 3]

"""The blocks of a page in Markdown, read by markdown-it-py.

The library follows CommonMark: what stands in a fence, in indented code, in front matter or in a
link definition is no block. It is extended by rules for what providers' pages really hold; each
names the page that needs it. The text within a block is read by monitor.reading.inline.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import lheading as underline_rule
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from monitor.errors import Unreadable
from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.inline import CODE, inline

#: Levels of the library's tokens, two for each list within lists. It drops what stands deeper.
_NESTING = 100


def markdown_blocks(text: str) -> list[Block]:
    """Return the blocks of a page, in its order.

    Raises Unreadable for a code fence or a comment without an end.
    """
    return list(_blocks(_parser(is_mdx(text)).parse(f"{text}\n")))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Yield the blocks that the tokens of a page make."""
    number = depth = level = 0
    starts = False
    for token in tokens:
        kind = token.type
        if kind == "inline":
            if content := inline(token.content):
                yield Heading(level, content) if level else Text(content, depth, starts)
            starts = False
        elif kind == "paragraph_open":
            level = 0
        elif kind == "heading_open":
            level = int(token.tag[1])
        elif kind == "list_item_open":
            starts = True
        elif kind in ("bullet_list_open", "ordered_list_open"):
            depth += 1
            if token.level >= _NESTING - 2:
                raise Unreadable(f"line {_number(token)}: lists within lists, too deep")
        elif kind in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif kind == "table":
            number += 1
            yield _table(token.meta["lines"], number)
            starts = False
        elif kind == "fence":
            _check_end(token)
        elif kind == "front_matter" and (line := _NO_YAML.search(token.content)):
            # Its end was lost, and a rule further below was taken for it (Anthropic and DeepSeek
            # print rules between sections).
            raise Unreadable(f"front matter without an end: {line[0]!r} is in it")


#: A line at the margin that front matter does not have: no key, item, comment or bracket.
_NO_YAML = re.compile(r"^(?![\w.:-]+:(?:\s|$)|-\s|[\s#\]}]|$).*", re.MULTILINE)


def _check_end(fence: Token) -> None:
    """Raise Unreadable for a code fence without an end: it would hide the rest of the page.

    The library lets it run to the end of the page, as CommonMark says. No page that is polled ends
    within one. A fence in which another begins ("```ts") has lost its end, too.
    """
    lines = fence.content.count("\n")
    first, after = fence.map or (0, 0)
    if after - first - lines != 2 or re.search(rf"^\s*{fence.markup}", fence.content, re.MULTILINE):
        raise Unreadable(f"line {_number(fence)}: a code fence without an end")


def _number(token: Token) -> int:
    """Return the number of a token's first line, from 1."""
    return token.map[0] + 1 if token.map else 0


# --- the library and its rules
# ----------------------------------------------------------------------------


@functools.cache
def _parser(mdx: bool) -> MarkdownIt:
    """Return a parser of blocks alone, of CommonMark or of MDX.

    In MDX, indentation makes no code (mdxjs.com, "What is MDX"): Anthropic's overview of models has
    the table of legacy models indented within two components.

    Quotes and rules stay text, as they are printed: nothing within a quote is a block of the page
    ("> ## Documentation Index" above every page of Mintlify's sites begins no section).
    """
    parser = MarkdownIt("zero", {"maxNesting": _NESTING}).use(front_matter_plugin)
    rules = parser.block.ruler
    rules.at("table", _table_rule, {"alt": ["paragraph", "reference"]})
    rules.at("lheading", _underline_rule)
    rules.before("fence", "comment", _comment_rule, {"alt": ["paragraph", "reference", "list"]})
    parser.enable(["table", "fence", "list", "reference", "heading", "lheading"])
    if not mdx:
        parser.enable("code")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


_FENCE = r"(?P<fence>```+|~~~+).*(?:\n.*)*?\n[ \t]*(?P=fence)"
#: The tag of a component at the beginning of a line, and fences, which are passed over.
_COMPONENT = re.compile(rf"^[ \t]*(?:{_FENCE}|(?P<tag></?[A-Z][\w.]*[\s/>]))", re.MULTILINE)


def is_mdx(text: str) -> bool:
    """Return True for a page with components such as ``<Update label="2026-08-14">`` (Mintlify)."""
    return any(match["tag"] for match in _COMPONENT.finditer(text))


def _underline_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a heading that is underlined, by equals signs or at least three dashes.

    To CommonMark, one dash is enough. Where Gemini's changelog was converted in June 2026, it marks
    an item whose text stands on the next line.
    """
    before = len(state.tokens)
    if not underline_rule(state, start, end, silent):
        return False
    if _line(state, state.line - 1).strip() in ("-", "--"):
        del state.tokens[before:]
        state.line = start
        return False
    return True


#: How comments begin and end.
_COMMENTS = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"\{\s*/\*"), re.compile(r"\*/\s*\}")),
)


def _comment_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave out comments at the beginning of a line, of HTML or of MDX, with all blocks in them.

    OpenRouter's changelog holds the template of an entry in a comment. Text behind a comment, on
    its last line, is a paragraph. Raises Unreadable for a comment without an end, or in which
    another begins: it would hide the rest of the page.
    """
    begin = position = state.bMarks[start] + state.tShift[start]
    if state.src[position : position + 1] not in ("<", "{") or state.is_code_block(start):
        return False
    while comment := next((c for c in _COMMENTS if c[0].match(state.src, position)), None):
        if silent:
            return True
        closing = comment[1].search(state.src, position + 2)
        if not closing or comment[0].search(state.src, position + 1, closing.start()):
            raise Unreadable(f"line {start + 1}: a comment without an end")
        position = state.skipSpaces(closing.end())
    if position == begin:
        return False
    last = start
    while state.eMarks[last] < position:
        last += 1
    if rest := state.src[position : state.eMarks[last]]:
        state.push("paragraph_open", "p", 1)
        state.push("inline", "", 0).content = rest
        state.push("paragraph_close", "p", -1)
    state.line = last + 1
    return True


#: Comments at the beginning of a line, and fences, which are passed over.
_COMMENT = re.compile(rf"^[ \t]*(?:{_FENCE}|(?s:<!--.*?-->|\{{\s*/\*.*?\*/\s*\}}))", re.MULTILINE)


def without_comments(text: str) -> str:
    """Return a page without the comments at the beginning of a line, for what reads no blocks."""
    return _COMMENT.sub(lambda match: match[0] if match["fence"] else "", text)


# --- tables
# -----------------------------------------------------------------------------------------------

DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_PIPE = re.compile(r"(?<!\\)\|")


def _table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table: a header, a line of dashes, and the lines with a pipe that follow.

    It takes the place of the library's rule, which follows GFM (4.10): that pads and cuts rows to
    the header's width, so a lost cell would go unnoticed, and takes a line of text behind the
    table for a row.
    """
    if start + 2 > end or state.is_code_block(start) or state.is_code_block(start + 1):
        return False
    dashes = _line(state, start + 1)
    if "|" not in dashes or not DELIMITER.match(dashes) or "|" not in _line(state, start):
        return False
    if silent:
        return True
    after = start + 2
    while after < end and "|" in _line(state, after):
        after += 1
    table = state.push("table", "table", 0)
    table.meta = {"lines": [_line(state, line) for line in range(start, after)]}
    state.line = after
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _table(lines: Sequence[str], number: int) -> Table:
    """Return the table of these lines: a header, a line of dashes, and rows."""
    header = tuple(inline(cell).line for cell in split_row(lines[0]))
    rows = []
    for cells in _rows(lines[2:], len(header)):
        texts = tuple(map(inline, cells))
        # `| Preview models ||||` is a cell over all columns in Markdown (Gemini deprecations): the
        # other cells have no width at all.
        divider = len(header) > 1 and len(cells) > 1 and bool(texts[0]) and not any(cells[1:])
        rows.append(RawRow(texts, divider))
    return Table(header, tuple(rows), number)


def _rows(lines: Sequence[str], width: int) -> Iterator[list[str]]:
    """Yield the raw cells of each row.

    A row with too few cells goes on in lines that do not begin with a pipe (OpenAI's deprecations
    of November 2026, as text: each row over three lines).
    """
    cells: list[str] = []
    for line in lines:
        if cells and len(cells) < width and not line.startswith("|"):
            cells += split_row(line)
            continue
        if cells:
            yield cells
        cells = split_row(line)
    if cells:
        yield cells


def split_row(line: str) -> list[str]:
    """Return the raw cells of a line: pipes in code spans and behind a backslash separate none."""
    masked = CODE.sub(lambda match: match[0].replace("|", "\x01"), line.strip())
    cells = _PIPE.split(masked.removeprefix("|"))
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return [cell.replace("\x01", "|") for cell in cells]

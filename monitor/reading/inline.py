"""Text within a block: Markdown or HTML as one plain text, with its code spans and links.

Text is normalised once, here, so that no adapter has to know how a page was served: code spans,
links, comments, footnote marks, zero-width characters, the hyphens U+2010..2015, escaped pipes.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.errors import Unreadable

if TYPE_CHECKING:
    from bs4 import Tag


@dataclass(frozen=True)
class Inline:
    """The normalised text of a cell, heading or paragraph, with its code spans and links.

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
        """Return an Unreadable that names this place."""
        return Unreadable(f"{self.where or 'document'}: {message}: {self.line!r}")


# --- plain text
# -------------------------------------------------------------------------------------------

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_HYPHENS = re.compile("[\u2010-\u2015\u2212]")
#: Superscript digits and daggers are footnote marks. NFKC would turn them into digits of the number
#: before them.
_FOOTNOTE_MARKS = re.compile("[\u00b9\u00b2\u00b3\u2070-\u2079\u2020\u2021]")


def clean(text: str) -> str:
    """Return plain text without footnote marks, invisible characters and superfluous space.

    Compatibility forms are folded (NFKC). Lines stay apart; empty ones are left out.
    """
    if not text.isascii():  # none of these characters is ASCII, and most texts are
        text = _FOOTNOTE_MARKS.sub("", _INVISIBLE.sub("", text))
        text = unicodedata.normalize("NFKC", _HYPHENS.sub("-", text))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def code_span(text: str) -> str:
    """Return the text of a code span without the footnote star that some pages glue to an id."""
    return clean(text).replace("\n", " ").rstrip("*")


# --- Markdown
# ---------------------------------------------------------------------------------------------

#: A text without any of these is plain.
_MARKUP = re.compile(r"[`\\\[<&^*_{\x00]")
CODE = re.compile(r"(?<!\\)(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?:[^()\s]|\([^()]*\))*)(?:\s+\"[^\"]*\")?\)")
_SUP = re.compile(r"<sup\b[^>]*>.*?</sup>|(?<=\S)\^[\w*\x00]+?\^", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_MDX_COMMENT = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
_STRONG = re.compile(r"\*\*|(?<!\w)__|__(?!\w)")
_EMPHASIS = re.compile(
    r"(?<![\w*\\])\*(?=\S)([^*]*\S)\*(?![\w*])|(?<![\w\\])_(?=\S)([^_]*\S)_(?!\w)"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_PLACEHOLDER = re.compile("\x00(\\d+)\x00")


def inline(markdown: str, where: str = "") -> Inline:
    """Return Markdown, with the HTML that may stand in it, as normalised text."""
    if not _MARKUP.search(markdown):
        return Inline(clean(markdown), where=where)
    codes: list[str] = []
    links: list[tuple[str, str]] = []
    literals: list[str] = []  # what is not markup any more: code spans and escaped characters

    def placeholder(literal: str) -> str:
        literals.append(literal)
        return f"\x00{len(literals) - 1}\x00"

    def code(match: re.Match[str]) -> str:
        codes.append(code_span(html.unescape(match[2].replace("\\|", "|"))))
        return placeholder(codes[-1])

    def link(match: re.Match[str]) -> str:
        links.append((match[1], match[2]))
        return match[1]

    def restore(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: literals[int(match[1])], text) if literals else text

    def plain(text: str) -> str:
        return clean(restore(html.unescape(_without_marks(text))))

    # Searching for markup only where its character stands makes this twice as fast.
    text = markdown
    if "`" in text:
        text = CODE.sub(code, text)
    if "\\" in text:
        text = _ESCAPE.sub(lambda match: placeholder(match[1]), text)
    if "[" in text:
        text = _LINK.sub(link, _IMAGE.sub("", text))
    targets = tuple((plain(label), restore(target)) for label, target in links)
    return Inline(plain(text), tuple(codes), targets, where)


def _without_marks(text: str) -> str:
    """Return Markdown without footnote marks, tags, comments and marks of emphasis."""
    if "<" in text or "^" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _SUP.sub("", text)))
    if "{/*" in text:
        text = _MDX_COMMENT.sub("", text)
    if "*" in text or "_" in text:
        text = _EMPHASIS.sub(lambda match: match[1] or match[2], _STRONG.sub("", text))
    return text


# --- HTML
# -------------------------------------------------------------------------------------------------

#: Elements whose text no reader of the page sees, or that are not part of it.
_UNREAD = frozenset({"sup", "script", "style", "svg", "button"})
_LINES = frozenset({"p", "div", "li", "ul", "ol", "tr"})


def inline_html(tag: Tag) -> Inline:
    """Return what an element of HTML holds as normalised text."""
    from bs4.element import NavigableString, PreformattedString, Tag

    codes: list[str] = []
    links: list[tuple[str, str]] = []

    def walk(node: Tag) -> Iterator[str]:
        for child in node.children:
            if isinstance(child, PreformattedString):  # comments, doctypes
                continue
            if isinstance(child, NavigableString):
                yield child.replace("\n", " ")
            elif isinstance(child, Tag) and child.name not in _UNREAD:
                yield element(child)

    def element(child: Tag) -> str:
        if child.name == "br":
            return "\n"
        text = "".join(walk(child))
        if child.name == "code":
            codes.append(code_span(text))
            return codes[-1]
        if child.name == "a":
            links.append((clean(text), str(child.get("href", ""))))
        return f"\n{text}\n" if child.name in _LINES else text

    return Inline(clean("".join(walk(tag))), tuple(codes), tuple(links))

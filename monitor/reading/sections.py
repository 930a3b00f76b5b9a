"""Read the prose of a page: sections by heading, MDX elements by name, paragraphs by sentence."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.errors import Unreadable
from monitor.reading.blocks import Block, Heading, Text
from monitor.reading.document import blocks
from monitor.reading.inline import Inline, inline


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
    """Yield the sections of a page, in its order; text before the first heading belongs to none."""
    document = blocks(body) if isinstance(body, bytes | str) else body
    path: list[Heading] = []
    texts: list[Text] = []

    def finished() -> Iterator[Section]:
        if path:
            above = tuple(heading.inline.line for heading in path[:-1])
            yield Section(above, path[-1].inline, path[-1].level, tuple(texts))
        texts.clear()

    for block in document:
        if isinstance(block, Heading):
            yield from finished()
            path = [heading for heading in path if heading.level < block.level] + [block]
        elif isinstance(block, Text):
            texts.append(block)
    yield from finished()


@dataclass(frozen=True)
class Element:
    """An MDX element: its attributes (a value in braces as it stands in them) and the Markdown in
    it, dedented.
    """

    attributes: Mapping[str, str]
    text: str

    def __getitem__(self, name: str) -> str:
        """Return an attribute. Raises Unreadable if it is missing."""
        if name not in self.attributes:
            raise Unreadable(f"an element without {name!r}: {self.text[:80]!r}")
        return self.attributes[name]


_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|\{([^}]*)\})")


def elements(document: str, name: str) -> list[Element]:
    """Return the elements of that name in the Markdown of a Mintlify site, such as ``<Update
    label="2026-08-14">``.

    One in a comment is none. Raises Unreadable where one does not end, or stands in another of its
    name.
    """
    # Imported late: the library that it imports is slow to load, and most pages have no elements.
    from monitor.reading.markdown import without_comments

    document = without_comments(document)
    tag = re.compile(
        rf"<(?P<end>/?){name}(?![\w.-])"
        r"(?P<attributes>(?:[^<>\"{/]|\"[^\"]*\"|\{[^{}]*\})*)(?P<alone>/?)>"
    )
    result, tags, opened = [], 0, None
    for match in tag.finditer(document):
        tags += 1
        if bool(match["end"]) != bool(opened):
            raise Unreadable(f"a <{name}> without an end, or within another")
        if opened or match["alone"]:
            start = opened or match
            attributes = {
                key: inline(quoted or braced).line
                for key, quoted, braced in _ATTRIBUTE.findall(start["attributes"])
            }
            text = document[start.end() : match.start()]
            result.append(Element(attributes, textwrap.dedent(text.strip("\n")).rstrip()))
        opened = None if match["end"] or match["alone"] else match
    if opened or tags != len(re.findall(rf"</?{name}(?![\w.-])", document)):
        raise Unreadable(f"a <{name}> without an end, or within another")
    return result


def sentences(paragraph: Inline) -> list[Inline]:
    """Return the sentences of a paragraph, each with the code spans and links that stand in it."""
    text = paragraph.line
    codes = list(zip(paragraph.codes, _offsets(text, paragraph.codes), strict=True))
    names = [name.replace("\n", " ") for name, _ in paragraph.links]
    links = list(zip(paragraph.links, _offsets(text, names), strict=True))
    result = []
    for match in re.finditer(r"\S.*?(?:[.!?](?=\s)|$)", text):
        start, end = match.span()
        result.append(
            Inline(
                text[start:end],
                tuple(code for code, at in codes if start <= at < end),
                tuple(link for link, at in links if start <= at < end),
                paragraph.where,
            )
        )
    return result


def _offsets(text: str, parts: Sequence[str]) -> list[int]:
    """Return the places of parts that follow each other in a text."""
    result, at = [], 0
    for part in parts:
        at = text.index(part, at)
        result.append(at)
        at += len(part)
    return result

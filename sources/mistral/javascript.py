"""Read the literals of a JavaScript file: objects, arrays, strings, numbers and words.

Numbers become Decimal, so that no price passes through a float. A function or a call is None: none
is read. Anything else that is no plain literal is Unreadable.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from monitor.reading.page import Unreadable

WORDS = {"true": True, "false": False, "null": None, "undefined": None}
TOKEN = re.compile(
    r"(?:\s|//[^\n]*|/\*.*?\*/)*"
    r"(?P<token>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`(?:\\.|[^`\\])*`"
    r"|-?\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|=>|.)",
    re.DOTALL,
)


class Literal:
    """A reader of one literal at the start of some code."""

    def __init__(self, code: str):
        self._tokens = [match["token"] for match in TOKEN.finditer(code)]
        self._at = 0

    def value(self) -> Any:
        """Return the next value. Raises Unreadable where the code ends within it."""
        part = self._next()
        if part == "{":
            return self._object()
        if part == "[":
            return self._array()
        if part[0] in "'\"`":
            return re.sub(r"\\(.)", r"\1", part[1:-1])
        if part[0] == "-" or part[0].isdigit():
            return Decimal(part)
        if part in WORDS:
            return WORDS[part]
        self._at -= 1
        self._skip_expression()
        return None

    def _object(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while (key := self._next()) != "}":
            if self._next() != ":":
                raise Unreadable(f"no value after {key!r}")
            members[key.strip("'\"")] = self.value()
            self._end_value("}")
        return members

    def _array(self) -> list[Any]:
        items: list[Any] = []
        while self._peek() != "]":
            items.append(self.value())
            self._end_value("]")
        self._next()
        return items

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise Unreadable("the object does not end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _end_value(self, close: str) -> None:
        """Pass the comma after a value. Raises Unreadable if the value was the start of an
        expression.
        """
        if self._peek() == ",":
            self._next()
        elif self._peek() != close:
            raise Unreadable(f"an expression where a value is read: {self._peek()!r}")

    def _skip_expression(self) -> None:
        """Pass an expression up to the comma or bracket that ends it."""
        depth = 0
        while self._peek():
            if depth == 0 and self._peek() in (",", "]", "}"):
                return
            token = self._next()
            depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))

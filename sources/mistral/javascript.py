"""Read the literals of a JavaScript file. What is no plain literal, where a value is read, is
Unreadable.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from monitor.reading.page import (
    Unreadable,
)

_WORDS = {"true": True, "false": False, "null": None, "undefined": None}


_WORDS = {"true": True, "false": False, "null": None, "undefined": None}


class Literal:
    """Reads a JavaScript literal: objects, arrays, strings, numbers and words.

    Numbers become Decimal, so that no price passes through a float. A function or a call is None:
    none is read."""

    _TOKEN = re.compile(
        r"(?:\s|//[^\n]*|/\*.*?\*/)*"
        r"(?P<token>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`(?:\\.|[^`\\])*`|-?\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|=>|.)",
        re.DOTALL,
    )

    def __init__(self, code: str):
        self._tokens = [match["token"] for match in self._TOKEN.finditer(code)]
        self._at = 0

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise Unreadable("the object does not end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def value(self) -> Any:
        part = self._next()
        if part == "{":
            return self._object()
        if part == "[":
            return self._array()
        if part[0] in "'\"`":
            return re.sub(r"\\(.)", r"\1", part[1:-1])
        if part[0] == "-" or part[0].isdigit():
            return Decimal(part)
        if part in _WORDS:
            return _WORDS[part]
        self._at -= 1
        self._skip()
        return None

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (key := self._next()) != "}":
            if self._next() != ":":
                raise Unreadable(f"no value after {key!r}")
            found[key.strip("'\"")] = self.value()
            self._end("}")
        return found

    def _array(self) -> list[Any]:
        found: list[Any] = []
        while self._peek() != "]":
            found.append(self.value())
            self._end("]")
        self._next()
        return found

    def _end(self, close: str) -> None:
        """After a value comes a comma or the end, or else it was the start of an expression that is
        not read.
        """
        if self._peek() == ",":
            self._next()
        elif self._peek() != close:
            raise Unreadable(f"an expression where a value is read: {self._peek()!r}")

    def _skip(self) -> None:
        """Past an expression: to the comma or bracket that ends it."""
        depth = 0
        while self._peek():
            if depth == 0 and self._peek() in (",", "]", "}"):
                return
            token = self._next()
            depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))

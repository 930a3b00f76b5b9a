"""Where facts come from: the part of a source's declaration that pure rules need."""

from __future__ import annotations

from typing import Literal, Protocol

#: Official sources are believed. Hints (catalogues) and news only agree or disagree with them.
Kind = Literal["official", "hint", "news"]


class Origin(Protocol):
    """A source as the core sees it. ``monitor.reading.source.Source`` is one.

    ``id`` is ``acme.deprecations``, ``provider`` is ``acme``, ``url`` is for readers.
    ``keeps_retired`` says that rows stay on the page after their retirement date, so that a row
    which leaves was withdrawn."""

    @property
    def id(self) -> str: ...

    @property
    def provider(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def keeps_retired(self) -> bool: ...

"""Patterns of models, with one meaning wherever a person names models: in ``events --model``,
``upcoming --model``, the filters of subscriptions, and deviations. Pure.

A pattern is ``provider/model-glob[@region]``, in any case:

    openai/gpt-4*     models of that provider      anthropic/*   all models of a provider
    */gpt-4o*         models on any platform       gpt-4o*       the same as */gpt-4o*
    bedrock/*@eu-*    in some regions only         openai        a provider, or a model of that name

On any platform a model also matches by the name that its maker gives it. A name without a wildcard
matches that model however it is spelled (monitor.core.names): ``anthropic/claude-3-haiku`` matches
the price of "Claude Haiku 3". Two ids with two dates are two models. A notice is about every model
that it names. A row for several regions is about each of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import Protocol

from monitor.core.facts import Fact, Json, Notice
from monitor.core.names import MAKERS, bare, canonical

_WILDCARD = re.compile(r"[*?[]")
_DAY = re.compile(r"20\d{6}")
_SPACE = re.compile(r"\s+")
#: Parts of a glob that no text must contain as they stand: wildcards, sets of characters, and the
#: punctuation that platforms write differently. Their spellings keep letters and digits in order.
_LOOSE = re.compile(r"\[!?\]?[^]]*\]|[^a-z0-9]")


class Event(Protocol):
    """The members of an event that a pattern is compared with."""

    @property
    def kind(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def canonical(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def after(self) -> Json | None: ...


@dataclass(frozen=True, slots=True)
class ModelNames:
    """One model of one provider, and the names that a glob may match.

    ``own`` are those under its provider: its id, and its maker's name if the provider is the maker.
    ``anywhere`` adds the maker's name and the bare id on other platforms."""

    id: str
    canonical: str
    own: frozenset[str]
    anywhere: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """The offering that a fact or an event is about. A notice is about every model it names."""

    provider: str
    region: str
    models: tuple[ModelNames, ...]

    @classmethod
    def of(cls, fact: Fact) -> Subject:
        mentions = fact.models if isinstance(fact, Notice) else ()
        grouped = canonical(fact.provider, fact.model)
        return cls.about(fact.provider, fact.model, grouped, fact.region, mentions)

    @classmethod
    def of_event(cls, event: Event) -> Subject:
        is_notice = event.kind == "notice.published"
        mentions = (event.after or {}).get("models") if is_notice else None
        place = event.provider, event.model, event.canonical, event.region
        return cls.about(*place, mentions or ())

    @classmethod
    def about(
        cls, provider: str, model: str, canonical_id: str, region: str, mentions: Sequence[str] = ()
    ) -> Subject:
        """Return the subject of one offering; ``mentions`` are the models that a notice names."""
        models = [(model, canonical_id)]
        models += [(name, canonical(provider, name)) for name in mentions if name != model]
        names = tuple(_names_of(provider, *pair) for pair in models)
        return cls(provider.casefold(), region, names)

    def keys(self) -> set[str]:
        """Return the keys (Pattern.keys) of every pattern without a wildcard that may match."""
        keys = {self.provider, f"{self.provider}/"}
        for model in self.models:
            keys |= model.anywhere
            keys.add(model.canonical)
        return keys


@lru_cache(maxsize=1 << 14)
def _names_of(provider: str, model: str, canonical_id: str) -> ModelNames:
    folded, grouped = model.casefold(), canonical_id.casefold()
    maker, _, name = grouped.partition("/")
    own = {folded, _SPACE.sub("-", folded)}
    anywhere = {*own, name, bare(provider.casefold(), model)}
    if maker == MAKERS.get(provider.casefold(), provider.casefold()):
        own.add(name)
    return ModelNames(model, grouped, frozenset(own), frozenset(anywhere))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the text after the provider.

    ``regex`` is compiled from ``glob`` if that has a wildcard. ``canonical`` is the one model that
    is meant, or empty for a glob. ``region`` is a glob, or empty for all regions."""

    glob: str
    region: str
    canonical: str
    regex: re.Pattern[str] | None

    def matches(self, subject: Subject, anywhere: bool) -> bool:
        for model in subject.models:
            names = model.anywhere if anywhere else model.own
            if self.glob in names or (self.regex and any(map(self.regex.match, names))):
                return True
            if self.canonical == model.canonical != "" and not _other_day(self.glob, model.id):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, case folded.

    ``regex`` is compiled from ``provider`` if that has a wildcard. ``bare``: a word without a
    slash, which names a provider or a model. Every subject that the pattern matches has one of
    ``keys`` among its own (Subject.keys); a pattern without ``keys`` must be compared with all."""

    text: str
    provider: str
    readings: tuple[Reading, ...]
    regex: re.Pattern[str] | None
    keys: frozenset[str]
    bare: bool = False

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> Pattern:
        """Read a pattern. Raises ValueError with one line for people."""
        folded = text.strip().casefold()
        if not folded:
            raise ValueError("a filter is empty; write provider/model, for example openai/gpt-4*")
        if any(char.isspace() or not char.isprintable() for char in folded):
            hyphened = "-".join(text.split())
            raise ValueError(
                f"filter {text!r} has a space in it; write {hyphened} for one model, and each "
                "filter on its own"
            )
        provider, slash, model = folded.partition("/")
        if not slash:
            return cls._read("*", folded, bare=True)
        if not provider or not model:
            raise ValueError(
                f"filter {text!r} names no {'model' if provider else 'provider'}; write "
                "provider/model or */model"
            )
        if model.startswith("@") or model.endswith("@"):
            raise ValueError(f"filter {text!r} is not provider/model-glob[@region]")
        return cls._read(provider, model)

    @classmethod
    def _read(cls, provider: str, model: str, bare: bool = False) -> Pattern:
        readings, regex = _readings(provider, model), _regex(provider)
        if not any(reading.regex for reading in readings):
            keys = {key for reading in readings for key in (reading.glob, reading.canonical) if key}
        else:
            keys = set() if regex else {f"{provider}/"}
        text = model if bare else f"{provider}/{model}"
        return cls(text, provider, readings, regex, frozenset(keys), bare)

    def matches(self, subject: Subject) -> bool:
        if not self.covers_provider(subject.provider):
            return False
        return any(
            reading.matches(subject, self.provider == "*")
            or (self.bare and fnmatchcase(subject.provider, reading.glob))
            for reading in self.readings
            if not reading.region or _within(subject.region, reading.region)
        )

    def covers_provider(self, provider: str) -> bool:
        """Return whether the pattern may match models of a provider, given case folded."""
        return provider == self.provider or bool(self.regex and self.regex.match(provider))

    def names_provider(self, provider: str) -> bool:
        """Return whether the pattern is a bare word that matches a provider as a whole."""
        return self.bare and any(fnmatchcase(provider, reading.glob) for reading in self.readings)

    @property
    def like(self) -> str:
        """Return a pattern of SQL's LIKE that fits every id for which ``names_id`` holds, and every
        canonical id for which ``names_canonical`` holds by its name. It fits others too, and has
        nothing to escape.
        """
        shortest = min((reading.glob for reading in self.readings), key=len)
        return re.sub("%+", "%", f"%{_LOOSE.sub('%', shortest)}%")

    @property
    def canonicals(self) -> frozenset[str]:
        """Return the canonical ids that are meant, whatever the provider's own id is."""
        return frozenset(reading.canonical for reading in self.readings if reading.canonical)

    def names_id(self, model: str) -> bool:
        """Return whether the pattern may match a model by its provider's id alone."""
        folded = model.casefold()
        names = {folded, _SPACE.sub("-", folded)}
        return self._fits(names | {bare("", model)} if self.provider == "*" else names)

    def names_canonical(self, canonical_id: str) -> bool:
        """Return whether the pattern may match a model by its canonical id alone."""
        name = canonical_id.casefold().partition("/")[2]
        return canonical_id in self.canonicals or self._fits({name})

    def _fits(self, names: Collection[str]) -> bool:
        return any(
            reading.glob in names or (reading.regex and any(map(reading.regex.match, names)))
            for reading in self.readings
        )


def _readings(provider: str, model: str) -> tuple[Reading, ...]:
    """Return the readings of ``x`` or ``x@y``, where y is a part of Vertex's id or a region."""
    glob, at, region = model.rpartition("@")
    pairs = [(model, ""), (glob, region)] if at else [(model, "")]
    return tuple(
        Reading(glob, region, _only(provider, glob), _regex(glob)) for glob, region in pairs
    )


def _regex(glob: str) -> re.Pattern[str] | None:
    """Compile a glob. fnmatch itself caches no more than the globs of a few hundred subscriptions,
    and this is called once for each.
    """
    return re.compile(translate(glob)) if _WILDCARD.search(glob) else None


def _only(provider: str, glob: str) -> str:
    """Return the canonical id of the one model that is meant, or "" for a glob."""
    if _WILDCARD.search(glob) or (provider != "*" and _WILDCARD.search(provider)):
        return ""
    return canonical("" if provider == "*" else provider, glob).casefold()


def _other_day(first: str, second: str) -> bool:
    """Return whether two ids have two dates: one name on Anthropic's price page may be two
    models.
    """
    days = _DAY.findall(first), _DAY.findall(second)
    return all(days) and days[0] != days[1]


def _within(region: str, glob: str) -> bool:
    folded = region.casefold()
    return any(fnmatchcase(name, glob) for name in {folded, *folded.split(", ")})

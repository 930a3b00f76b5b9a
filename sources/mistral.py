"""Mistral: the models page of its documentation, and the model list of its API.

The page was built in three ways, all read here into the same ids:

- rendered since October 2025: one table of deprecated and retired models, dates as month/day/year,
  replacements as display names. Its live models are cards without ids and are not read; the API
  lists them.
- Markdown until October 2025: tables of models, of legacy models, and a list of what each alias
  points to.
- the TypeScript from which the site is rendered (one object for each model): the only one with
  prices, in USD and EUR beside each other, and with a status.

``model`` is the API's dated id, or the display name where none is printed (weights that were never
served). An id may stand twice, with two names (``voxtral-mini-2507``), two versions
(``open-mistral-7b``) or by mistake; it is one fact, and of two different ends the later announced,
then the sooner, is the one to be safe with.

What would break it, as Unreadable: a renamed column, an unknown status, denominator or label of a
price, TypeScript that is no plain literal where a value is read. A typing error such as
``2525/06/06`` is passed on as printed, and the core holds the document
(monitor.core.diff.check)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement, Stage, When
from monitor.reading.page import (
    Inline,
    Text,
    Unreadable,
    blocks,
    decode,
    layout,
    parsed_json,
    tables,
    when,
)
from monitor.reading.source import Access, source

# --- the models page
# ---------------------------------------------------------------------------------------

RENDERED = layout(
    name="model",
    model="api",
    deprecated="deprecation",
    retires="retirement",
    replacement="alternative",
    ignore=("version",),
)
MODELS = layout(
    name="model",
    model="api endpoints",
    context="max tokens",
    ignore=("weight availability", "available via api", "description", "version"),
)
LEGACY = layout(  # from 2025-06-23
    name="model",
    model="api endpoints",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="alternative model",
    ignore=("weight availability", "version"),
)
LEGACY_SERVED = layout(  # 2025-06-18
    **{**LEGACY.columns, "deprecated": "deprecation on date"},
    ignore=("available via api", *LEGACY.ignore),
)
LEGACY_DESCRIBED = layout(  # until June 2025
    **LEGACY_SERVED.columns,
    announced="legacy date",
    ignore=(*LEGACY_SERVED.ignore, "description", "max tokens"),
)
_ALIAS = re.compile(r"([\w.-]+): currently points to ([\w.-]+?)(?:[.,]\s*(.*))?")


@source(
    "https://docs.mistral.ai/getting-started/models/",
    every=timedelta(hours=6),
    facts=(Retirement, Listing, Price),
    markers=(b"mistral-",),
    keeps_retired=True,
)
def models(body: bytes) -> Iterator[Fact]:
    """Models: ends, aliases and prices, as far as the layout prints them."""
    text = decode(body)
    yield from _merged(_typescript(text) if _MODEL_FILE.search(text) else _tables(text))


def _tables(text: str) -> Iterator[Fact]:
    page = blocks(text)
    served = False
    for row in tables(page, RENDERED, MODELS, LEGACY, LEGACY_SERVED, LEGACY_DESCRIBED):
        name = row["name"].line.rstrip(" ↗")
        ids = _ids(row["model"])
        served |= bool(ids)
        if row.layout is MODELS:
            for model in ids:
                yield Listing(
                    model=model, name=name, context_window=_tokens(row["context"]), quote=row.quote
                )
            continue
        for model in ids or [name]:
            yield Retirement(
                model=model,
                stage="deprecated",
                announced=when(row["announced"]) if "announced" in row else None,
                deprecated=when(row["deprecated"], order="mdy"),
                retires=when(row["retires"], order="mdy"),
                replacements=row["replacement"].codes
                or tuple(filter(None, [row["replacement"].line])),
                note="" if ids else "no id of the API",
                quote=row.quote,
            )
    if not served:
        raise Unreadable("no model of any table has an id")
    for block in page:
        if isinstance(block, Text) and block.starts and "currently points to" in block.inline.line:
            match = _ALIAS.fullmatch(block.inline.line)
            if not match:
                raise block.inline.error("not the target of an alias")
            yield Listing(
                model=match[1], alias_of=match[2], note=match[3] or "", quote=block.inline.line
            )


def _ids(cell: Inline) -> list[str]:
    """The ids of a cell; an endpoint beside them ("via `audio/transcriptions`") is no model."""
    if cell.line in ("", "NA"):
        return []
    ids = [name for name in cell.codes or (cell.line,) if "/" not in name]
    if not ids or any(not re.fullmatch(r"[\w.-]+", name) for name in ids):
        raise cell.error("no model id")
    return ids


def _tokens(said: Inline) -> int | None:
    """ "128k" or "1M" tokens; None where nothing or "--" is printed."""
    if said.line in ("", "--"):
        return None
    match = re.fullmatch(r"(\d+)([kM])", said.line)
    if not match:
        raise said.error("not a number of tokens")
    return int(match[1]) * (1000 if match[2] == "k" else 1_000_000)


def _merged(facts: Iterable[Fact]) -> Iterator[Fact]:
    """One fact for each key, in the page's order. Two prices of one key stay two, for the core to
    refuse.
    """
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.key].append(fact)
    for same in found.values():
        ends = [fact for fact in same if isinstance(fact, Retirement)]
        listings = [fact for fact in same if isinstance(fact, Listing)]
        if ends:
            yield _one_end(ends)
        elif listings:
            yield _one_listing(listings)
        else:
            yield from same


def _one_end(ends: list[Retirement]) -> Retirement:
    ends.sort(key=lambda end: end.retires.text if end.retires else "9999")
    ends.sort(key=lambda end: end.deprecated.text if end.deprecated else "", reverse=True)
    others = [end for end in ends if end.value != ends[0].value]
    notes = [
        ends[0].note,
        *(
            f"also stated: {f'retires {end.retires}' if end.retires else 'no end'}"
            for end in others
        ),
    ]
    quotes = dict.fromkeys(end.quote for end in ends)
    return replace(ends[0], note="; ".join(filter(None, notes)), quote=" / ".join(quotes))


def _one_listing(listings: list[Listing]) -> Listing:
    """What the page says of one id in several places. An alias in two model files is that of the
    later model.
    """
    first = max(
        listings,
        key=lambda listing: (
            listing.alias_of != "",
            listing.created.text if listing.created else "",
        ),
    )
    for other in listings:
        first = replace(
            first,
            name=first.name or other.name,
            context_window=first.context_window or other.context_window,
            modalities=first.modalities or other.modalities,
            note=first.note or other.note,
        )
    return first


# --- the site's TypeScript
# ---------------------------------------------------------------------------------

_MODEL_FILE = re.compile(r"^// ===== (\S+\.ts) =====$", re.MULTILINE)
STAGES: dict[str, Stage] = {
    "Active": "active",
    "GA": "active",
    "PublicPreview": "active",
    "Deprecated": "deprecated",
    "Retired": "retired",
}
#: Denominator -> what it says of the meter, and the unit.
_UNITS = {
    "/M Tokens": ("", "1M tokens"),
    "/M Chars": ("", "1M characters"),
    "/Min": ("audio_", "minute"),
    "/1000 Pages": ("", "1K pages"),
    "/1000 Annotated Pages": ("annotated_", "1K pages"),
}
_LABELS = {"": "", "Input": "", "Output": "", "Cached input": "cached_"}


def _typescript(text: str) -> Iterator[Fact]:
    """One object for each model's file; the index beside them only imports the files."""
    _, *parts = _MODEL_FILE.split(text)
    for path, code in zip(parts[::2], parts[1::2], strict=True):
        if path.endswith("/index.ts"):
            continue
        _, found, literal = code.partition("export default ")
        if not found:
            raise Unreadable(f"{path}: no 'export default'")
        try:
            model = _Literal(literal).value()
            yield from _of_file(model, path)
        except (KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"{path}: not a model: {type(error).__name__}: {error}") from error
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}") from error


def _of_file(model: Mapping[str, Any], path: str) -> Iterator[Fact]:
    name, status, ids = model["name"], model["status"], model["identifiers"]["apiNames"]
    if status not in STAGES:
        raise Unreadable(f"unknown status {status!r}")
    slug = model["slug"]
    inputs = tuple(model["capabilities"]["input"])
    if ids and STAGES[status] != "retired":
        listing = Listing(
            model=ids[0],
            name=name,
            context_window=_tokens(Inline(model.get("contextLength") or "")),
            max_output=_tokens(Inline(model.get("outputTokenLimit") or "")),
            modalities=inputs,
            created=_day(model["releaseDate"]),
            quote=f"{slug}: {', '.join(ids)}",
        )
        yield listing
        for alias in ids[1:]:
            yield replace(
                listing,
                model=alias,
                context_window=None,
                max_output=None,
                modalities=(),
                alias_of=ids[0],
            )
    told = model.get("metadata", {})
    ends = {
        key: told.get(key) or "" for key in ("deprecationDate", "retirementDate", "replacement")
    }
    stage = STAGES[status]
    retires = _day(ends["retirementDate"])
    if stage != "active" or any(ends.values()):
        yield Retirement(
            model=ids[0] if ids else name,
            term=status,
            stage="deprecated" if stage == "active" and retires else stage,
            deprecated=_day(ends["deprecationDate"]),
            retires=retires,
            replacements=tuple(filter(None, [ends["replacement"]])),
            note="" if ids else "no id of the API",
            quote=f"{slug} ({name}): {status}, "
            + ", ".join(f"{key} {said or '-'}" for key, said in ends.items()),
        )
    features = model["capabilities"]["features"]
    transcribes = "transcriptions" in features and "chat-completions" not in features
    pricing = model["pricing"]
    if pricing["type"] not in ("flat", "custom"):
        raise Unreadable(f"unknown type of pricing {pricing['type']!r}")
    flat = pricing["type"] == "flat"  # one amount that is the whole pricing
    for side, items in (
        [("input", [pricing])] if flat else [(side, pricing[side]) for side in ("input", "output")]
    ):
        for item in items:
            yield from _prices(item, side, ids[0] if ids else name, transcribes, slug)


def _prices(
    item: Mapping[str, Any], side: str, model: str, transcribes: bool, slug: str
) -> Iterator[Price]:
    """The price of one item in both currencies. Zero is how the file says that this is not
    billed.
    """
    denominator, label = item["denominator"], item.get("label", "")
    if denominator not in _UNITS or label not in _LABELS:
        raise Unreadable(f"unknown unit or label of a price: {item}")
    prefix, per = _UNITS[denominator]
    # One id is both a chat model and a transcription service, at two prices a minute
    # (voxtral-mini-2507).
    meter = "transcription" if transcribes and per == "minute" else _LABELS[label] + prefix + side
    for key, currency in (("price", "USD"), ("priceEur", "EUR")):
        amount = item.get(key)
        if amount is not None and amount != 0:
            yield Price(
                model=model,
                meter=meter,
                amount=amount,
                currency=currency,
                per=per,
                quote=f"{slug}: {side} {amount} {currency} {denominator}",
            )


def _day(text: str) -> When | None:
    return when(Inline(text, where="date")) if text else None


_WORDS = {"true": True, "false": False, "null": None, "undefined": None}


class _Literal:
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


# --- the model list of the API
# -----------------------------------------------------------------------------


@source(
    "https://api.mistral.ai/v1/models",
    every=timedelta(hours=6),
    facts=(Listing, Retirement),
    access=Access(key="MISTRAL_API_KEY"),
    markers=(b'"data"', b"mistral"),
)
def api(body: bytes) -> Iterator[Fact]:
    """Models as the API lists them: an alias is a row of its own, whose ``name`` is the id that it
    stands for.

    ``deprecation`` is its only date; at that time a model is gone (for the documentation, its
    "retirement"). ``created`` is the time of the answer and not read. A customer's own models are
    not the provider's."""
    document = parsed_json(body)
    for item in document["data"]:
        if item["type"] == "fine-tuned":
            continue
        quote = f"{item['id']} ({item['name']})"
        yield Listing(
            model=item["id"],
            context_window=item["max_context_length"],
            quote=quote,
            alias_of=item["name"] if item["name"] not in (None, item["id"]) else "",
        )
        gone, replacement = item["deprecation"], item["deprecation_replacement_model"]
        if gone:
            yield Retirement(
                model=item["id"],
                stage="deprecated",
                retires=_day(gone),
                replacements=(replacement,) if replacement else (),
                quote=f"{quote}: deprecation {gone}, replacement {replacement or '-'}",
            )

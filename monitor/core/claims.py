"""Read the claims of an article about models, and judge them by the official sources. Pure.

    title, summary --claims--> Claim --verdict--> Mark: confirmed, contradicted or unconfirmed, and
    why

A claim is a known model and, in the same clause, a word for its end or its availability, a price
for a million tokens, or a context in tokens. Doubtful words are no claim: a question, a hedge, a
denial, two models in one clause, a move from one model to another, a product that only uses the
model. Without a claim there is no verdict. Nothing here raises an event about a retirement or a
price: only official sources do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from monitor.core.ends import in_force, leaving, over
from monitor.core.facts import Fact, Listing, Price, Retirement
from monitor.core.names import MAKERS, canonical

About = Literal["retired", "retiring", "available", "price", "context"]
Verdict = Literal["contradicted", "unconfirmed", "confirmed"]
#: The worst first: what a reader should see of an article with several claims.
VERDICTS: tuple[Verdict, ...] = ("contradicted", "unconfirmed", "confirmed")


@dataclass(frozen=True)
class Claim:
    """One thing that an article says of one model.

    ``model`` is the canonical id. ``host`` is the platform that the sentence names, empty for the
    maker's own. ``amount`` is a price in USD for a million tokens of ``meter`` (empty: it is not
    said of which), or a context in units of ``unit`` tokens. ``quote`` is the sentence."""

    model: str
    about: About
    host: str = ""
    meter: str = ""
    amount: Decimal = Decimal(0)
    unit: int = 1
    quote: str = ""

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        size = {1: "", 1000: "K", 1_000_000: "M"}[self.unit]
        said = {
            "price": f"costs {self.amount:f} USD per 1M "
            f"{self.meter + ' ' if self.meter else ''}tokens",
            "context": f"has a context of {self.amount:,f}{size} tokens",
        }
        return f"{self.model}{where} {said.get(self.about, f'is {self.about}')}"


@dataclass(frozen=True)
class Mark:
    """Judge a claim. ``sources`` are those that decided; ``why`` gives their statement."""

    claim: Claim
    verdict: Verdict
    why: str
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.verdict}: {self.claim}; {self.why}"


# --- models in a text
# ---------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[a-z0-9](?:[\w.]*\w)?", re.IGNORECASE)
#: What holds the parts of a name together; typographers have more hyphens than one, Vertex dates
#: its ids behind an @.
_JOINTS = {" ", "-", "\u2010", "\u2011", "@"}
#: The longest names, in parts: ``gemini 2.5 flash native audio preview 12 2025``.
_PARTS = 9


class Names:
    """The models that official sources name, to be found in a text under any spelling that identity
    knows.

    A name without a digit (``command``, ``sonar``) is a word like others and never found. Neither
    is a name that goes on into what is no model we know (``gpt-4.1-ultra``, ``GPT-4.1 mini`` where
    only ``gpt-4.1`` is known)."""

    def __init__(self, named: Iterable[tuple[str, str]]):
        self._models: set[str] = set()
        self._heads: dict[str, set[str]] = {}
        self._tails: set[str] = set()
        for provider, name in named:
            tokens = _TOKEN.findall(name.rpartition("/")[2].casefold())
            model = canonical(provider, name)
            if tokens and re.search(r"\d", model.rpartition("/")[2]):
                self._models.add(model)
                self._heads.setdefault(tokens[0], set()).add(provider)
                self._tails.update(token for token in tokens[1:] if token.isalpha())

    def find(self, text: str) -> list[str]:
        """The canonical ids of the models that the text names, in its order, each once."""
        tokens = list(_TOKEN.finditer(text))
        found: list[str] = []
        at = 0
        while at < len(tokens):
            model, size = self._longest(text, tokens[at : at + _PARTS + 1])
            at += size
            if model and model not in found:
                found.append(model)
        return found

    def _longest(self, text: str, tokens: Sequence[re.Match[str]]) -> tuple[str, int]:
        """The model that begins with the first token, and how many tokens its name takes; "" and 1
        for none.
        """
        first = tokens[0]
        providers = self._heads.get(first[0].casefold(), ())
        joined = 1
        while (
            joined < len(tokens)
            and text[tokens[joined - 1].end() : tokens[joined].start()] in _JOINTS
        ):
            joined += 1
        if not providers or text[first.start() - 1 : first.start()] in {*_JOINTS, "."} - {" ", ""}:
            return "", 1
        for size in range(min(joined, _PARTS), 0, -1):
            name = re.sub("[\u2010\u2011]", "-", text[first.start() : tokens[size - 1].end()])
            models = {canonical(provider, name) for provider in providers} & self._models
            if models:
                goes_on = size < joined and (
                    tokens[size][0].casefold() in self._tails
                    or text[tokens[size].start() - 1] != " "
                )
                goes_on = goes_on or text[tokens[size - 1].end() : tokens[size - 1].end() + 1] in {
                    "-",
                    "@",
                }
                return ("", size) if goes_on or len(models) > 1 else (models.pop(), size)
        return "", 1


# --- claims
# -------------------------------------------------------------------------------------------------

_URL = re.compile(r"https?://\S+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n+")
_CLAUSE = re.compile(
    r"[,;:]\s|[()]|\s[-\u2013\u2014]+\s|\b(?:and|but|while|whereas|although|though)\s"
)
#: A clause that begins so goes on about the model of the one before.
_GOES_ON = re.compile(r"\s*(?:(?:its?|with|at|whose|the model)\b|\$)", re.IGNORECASE)

_GONE = re.compile(
    r"\b(?:retired|sunsetted|(?:has|have|had|was|were|is|are|been)\s+sunset|discontinued|decommissioned|shut\s+down"
    r"|(?:turned|switched)\s+off|no\s+longer\s+(?:available|served|supported|offered))\b",
    re.IGNORECASE,
)
_GOING = re.compile(
    r"\b(?:retires|retiring|retirement|sunsets?|sunsetting|shuts\s+down|shutting\s+down|shutdown|deprecat\w+"
    r"|phas\w+\s+out)\b",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"\b(?:will|to\s+(?:be|shut)|being|going\s+to|set\s+to|scheduled|soon|plans?|planned)\b",
    re.IGNORECASE,
)
_THERE = re.compile(
    r"\b(?:(?:still|remains?|stays?)\s+(?:\w+\s+)?(?:available|supported|online)|is\s+available)\b",
    re.IGNORECASE,
)
#: What makes an end or an availability doubtful, or one of something else. The month stays: "may"
#: in lower case only.
_DOUBT = re.compile(
    r"\b(?:[Nn]ot|[Nn]o|[Nn]ever|[Ww]ithout|\w+n['\u2019]t|may|[Mm]ight|[Cc]ould|[Ww]ould|[Ss]hould|[Ii]f|[Uu]nless|[Uu]ntil"
    r"|[Pp]ossibly|[Pp]erhaps|[Aa]lmost)\b"
    r"|(?i:\b(?:replac\w+|instead|successor|migrat\w+|upgrad\w+|switch\w*\s+(?:from|to)|mov\w+\s+(?:from|to)|unlike)\b)"
    r"|(?i:in\s+favou?r\s+of)"
)
#: Who says it does not claim it, wherever in the sentence that stands.
_HEARSAY = re.compile(r"\?|\b(?:rumou?r\w*|reportedly|allegedly|leak\w*)\b", re.IGNORECASE)
#: What may lose a model that the API keeps: in February 2026 ChatGPT lost GPT-4o. In a title it is
#: what all is about.
_PRODUCT = re.compile(
    r"\b(?:chatgpt|copilot|cursor|windsurf|codex|apps?|fine-?\s?tun\w+|endpoints?)\b(?!-)",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"(?:\b(?P<before>input|output)\b[^$]{0,20})?\$\s?(?P<amount>\d+(?:\.\d+)?)\s*(?:/|per|an?|each|for)\s*"
    r"(?:(?:a|one|1)\s*)?(?:M|MTok|million)\b(?:\s*(?:of\s+)?(?P<after>input|output)\b)?",
    re.IGNORECASE,
)
#: Prices of other conditions than the plain ones.
_SPECIAL = re.compile(
    r"\b(?:cach\w+|batch\w*|flex|priority|off-peak|fine-?\s?tun\w+|audio|image|was|from)\b",
    re.IGNORECASE,
)
_SIZE = r"(?P<{0}>\d[\d,]*(?:\.\d+)?)(?:\s?(?P<{0}_unit>k|m|thousand|million))?"
_CONTEXT = re.compile(
    _SIZE.format("first") + r"(?:[\s-]tokens?)?(?:\s+of)?[\s-]context\b"
    r"|\bcontext(?:\s+(?:window|length|size))?(?:\s+(?:of|is|was))?\s+"
    + _SIZE.format("last")
    + r"(?:[\s-]tokens?\b)?",
    re.IGNORECASE,
)
_UNITS = {"": 1, "k": 1000, "thousand": 1000, "m": 1_000_000, "million": 1_000_000}

#: Platforms that serve others' models, by the words that name them, and their providers.
_HOSTS = {
    "azure": r"azure|foundry",
    "bedrock": r"bedrock|aws",
    "vertex": r"vertex",
    "groq": r"groq",
    "cerebras": r"cerebras",
    "together": r"together ai|together\.ai",
    "fireworks": r"fireworks",
    "openrouter": r"openrouter",
}
_HOST = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{host}>{words})' for host, words in _HOSTS.items())})\b", re.IGNORECASE
)


def claims(names: Names, title: str, summary: str = "") -> tuple[Claim, ...]:
    """Return the claims of a text about the models it names, each once, in the words of its first
    place.
    """
    stated: dict[Claim, Claim] = {}
    for claim in _claims(names, title, [title, *_SENTENCE.split(summary)]):
        stated.setdefault(
            Claim(claim.model, claim.about, claim.host, claim.meter, claim.amount, claim.unit),
            claim,
        )
    return tuple(stated.values())


def _claims(names: Names, title: str, sentences: Iterable[str]) -> Iterator[Claim]:
    models: list[str] = []
    for sentence in sentences:
        sentence = " ".join(_URL.sub(" ", sentence).split())
        if _HEARSAY.search(sentence):
            continue
        lives = not _PRODUCT.search(f"{title} {sentence}")
        hosts = {match.lastgroup or "" for match in _HOST.finditer(sentence)}
        for clause in _CLAUSE.split(sentence):
            named = names.find(clause)
            models = named or (models if _GOES_ON.match(clause) else [])
            if len(models) == 1 and len(hosts) < 2:
                found = _clause(models[0], "".join(hosts), clause, sentence)
                yield from (
                    claim for claim in found if lives or claim.about in ("price", "context")
                )


def _clause(model: str, host: str, clause: str, sentence: str) -> Iterator[Claim]:
    if about := _life(clause):
        yield Claim(model, about, host, quote=sentence)
    for match in () if _SPECIAL.search(clause) else _PRICE.finditer(clause):
        meter = (match["after"] or match["before"] or "").lower()
        yield Claim(model, "price", host, meter, Decimal(match["amount"]), quote=sentence)
    if size := _CONTEXT.search(clause):
        side = "first" if size["first"] else "last"
        amount = Decimal(size[side].replace(",", ""))
        unit = _UNITS[(size[f"{side}_unit"] or "").lower()]
        yield Claim(model, "context", host, amount=amount, unit=unit, quote=sentence)


def _life(clause: str) -> About | None:
    """Return the state that a clause gives a model, if it plainly gives one state."""
    if _DOUBT.search(_GONE.sub(" ", clause)):
        return None
    there, gone, going = (bool(words.search(clause)) for words in (_THERE, _GONE, _GOING))
    if there:
        return None if gone or going else "available"
    if gone and not _AHEAD.search(clause):
        return "retired"
    return "retiring" if gone or going else None


# --- verdicts
# -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Official:
    """Hold the statements of the official sources at an instant.

    ``facts`` are by canonical id, each with its source. ``looks`` is when each source was last
    polled with success. ``tellers`` are the sources that state retirements, by provider."""

    now: datetime
    facts: Mapping[str, Sequence[tuple[str, Fact]]]
    looks: Mapping[str, datetime]
    tellers: Mapping[str, str]


def verdict(claim: Claim, official: Official) -> Mark:
    """Judge a claim by the official sources of the platform it names, else of the model's maker.

    A context belongs to the model, so any platform decides where the maker's pages are silent.
    """
    maker = claim.model.partition("/")[0]
    said = official.facts.get(claim.model, ())
    own = [(source, fact) for source, fact in said if _of(fact.provider, claim.host, maker)]
    match claim.about:
        case "price":
            return _price(claim, own, official.now)
        case "context":
            return _context(claim, own) or _context(claim, said) or _silent(claim, "the context")
        case _:
            tellers = [
                source for host, source in official.tellers.items() if _of(host, claim.host, maker)
            ]
            return _end(claim, own, official, sorted(tellers))


def _of(provider: str, host: str, maker: str) -> bool:
    return provider == host if host else MAKERS.get(provider, provider) == maker


def _end(
    claim: Claim, own: Sequence[tuple[str, Fact]], official: Official, tellers: Sequence[str]
) -> Mark:
    """A retirement is told long before it comes, so one that no page lists did not happen; one
    ahead may be news.
    """
    ends = [
        (source, fact)
        for source, fact in own
        if isinstance(fact, Retirement) and fact.surface == "api"
    ]
    gone = [end for end in ends if over(end[1], official.now)]
    going = [end for end in ends if end not in gone and leaving(end[1])]
    if gone and len(gone) < len(ends):
        why = f"{gone[0][0]} lists {len(gone)} of {len(ends)} offerings as retired"
        return Mark(claim, "unconfirmed", why, (gone[0][0],))
    if ends:
        source, fact = (gone or going or ends)[0]
        confirmed = {"retired": gone, "retiring": gone or going, "available": not gone}[claim.about]
        early = claim.about == "retiring" and not confirmed
        said: Verdict = "confirmed" if confirmed else "unconfirmed" if early else "contradicted"
        return Mark(
            claim, said, f"{source}{_dated(source, official)} says {_stage(fact)}", (source,)
        )
    if claim.about == "available":
        standing = [source for source, fact in own if isinstance(fact, Price | Listing)]
        if not standing:
            return _silent(claim, "this model")
        kind = "a price" if any(isinstance(fact, Price) for _, fact in own) else "the model"
        return Mark(
            claim,
            "confirmed",
            f"{standing[0]} lists {kind} and no source its retirement",
            (standing[0],),
        )
    if not tellers:
        return _silent(claim, "retirements of its provider")
    model = claim.model.partition("/")[2]
    why = f"{tellers[0]}{_dated(tellers[0], official)} lists no retirement of {model}"
    return Mark(
        claim, "contradicted" if claim.about == "retired" else "unconfirmed", why, (tellers[0],)
    )


def _stage(fact: Fact) -> str:
    if not isinstance(fact, Retirement):
        return ""
    return fact.stage + (f", retires {fact.retires}" if fact.retires else "")


def _dated(source: str, official: Official) -> str:
    look = official.looks.get(source)
    return f" of {look:%Y-%m-%d}" if look else ""


def _price(claim: Claim, own: Sequence[tuple[str, Fact]], now: datetime) -> Mark:
    meters = (claim.meter,) if claim.meter else ("input", "output")
    told = [
        (fact.meter, fact.amount, source)
        for source, fact in own
        if isinstance(fact, Price)
        and fact.meter in meters
        and (fact.surface, fact.tier) == ("api", "standard")
        if (fact.currency, fact.per) == ("USD", "1M tokens")
        if in_force(fact, now)
    ]
    if not told:
        return _silent(claim, "such a price")
    right = [one for one in told if one[1] == claim.amount]
    meter, amount, source = min(right or told)
    why = f"{source} says {amount:f} USD per 1M {meter} tokens"
    return Mark(claim, "confirmed" if right else "contradicted", why, (source,))


def _context(claim: Claim, told: Sequence[tuple[str, Fact]]) -> Mark | None:
    sizes = [
        (source, fact.context_window)
        for source, fact in told
        if isinstance(fact, Listing) and fact.context_window
    ]
    if not sizes:
        return None
    right = [(source, size) for source, size in sizes if _fits(claim, size)]
    source, size = (right or sizes)[0]
    return Mark(
        claim, "confirmed" if right else "contradicted", f"{source} says {size:,} tokens", (source,)
    )


def _fits(claim: Claim, size: int) -> bool:
    """``128K`` is said of 128,000 and of 131,072, and ``1M`` of 1,047,576: rounded as far as the
    claim is.
    """
    if claim.unit == 1:
        return size == claim.amount
    kibi = 1024 if claim.unit == 1000 else 1024**2
    return any(
        (Decimal(size) / unit).quantize(claim.amount) == claim.amount for unit in (claim.unit, kibi)
    )


def _silent(claim: Claim, what: str) -> Mark:
    return Mark(claim, "unconfirmed", f"no official source tells {what}")


def overall(found: Sequence[Mark]) -> str:
    """One line for an article: contradicted if one claim is, unconfirmed if one is, else
    confirmed.
    """
    for said in VERDICTS:
        sources = dict.fromkeys(
            source for mark in found if mark.verdict == said for source in mark.sources
        )
        if any(mark.verdict == said for mark in found):
            return said if said == "unconfirmed" else f"{said} by {', '.join(sources)}"
    return ""

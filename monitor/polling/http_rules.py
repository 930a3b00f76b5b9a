"""What may be believed of an HTTP answer, and what it asks of us. All pure: the fetching itself is
in fetch.py.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import PurePosixPath

from yarl import URL

from monitor.errors import FetchFailed

#: A server may ask us to stay away for as long as this, in seconds.
DAY = 86_400.0

_SECONDS = re.compile(r"[0-9]{1,9}")

#: What to ask for, and which content types are believed. Raw file hosts send every text as
#: text/plain.
ACCEPT = {
    "text": "text/markdown, text/plain;q=0.9, */*;q=0.1",
    "feed": "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, "
    "*/*;q=0.1",
    "json": "application/json, */*;q=0.1",
    "page": "text/html, application/xhtml+xml, text/*;q=0.5, */*;q=0.1",
}
BELIEVED = {
    "text": re.compile(r"text/(x-)?markdown|text/plain|application/octet-stream"),
    "feed": re.compile(
        r"(application|text)/([\w.-]+\+)?xml|text/plain|(application|binary)/octet-stream"
    ),
    "json": re.compile(r"application/([\w.-]+\+)?json|text/plain|application/octet-stream"),
    "page": re.compile(r"text/.+|application/([\w.-]+\+)?(xml|json)"),
}
SUFFIXES = {
    ".md": "text",
    ".txt": "text",
    ".json": "json",
    ".xml": "feed",
    ".rss": "feed",
    ".atom": "feed",
}

#: Headers by which Cloudflare, AWS WAF and Vercel say that they answered instead of the site.
WALL_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
#: What stands in such pages. "challenge-platform" is not among them: Cloudflare puts that script
#: into good pages too.
WALL_MARKS = (
    b"_cf_chl_opt",
    b"<title>Just a moment...</title>",
    b"_Incapsula_Resource",
    b"window.gokuProps",
)

#: Public suffixes of two labels that matter here. One that is missing makes redirects laxer, never
#: wider than https.
TWO_LABELS = frozenset(
    (
        *(
            "co.uk",
            "org.uk",
            "com.au",
            "com.br",
            "com.cn",
            "co.in",
            "co.jp",
            "co.kr",
            "co.nz",
            "com.sg",
            "com.tw",
        ),
        *(
            "amazonaws.com",
            "github.io",
            "gitlab.io",
            "herokuapp.com",
            "netlify.app",
            "pages.dev",
            "readthedocs.io",
        ),
        "vercel.app",
    )
)


def max_age_seconds(header: str | None) -> float | None:
    """The max-age of a Cache-Control header, within a day."""
    found = (
        re.search(r'(?:^|[,\s])max-age="?(\d{1,12})', header, re.IGNORECASE | re.ASCII)
        if header
        else None
    )
    return min(float(found[1]), DAY) if found else None


def told_at(date: str, age: str) -> datetime | None:
    """The server's clock when it answered: Date, and for a cached copy Age seconds later (RFC 9110
    6.6.1, 9111 5.1).
    """
    try:
        then = parsedate_to_datetime(date)
        return then.replace(tzinfo=then.tzinfo or UTC) + timedelta(
            seconds=int(age) if _SECONDS.fullmatch(age) else 0
        )
    except (ValueError, OverflowError):
        return None


def registrable(host: str) -> str:
    """The part of a host name that one owner holds: its last two labels, or three. An address
    stands for itself.
    """
    labels = host.lower().rstrip(".").split(".")
    if ":" in host or labels[-1].isdigit() or labels[-1].startswith("0x"):
        return host
    return ".".join(labels[-3 if ".".join(labels[-2:]) in TWO_LABELS else -2 :])


def redirect_fault(declared: URL, hop: URL) -> str | None:
    """Why a redirect may not be followed, or None.

    Staying in the domain also keeps us out of private networks, unless the declared URL is there
    itself: an address and ``localhost`` are domains of their own. A name that a domain's owner
    points to a private address is theirs."""
    if hop.scheme != "https" and (hop.scheme, declared.scheme) != ("http", "http"):
        return "not https"
    if not hop.host or registrable(hop.host) != registrable(declared.host or ""):
        return "another domain"
    return None


@lru_cache(maxsize=4096)
def flavour(url: str, kind: str, keyed: bool) -> str:
    """What a source is made of, a key of ACCEPT and BELIEVED: by its address, and by what it is
    where that is mute.

    A "page" may be anything that is text: openrouter.models is JSON at an address that does not say
    so."""
    mute = "json" if keyed else "feed" if kind == "news" else "page"
    return SUFFIXES.get(PurePosixPath(URL(url).path).suffix, mute)


def wall(expected: str, content_type: str, body: bytes) -> str | None:
    """The sign of a bot wall or an error page in an answer, or None."""
    if content_type not in ("text/html", "application/xhtml+xml"):
        return None
    if expected != "page":
        return "a web page instead of the document"
    return next((f"it holds {mark.decode()!r}" for mark in WALL_MARKS if mark in body), None)


class Inflate:
    """Decodes a body by its Content-Encoding, piece by piece, and never makes more than it is asked
    for.
    """

    def __init__(self, encodings: list[str]):
        encoding = ", ".join(encodings).strip().lower()
        try:
            wbits = {"": None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}[encoding]
        except KeyError:
            raise FetchFailed(
                f"the body is encoded as {encoding[:60]!r}, which was not asked for"
            ) from None
        self._zlib = zlib.decompressobj(wbits) if wbits else None

    def feed(self, piece: bytes, room: int) -> bytes:
        """What a piece decodes to, up to ``room`` bytes."""
        if self._zlib is None:
            return piece
        try:
            out = self._zlib.decompress(piece, room)
        except zlib.error as error:
            raise FetchFailed(f"the compressed body is damaged: {error}") from None
        if self._zlib.unused_data:
            raise FetchFailed("the compressed body is followed by something else")
        return out

    def finish(self) -> None:
        """Raises if the end of a compressed body has not come."""
        if self._zlib is not None and not self._zlib.eof:
            raise FetchFailed("the compressed body is cut short")

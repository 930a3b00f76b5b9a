"""Rules for HTTP responses: content types, freshness, Retry-After, redirects, bot walls. Pure;
fetch.py does the fetching.
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

#: The longest wait that a server may ask for, in seconds.
DAY = 86_400.0

_SECONDS = re.compile(r"[0-9]{1,9}")
_MAX_AGE = re.compile(r'(?:^|[,\s])max-age="?(\d{1,12})', re.IGNORECASE | re.ASCII)

#: The Accept header for each format.
ACCEPT = {
    "text": "text/markdown, text/plain;q=0.9, */*;q=0.1",
    "feed": "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, "
    "*/*;q=0.1",
    "json": "application/json, */*;q=0.1",
    "page": "text/html, application/xhtml+xml, text/*;q=0.5, */*;q=0.1",
}
#: The content types that are accepted for each format. Raw file hosts send every text as
#: text/plain.
CONTENT_TYPES = {
    "text": re.compile(r"text/(x-)?markdown|text/plain|application/octet-stream"),
    "feed": re.compile(
        r"(application|text)/([\w.-]+\+)?xml|text/plain|(application|binary)/octet-stream"
    ),
    "json": re.compile(r"application/([\w.-]+\+)?json|text/plain|application/octet-stream"),
    "page": re.compile(r"text/.+|application/([\w.-]+\+)?(xml|json)"),
}
#: The format of a document by the suffix of its address.
SUFFIXES = {
    ".md": "text",
    ".txt": "text",
    ".json": "json",
    ".xml": "feed",
    ".rss": "feed",
    ".atom": "feed",
}

#: Headers by which Cloudflare, AWS WAF and Vercel show that they answered instead of the site.
WALL_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
#: Text in such pages. "challenge-platform" is not listed: Cloudflare puts that script into good
#: pages too.
WALL_MARKERS = (
    b"_cf_chl_opt",
    b"<title>Just a moment...</title>",
    b"_Incapsula_Resource",
    b"window.gokuProps",
)

#: Public suffixes of two labels that matter here. A missing one makes redirects laxer, but never
#: leaves https.
TWO_LABELS = frozenset(
    {
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
        "amazonaws.com",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "netlify.app",
        "pages.dev",
        "readthedocs.io",
        "vercel.app",
    }
)


def max_age_seconds(header: str | None) -> float | None:
    """Return the max-age of a Cache-Control header in seconds, at most a DAY; None if absent."""
    match = _MAX_AGE.search(header) if header else None
    return min(float(match[1]), DAY) if match else None


def server_time(date: str, age: str) -> datetime | None:
    """Return the server's time when it answered, None if it gave none.

    That is its Date, and for a cached copy Age seconds later (RFC 9110 6.6.1, 9111 5.1)."""
    try:
        then = parsedate_to_datetime(date)
        return then.replace(tzinfo=then.tzinfo or UTC) + timedelta(
            seconds=int(age) if _SECONDS.fullmatch(age) else 0
        )
    except (ValueError, OverflowError):
        return None


def registrable(host: str) -> str:
    """Return the part of a host name that one owner holds: its last two labels, or three. An IP
    address is returned whole.
    """
    labels = host.lower().rstrip(".").split(".")
    if ":" in host or labels[-1].isdigit() or labels[-1].startswith("0x"):
        return host
    return ".".join(labels[-3 if ".".join(labels[-2:]) in TWO_LABELS else -2 :])


def redirect_fault(declared: URL, hop: URL) -> str | None:
    """Return why a redirect may not be followed, or None.

    Staying in the domain also keeps us out of private networks, unless the declared URL is in one:
    an IP address and ``localhost`` are domains of their own. A domain's owner may still point a
    name of it to a private address."""
    if hop.scheme != "https" and (hop.scheme, declared.scheme) != ("http", "http"):
        return "not https"
    if not hop.host or registrable(hop.host) != registrable(declared.host or ""):
        return "another domain"
    return None


@lru_cache(maxsize=4096)
def expected_format(url: str, kind: str, keyed: bool) -> str:
    """Return the format of a source, a key of ACCEPT and CONTENT_TYPES: by the suffix of its
    address, or else by the kind of source.

    A "page" may be any text: openrouter.models is JSON at an address without a suffix."""
    default = "json" if keyed else "feed" if kind == "news" else "page"
    return SUFFIXES.get(PurePosixPath(URL(url).path).suffix, default)


def find_wall(expected: str, content_type: str, body: bytes) -> str | None:
    """Return the sign of a bot wall or an error page in a response, or None."""
    if content_type not in ("text/html", "application/xhtml+xml"):
        return None
    if expected != "page":
        return "a web page instead of the document"
    return next(
        (f"it holds {marker.decode()!r}" for marker in WALL_MARKERS if marker in body), None
    )


class Decompressor:
    """Decode a body by its Content-Encoding, piece by piece, never to more bytes than requested."""

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
        """Decode a piece, to at most ``room`` bytes. Raises FetchFailed if it is damaged."""
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
        """Raise FetchFailed if a compressed body has no end."""
        if self._zlib is not None and not self._zlib.eof:
            raise FetchFailed("the compressed body is cut short")

"""The fetcher against a loopback site: whole or nothing, bounds, redirects, walls, paging, and when
to come back.
"""

import asyncio
import gzip
import itertools
import json
import traceback
import tracemalloc
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from monitor import __version__
from monitor.errors import FetchFailed, Unreadable
from monitor.polling.fetch import (
    MAX_PAGES,
    NO_VALIDATORS,
    Fetched,
    Fetcher,
    Validators,
)
from monitor.polling.http_rules import (
    DAY,
    expected_format,
    find_wall,
    max_age_seconds,
    redirect_fault,
    registrable,
)
from monitor.polling.schedule import MAX_BACKOFF, next_due
from monitor.reading.source import Access, Source, documents
from tests.support.corpus import capture, needs_corpus
from tests.support.loopback_site import Page, Site

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KEY = "sk-canary-4711"
MARKDOWN = Source(
    "acme.deprecations", "https://acme.example/deprecations.md", parse=lambda body: ()
)
HTML = replace(MARKDOWN, url="https://acme.example/deprecations")
JSON = replace(MARKDOWN, url="https://acme.example/models.json")
FEED = replace(MARKDOWN, url="https://acme.example/feed.xml")


def next_page(body):
    document = json.loads(body)
    return {"after": document["last"]} if document["more"] else None


ACCESS = Access("ACME_KEY", headers=(("acme-version", "1"),), next_page=next_page)
API = replace(MARKDOWN, url="https://acme.example/v1/models", access=ACCESS)


@pytest.fixture
async def site():
    async with Site() as site:
        yield site


@pytest.fixture
async def fetcher():
    async with Fetcher(deadline=5) as fetcher:
        yield fetcher


@pytest.fixture
def get(site, fetcher):
    """Fetches a path of the site as one source."""

    async def get(path, source=MARKDOWN, validators=NO_VALIDATORS, key=None):
        return await fetcher.get(source, validators, key, site.url(path))

    return get


@pytest.fixture
def refused(get):
    """The failure that fetching a path ends with."""

    async def refused(path, source=MARKDOWN, **more):
        with pytest.raises(FetchFailed) as caught:
            await get(path, source, **more)
        return caught.value

    return refused


def raw(*headers, body=b""):
    """A response as bytes, with just these headers."""
    return (
        "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: text/markdown", *headers, "", "")).encode()
        + body
    )


# --- asking
# ------------------------------------------------------------------------------------------------


async def test_a_document_comes_whole_with_what_names_it(site, get):
    site.pages["/a.md"] = Page(
        b"| model |", etag='"v1"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT"
    )
    site.pages["/a.md"].headers["Cache-Control"] = "public, s-maxage=9, max-age=600"
    got = await get("/a.md")
    assert (got.status, got.body, got.content_type, got.not_modified) == (
        200,
        b"| model |",
        "text/markdown",
        False,
    )
    assert got.validators == Validators('"v1"', "Mon, 23 Nov 2026 00:00:00 GMT")
    assert (got.retry_after, got.max_age, got.url) == (None, 600, site.url("/a.md"))
    assert got.ms > 0


async def test_a_request_is_honest_and_plain(site, get):
    site.pages["/a.md"] = Page(b"x", headers={"Set-Cookie": "a=b"})
    await get("/a.md")
    await get("/a.md")
    for request in site.requests:
        assert request.headers == {
            "host": f"127.0.0.1:{site.port}",
            "user-agent": f"lastcall/{__version__} (deprecation monitor)",
            "accept": "text/markdown, text/plain;q=0.9, */*;q=0.1",
            "accept-encoding": "gzip, deflate",
        }
    assert site.connections == 1


@pytest.mark.parametrize(
    ("etag", "modified"), [('W/"v1"', ""), ("", "Mon, 23 Nov 2026 00:00:00 GMT"), ('"v1"', "x")]
)
async def test_an_unchanged_document_is_not_sent_again(site, get, etag, modified):
    site.pages["/a.md"] = Page(b"x", etag=etag, last_modified=modified)
    first = await get("/a.md")
    again = await get("/a.md", validators=first.validators)
    assert (again.status, again.not_modified, again.body) == (304, True, b"")
    assert again.validators == first.validators
    site.pages["/a.md"] = Page(b"y")
    assert (await get("/a.md", validators=first.validators)).body == b"y"


async def test_a_304_may_omit_the_validators(site, get):
    site.faults["/a.md"] = [b"HTTP/1.1 304 Not Modified\r\n\r\n"]
    assert (await get("/a.md", validators=Validators('"v1"', "d"))).validators == Validators(
        '"v1"', "d"
    )


async def test_a_200_is_read_whatever_its_etag(site, get):
    """A server that names every version of a page alike would freeze it for ever."""
    for body in (b"# one", b"# two"):
        site.faults["/a.md"] = [raw('ETag: W/"build-1"', "Content-Length: 5", body=body)]
        fetched = await get("/a.md", validators=Validators('W/"build-1"'))
        assert (fetched.not_modified, fetched.body) == (False, body)


async def test_a_304_that_was_not_asked_for_is_refused(site, refused):
    site.faults["/a.md"] = [b"HTTP/1.1 304 Not Modified\r\n\r\n"]
    assert "unconditional" in str(await refused("/a.md"))


async def test_only_a_few_requests_run_at_a_host_and_the_queue_is_not_on_the_deadline(site):
    site.faults["/a.md"] = [0.15, raw("Content-Length: 1", body=b"x")]
    async with Fetcher(per_host=2, deadline=0.4) as fetcher:
        got = await asyncio.gather(
            *(fetcher.get(MARKDOWN, NO_VALIDATORS, None, site.url("/a.md")) for _ in range(8))
        )
    assert len(got) == 8
    assert site.busiest <= 2


# --- whole or nothing
# -------------------------------------------------------------------------------------------------

PACKED = gzip.compress(b"| model |" * 50)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(raw("Content-Length: 100", body=b"half"), id="content-length"),
        pytest.param(raw("Transfer-Encoding: chunked", body=b"4\r\nhalf\r\n"), id="no final chunk"),
        pytest.param(raw("Transfer-Encoding: chunked", body=b"8\r\nhalf"), id="half a chunk"),
        pytest.param(
            raw("Transfer-Encoding: chunked", body=b"zz\r\nhalf\r\n"), id="bad chunk size"
        ),
        pytest.param(raw("Content-Encoding: gzip", body=PACKED[:-9]), id="half a gzip"),
        pytest.param(
            raw("Content-Encoding: gzip", body=PACKED[:-8] + bytes(8)), id="gzip with a wrong sum"
        ),
        pytest.param(raw("Content-Encoding: gzip", body=PACKED + b"tail"), id="gzip and more"),
        pytest.param(
            raw("Content-Encoding: gzip", "Content-Length: 5", body=b"plain"), id="not gzip"
        ),
        pytest.param(
            raw("Content-Encoding: br", "Content-Length: 5", body=b"plain"), id="not asked for"
        ),
        pytest.param(
            raw("Content-Encoding: " + ", ".join(["gzip"] * 10), body=PACKED),
            id="ten levels in a header",
        ),
        pytest.param(
            raw(*["Content-Encoding: gzip"] * 10, body=PACKED), id="ten levels in ten headers"
        ),
        pytest.param(raw("Content-Length: 0"), id="empty"),
        pytest.param(raw("Content-Length: 3", body=b" \r\n"), id="blank"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="half a header"),
        pytest.param(b"220 smtp.acme.example\r\n\r\n", id="not HTTP"),
        pytest.param(raw("A: " + "x" * 100_000), id="a header without end"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_what_is_not_a_whole_document_is_refused(site, refused, answer):
    site.faults["/a.md"] = [answer]
    error = await refused("/a.md")
    assert str(error).startswith("acme.deprecations: ")
    assert "\n" not in str(error)


async def test_nobody_listening(fetcher):
    with pytest.raises(FetchFailed, match=r"acme.deprecations: .*127\.0\.0\.1"):
        await fetcher.get(MARKDOWN, NO_VALIDATORS, None, "http://127.0.0.1:1/a.md")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/a.md", "https:///a.md", "http://127.0.0.1:99999/a.md", "a.md"]
)
async def test_no_address_at_all(fetcher, url):
    with pytest.raises(FetchFailed, match=r"acme\.deprecations: "):
        await fetcher.get(MARKDOWN, NO_VALIDATORS, None, url)


@pytest.mark.parametrize(
    ("name", "pack"),
    [("gzip", gzip.compress), ("X-Gzip", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_compressed_body(site, get, name, pack):
    body = b"| model |" * 9999
    site.pages["/a.md"] = Page(pack(body), headers={"Content-Encoding": name})
    assert (await get("/a.md")).body == body


# --- bounds
# ------------------------------------------------------------------------------------------------


async def test_the_cap_is_exact(site, get, refused):
    source = replace(MARKDOWN, max_bytes=100_000)
    for body in (b"x" * 100_000, b"x" * 100_001):
        site.pages["/plain.md"] = Page(body)
        site.pages["/packed.md"] = Page(gzip.compress(body), headers={"Content-Encoding": "gzip"})
        site.faults["/close.md"] = [raw("Connection: close", body=body)]
        for path in ("/plain.md", "/packed.md", "/close.md"):
            if len(body) == source.max_bytes:
                assert (await get(path, source)).body == body
            else:
                assert "longer than 100000 bytes" in str(await refused(path, source))


CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def bomb(size):
    """``size`` zeros, packed."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def endless(first, *then):
    """The steps of a server that never stops."""
    return itertools.chain([first], itertools.cycle(then))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            lambda: [raw("Content-Encoding: gzip", body=bomb(1 << 30))], id="bomb of 1 GB"
        ),
        pytest.param(
            lambda: endless(raw("Transfer-Encoding: chunked"), CHUNK), id="chunks without end"
        ),
        pytest.param(lambda: [raw("Content-Length: 100000000"), 60.0], id="100 MB announced"),
        pytest.param(lambda: endless(raw("Connection: close"), CHUNK), id="bytes without end"),
    ],
)
async def test_a_huge_body_stops_at_the_cap(site, refused, steps):
    site.faults["/a.md"] = steps()
    tracemalloc.start()
    try:
        began = asyncio.get_running_loop().time()
        assert "longer than 5000000 bytes" in str(await refused("/a.md"))
        assert asyncio.get_running_loop().time() - began < 2
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([60.0], id="silence"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", 0.02), id="headers drip"),
        pytest.param(endless(raw("Content-Length: 9999"), b"x", 0.02), id="body drips"),
        pytest.param(
            endless(raw("Transfer-Encoding: chunked"), b"1\r\nx\r\n", 0.02), id="chunks drip"
        ),
    ],
)
async def test_a_slow_server_meets_the_deadline(site, steps):
    site.faults["/a.md"] = steps
    async with Fetcher(deadline=0.3) as fetcher:
        with pytest.raises(FetchFailed, match=r"acme.deprecations: not whole after 0\.3 seconds"):
            await fetcher.get(MARKDOWN, NO_VALIDATORS, None, site.url("/a.md"))


async def test_the_deadline_covers_all_pages(site):
    body = b'{"last": "a", "more": true}'
    answer = raw(f"Content-Length: {len(body)}", body=body).replace(
        b"text/markdown", b"application/json"
    )
    count = itertools.count()
    source = replace(API, access=replace(ACCESS, next_page=lambda body: {"page": str(next(count))}))
    for path in ("/m", *(f"/m?page={number}" for number in range(9))):
        site.faults[path] = [0.1, answer]
    async with Fetcher(deadline=0.35) as fetcher:
        with pytest.raises(FetchFailed, match="not whole"):
            await fetcher.get(source, NO_VALIDATORS, KEY, site.url("/m"))
    assert len(site.requests) > 2


# --- redirects
# ------------------------------------------------------------------------------------------------


def moved(to, status=302):
    return Page(b"moved", "text/html", status, "", headers={"Location": to} if to else {})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(site, get, status):
    site.pages |= {"/old/a.md": moved("../new/a.md?x=1", status), "/new/a.md": Page(b"x")}
    got = await get("/old/a.md", validators=Validators('"other"'))
    assert (got.body, got.url) == (b"x", site.url("/new/a.md?x=1"))
    assert [request.headers["if-none-match"] for request in site.requests] == ['"other"'] * 2


async def test_five_redirects_and_no_more(site, get, refused):
    site.pages |= {f"/{n}": moved(f"/{n + 1}") for n in range(6)} | {"/6": Page(b"x")}
    assert (await get("/1")).body == b"x"
    assert "more than 5 redirects" in str(await refused("/0"))
    site.pages["/loop"] = moved("/loop")
    site.requests.clear()
    await refused("/loop")
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("https://other.example/a.md", "https://other.example: another domain"),
        ("http://169.254.169.254/latest/meta-data", "http://169.254.169.254: another domain"),
        ("http://localhost/a.md", "http://localhost: another domain"),
        ("http://127.0.0.2/a.md", "another domain"),
        ("http://[::1]/a.md", "another domain"),
        ("http://2130706433/a.md", "another domain"),
        ("//evil.example/a.md", "another domain"),
        ("ftp://127.0.0.1/a.md", "not https"),
        ("file:///etc/passwd", "Location"),
        ("javascript:alert(1)", "Location"),
        ("http://[broken", "Location"),
        ("", "Location"),
    ],
)
async def test_a_redirect_elsewhere_is_refused_and_named(site, refused, to, why):
    site.pages["/a.md"] = moved(to)
    error = await refused("/a.md")
    assert why in str(error)
    assert error.status == 302
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("declared", "hop", "fault"),
    [
        ("https://docs.acme.example/a", "https://acme.example/b", None),
        ("https://docs.acme.example/a", "https://www.acme.example:8443/b", None),
        ("https://docs.acme.example/a", "http://docs.acme.example/a", "not https"),
        ("http://docs.acme.example/a", "https://docs.acme.example/a", None),
        ("http://docs.acme.example/a", "http://www.acme.example/a", None),
        ("https://docs.acme.example/a", "https://acme.example.evil.example/a", "another domain"),
        ("https://docs.acme.example/a", "https://acme.example@evil.test/a", "another domain"),
        ("https://acme.co.uk/a", "https://evil.co.uk/a", "another domain"),
        ("https://acme.github.io/a", "https://evil.github.io/a", "another domain"),
        ("https://acme.example/a", "https://10.0.0.1/a", "another domain"),
        ("https://acme.example/a", "https://localhost/a", "another domain"),
        ("https://acme.example/a", "https://[fd00::1]/a", "another domain"),
        ("https://9.9.0.1/a", "https://10.0.0.1/a", "another domain"),
        ("https://10.0.0.1/a", "https://10.0.0.1:8443/a", None),
        ("https://localhost/a", "https://localhost/b", None),
        ("https://acme.example/a", "file:///etc/passwd", "not https"),
    ],
)
def test_where_a_redirect_may_lead(declared, hop, fault):
    assert redirect_fault(URL(declared), URL(hop)) == fault


def test_the_registrable_part_of_a_name():
    for host in ("acme.example", "acme.co.uk", "localhost", "1.2.3.4", "0x7f.1", "::1"):
        assert registrable(host) == host
    assert registrable("a.Docs.Acme.example.") == "acme.example"
    assert registrable("a.docs.acme.co.uk") == "acme.co.uk"


# --- failures and walls
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 300, 400, 401, 403, 404, 410, 500, 502])
async def test_another_status_is_a_failure(site, refused, status):
    site.pages["/a.md"] = Page(b"" if status == 204 else b"no", status=status)
    error = await refused("/a.md")
    assert str(error) == f"acme.deprecations: answered {status}"
    assert (error.status, error.retry_after) == (status, None)


async def test_an_unreadable_refusal_keeps_its_status(site, refused):
    site.pages["/a.md"] = Page(
        b"x", status=403, headers={"Content-Encoding": "br", "Retry-After": "7"}
    )
    error = await refused("/a.md")
    assert (error.status, error.retry_after) == (403, 7)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_patience(site, refused, status):
    site.pages["/a.md"] = Page(b"slow down", status=status, headers={"Retry-After": "120"})
    assert (await refused("/a.md")).retry_after == 120
    site.pages["/a.md"].headers["Retry-After"] = format_datetime(
        datetime.now(UTC) + timedelta(hours=1), usegmt=True
    )
    assert 3590 < (await refused("/a.md")).retry_after <= 3600


@pytest.mark.parametrize(
    "header",
    ["cf-mitigated: challenge", "x-amzn-waf-action: challenge", "X-Vercel-Mitigated: challenge"],
)
@pytest.mark.parametrize("status", [200, 202, 403, 429])
async def test_a_wall_that_names_itself(site, refused, header, status):
    name, _, value = header.partition(": ")
    site.pages["/a"] = Page(
        b"<html>hello", "text/html", status, '"v1"', headers={name: value, "Retry-After": "7"}
    )
    error = await refused(
        "/a", HTML, validators=Validators('"v1"', "d") if status != 200 else Validators('"v0"')
    )
    assert "a bot wall or error page" in str(error)
    assert (error.status, error.retry_after) == (status, 7)


async def test_a_wall_is_no_sign_that_nothing_changed(site, refused):
    site.faults["/a.md"] = [
        raw("cf-mitigated: challenge", 'ETag: "v1"', "Content-Length: 1", body=b"x")
    ]
    assert "cf-mitigated" in str(await refused("/a.md", validators=Validators('"v1"')))


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("source", [MARKDOWN, FEED, JSON])
async def test_a_web_page_instead_of_the_document(site, refused, source, status):
    site.pages["/a"] = Page(b"<html>Sorry</html>", "text/html; charset=utf-8", status)
    assert "a web page instead of the document" in str(await refused("/a", source))


@pytest.mark.parametrize("status", [200, 403])
async def test_a_wall_known_by_its_marks(site, refused, status):
    site.pages["/a"] = Page(
        b"<html><script>window._cf_chl_opt = {}</script></html>", "text/html", status
    )
    assert "_cf_chl_opt" in str(await refused("/a", HTML))


@needs_corpus
def test_a_real_wall_and_real_pages_that_carry_the_same_script():
    assert find_wall("page", "text/html", capture("openai/pricing-blocked/2026-05-08.html"))
    for name in ("xai/models-page-html/2025-11-13.html", "openai/deprecations/2025-11-13.html"):
        body = capture(name)
        assert b"challenge-platform" in body
        assert find_wall("page", "text/html", body) is None


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        (
            MARKDOWN,
            ["text/markdown", "Text/Plain; charset=utf-8", "application/octet-stream", ""],
            ["application/json", "image/png"],
        ),
        (
            FEED,
            [
                "application/rss+xml",
                "application/atom+xml",
                "text/xml",
                "application/xml",
                "text/plain",
            ],
            ["application/json"],
        ),
        (
            JSON,
            ["application/json", "application/vnd.acme+json", "text/plain"],
            ["text/csv", "application/xml"],
        ),
        (
            HTML,
            ["text/html", "application/xhtml+xml", "text/markdown", "application/json"],
            ["image/png", "application/pdf"],
        ),
    ],
)
async def test_content_types(site, get, refused, source, good, bad):
    for content_type in good:
        site.pages["/a"] = Page(b"x", content_type)
        assert (await get("/a", source)).body == b"x"
    for content_type in bad:
        site.pages["/a"] = Page(b"x", content_type)
        assert "came as" in str(await refused("/a", source))


def test_the_flavour_of_a_source():
    assert expected_format("https://a.example/b.md.txt?hl=en", "official", False) == "text"
    assert expected_format("https://a.example/b.rss", "official", False) == "feed"
    assert expected_format("https://a.example/newest?q=model.md", "news", False) == "feed"
    assert expected_format("https://a.example/v1/models", "official", True) == "json"
    assert expected_format("https://a.example/v1.5/models", "official", False) == "page"


# --- keys and pages
# ------------------------------------------------------------------------------------------------


def listing(last, more):
    return Page(json.dumps({"last": last, "more": more}).encode(), "application/json")


async def test_a_list_of_one_page(site, get):
    site.pages["/v1/models"] = listing("a", False)
    got = await get("/v1/models", API, Validators('"never sent"', "d"), KEY)
    assert json.loads(got.body) == {"last": "a", "more": False}
    assert got.validators == NO_VALIDATORS
    (request,) = site.requests
    assert (request.headers["authorization"], request.headers["acme-version"]) == (
        f"Bearer {KEY}",
        "1",
    )
    assert request.headers["accept"].startswith("application/json")
    assert "if-none-match" not in request.headers


async def test_all_pages_of_a_list(site, get):
    site.pages |= {
        "/m?size=2": listing("a/b", True),
        "/m?size=2&after=a/b": listing("c", True),
        "/m?size=2&after=c": listing("d", False),
    }
    got = await get("/m?size=2", API, key=KEY)
    assert [page["last"] for page in json.loads(got.body)] == ["a/b", "c", "d"]
    assert len(site.requests) == 3
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in site.requests)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (Page(b"no", status=500), "answered 500"),
        (Page(b"", "application/json"), "empty"),
        (Page(b"<html>", "text/html"), "web page"),
        (
            Page(b'{"last": ', "application/json"),
            "page 2 does not say what follows it: JSONDecodeError",
        ),
        (Page(b"[" * 100_000, "application/json"), "page 2 does not say what follows it"),
        (listing("a", True), "page 2 leads back"),
        (Page(b'{"last": "", "more": 0}' + b" " * 4_999_960, "application/json"), "longer than"),
    ],
)
async def test_a_part_of_a_list_is_nothing(site, refused, second, why):
    site.pages |= {"/m": listing("a", True), "/m?after=a": second}
    assert why in str(await refused("/m", API, key=KEY))


async def test_a_list_that_leads_back_to_its_start(site, refused):
    site.pages["/m?after=a"] = listing("a", True)
    assert "page 1 leads back" in str(await refused("/m?after=a", API, key=KEY))


async def test_a_list_without_end(site, refused):
    count = itertools.count()
    source = replace(API, access=replace(ACCESS, next_page=lambda body: {"page": str(next(count))}))
    site.pages["/m"] = listing("a", True)
    assert f"more than {MAX_PAGES} pages" in str(await refused("/m", source, key=KEY))
    assert len(site.requests) == MAX_PAGES


# --- several documents
# ------------------------------------------------------------------------------------------------

SEVERAL = replace(MARKDOWN, also=("b.md", "/old/c.md"))


async def test_a_document_at_several_addresses(site, get):
    site.pages |= {
        "/x/a.md": Page(b"one"),
        "/x/b.md": Page("zw\u00f6lf".encode()),
        "/old/c.md": Page(b'["3"]'),
    }
    got = await get("/x/a.md", SEVERAL, Validators('"never sent"', "d"))
    assert documents(got.body) == [b"one", "zw\u00f6lf".encode(), b'["3"]']
    assert (got.validators, got.not_modified, got.url) == (
        NO_VALIDATORS,
        False,
        site.url("/x/a.md"),
    )
    assert [request.path for request in site.requests] == ["/x/a.md", "/x/b.md", "/old/c.md"]
    assert not any("if-none-match" in request.headers for request in site.requests)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (Page(b"no", status=404), "answered 404"),
        (Page(b""), "empty"),
        (Page(b"\xff"), "UnicodeDecodeError"),
        (Page(b"x" * 4_999_998), "longer than"),
        (Page(b"<html>", "text/html"), "web page"),
    ],
)
async def test_a_part_of_several_is_nothing(site, refused, part, why):
    site.pages |= {"/a.md": Page(b"one"), "/b.md": part, "/old/c.md": Page(b"three")}
    assert why in str(await refused("/a.md", SEVERAL))


@pytest.mark.parametrize("body", [b"# Page", b"[]", b'["a", 1]', b'{"a": "b"}', b"[broken"])
def test_one_document_is_its_own(body):
    assert documents(body) == [body]


@pytest.mark.parametrize("key", [None, "", f"{KEY}\r\nHost: evil", f"{KEY}\n", "schlüssel"])
async def test_a_key_that_cannot_be_sent(site, refused, key):
    error = await refused("/m", API, key=key)
    assert str(error).startswith("acme.deprecations: ACME_KEY ")
    assert not site.requests


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:1/m", "https://127.0.0.1/m", "http://other.example/m"]
)
async def test_a_key_goes_to_no_other_host(site, refused, to):
    site.pages["/m"] = moved(to)
    assert "another " in str(await refused("/m", API, key=KEY))


@pytest.mark.parametrize(
    "answer",
    [
        raw(f"Content-Encoding: {KEY}"),
        b"HTTP/1.1 200 OK\r\n" + KEY.encode() + b"\r\n\r\n",
        b"HTTP/1.1 401 No\r\nContent-Length: 14\r\n\r\n" + KEY.encode(),
        b"HTTP/1.1 302 No\r\nLocation: http://other.example/" + KEY.encode() + b"\r\n\r\n",
        raw("Content-Length: 100", body=b"half"),
        b"",
    ],
)
async def test_the_key_is_in_no_error(site, refused, fetcher, answer):
    site.faults["/m"] = [answer]
    error = await refused("/m", API, key=KEY)
    shown = (
        "".join(traceback.format_exception(error))
        + repr(error)
        + repr(fetcher)
        + repr(vars(fetcher))
    )
    assert KEY not in shown


# --- when to come back
# ------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


def fetched(retry_after=None, max_age=None):
    return Fetched(200, b"x", "", NO_VALIDATORS, 1.0, False, retry_after, max_age, "")


def test_the_next_poll():
    def hours(every, outcome, failures=0, random=0.5):
        return round(
            (next_due(NOW, every * HOUR, outcome, failures, lambda: random) - NOW) / HOUR, 3
        )

    assert hours(6, fetched()) == 6
    assert (hours(6, fetched(), random=0.0), hours(6, fetched(), random=1.0)) == (5.4, 6.6)
    assert hours(1, fetched(max_age=7200)) == 2
    assert hours(1, fetched(max_age=600)) == 1
    assert hours(1, fetched(retry_after=10_800, max_age=7200)) == 3
    assert [hours(0.25, FetchFailed("no"), n) for n in (1, 2, 3, 4, 5, 6, 1000)] == [
        0.5,
        1,
        2,
        4,
        6,
        6,
        6,
    ]
    assert hours(1, FetchFailed("no", retry_after=DAY), 1) == 24
    assert hours(1, FetchFailed("no", retry_after=1.0), 1) == 2
    assert hours(1, Unreadable("no"), 1) == 2


waits = st.none() | st.floats(0, DAY)


@given(
    every=st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    outcome=st.builds(fetched, waits, waits)
    | st.builds(lambda wait: FetchFailed("no", retry_after=wait), waits),
    failures=st.integers(0, 10**9),
    random=st.floats(0, 1, exclude_max=True),
)
def test_the_next_poll_is_never_too_soon_nor_too_late(every, outcome, failures, random):
    delay = next_due(NOW, every, outcome, failures, lambda: random) - NOW
    tick = timedelta(microseconds=2)
    assert delay >= timedelta(seconds=outcome.retry_after or 0)
    assert delay >= min(every * 0.9, MAX_BACKOFF) - tick
    latest = MAX_BACKOFF if isinstance(outcome, FetchFailed) else every * 1.1
    assert delay <= max(latest, timedelta(days=1)) + tick


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("no-store", None),
        ("s-maxage=15", None),
        ("max-age=0, must-revalidate", 0),
        ("public, Max-Age=60", 60),
        ("public,max-age=60", 60),
        ('max-age="60"', 60),
        ("max-age=-1", None),
        ("max-age=31536000, immutable", DAY),
    ],
)
def test_max_age(header, seconds):
    assert max_age_seconds(header) == seconds

"""What every declared source refuses: pages that are not its page, and documents that did not come
whole.

A site answers 200 with its error page, its sign-in page, a bot wall or an empty list. Each is tried
on each source, bare and with everything in it that the source knows its page by. The documents are
written here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.errors import Unreadable
from monitor.polling.http_rules import ACCEPT, CONTENT_TYPES, expected_format, find_wall
from monitor.reading.source import REGISTRY, Source
from tests.support.fixtures import fixtures

SOURCES = [pytest.param(source, id=source_id) for source_id, source in sorted(REGISTRY.items())]
#: Cuts of a document that are tried, evenly spread over it.
CUTS = 24


def web(title: str, main: str = "", nav: str = "") -> str:
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><nav>{nav}</nav>"
        f"<main><h1>{title}</h1>{main}</main></body></html>\n"
    )


STRANGERS = {
    "nothing": "",
    "blanks": " \n",
    "bot wall": web("Just a moment...", "<p>Enable JavaScript and cookies to continue</p>"),
    "denied": web(
        "Access Denied", "<p>You don't have permission to access this server. Reference #18.2f</p>"
    ),
    "sign-in": web(
        "Sign in", '<form method="post"><input name="user"><input name="password"></form>'
    ),
    "page not found": web("Page not found", "<p>What you look for has moved.</p>"),
    "not found in "
    "Markdown": "# Page not found\n\nWhat you look for has moved. Go to [the start](/).\n",
    "moved": web("Acme", "<h2>Models</h2><table><tr><th>Model</th><th>Price</th></tr></table>"),
    "empty list": "[]",
    "empty object": "{}",
    "null": "null",
    "empty list of an API": '{"object": "list", "has_more": false, "data": [], "models": []}',
    "error of an "
    "API": '{"error": {"type": "server_error", "message": "Try again later", "code": 503}}',
    "empty "
    "RSS": '<?xml version="1.0"?><rss version="2.0"><channel><title>Acme</title></channel></rss>',
    "empty "
    "Atom": '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Acme</title>'
    "</feed>",
}


def disguised(source: Source) -> Iterator[tuple[str, str]]:
    """Error pages in which a source finds all that it knows its page by: in the navigation, or said
    back.
    """
    known = [marker.decode() for marker in source.markers]
    links = "".join(f'<li><a href="/">{word}</a></li>' for word in known)
    yield (
        "navigation",
        web("Page not found", f"<p>{' '.join(known)}</p><ul>{links}</ul>", f"<ul>{links}</ul>"),
    )
    yield "list", "# Page not found\n\nSee:\n\n" + "".join(f"- [{word}](/)\n" for word in known)
    yield "title", f"# {' '.join(known)}\n\n## Page not found\n\nGo to [the start](/).\n"
    words = "".join(f', "{word.strip(chr(34))}": []' for word in known)
    yield "API", f'{{"object": "list", "has_more": false, "data": [], "models": []{words}}}'
    title = " ".join(word.lstrip("<") for word in known)
    yield (
        "feed",
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title></channel></rss>',
    )


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_not_the_page_is_refused(source: Source) -> None:
    assert source.markers, "nothing tells the page from another"
    for name, text in [*STRANGERS.items(), *disguised(source)]:
        with pytest.raises(Unreadable):
            print(name, source.read(text.encode()))


@pytest.mark.parametrize("source", SOURCES)
def test_another_page_of_the_same_provider_is_refused(source: Source) -> None:
    """Where a site leads from a page that is gone to one that is there."""
    for other, path in fixtures():
        if other.provider == source.provider and other.id != source.id:
            with pytest.raises(Unreadable):
                print(path.name, source.read(path.read_bytes()))


@pytest.mark.parametrize("source", SOURCES)
def test_a_web_page_is_read_only_where_one_is_expected(source: Source) -> None:
    expected = expected_format(source.url, source.kind, source.access is not None)
    assert expected in ACCEPT
    assert CONTENT_TYPES[expected].fullmatch("text/html") or expected != "page"
    assert (find_wall(expected, "text/html", web("Models").encode()) is None) == (
        expected == "page"
    )
    for content_type in ("image/png", "application/pdf", "application/zip", "video/mp4"):
        assert not CONTENT_TYPES[expected].fullmatch(content_type)


def whole() -> Iterator[tuple[Source, Path]]:
    """The fixtures of which one can tell where they end: web pages from their first tag on, JSON
    and XML.
    """
    for source, path in fixtures():
        if (
            path.read_bytes()
            .lstrip()
            .startswith((b"<!", b"<html", b"<?xml", b"<rss", b"<feed", b"{", b"["))
        ):
            yield source, path


@pytest.mark.parametrize(
    ("source", "path"),
    [pytest.param(source, path, id=f"{path.parent.name}/{path.name}") for source, path in whole()],
)
def test_a_document_that_was_cut_is_refused(source: Source, path: Path) -> None:
    body = path.read_bytes().rstrip()
    for part in range(1, CUTS):
        with pytest.raises(Unreadable):
            print(source.read(body[: len(body) * part // CUTS]))
    with pytest.raises(Unreadable):
        print(source.read(body[: -len(b"</body></html>") - 1]))


def test_what_can_end_does() -> None:
    """The test above has something to cut of each make."""
    assert {path.suffix for _, path in whole()} == {".html", ".json", ".xml", ".txt"}
    assert len(list(whole())) > 20


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-32"])
@pytest.mark.parametrize("source", SOURCES)
def test_another_encoding_says_the_same_or_nothing(source: Source, encoding: str) -> None:
    for other, path in fixtures():
        if other is source and not (text := path.read_text("utf-8")).isspace():
            try:
                facts = source.read(text.encode(encoding))
            except Unreadable:
                continue
            assert facts == source.read(text.encode())


@pytest.mark.parametrize(("encoding", "errors"), [("cp1252", "replace"), ("latin-1", "strict")])
def test_a_text_that_was_encoded_twice_is_refused(encoding: str, errors: str) -> None:
    source = REGISTRY["openai.news"]
    page = next(path for other, path in fixtures() if other is source).read_text("utf-8")
    page = page.replace("How a database grew", "\u201cHow\u201d a caf\u00e9\u2019s database grew")
    assert source.read(page.encode())
    with pytest.raises(
        Unreadable, match="encoded twice"
    ):  # the byte 9D of the quotes is nothing in cp1252
        source.read(page.encode().decode(encoding, errors).encode())


def test_a_page_may_have_something_behind_its_end() -> None:
    source = REGISTRY["vertex.pricing"]
    path = next(path for other, path in fixtures() if other is source)
    body = path.read_bytes().rstrip()
    assert body.endswith(b"</html>")
    assert source.read(body + b"\n<!-- cache: hit, 0.3 s -->\n") == source.read(body)
    assert source.read(body.removesuffix(b"</html>")) == source.read(body)
    with pytest.raises(Unreadable, match="has no </html>"):
        source.read(body.replace(b"</body>", b"").removesuffix(b"</html>"))

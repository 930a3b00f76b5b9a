"""Follow a page's bytes from the fetch to one Slack post, and count the ways between files and rooms.

    python -m tests.tools.trace_walk [TREE] [--files]

TREE is a checkout of Lastcall, by default this one; that of 8dffe1e works too, its modules count into
the rooms that they moved to. One changed page of OpenAI is polled until the change is confirmed and
posted. Both polls run under a profiler hook, with the parser in this process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests/fixtures/openai/deprecations.md"

#: The rooms of the modules of 8dffe1e, by their path below monitor/.
MOVED = {
    "core": "facts identity diff events claims conflicts reminders",
    "reading": "source extract markup values",
    "polling": "fetch answer reader sandbox poll survey outcomes",
    "replaying": "replay faults",
    "subscriptions": "publish/asking publish/match publish/timing",
    "delivery": "publish",
    "web": "health",
    "answers": "cli/inventory cli/lookup",
    "settings": "place",
}
ROOM_OF = {name: room for room, names in MOVED.items() for name in names.split()}


def room(path: str) -> str:
    """Return the room of ``monitor/polling/fetch.py``: ``polling``; of an adapter: ``sources``."""
    top, _, rest = path.removesuffix(".py").partition("/")
    if top == "sources":
        return top
    parts = rest.split("/")
    names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((ROOM_OF[name] for name in names if name in ROOM_OF), parts[0])


class Walk:
    """A profiler hook: the calls between the files of a tree, by file and by function."""

    def __init__(self, tree: Path) -> None:
        self.tree = f"{tree}/"
        self.moves = Counter[tuple[str, str]]()
        self.functions = set[tuple[str, str]]()

    def own(self, frame: FrameType | None) -> str | None:
        """Return the path of a frame's file below the tree, if it is code of Lastcall."""
        if frame is None or not frame.f_code.co_filename.startswith(self.tree):
            return None
        path = frame.f_code.co_filename.removeprefix(self.tree)
        return path if path.startswith(("monitor/", "sources/")) else None

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        path = self.own(frame) if event == "call" else None
        if not path or frame.f_code.co_name == "<module>":
            return
        self.functions.add((path, frame.f_code.co_qualname))
        caller = frame.f_back
        while caller is not None and not self.own(caller):
            caller = caller.f_back
        origin = self.own(caller)
        if origin and origin != path:
            self.moves[origin, path] += 1


class Site(BaseHTTPRequestHandler):
    """The page and a Slack that says yes to everything."""

    page = b""
    posts: list[str]

    def do_GET(self) -> None:
        self._answer(self.page, "text/markdown")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.posts.append(self.path)
        answer = {"ok": True, "channel": "C0123456789", "ts": "1.1", "messages": []}
        self._answer(json.dumps(answer).encode(), "application/json")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def parse_here() -> None:
    """Replace the pool of parser processes by the parser that runs in this process."""

    def entered(parser: type) -> type:
        async def enter(self: Any) -> Any:
            return self

        async def leave(self: Any, *_: object) -> None:
            return None

        return type(parser.__name__, (parser,), {"__aenter__": enter, "__aexit__": leave})

    try:
        from monitor.polling import parser_pool

        parser_pool.ParserPool = entered(parser_pool.InProcessParser)  # type: ignore[misc, assignment]
    except ImportError:
        import monitor.reader as reader  # type: ignore[import-not-found]

        reader.Sandbox = entered(reader.InProcess)


def lastcall(*words: str) -> None:
    from monitor.cli import main

    sys.argv = ["lastcall", *words]
    try:
        main()
    except SystemExit as exit_:
        if exit_.code:
            raise RuntimeError(f"lastcall {' '.join(words)} ended with {exit_.code}") from exit_


def follow(tree: Path) -> Walk:
    """Poll the page until the change is confirmed and posted, and trace both polls."""
    Site.posts = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    source = "openai.deprecations"
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "LASTCALL_DATABASE_URL": f"{folder}/walk.db",
            "LASTCALL_SOURCE_URLS": json.dumps({source: f"{base}/page.md"}),
            "LASTCALL_SLACK_TOKEN": "xoxb-walk",
            "LASTCALL_SLACK_BASE_URL": f"{base}/api/",
            "LASTCALL_ALLOW_HTTP": "true",
            "LASTCALL_ALLOW_NETWORKS": "127.0.0.1/32",
        }
        parse_here()
        page = FIXTURE.read_bytes()
        Site.page = page
        lastcall("slack", "subscribe", "C0123456789", "openai/*")
        lastcall("poll", source)
        # A date that moves later: confirmed at the second poll.
        row = next(line for line in page.splitlines() if b"2026-10-23" in line)
        Site.page = page.replace(row, row.replace(b"2026-10-23", b"2026-12-23"))
        assert Site.page != page
        walk = Walk(tree)
        threading.setprofile(walk)
        sys.setprofile(walk)
        lastcall("poll", source)
        assert not Site.posts, "the first poll of a change posts nothing"
        lastcall("poll", source)
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        assert [path for path in Site.posts if path.endswith("chat.postMessage")], Site.posts
    server.shutdown()
    return walk


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    tree = Path(words[0]).resolve() if words else ROOT
    sys.path.insert(0, str(tree))
    walk = follow(tree)
    files = {path for path, _ in walk.functions}
    crossings = Counter[tuple[str, str]]()
    for (origin, path), count in walk.moves.items():
        if room(origin) != room(path):
            crossings[room(origin), room(path)] += count
    print(f"{len(files)} files, {len(walk.functions)} functions")
    print(f"{sum(walk.moves.values())} calls between files, {len(walk.moves)} pairs of files")
    print(f"{sum(crossings.values())} calls between rooms, {len(crossings)} pairs of rooms")
    for (origin, path), count in crossings.most_common(12):
        print(f"  {count:5} {origin} -> {path}")
    if "--files" in sys.argv:
        for (origin, path), count in walk.moves.most_common(40):
            print(f"  {count:5} {origin} -> {path}")


if __name__ == "__main__":
    main()

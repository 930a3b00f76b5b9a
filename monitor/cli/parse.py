"""``lastcall parse``: one document, no database."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.options import PLAIN, declared
from monitor.errors import NotFound, Unreadable

app = typer.Typer(**PLAIN)


@app.command()
def parse(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="The id of a source, for example openai.deprecations."
        ),
    ],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A saved document, also as .gz; - is stdin.")
    ],
) -> None:
    """Print the facts of one document as JSON lines. Nothing is fetched or stored.

    Example: lastcall parse openai.deprecations page.md
    """
    from monitor.reading.source import find
    from monitor.settings import load_settings

    adapter = find(source, declared(load_settings()))
    for fact in adapter.read(_body(file)):
        print(output.line(fact.to_json()))


def _body(file: str) -> bytes:
    """Return the bytes of a file, unpacked. Raises NotFound or Unreadable."""
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file {file!r}") from None
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from None
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"{file}: not whole gzip: {error}") from None

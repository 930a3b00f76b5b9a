"""`lastcall sources new`: the files of a new adapter, ready to be edited."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from monitor.cli import output
from monitor.errors import SettingError

_MODULE = '''"""{title}: {url}

Describe the page here: what its columns mean, and which statement wins where it contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Fact, Retirement, Stage
from monitor.reading.page import codes, layout, tables, when
from monitor.reading.source import source

MODELS = layout(model="model", state="state", retires="shutdown date", replacement="replacement")

#: The words of the page for a stage. An unknown word refuses the page.
STAGES: dict[str, Stage] = {{
    "available": "active",
    "deprecated": "deprecated",
    "shut down": "retired",
}}


@source("{url}", facts=(Retirement,), markers=(b"# Deprecations",))
def {page}(body: bytes) -> Iterator[Fact]:
    """Read one row for each model."""
    for row in tables(body, MODELS):
        state, replacement = row["state"], row["replacement"]
        if state.line.casefold() not in STAGES:
            raise state.error("unknown state")
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                term=state.line,
                stage=STAGES[state.line.casefold()],
                retires=when(row["retires"]),
                replacements=() if replacement.line == "-" else tuple(codes(replacement)),
                quote=row.quote,
            )
'''

_FIXTURE = """# Deprecations

Write a small page here in the structure of the real page, with true headers, ids and dates.

| Model      | State      | Shutdown date              | Replacement |
| ---------- | ---------- | -------------------------- | ----------- |
| `{provider}-2` | Available  | Not sooner than 2027-03-01 | -           |
| `{provider}-1` | Deprecated | December 1, 2026           | `{provider}-2`  |
"""

_TEST = '''"""The adapter {id} reads its fixture as the golden file says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.errors import Unreadable
from {module} import {page}

TESTS = Path(__file__).parents[{depth}]
FIXTURE = TESTS / "fixtures/{provider}/{page}.md"
GOLDEN = TESTS / "goldens/{provider}/{page}.jsonl"


def test_the_fixture_is_read_to_the_letter() -> None:
    facts = [fact.to_json() for fact in {page}.read(FIXTURE.read_bytes())]
    assert facts == [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def test_a_renamed_column_is_refused() -> None:
    body = FIXTURE.read_bytes()
    with pytest.raises(Unreadable, match="no known layout"):
        {page}.read(body.replace(b"Shutdown date", b"End of life"))
'''


def new(
    source: Annotated[
        str, typer.Argument(metavar="PROVIDER.PAGE", help="For example acme.models.")
    ],
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the page.")],
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIR", help="Where to write the files.")
    ] = Path(),
) -> None:
    """Write the module, fixture and golden test of a new adapter.

    In a checkout of Lastcall the files go to sources/ and tests/. Elsewhere they form a package of
    their own, and the entry point that makes it known is printed.

    Example: lastcall sources new acme.deprecations https://acme.example/docs/deprecations.md
    """
    provider, page = _names(source)
    if not re.fullmatch(r"https?://[^\s\"'\\\\{}]+", url) or not urlsplit(url).hostname:
        raise typer.BadParameter(f"{url!r} is no http or https address")
    inside = (directory / "sources" / "__init__.py").exists()
    module = f"sources.{provider}.{page}" if inside else f"lastcall_private.{provider}.{page}"
    words: dict[str, object] = {
        "id": source,
        "provider": provider,
        "page": page,
        "url": url,
        "module": module,
        "title": f"{provider.replace('_', ' ').title()}, {page.replace('_', ' ')}",
        "depth": 1 if inside else 0,
    }
    text, fixture = _MODULE.format(**words), _FIXTURE.format(**words)
    folder = Path(*module.split(".")[:-1])
    tests = Path("tests/sources" if inside else "tests")
    files = {
        folder / f"{page}.py": text,
        Path(f"tests/fixtures/{provider}/{page}.md"): fixture,
        Path(f"tests/goldens/{provider}/{page}.jsonl"): _golden(text, words, fixture),
        tests / f"test_{provider}_{page}.py": _TEST.format(**words),
    }
    _write(directory, files, folder / "__init__.py")
    for path in files:
        output.say(f"wrote {directory / path}")
    if not inside:
        output.say('\nadd to pyproject.toml:\n\n[project.entry-points."lastcall.sources"]')
        output.say(f'"{source}" = "{module}"')
    output.say(f"\nnext: edit the module and the fixture, then `lastcall sources check {source}`")


def _names(source: str) -> tuple[str, str]:
    """Split ``acme.deprecations``. Raises BadParameter where a part is no module name."""
    provider, dot, page = source.partition(".")
    if not dot or any(
        not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name)
        for name in (provider, page)
    ):
        raise typer.BadParameter(f"{source!r} is no id; write provider.page, as acme.deprecations")
    return provider, page


def _golden(text: str, words: Mapping[str, object], fixture: str) -> str:
    """Return the facts of the fixture, one JSON object a line, as the new module reads them."""
    from monitor.reading.source import REGISTRY

    before = dict(REGISTRY)
    namespace: dict[str, object] = {"__name__": words["module"]}
    exec(compile(text, "<new adapter>", "exec"), namespace)  # noqa: S102  our own template
    REGISTRY.clear()
    REGISTRY.update(before)
    adapter: Any = namespace[str(words["page"])]
    facts = adapter.read(fixture.encode())
    return "".join(json.dumps(fact.to_json(), ensure_ascii=False) + "\n" for fact in facts)


def _write(directory: Path, files: dict[Path, str], package: Path) -> None:
    """Write all files or none: one that exists is never overwritten."""
    for path in files:
        if (directory / path).exists():
            raise typer.BadParameter(f"{directory / path} exists; nothing was written")
    try:
        for path, text in {package: "", **files}.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            if path != package or not (directory / path).exists():
                (directory / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingError(f"cannot write {error.filename}: {error.strerror}") from None

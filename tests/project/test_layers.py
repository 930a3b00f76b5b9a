"""Who may import whom (docs/design.md, "Rooms"), read off the import statements of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Each room, and the rooms below it from which it may import, from the bottom up.
BASE = {"errors", "clock", "settings", "vault", "logs"}
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "logs": {"errors"},
    "clock": {"errors"},
    "vault": {"errors"},
    "settings": {"errors", "vault"},
    "core": {"errors"},
    "reading": {"errors", "core"},
    "store": {"core", "reading", *BASE},
    "subscriptions": {"core", "store", *BASE},
    "delivery": {"core", "store", "subscriptions", *BASE},
    "polling": {"core", "reading", "store", "delivery", *BASE},
    "replaying": {"core", "reading", "store", "polling", *BASE},
    "answers": {"core", "reading", "store", "subscriptions", "delivery", "polling", *BASE},
    "web": {"core", "store", "subscriptions", "delivery", "polling", "answers", *BASE},
    "slack_app": {"core", "store", "subscriptions", "delivery", "answers", *BASE},
    "service": {
        *("core", "reading", "store", "delivery", "polling", "web", "slack_app", "sources"),
        *BASE,
    },
    "cli": {
        *("core", "reading", "store", "subscriptions", "delivery", "polling", "replaying"),
        *("answers", "web", "slack_app", "service", "demo", "sources"),
        *BASE,
    },
    "demo": {"core", "reading", "store", "delivery", "polling", "sources", *BASE},
    "__main__": {"cli"},
}

#: The standard library as far as it has no clock, network, files, environment, chance or log.
PURE_STDLIB = {
    "__future__",
    "abc",
    "base64",
    "bisect",
    "calendar",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "email.utils",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "graphlib",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "struct",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "zlib",
    "zoneinfo",
}
PARSERS = {"bs4", "lxml", "feedparser", "markdown_it", "mdit_py_plugins"}
#: ``datetime.now()``, ``date.today()``, ``io.open()`` and their like; ``open()`` and ``print()``.
METHODS = {"now", "today", "utcnow", "localtime", "gmtime", "open"}
BUILTINS = {"open", "print", "input", "exec", "eval", "breakpoint"}

MONITOR = sorted((ROOT / "monitor").rglob("*.py"))
SOURCES = sorted((ROOT / "sources").rglob("*.py"))


def name(path: Path) -> str:
    """``monitor.store.db`` of monitor/store/db.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or later, by full name."""
    package = name(path) if path.name == "__init__.py" else name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            yield from (
                f"{base}.{alias.name}"
                if base in ("monitor", "sources") or is_module(f"{base}.{alias.name}")
                else base
                for alias in node.names
            )


def room(module: str) -> str | None:
    """The room of ``monitor.store.db``; None for what is not of this project, and for the names in
    monitor itself.
    """
    top, _, rest = module.partition(".")
    if top == "sources":
        return "sources"
    name = rest.partition(".")[0]
    return name if top == "monitor" and name in ROOMS else None


def is_pure(module: str) -> bool:
    """Whether a module from outside may be imported by pure code."""
    parts = module.split(".")
    return bool(
        {".".join(parts[:size]) for size in range(1, len(parts) + 1)} & (PURE_STDLIB | PARSERS)
    )


def impurities(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in METHODS:
                yield f"line {node.lineno}: .{called.attr}()"
            elif isinstance(called, ast.Name) and called.id in BUILTINS:
                yield f"line {node.lineno}: {called.id}()"


@pytest.mark.parametrize("path", MONITOR, ids=name)
def test_every_module_has_a_room_and_keeps_to_it(path: Path) -> None:
    module = name(path)
    if module == "monitor":
        assert not list(imported(path))
        return
    own = room(module)
    assert own, f"{module} is in no room: see docs/design.md and ROOMS above"
    outside = {other for other in imported(path) if (room(other) or own) not in {own, *ROOMS[own]}}
    assert not outside, f"{module} ({own}) imports {sorted(outside)}"


@pytest.mark.parametrize(
    "path", [path for path in MONITOR if room(name(path)) in ("core", "reading")], ids=name
)
def test_pure_code_has_no_effects(path: Path) -> None:
    foreign = {
        other
        for other in imported(path)
        if other.partition(".")[0] != "monitor" and not is_pure(other)
    }
    assert not foreign, f"{name(path)} imports {sorted(foreign)}"
    assert not list(impurities(path))


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name not in ("__init__.py", "private.py")], ids=name
)
def test_an_adapter_knows_only_facts_reading_and_its_own_package(path: Path) -> None:
    package = ".".join(name(path).split(".")[:2])
    foreign = {
        other
        for other in imported(path)
        if other != "monitor.core.facts"
        and not within(other, "monitor.reading")
        and not within(other, package)
        and not (is_pure(other) and stdlib(other))
    }
    assert not foreign, f"{name(path)} imports {sorted(foreign)}"
    assert not list(impurities(path))


def within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


@pytest.mark.parametrize(
    "path", [path for path in MONITOR if room(name(path)) == "answers"], ids=name
)
def test_answers_neither_print_nor_speak_http(path: Path) -> None:
    """Every surface formats them: the command line, Slack, and what is served over HTTP."""
    surfaces = {"typer", "rich", "aiohttp", "slack_sdk", "slack_bolt"}
    assert not {other for other in imported(path) if other.partition(".")[0] in surfaces}
    assert not [call for call in impurities(path) if call.endswith(": print()")]


def stdlib(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither directly nor through others, in functions or for types alone."""
    modules = {name(path): path for path in [*MONITOR, *SOURCES]}
    graph = {
        module: {other for other in map(own_module, imported(path)) if other in modules} - {module}
        for module, path in modules.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))
    assert set(order) == set(modules)


def own_module(imported_name: str) -> str:
    """Return the module of ``monitor.core.facts.Fact``: the longest name that is a module."""
    parts = imported_name.split(".")
    names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((module for module in names if is_module(module)), imported_name)


def is_module(dotted: str) -> bool:
    """Return True for a module or package of this project."""
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def test_alembic_is_no_package() -> None:
    """With an __init__.py, the directory would be imported in place of the library of that name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_the_rule_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "monitor" / "store" / "db.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import os.path\nfrom . import tables\nfrom ..polling.poll import poll\nfrom monitor import cli\n"
        "def f():\n    import sources\n    from datetime import datetime\n    datetime.now(); "
        "open('x')\n"
    )
    assert list(imported(path)) == [
        "os.path",
        "monitor.store",
        "monitor.polling.poll",
        "monitor.cli",
        "sources",
        "datetime",
    ]
    assert [room(other) for other in imported(path)] == [
        None,
        "store",
        "polling",
        "cli",
        "sources",
        None,
    ]
    assert [
        is_pure(other) for other in ("os.path", "urllib.request", "urllib.parse", "collections.abc")
    ] == [
        False,
        False,
        True,
        True,
    ]
    assert list(impurities(path)) == ["line 8: .now()", "line 8: open()"]

"""Private adapters: those of the entry-point group ``lastcall.sources`` and modules by name.

A package declares an entry point whose name is the source's id:

    [project.entry-points."lastcall.sources"]
    "acme.deprecations" = "acme_adapters.acme.deprecations"

An adapter that cannot be imported is a source that fails with the reason: operators are alerted,
and the other sources go on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from importlib.util import find_spec

from monitor.reading.source import REGISTRY, Source

GROUP = "lastcall.sources"


def load_private(modules: Iterable[str]) -> None:
    """Import the adapters of installed packages, then ``modules``, into the registry."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        _load(point.name, point.load)
    for name in modules:
        _load(name, lambda name=name: importlib.import_module(name))  # type: ignore[misc]


def _load(name: str, imported: Callable[[], object]) -> None:
    """Run one import. Register a broken source in its place if it fails or takes an id."""
    before = dict(REGISTRY)
    try:
        imported()
    except Exception as error:
        _undo(before)
        REGISTRY[name] = _broken(name, f"cannot import {name}: {type(error).__name__}: {error}")
        return
    for source_id, source in list(REGISTRY.items()):
        taken = source_id in before or _is_built_in(source_id)
        if before.get(source_id) is source or not taken or source.replaces == source_id:
            continue
        _undo(before)
        reason = (
            f"{name} declares {source_id}, which exists; replaces={source_id!r} takes its place"
        )
        REGISTRY[name] = _broken(name, reason)
        return


def _undo(before: dict[str, Source]) -> None:
    REGISTRY.clear()
    REGISTRY.update(before)


def _is_built_in(source_id: str) -> bool:
    """Return True for the id of a page of this package, imported or not."""
    provider, _, page = source_id.partition(".")
    own = find_spec(f"{__package__}.{provider}")
    return bool(own and own.submodule_search_locations and find_spec(f"{own.name}.{page}"))


def _broken(source_id: str, reason: str) -> Source:
    return Source(
        source_id, "", lambda body: [], broken=reason, doc="A private adapter that fails."
    )

"""One package a provider, one module a page, one ``@source`` function a module."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping

from monitor.reading.source import REGISTRY, Source


def load(providers: Collection[str] | None = None) -> Mapping[str, Source]:
    """Import the pages of every provider, or of some, and return the declared sources by id."""
    for provider in pkgutil.iter_modules(__path__):
        if provider.name not in ("example", "private") and (
            providers is None or provider.name in providers
        ):
            package = importlib.import_module(f"{__name__}.{provider.name}")
            for page in pkgutil.iter_modules(getattr(package, "__path__", ())):
                importlib.import_module(f"{package.__name__}.{page.name}")
    return REGISTRY

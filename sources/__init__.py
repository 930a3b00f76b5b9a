"""One module a provider, one ``@source`` function a feed or page."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping

from monitor.reading.source import REGISTRY, Source


def load(providers: Collection[str] | None = None) -> Mapping[str, Source]:
    """Import every provider module, or those of some providers, and return the declared sources by
    id.
    """
    for module in pkgutil.iter_modules(__path__):
        if module.name != "example" and (providers is None or module.name in providers):
            importlib.import_module(f"{__name__}.{module.name}")
    return REGISTRY

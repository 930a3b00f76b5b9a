"""Settings from the environment and a ``.env`` file.

``LASTCALL_<NAME>``, or ``LASTCALL_<NAME>_FILE`` to read a secret from a file. A variable of the
environment wins over the same one in ``.env``. A wrong or unknown setting stops the program.

This module is cheap to import: building the settings (monitor.settings.model) takes longer than
``lastcall events`` takes in all, so a command that needs only the database asks ``database``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.settings.environment import (
    ENV_FILE,
    PREFIX,
    default_database,
    environment,
    provider_key,
)

if TYPE_CHECKING:
    from monitor.settings.model import Settings

__all__ = ["database", "load_settings", "provider_key"]


def database(option: str | None = None) -> str:
    """Return the URL or path of the database; ``option`` is the value of ``--db``.

    Raises SettingError for any wrong setting, not only for the database's.
    """
    settings = {name: text for name, text in os.environ.items() if name.upper().startswith(PREFIX)}
    url = settings.pop(f"{PREFIX}DATABASE_URL", None)
    if not settings and url != "" and not Path(ENV_FILE).exists():
        return option or url or default_database()
    return load_settings(option).database_url


def load_settings(database: str | None = None) -> Settings:
    """Return all settings; ``database`` is the value of ``--db``.

    Raises SettingError naming the variable and its value, unless that is a secret.
    """
    from monitor.settings.model import load

    return load(environment(), database)

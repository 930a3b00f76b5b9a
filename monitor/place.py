"""Where the database is. The rules are those of monitor.settings, without its price where nothing
else is set.

Building the settings takes a tenth of what ``lastcall events`` may take in all.
"""

from __future__ import annotations

import os
from pathlib import Path

PREFIX = "LASTCALL_"
ENV_FILE = ".env"


def default_database() -> str:
    """An SQLite file in the user's data directory."""
    from platformdirs import user_data_dir

    return str(Path(user_data_dir("lastcall", appauthor=False)) / "lastcall.db")


def database(given: str | None = None) -> str:
    """The URL or path of the database; ``given`` is what ``--db`` said. Raises SettingError for any
    wrong setting.
    """
    named = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    told = named.pop(f"{PREFIX}DATABASE_URL", None)
    if not named and told != "" and not Path(ENV_FILE).exists():
        return given or told or default_database()
    from monitor.settings import load_settings

    return load_settings(given).database_url

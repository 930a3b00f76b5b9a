"""The variables of the environment, of ``.env``, and the files that they name."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.errors import SettingError

PREFIX = "LASTCALL_"
ENV_FILE = ".env"


def default_database() -> str:
    """Return the path of an SQLite file in the user's data directory."""
    from platformdirs import user_data_dir

    return str(Path(user_data_dir("lastcall", appauthor=False)) / "lastcall.db")


def provider_key(name: str) -> str | None:
    """Return a provider's key under its usual name (``OPENAI_API_KEY``), or None."""
    return environment().get(name) or read_file(name) or None


def environment() -> dict[str, str]:
    """Return the variables of the environment and, below them, those of ``.env``."""
    from dotenv import dotenv_values

    variables = {name: text for name, text in dotenv_values(ENV_FILE).items() if text}
    return variables | dict(os.environ)


def read_file(name: str) -> str | None:
    """Return the content of the file that ``<name>_FILE`` names, or None where it is not set."""
    path = environment().get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"{name}_FILE: cannot read {path!r}: {reason}") from None

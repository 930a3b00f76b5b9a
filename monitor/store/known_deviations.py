"""Contradictions between sources that are known: the built-in ones and those in a file."""

from __future__ import annotations

from pathlib import Path

from monitor.core.contradictions import BUILT_IN, Deviation, deviations
from monitor.errors import SettingError

VARIABLE = "LASTCALL_DEVIATIONS_FILE"


def known_deviations(path: str) -> tuple[Deviation, ...]:
    """Return the built-in deviations and those of the file at ``path``, if any.

    Raises SettingError naming the file and the line.
    """
    if not path:
        return BUILT_IN
    try:
        return BUILT_IN + deviations(Path(path).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"{VARIABLE}: cannot read {path!r}: {reason}") from None
    except ValueError as error:
        raise SettingError(f"{VARIABLE}: {path}: {error}") from None

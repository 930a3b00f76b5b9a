"""The log: one line a poll and one a try at a delivery, as ``key=value`` or as JSON, and never a
secret.

``log.info(Line("poll", source="acme.deprecations", outcome="accepted"))`` is a line that is its
fields; everything else is logged as usual."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

#: What needs no quotes beside ``key=``.
_PLAIN = re.compile(r"[^\s\"'=\\]+")
#: Shorter values are no secrets: to take them out would garble everything.
_SECRET_LENGTH = 8


class Line:
    """A log line by its fields. Fields that are None or empty are left out; lists are joined by
    commas.
    """

    def __init__(self, what: str, **fields: object):
        self.what = what
        self.fields: Mapping[str, object] = {
            name: value
            for name, value in fields.items()
            if value is not None and value not in ("", [])
        }

    def __str__(self) -> str:
        return " ".join(
            [self.what, *(f"{name}={_word(value)}" for name, value in self.fields.items())]
        )


def _word(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return (
        text
        if _PLAIN.fullmatch(text) and text.isprintable()
        else json.dumps(text, ensure_ascii=False)
    )


class _Formatter(logging.Formatter):
    """Text as written; ``secrets`` are replaced in whatever came out, tracebacks included."""

    def __init__(self, secrets: Collection[str]):
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._secrets = sorted(
            (value for value in secrets if len(value) >= _SECRET_LENGTH), key=len, reverse=True
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  its name
        at = datetime.fromtimestamp(record.created, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        text = self._text(record)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    def _text(self, record: logging.LogRecord) -> str:
        return super().format(record)


class _JsonFormatter(_Formatter):
    """One JSON object a line, with the fields of a Line as its own."""

    def _text(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
        }
        if isinstance(record.msg, Line):
            line |= {"message": record.msg.what} | dict(record.msg.fields)
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str, form: str, secrets: Collection[str]) -> None:
    """Log to stderr: Lastcall from ``level`` on, the libraries from WARNING on, as ``text`` or
    ``json``.

    What libraries say at DEBUG holds requests with their headers.
    """
    handler = logging.StreamHandler()
    handler.setFormatter((_JsonFormatter if form == "json" else _Formatter)(secrets))
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger("lastcall").setLevel(level)
    logging.getLogger("apscheduler").setLevel(
        "ERROR"
    )  # it warns of every ring while a tick waits for the database

"""Write the bodies of webhooks: an event, or a digest of several. They are the same bytes on every
attempt.

``""`` is the form of Standard Webhooks: ``{"type", "timestamp", "data"}``. The other two are
CloudEvents 1.0 (its HTTP binding, binary and structured), for receivers with tools for those. All
are signed alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

from monitor.core.facts import Json
from monitor.store.tables import WebhookFormat

if TYPE_CHECKING:
    from monitor.store.tables import EventRow

FORMATS: tuple[str, ...] = get_args(WebhookFormat)
#: The kind of a digest, and of the message that only tries an endpoint: neither is in the log.
DIGEST, VERIFICATION = "digest", "endpoint.verification"
#: Before the kind in a CloudEvents type, and before the source in its source.
NAMESPACE = "lastcall"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message, ready to be signed. ``id`` is the idempotency key of its receiver."""

    id: str
    headers: dict[str, str]
    body: bytes


def seal(form: str, events: Sequence[EventRow], message_id: str = "") -> Envelope:
    """Return the message of one event; or with a ``message_id`` the digest of several, which is as
    old as its newest.
    """
    forms = [event.to_json() for event in events]
    last = max(forms, key=lambda form: form["detected_at"])
    kind, data, source = (
        (DIGEST, {"events": forms}, "")
        if message_id
        else (last["kind"], last, f"/{last['source']}")
    )
    message_id, plain = message_id or last["id"], {"Content-Type": "application/json"}
    if not form:
        return Envelope(
            message_id,
            plain,
            _bytes({"type": kind, "timestamp": last["detected_at"], "data": data}),
        )
    about = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"{NAMESPACE}{source}",
        "type": f"{NAMESPACE}.{kind}",
        "time": last["detected_at"],
    }
    if source and last["canonical"]:
        about["subject"] = last["canonical"]
    if form == "cloudevents-binary":
        headers = plain | {f"ce-{name}": _header(value) for name, value in about.items()}
        return Envelope(message_id, headers, _bytes(data))
    whole = about | {"datacontenttype": "application/json", "data": data}
    return Envelope(
        message_id, {"Content-Type": "application/cloudevents+json; charset=utf-8"}, _bytes(whole)
    )


class Envelopes:
    """Writes each message once, however many targets it goes to: the newest are kept."""

    def __init__(self, size: int = 256):
        self.size = size
        self._made: dict[tuple[str, str], Envelope] = {}

    def seal(self, form: str, events: Sequence[EventRow], message_id: str = "") -> Envelope:
        """Return the message, as the function ``seal`` does. The same id has the same message."""
        key = (form, message_id or events[-1].id)
        if key not in self._made:
            while len(self._made) >= self.size:
                del self._made[next(iter(self._made))]
            self._made[key] = seal(form, events, message_id)
        return self._made[key]


def _bytes(message: Json) -> bytes:
    return json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _header(value: str) -> str:
    """Encode a value as the HTTP binding of CloudEvents 1.0 (3.1.3.2) asks: printable ASCII without
    space, ``"`` and ``%``.
    """
    return quote(value, safe="!#$&'()*+,/:;<=>?@[\\]^_`{|}~-.")

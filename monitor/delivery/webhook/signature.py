"""Sign and verify messages by Standard Webhooks 1.0.0: v1 (HMAC-SHA256) and v1a (Ed25519).

Written here because the released library signs an aware time that is not in UTC wrongly and has no
v1a; the tests verify every delivery with that library and with the one for Node, and v1a with the
vector of Svix."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.core.facts import Json

if TYPE_CHECKING:  # imported only where such a key is used
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PREFIX, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
#: How far the time of a message may be from the receiver's, in seconds; so in every library of the
#: specification.
TOLERANCE = 300
#: How long a replaced secret signs beside the new one, and the limits of time and number; as Svix
#: has them.
GRACE, LONGEST_GRACE, MOST_OLD = timedelta(hours=24), timedelta(days=7), 10


def new_secret() -> str:
    """Return a new secret of 32 random bytes (the specification asks for 24 to 64)."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_private_key() -> str:
    """Return a new Ed25519 key, as seed and public key: ``whsk_`` and base64 of 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    whole = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return PRIVATE + base64.b64encode(whole).decode()


def public_key(secret: str) -> str:
    """Return the public key of a private key, for the receiver; empty for a shared secret."""
    if not secret.startswith(PRIVATE):
        return ""
    return PUBLIC + base64.b64encode(_private(secret).public_key().public_bytes_raw()).decode()


def check(key: str) -> None:
    """Raise ValueError, without the key in it, for a text that is no key to verify with."""
    if key.startswith(PUBLIC):
        _public(key)
    elif key.startswith(PRIVATE):
        _private(key)
    else:
        key_of(key)


@lru_cache(maxsize=4096)
def key_of(secret: str) -> bytes:
    """Return the key in a secret, with or without its prefix and padding.

    Raise ValueError, without the secret in it."""
    key = _decoded(secret.removeprefix(PREFIX), PREFIX)
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a signing secret has 24 to 64 bytes, this one has {len(key)}")
    return key


def rotated(secret: str, old: Sequence[Json], now: datetime, grace: timedelta) -> list[Json]:
    """Return the old secrets after ``secret`` is replaced: it signs beside the new one until the
    grace is over.

    Drop expired secrets, and keep at most ten."""
    valid = [entry for entry in old if _is_valid(entry, now)]
    replaced = [{"secret": secret, "until": (now + grace).isoformat()}] if grace else []
    return replaced + valid[: MOST_OLD - 1]


def signing(secret: str, old: Sequence[Json], now: datetime) -> list[str]:
    """Return the secrets that sign now, the current one first."""
    return [secret, *(entry["secret"] for entry in old if _is_valid(entry, now))]


def _is_valid(old: Json, now: datetime) -> bool:
    return datetime.fromisoformat(old["until"]) > now


def headers(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers, with one signature by each of ``keys``.

    ``timestamp`` is that of the attempt, in Unix seconds; ``message_id`` is the same on every
    attempt."""
    content = _content(message_id, str(timestamp), body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_sign(key, content) for key in keys),
    }


def verify(key: str, sent: Mapping[str, str], body: bytes, now: float) -> None:
    """Check a message as its receiver does.

    ``key`` is the shared secret, or the public (or private) key. ``sent`` are the headers, named in
    lower case. Raise ValueError with the reason if it does not verify."""
    try:
        message_id, timestamp = sent["webhook-id"], sent["webhook-timestamp"]
        signatures = sent["webhook-signature"].split()
    except KeyError as missing:
        raise ValueError(f"the header {missing.args[0]} is missing") from None
    if (
        not (timestamp.isascii() and timestamp.isdigit())
        or abs(int(timestamp[:15]) - now) > TOLERANCE
    ):
        raise ValueError("the timestamp is no number, or not of the last five minutes")
    content = _content(message_id, timestamp, body)
    if not any(_verifies(key, signature, content) for signature in signatures):
        raise ValueError("no signature verifies with this secret")


def _verifies(key: str, signature: str, content: bytes) -> bool:
    if not key.startswith((PRIVATE, PUBLIC)):
        return hmac.compare_digest(signature.encode(errors="replace"), _sign(key, content).encode())
    from cryptography.exceptions import InvalidSignature

    version, _, encoded = signature.partition(",")
    public = key if key.startswith(PUBLIC) else public_key(key)
    try:
        _public(public).verify(base64.b64decode(encoded), content)
    except (InvalidSignature, ValueError):
        return False
    return version == "v1a"


def _content(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _sign(key: str, content: bytes) -> str:
    if key.startswith(PRIVATE):
        return "v1a," + base64.b64encode(_private(key).sign(content)).decode()
    return "v1," + base64.b64encode(hmac.digest(key_of(key), content, hashlib.sha256)).decode()


@lru_cache(maxsize=1024)
def _private(secret: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key of a seed of 32 bytes, which its public key may follow."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _decoded(secret.removeprefix(PRIVATE), PRIVATE)
    if len(key) not in (32, 64):
        raise ValueError(f"a private key has 32 or 64 bytes, this one has {len(key)}")
    return Ed25519PrivateKey.from_private_bytes(key[:32])


def _public(public: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = _decoded(public.removeprefix(PUBLIC), PUBLIC)
    if len(key) != 32:
        raise ValueError(f"a public key has 32 bytes, this one has {len(key)}")
    return Ed25519PublicKey.from_public_bytes(key)


def _decoded(text: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a signing secret is {prefix} and base64") from None

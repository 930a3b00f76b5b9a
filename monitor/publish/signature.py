"""Signatures of Standard Webhooks 1.0.0, symmetric form (v1).

Written here because the released library signs an aware time that is not in UTC wrongly and has no v1a, which is
to come; the tests verify every delivery with that library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    """32 random bytes (the specification asks for 24 to 64)."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret, with or without its prefix and padding. Raises ValueError, without the secret in it."""
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a signing secret is {PREFIX} and base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a signing secret has 24 to 64 bytes, this one has {len(key)}")
    return key


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. ``timestamp`` is that of the attempt, ``message_id`` the same on every attempt."""
    signed = hmac.digest(key_of(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }

"""Seal secrets at rest: with AES-256-GCM, under a key that lies elsewhere, bound to their place.

A sealed text is ``lc1:<key id>:<base64 of nonce and ciphertext>``. Its place
(``subscription:sub_ab12:secret``) is authenticated with it, so that a value moved to another row or
column does not open. The first key seals, and all keys open. To replace a key, put a new one in
front, seal everything again (monitor.store.secrets.rotate), and take the old key away.

Nonces are random, which AES-GCM allows for 2**32 texts under one key (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from monitor.errors import SettingError, StoreError

log = logging.getLogger("lastcall.vault")

#: The beginning of a sealed text. The form has a number, so that another may follow.
MARK = "lc1:"
KEY_BYTES = 32
NONCE_BYTES = 12
VARIABLE = "LASTCALL_SECRET_KEYS"


def new_key() -> str:
    """Return a new key as it is written in a setting or a file."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse(text: str) -> tuple[bytes, ...]:
    """Read keys from a setting or a file, divided by commas or white space.

    Raise ValueError, without a key in it, for a wrong one."""
    keys = []
    for number, word in enumerate(text.replace(",", " ").split(), 1):
        try:
            key = b64decode(word, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(
                f"key {number} is not {KEY_BYTES} bytes in base64; `lastcall secrets new-key` "
                "makes one"
            )
        keys.append(key)
    return tuple(keys)


def key_id(key: bytes) -> str:
    """Return the id of a key. It stands in sealed texts and tells nothing about the key."""
    return hashlib.sha256(b"lastcall key id" + key).hexdigest()[:8]


def sealed_with(text: str) -> str:
    """Return the id of the key that sealed a text; empty if it is not sealed."""
    return text[len(MARK) :].partition(":")[0] if text.startswith(MARK) else ""


class Vault:
    """Seals and opens, with the keys of the setting and those of ``file``, which is made when it is
    needed.
    """

    def __init__(self, keys: Sequence[bytes] = (), file: Path | None = None):
        self._from_setting = tuple(keys)
        self._file = file
        self._load()

    def __repr__(self) -> str:
        return f"Vault({', '.join(self._keys) or 'no key'})"

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the keys, the one that seals first."""
        return tuple(self._keys)

    @property
    def first(self) -> str:
        """The id of the key that seals; empty while there is none."""
        return next(iter(self._keys), "")

    def has(self, name: str) -> bool:
        """Return whether a key is there, by its id. Another process may have added it to the file
        meanwhile.
        """
        if name not in self._keys:
            self._load()
        return name in self._keys

    def seal(self, text: str, row: str) -> str:
        """Return a text sealed for a place. Raise SettingError without a key and a file for one."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name, key = self._first()
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), row.encode())
        return f"{MARK}{name}:{b64encode(sealed).decode()}"

    def open(self, sealed: str, row: str) -> str:
        """Return the text that was sealed.

        Raise SettingError if its key is missing, StoreError if it was damaged or moved."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name = sealed_with(sealed)
        if not self.has(name):
            raise missing(name)
        try:
            content = b64decode(sealed.rpartition(":")[2], validate=True)
            nonce, ciphertext = content[:NONCE_BYTES], content[NONCE_BYTES:]
            return AESGCM(self._keys[name]).decrypt(nonce, ciphertext, row.encode()).decode()
        except (InvalidTag, ValueError):  # ValueError: not base64, or too short
            raise StoreError(
                f"{row} does not open: it was damaged, or moved there from another row"
            ) from None

    def digest(self, text: str) -> str:
        """Return a short keyed hash: equal texts match, and nobody without the key can test a
        guess.
        """
        _, key = self._first()
        return hmac.new(key, b"lastcall digest" + text.encode(), hashlib.sha256).hexdigest()[:8]

    def renew(self) -> str:
        """Put a new key in front of those of the file, and return its id.

        Raise SettingError where the keys are in a setting."""
        if self._from_setting or not self._file:
            raise SettingError(
                f"the keys are those of {VARIABLE}: put a new one there in front of them"
                " (`lastcall secrets new-key` makes one), start the service again, then rotate"
            )
        old_keys = self._file.read_text("utf-8") if self._file.exists() else ""
        _write(self._file, f"{new_key()}\n{old_keys}", replace=True)
        self._load()
        return self.first

    def _first(self) -> tuple[str, bytes]:
        if not self._keys and self._file:
            if _write(self._file, f"{new_key()}\n", replace=False):
                log.warning(
                    "%s is new and opens the secrets of the database: keep a copy of it apart "
                    "from the database's",
                    self._file,
                )
            self._load()
        if not self._keys:
            raise SettingError(
                f"{VARIABLE} is not set, and a secret would lie open in the database;"
                " `lastcall secrets new-key` prints a key for it"
            )
        return next(iter(self._keys.items()))

    def _load(self) -> None:
        keys = self._from_setting
        if self._file and self._file.exists():
            try:
                keys += parse(self._file.read_text("utf-8"))
            except (OSError, ValueError) as error:  # ValueError: of parse, or not UTF-8
                reason = getattr(error, "strerror", None) or str(error)
                raise SettingError(f"{self._file}: cannot read the keys in it: {reason}") from None
        self._keys = {key_id(key): key for key in keys}


def missing(name: str) -> SettingError:
    return SettingError(
        f"{VARIABLE}: the database has secrets sealed with the key {name or '(none)'}, which is "
        "not there;"
        " give that key too (see `lastcall secrets status`)"
    )


def _write(path: Path, text: str, *, replace: bool) -> bool:
    """Write a file that only its owner can read. It is on the disk before a key seals anything.

    Without ``replace``, the first process wins; return whether that was this one."""
    try:
        # mkstemp makes the file with mode 0600.
        number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            (os.replace if replace else os.link)(beside, path)
        except FileExistsError:
            return False
        finally:
            Path(beside).unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise SettingError(f"{path}: cannot write the key file: {error.strerror}") from None
    return True

"""Keep the opened secrets of targets between deliveries, since opening them costs time."""

from __future__ import annotations

from typing import Any

from monitor.errors import DeliveryFailed, SettingError, StoreError
from monitor.store import secrets
from monitor.store.secrets import Credentials
from monitor.store.tables import SubscriptionRow
from monitor.vault import Vault

#: Targets whose secrets are kept.
SIZE = 2000


class SecretCache:
    """Opens the address and keys of a target, once while what is sealed stays the same."""

    def __init__(self, vault: Vault, size: int = SIZE):
        self.vault = vault
        self.size = size
        self._opened: dict[str, tuple[tuple[Any, ...], Credentials]] = {}

    def open(self, target: SubscriptionRow) -> Credentials:
        """Return the secrets of a target. Raise DeliveryFailed if they do not open."""
        sealed = (target.address, target.sealed_address, target.secret, target.old_secrets)
        cached = self._opened.get(target.id)
        if cached and cached[0] == sealed:
            return cached[1]
        try:
            opened = secrets.unseal(self.vault, target)
        except (SettingError, StoreError) as error:
            raise DeliveryFailed(str(error)) from None
        while len(self._opened) >= self.size:
            del self._opened[next(iter(self._opened))]
        self._opened[target.id] = (sealed, opened)
        return opened

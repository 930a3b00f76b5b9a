"""The settings that deliveries need, as plain values: tokens, relays, and networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.delivery.redaction import login_parts

if TYPE_CHECKING:
    from monitor.delivery.address_guard import Guard, Networks
    from monitor.settings.model import Settings


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Settings by their names in monitor.settings.

    ``slack_buttons``: clicks reach the service. ``listen`` is the address of this process, which
    is never delivered to. ``deadline`` is that of one attempt, in seconds."""

    slack_token: str = field(default="", repr=False)
    slack_base_url: str = ""
    slack_buttons: bool = False
    allow_networks: Networks = ()
    allow_http: bool = False
    allow_high_ports: bool = False
    egress_proxy: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    listen: str = ""
    concurrency: int = 100
    deadline: float = 15.0

    @classmethod
    def of(cls, settings: Settings) -> DeliverySettings:
        """Return the part of all settings that deliveries need."""
        return cls(
            slack_token=settings.slack_token.get_secret_value(),
            slack_base_url=settings.slack_base_url,
            slack_buttons=settings.slack_interactive,
            allow_networks=settings.allow_networks,
            allow_http=settings.allow_http,
            allow_high_ports=settings.allow_high_ports,
            egress_proxy=settings.egress_proxy.get_secret_value(),
            smtp_url=settings.smtp_url.get_secret_value(),
            mail_from=settings.mail_from,
            listen=settings.listen,
            concurrency=settings.concurrency,
        )

    def guard(self) -> Guard:
        """Return the address guard of these settings. It is imported late: aiohttp is large."""
        from monitor.delivery.address_guard import Guard

        return Guard(
            self.allow_networks,
            allow_http=self.allow_http,
            allow_high_ports=self.allow_high_ports,
            own=self.listen,
            proxy=self.egress_proxy,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no record of an attempt may hold."""
        urls = (self.smtp_url, self.egress_proxy)
        logins = (part for url in urls for part in login_parts(url))
        return (self.slack_token, self.smtp_url, *logins)

"""One try at one mail, by SMTP (RFC 5321) to the relay of LASTCALL_SMTP_URL.

The address guard has no say here: the relay is the operator's own choice, and often a private
address."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib

from monitor.delivery import text_message
from monitor.errors import DeliveryFailed
from monitor.store.tables import EventRow

#: A relay that checks a recipient or a message takes its time; a lease is longer than this. In
#: seconds.
DEADLINE = 30.0
#: Of the port where none is named: submission (RFC 6409), and submission over TLS (RFC 8314).
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mails are handed in.

    Where there is a password to lose, ``smtp`` insists on STARTTLS and a certificate that holds;
    else it takes TLS as it comes (RFC 7435)."""

    host: str
    port: int
    tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = ""

    @classmethod
    def parse(cls, url: str, sender: str = "") -> Relay:
        """``smtp[s]://[user:password@]host[:port]``, as monitor.settings has checked it."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        user = unquote(parts.username or "")
        return cls(
            host=host,
            port=parts.port or PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            user=user,
            password=unquote(parts.password or ""),
            sender=sender or (user if "@" in user else f"lastcall@{host}"),
        )


def message(
    relay: Relay,
    to: str,
    events: Sequence[EventRow],
    contexts: text_message.Contexts,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """The mail about some events. ``message_id`` is the same on every try, so that a reader sees
    one mail.
    """
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        f"Lastcall <{relay.sender}>",
        to,
        text_message.title(events, now),
    )
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message_id}@{relay.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of somebody on holiday
    mail.set_content(text_message.text(events, contexts, now))
    mail.add_alternative(text_message.markup(events, contexts, now), subtype="html")
    return mail


async def send(relay: Relay, mail: EmailMessage, deadline: float = DEADLINE) -> tuple[int, str]:
    """Status and answer of the relay that took the mail; else DeliveryFailed.

    A recipient that is refused for good pauses its target. Whatever the relay has against this
    program (its login, its sender) or is not there for is not held against a target."""
    try:
        async with asyncio.timeout(deadline):
            _, answer = await aiosmtplib.send(
                mail,
                hostname=relay.host,
                port=relay.port,
                timeout=deadline,
                use_tls=relay.tls,
                start_tls=False if relay.tls else True if relay.password else None,
                validate_certs=relay.tls or bool(relay.password),
                username=relay.user or None,
                password=relay.password or None,
            )
    except aiosmtplib.SMTPRecipientsRefused as error:
        refusal = error.recipients[0]
        raise _refused(
            refusal.code, refusal.message, "recipient", permanent=refusal.code >= 500
        ) from None
    except aiosmtplib.SMTPDataError as error:
        raise _refused(error.code, error.message, "message") from None
    except (
        aiosmtplib.SMTPAuthenticationError
    ) as error:  # what is said to a login may be what it said
        raise _refused(error.code, "", "login", ours=True) from None
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error.code, error.message, "relay", ours=True) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise DeliveryFailed(
            f"smtp: {relay.host} cannot be used: {type(error).__name__}", ours=True
        ) from None
    return 250, answer


def _refused(
    code: int, said: str, what: str, *, permanent: bool = False, ours: bool = False
) -> DeliveryFailed:
    return DeliveryFailed(
        f"smtp: {what}: {code}", permanent=permanent, ours=ours, status=code, answer=said[:500]
    )

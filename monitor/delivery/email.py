"""Send one mail by SMTP (RFC 5321) to the relay of LASTCALL_SMTP_URL.

The address guard does not apply: the relay is the operator's own choice, and often has a private
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
from monitor.errors import DeliveryFailed, Effect
from monitor.store.tables import EventRow

#: In seconds, less than a lease. A relay that checks a recipient or a message takes its time.
DEADLINE = 30.0
#: The ports where the URL names none: submission (RFC 6409), and submission over TLS (RFC 8314).
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail relay, and our login there.

    With a password to lose, ``smtp`` insists on STARTTLS and a valid certificate; without one it
    takes TLS as it comes (RFC 7435)."""

    host: str
    port: int
    tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = ""

    @classmethod
    def parse(cls, url: str, sender: str = "") -> Relay:
        """Read ``smtp[s]://[user:password@]host[:port]``, which monitor.settings has checked."""
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
    """Return the mail about some events.

    ``message_id`` is the same on every attempt, so that a reader sees one mail."""
    mail = EmailMessage()
    mail["From"] = f"Lastcall <{relay.sender}>"
    mail["To"] = to
    mail["Subject"] = text_message.title(events, now)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message_id}@{relay.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: holiday programs do not answer
    mail.set_content(text_message.text(events, contexts, now))
    mail.add_alternative(text_message.markup(events, contexts, now), subtype="html")
    return mail


async def send(relay: Relay, mail: EmailMessage, deadline: float = DEADLINE) -> tuple[int, str]:
    """Return the status and the answer of the relay that took the mail. Raise DeliveryFailed.

    A recipient that is refused for good pauses its target. A relay that is down, or that refuses
    our login or sender, is not held against a target."""
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
        effect: Effect = "stop_target" if refusal.code >= 500 else "retry"
        raise _refused(refusal.code, refusal.message, "recipient", effect) from None
    except aiosmtplib.SMTPDataError as error:
        raise _refused(error.code, error.message, "message") from None
    except aiosmtplib.SMTPAuthenticationError as error:
        # Its answer may repeat the login.
        raise _refused(error.code, "", "login", "postpone") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error.code, error.message, "relay", "postpone") from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise DeliveryFailed(
            f"smtp: {relay.host} cannot be used: {type(error).__name__}", effect="postpone"
        ) from None
    return 250, answer


def _refused(code: int, answer: str, what: str, effect: Effect = "retry") -> DeliveryFailed:
    return DeliveryFailed(f"smtp: {what}: {code}", effect=effect, status=code, answer=answer)

"""Mails to a real SMTP server on loopback: what they say, what is tried again, who is paused, what
a login needs.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import col, select

from monitor.delivery import email, outbox, target_health, text_message
from monitor.delivery.message_context import MessageContext, PriceComparison
from monitor.errors import SettingError
from monitor.settings import load_settings
from monitor.store.db import Store
from monitor.store.model_lookup import Successor
from monitor.store.tables import AttemptRow, DeliveryRow, SubscriptionRow
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.support.receivers import Clock, event, publisher, target


class Mailbox:
    """Takes mails, or answers to a recipient or to a message with what it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.rcpt: list[str] = []
        self.data: list[str] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(  # noqa: N802
        self, _server, _session, envelope: Envelope, address: str, _options
    ) -> str:
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data:
            return self.data.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken as 4711"

    def login(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(
            success=data.password == b"mail-canary", handled=data.password == b"mail-canary"
        )


class Server(Controller):
    """On a free port, which aiosmtpd does not ask for by itself."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@contextmanager
def relay(box: Mailbox, **options) -> Iterator[str]:
    """host:port of a server."""
    server = Server(box, hostname="127.0.0.1", port=0, **options)
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


def enqueue(store: Store, clock: Clock, count: int = 1, **values) -> None:
    with store.write() as session:
        session.add(
            target(
                "sub_mail", clock(), type="email", address="team@example.com", secret="", **values
            )
        )
        session.flush()
        events = [event(number, clock()) for number in range(1, count + 1)]
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, clock())


def state(store: Store) -> tuple[SubscriptionRow, list[DeliveryRow], list[AttemptRow]]:
    with store.read() as session:
        return (
            session.get_one(SubscriptionRow, "sub_mail"),
            list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id)))),
            list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id)))),
        )


async def test_a_mail_says_what_and_when(store: Store, clock: Clock, box: Mailbox) -> None:
    enqueue(store, clock)
    with relay(box) as at:
        async with publisher(
            store, clock, smtp_url=f"smtp://{at}", mail_from="watch@example.com"
        ) as sender:
            assert await sender.drain_once() == 1
    (mail,) = box.mails
    assert mail["To"] == "team@example.com"
    assert mail["From"] == "Lastcall <watch@example.com>"
    assert (
        mail["Subject"]
        == "action: gpt-4o-realtime-preview now retires on 2026-05-07 instead of 2026-02-27"
    )
    assert mail["Message-ID"] == f"<evt_{1:032x}.sub_mail@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, rich = (part.get_content() for part in mail.iter_parts())
    for text in (
        "openai/gpt-4o-realtime-preview",
        "2026-05-07",
        "Use instead: gpt-realtime",
        "In its words: ",
    ):
        assert text in plain
        assert text in rich
    assert '<a href="https://provider.example/docs/deprecations?a=1&amp;b=2">' in rich
    (attempt,) = state(store)[2]
    assert (attempt.status, attempt.answer) == (250, "taken as 4711")


async def test_what_is_refused_for_now_is_tried_again_as_the_same_mail(
    store: Store, clock: Clock, box
) -> None:
    enqueue(store, clock)
    box.rcpt = ["451 try again later"]
    box.data = ["554 looks like spam"]
    with relay(box) as at:
        async with publisher(store, clock, smtp_url=f"smtp://{at}") as sender:
            for _ in range(3):
                await sender.drain_once()
                clock.pass_(timedelta(hours=1))
    assert len(box.mails) == 1
    row, (delivery,), attempts = state(store)
    assert (row.state, delivery.state, delivery.attempts) == ("enabled", "delivered", 3)
    assert [(attempt.status, attempt.error) for attempt in attempts] == [
        (451, "smtp: recipient: 451"),
        (554, "smtp: message: 554"),
        (250, ""),
    ]


async def test_the_message_id_does_not_change_with_the_try(clock: Clock) -> None:
    server = email.Relay.parse("smtp://relay.example", "")
    first, second = (
        email.message(server, "a@example.com", [event(1, clock())], {}, "evt_1.sub_1", at)
        for at in (clock(), clock() + timedelta(days=1))
    )
    assert first["Message-ID"] == second["Message-ID"] == "<evt_1.sub_1@relay.example>"


async def test_a_recipient_that_is_refused_for_good_is_paused_with_what_it_is_owed(
    store, clock, box
) -> None:
    enqueue(store, clock, count=2)
    box.rcpt = ["550 no such user"]
    with relay(box) as at:
        async with publisher(store, clock, smtp_url=f"smtp://{at}", concurrency=1) as sender:
            await sender.drain_once()
            row, rows, _ = state(store)
            assert (row.state, row.reason) == ("paused", "smtp: recipient: 550")
            assert [delivery.state for delivery in rows[:2]] == ["held", "held"]
            with store.write() as session:
                target_health.resume(session, "sub_mail", clock())
            while await sender.drain_once():
                pass
    assert len(box.mails) == 2


@pytest.mark.parametrize("trouble", ["none set", "not there", "wrong password"])
async def test_trouble_with_the_relay_is_not_held_against_a_mailbox(
    store: Store,
    clock: Clock,
    box: Mailbox,
    trouble: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enqueue(store, clock)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with relay(box, tls_context=context, authenticator=box.login) as at:
        url = {
            "none set": "",
            "not there": "smtp://127.0.0.1:9",
            "wrong password": f"smtp://me:canary-wrong@{at}",
        }
        async with publisher(store, clock, smtp_url=url[trouble]) as sender:
            for _ in range(12):
                await sender.drain_once()
                clock.pass_(timedelta(minutes=1))
    row, (delivery,), attempts = state(store)
    assert (row.state, delivery.state, row.failures) == ("enabled", "pending", 0)
    (last,) = attempts
    assert last.at == clock() - timedelta(minutes=1), "of the same fault the last"
    assert "canary" not in last.error + last.answer


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_password_goes_over_tls(
    store: Store,
    clock: Clock,
    box: Mailbox,
    certificate: Path,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enqueue(store, clock)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    tls = (
        {"ssl_context": context, "auth_require_tls": False}
        if scheme == "smtps"
        else {"tls_context": context}
    )
    with relay(box, authenticator=box.login, **tls) as at:
        async with publisher(store, clock, smtp_url=f"{scheme}://me:mail-canary@{at}") as sender:
            await sender.drain_once()
    assert box.logins == [(b"me", b"mail-canary")]
    assert len(box.mails) == 1


async def test_a_password_is_not_given_to_a_relay_without_tls(
    store: Store, clock: Clock, box: Mailbox
) -> None:
    enqueue(store, clock)
    with relay(box, authenticator=box.login, auth_require_tls=False) as at:
        async with publisher(store, clock, smtp_url=f"smtp://me:mail-canary@{at}") as sender:
            await sender.drain_once()
    assert (box.logins, box.mails) == ([], [])


async def test_a_digest_is_one_mail(store: Store, clock: Clock, box: Mailbox) -> None:
    enqueue(store, clock, count=3, digest="hourly")
    clock.pass_(timedelta(hours=1))
    with relay(box) as at:
        async with publisher(store, clock, smtp_url=f"smtp://{at}") as sender:
            await sender.drain_once()
    (mail,) = box.mails
    assert mail["Subject"].endswith(" (and 2 more)")
    assert mail["Message-ID"].startswith("<msg_")
    assert [delivery.state for delivery in state(store)[1]] == ["delivered"] * 3


def test_nothing_a_page_says_becomes_a_header_or_markup() -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    hostile = event(
        1, at, summary="x\r\nBcc: all@example.com\x1b[31m" + "y" * 300, quote="<script>&</script>"
    )
    mail = email.message(
        email.Relay.parse("smtp://relay.example"), "a@example.com", [hostile], {}, "evt_1", at
    )
    assert mail["Bcc"] is None
    assert len(mail["Subject"]) <= text_message.TITLE
    assert "\x1b" not in text_message.text([hostile], {}, at)
    assert "&lt;script&gt;" in text_message.markup([hostile], {}, at)
    assert b"\r\nBcc:" not in mail.as_bytes(policy=policy.SMTP)


def test_what_to_use_instead_is_followed_and_priced() -> None:
    """As Slack's message does."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    new = Successor("gpt-new", "active", None, lives=True, gone=False)
    retired = Successor("gpt-mid", "retired", None, lives=False, gone=True, successors=(new,))
    context = {
        event(1, at).id: MessageContext(
            [retired], [PriceComparison("input", Decimal(5), Decimal(4), "USD", "1M tokens")]
        )
    }
    text = text_message.text([event(1, at)], context, at)
    assert "Use instead: gpt-mid (itself retired) → gpt-new" in text
    assert "What that costs: input 5 → 4 (-20 %) USD per 1M tokens" in text


def test_days_are_counted_when_the_mail_is_sent() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    notice = event(1, at, summary="gpt-4o retires on 2026-05-07 (in 30 days)")
    assert "(in 30 days)" not in text_message.text([notice], {}, at)
    assert "When: 2026-05-07 (in 6 days)" in text_message.text([notice], {}, at)


def test_two_spellings_of_an_address_are_one_mailbox(run: Run) -> None:  # noqa: F811
    """Mail systems compare addresses without case, so two targets would send each mail twice."""
    first = run("email", "add", "Team@Example.com", "openai/*", "--json").json
    again = run("email", "add", "team@example.com", "anthropic/*", "--json").json
    assert (again["id"], again["address"]) == (first["id"], "Team@Example.com")
    assert [target_json["filters"] for target_json in run("email", "list", "--json").json] == [
        ["anthropic/*"]
    ]
    run("email", "remove", "TEAM@example.com")
    assert run("email", "list", "--json").json == []


def test_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("LASTCALL_SMTP_URL", raising=False)
    added = run("email", "add", "team@example.com", "openai/*", "--severity", "action", "--json")
    assert (added.json["address"], added.json["filters"]) == ("team@example.com", ["openai/*"])
    assert "LASTCALL_SMTP_URL is not set" in added.err
    again = run("email", "add", "team@example.com", "anthropic/*", "--json").json
    assert (again["id"], again["filters"]) == (added.json["id"], ["anthropic/*"])
    assert "0 deliveries are held" in run("email", "disable", "team@example.com").out
    assert run("email", "list", "--json").json[0]["state"] == "disabled"
    assert "enabled" in run("email", "enable", added.json["id"]).out
    assert "LASTCALL_SMTP_URL" in run("email", "test", "team@example.com", code=1).err
    box = Mailbox()
    with relay(box) as at:
        monkeypatch.setenv("LASTCALL_SMTP_URL", f"smtp://{at}")
        assert run("email", "test", "team@example.com").out == "delivered (SMTP 250)\n"
    assert "a test message, no event" in box.mails[0]["Subject"]
    run("email", "remove", "team@example.com")
    run("email", "remove", "team@example.com", code=5)
    for bad in ("team", "a b@example.com", "a@b\nBcc: c@d", "Team <a@b.example>"):
        run("email", "add", bad, code=2)


@pytest.mark.parametrize(
    "url", ["relay.example", "http://me:canary@relay", "smtp://me:canary@relay:x", "smtp://"]
)
def test_a_wrong_relay_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LASTCALL_SMTP_URL", url)
    with pytest.raises(SettingError, match=r"LASTCALL_SMTP_URL: .*write smtp://") as caught:
        load_settings()
    assert "canary" not in str(caught.value)

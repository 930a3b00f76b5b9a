"""Secrets at rest: sealed, bound to their row, opened by any of the keys, and in no dump of any
table (X3).
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlmodel import SQLModel

from monitor import vault
from monitor.delivery import outbox
from monitor.delivery.webhook.signature import new_secret
from monitor.errors import SettingError, StoreError
from monitor.settings import load_settings
from monitor.settings.model import Settings
from monitor.store import maintenance
from monitor.store import secrets as sealed
from monitor.store.db import Store
from monitor.store.tables import InstallationRow, SubscriptionRow
from monitor.vault import Vault
from tests.conftest import NewDatabase
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.support.receivers import Clock, Receiver, event, publisher, serving, target

AT = datetime(2026, 11, 26, tzinfo=UTC)
HOOK = "https://hooks.slack.com/services/T0/B0/canary-of-slack"
APPRISE = "mailto://user:canary-of-apprise@smtp.example"


def settings(*keys: str) -> Settings:
    return Settings(database_url="unused.db", secret_keys=",".join(keys))  # type: ignore[arg-type]


def fill(store: Store, count: int = 1) -> list[str]:
    """Targets as versions before 0.2 left them, and a workspace; returns every secret."""
    found = [HOOK, APPRISE, "canary-token", "canary-old-secret"]
    rows = [
        SubscriptionRow(id="sub_hook", type="slack", address=HOOK, created_at=AT),
        SubscriptionRow(id="sub_apprise", type="apprise", address=APPRISE, created_at=AT),
        SubscriptionRow(
            id="sub_rotated",
            type="webhook",
            address="https://hooks.example/",
            secret=new_secret(),
            created_at=AT,
            old_secrets=[{"secret": "canary-old-secret", "until": "2026-11-27T00:00:00Z"}],
        ),
        *(
            SubscriptionRow(
                id=f"sub_{n}",
                type="webhook",
                address=f"https://{n}.example/",
                secret=new_secret(),
                created_at=AT,
            )
            for n in range(count)
        ),
    ]
    with store.write() as session:
        session.add_all(
            [
                *rows,
                InstallationRow(team="T0", sealed='{"bot_token": "canary-token"}', installed_at=AT),
            ]
        )
        found += [row.secret for row in rows if row.secret]
    return found


def dump(store: Store) -> str:
    with store.read() as session:
        return "\n".join(
            repr(tuple(row))
            for table in maintenance.tables()
            for row in session.connection().execute(select(table))
        )


def all_opened(store: Store, keys: Vault) -> list[str]:
    with store.read() as session:
        found = [sealed.unseal(keys, row) for row in session.scalars(select(SubscriptionRow))]
        teams = list(session.scalars(select(InstallationRow)))
    return [
        text
        for one in found
        for text in (one.address, one.secret, *(old["secret"] for old in one.old_secrets))
    ] + [keys.open(row.sealed, sealed.installation_place(row.team)) for row in teams]


# --- sealing
# -----------------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_what_is_sealed_opens_in_its_place_alone(text: str, row: str) -> None:
    keys = Vault(vault.parse(vault.new_key()))
    closed = keys.seal(text, row)
    assert keys.open(closed, row) == text
    assert closed != keys.seal(text, row), "the nonce is another each time"
    with pytest.raises(StoreError, match="does not open"):
        keys.open(closed, row + "x")


def test_a_changed_text_does_not_open() -> None:
    keys = Vault(vault.parse(vault.new_key()))
    head, _, content = keys.seal("secret", "a").rpartition(":")
    data = bytearray(base64.b64decode(content))
    for place in (0, len(data) // 2, -1):
        bad = bytes(byte ^ (index == place % len(data)) for index, byte in enumerate(data))
        with pytest.raises(StoreError):
            keys.open(f"{head}:{base64.b64encode(bad).decode()}", "a")
    for broken in ("", "AAAA", "***"):
        with pytest.raises(StoreError):
            keys.open(f"{head}:{broken}", "a")


def test_the_first_key_seals_and_all_open() -> None:
    old, new = vault.new_key(), vault.new_key()
    closed = Vault(vault.parse(old)).seal("secret", "a")
    both = Vault(vault.parse(f"{new},\n {old}"))
    assert both.open(closed, "a") == "secret"
    assert vault.sealed_with(both.seal("secret", "a")) == both.first != vault.sealed_with(closed)
    with pytest.raises(
        SettingError, match=rf"LASTCALL_SECRET_KEYS: .* key {vault.sealed_with(closed)}"
    ):
        Vault(vault.parse(new)).open(closed, "a")
    assert old not in repr(both)


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 31).decode(), "canary!" * 8])
def test_a_key_that_is_none_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LASTCALL_SECRET_KEYS", f"{vault.new_key()} {text}")
    with pytest.raises(
        SettingError, match=r"LASTCALL_SECRET_KEYS: .*key 2 is not 32 bytes in base64"
    ) as caught:
        load_settings()
    assert text not in str(caught.value)


def test_keys_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = vault.new_key()
    (tmp_path / "keys").write_text(f"{key}\n{vault.new_key()}\n")
    monkeypatch.setenv("LASTCALL_SECRET_KEYS_FILE", str(tmp_path / "keys"))
    found = load_settings()
    assert len(vault.parse(found.secret_keys.get_secret_value())) == 2
    assert key not in repr(found) + str(found.model_dump())


# --- the key file
# --------------------------------------------------------------------------------------------


def test_the_key_file_is_made_with_the_first_secret_for_its_owner_alone(
    tmp_path: Path, caplog
) -> None:
    store = Store(str(tmp_path / "lastcall.db"))
    file = tmp_path / "lastcall.db.key"
    keys = sealed.find_vault(store, settings())
    assert not file.exists()
    closed = keys.seal("secret", "a")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert caplog.text.count("keep a copy") == 1
    assert sealed.find_vault(store, settings()).open(closed, "a") == "secret"
    assert [path.name for path in tmp_path.iterdir()] == ["lastcall.db.key"], (
        "nothing is left beside it"
    )
    store.close()


def test_two_that_make_the_key_file_at_once_have_one_key(tmp_path: Path) -> None:
    one, other = (Vault(file=tmp_path / "key") for _ in range(2))
    closed = one.seal("secret", "a")
    other.seal("secret", "b")
    assert one.first == other.first
    assert other.open(closed, "a") == "secret"


def test_a_process_that_runs_finds_a_key_that_another_put_into_the_file(tmp_path: Path) -> None:
    running, other = (Vault(file=tmp_path / "key") for _ in range(2))
    before = running.seal("one", "a")
    assert other.renew() != running.first
    after = other.seal("two", "a")
    assert [running.open(text, "a") for text in (before, after)] == ["one", "two"]


def test_a_key_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("canary")
    with pytest.raises(
        SettingError, match="key: cannot read the keys in it: key 1 is not 32 bytes"
    ) as caught:
        Vault(file=tmp_path / "key")
    assert "canary" not in str(caught.value)
    with pytest.raises(SettingError, match="cannot write the key file"):
        Vault(file=tmp_path / "nowhere" / "key").seal("secret", "a")


def test_postgresql_needs_a_key(postgres: NewDatabase) -> None:
    store = Store(postgres())
    with pytest.raises(
        SettingError, match=r"LASTCALL_SECRET_KEYS is not set, .*`lastcall secrets new-key`"
    ):
        sealed.find_vault(store, settings()).seal("secret", "a")
    store.close()


# --- the database
# ----------------------------------------------------------------------------------------------


def test_a_dump_has_no_secret(store: Store) -> None:
    """X3, from rows that an earlier version left open."""
    secrets = fill(store)
    keys = sealed.unlock(store, settings(vault.new_key()))
    shown = dump(store)
    assert [secret for secret in secrets if secret in shown] == []
    assert set(secrets) - {"canary-token"} <= set(all_opened(store, keys))
    assert sealed.status(store) == {keys.first: len(secrets)}
    with store.read() as session:
        rows = [session.get_one(SubscriptionRow, name) for name in ("sub_hook", "sub_apprise")]
    assert rows[0].address.startswith("https://hooks.slack.com/...")
    assert rows[1].address.startswith("mailto://...")
    assert not any(secret in repr(row) for row in rows for secret in secrets)


def test_a_missing_key_is_named_and_nothing_starts(store: Store) -> None:
    fill(store)
    used = sealed.unlock(store, settings(vault.new_key())).first
    before = dump(store)
    with pytest.raises(SettingError, match=f"sealed with the key {used}, which is not there"):
        sealed.unlock(store, settings(vault.new_key()))
    assert dump(store) == before


def test_rotation_seals_everything_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "BATCH", 3)
    secrets = fill(store, count=7)
    old, new = vault.new_key(), vault.new_key()
    before = all_opened(store, sealed.unlock(store, settings(old)))
    both = sealed.unlock(store, settings(new, old))
    assert sealed.rotate(store, both) == len(secrets)
    assert sealed.rotate(store, both) == 0
    after = sealed.unlock(store, settings(new))
    assert all_opened(store, after) == before
    assert sealed.status(store) == {after.first: len(secrets)}


def test_a_secret_moved_to_another_row_is_refused(store: Store) -> None:
    keys = Vault(vault.parse(vault.new_key()))
    with store.write() as session:
        for name in ("sub_a", "sub_b"):
            row = SubscriptionRow(
                id=name, type="webhook", address=f"https://{name}.example/", created_at=AT
            )
            row.secret = sealed.seal_secret(keys, row, f"secret of {name}")
            session.add(row)
        session.flush()
        stolen = session.get_one(SubscriptionRow, "sub_a").secret
        session.execute(
            update(SubscriptionRow).where(SubscriptionRow.id == "sub_b").values(secret=stolen)
        )
    with (
        store.read() as session,
        pytest.raises(StoreError, match="subscription:sub_b:secret does not open"),
    ):
        sealed.unseal(keys, session.get_one(SubscriptionRow, "sub_b"))


async def test_rotation_beside_a_service_that_runs(tmp_path: Path) -> None:
    """The service has read the key file before the new key was in it, and goes on delivering."""
    receiver, clock = Receiver(), Clock()
    store = Store(str(tmp_path / "lastcall.db"))
    SQLModel.metadata.create_all(store.engine)
    async with serving(receiver.handle) as url:
        with store.write() as session:
            session.add(target("sub_a", clock(), address=url, secret=receiver.secret))
        async with publisher(store, clock, vault=sealed.unlock(store, settings())) as running:
            for number in (1, 2):
                with store.write() as session:
                    session.add(row := event(number, clock()))
                    session.flush()
                    outbox.enqueue(session, [row], clock())
                assert await running.drain_once() == 1
                other = sealed.unlock(store, settings())
                other.renew()
                assert sealed.rotate(store, other) == 1
    assert len(receiver.got) == 2
    store.close()


# --- commands
# ------------------------------------------------------------------------------------------------


def test_the_commands(run: Run, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LASTCALL_SECRET_KEYS", raising=False)
    assert run("secrets", "status", "--json").json == {"first": "", "unsealed": 0, "keys": []}
    added = run("webhooks", "add", "https://hooks.example/a", "--json").json
    run("slack", "subscribe", HOOK, "--operator")
    first = run("secrets", "status", "--json").json
    assert first["keys"] == [{"key": first["first"], "present": True, "secrets": 2}]
    rotated = run("secrets", "rotate", "--new").out
    assert rotated.startswith("2 secrets sealed anew")
    status = run("secrets", "status", "--json").json
    assert status["keys"] == [
        {"key": status["first"], "present": True, "secrets": 2},
        {"key": first["first"], "present": True, "secrets": 0},
    ]
    Path(f"{database}.key").rename(f"{database}.lost")
    for words in (
        ("webhooks", "add", "https://hooks.example/b"),
        ("slack", "unsubscribe", HOOK),
        ("run",),
    ):
        said = run(*words, code=4).err
        assert said.startswith("lastcall: LASTCALL_SECRET_KEYS: ")
        assert status["first"] in said
    assert f"{status['first']}  MISSING" in run("secrets", "status").out
    monkeypatch.setenv("LASTCALL_SECRET_KEYS_FILE", f"{database}.lost")
    assert HOOK not in run("slack", "unsubscribe", HOOK).out
    assert added["secret"].startswith("whsec_")


def test_lists_show_no_secret_that_an_earlier_version_left_open(run: Run, database: str) -> None:
    """Nothing has sealed it yet: a list opens no vault."""
    fill(Store(database))
    for words in (
        ["subscriptions", "list"],
        ["slack", "list"],
        ["apprise", "list"],
        ["subscriptions", "show", "sub_hook"],
    ):
        for form in ([], ["--json"]):
            said = run(*words, *form)
            assert "sub_" in said.out
            assert "canary" not in said.out


def test_rotation_with_a_key_of_the_settings(
    run: Run, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = run("secrets", "new-key").out.strip(), run("secrets", "new-key").out.strip()
    monkeypatch.setenv("LASTCALL_SECRET_KEYS", old)
    run("webhooks", "add", "https://hooks.example/a")
    assert not Path(f"{database}.key").exists()
    assert "put a new one there in front" in run("secrets", "rotate", "--new", code=4).err
    monkeypatch.setenv("LASTCALL_SECRET_KEYS", f"{new},{old}")
    assert run("secrets", "rotate").out.startswith("1 secret sealed anew")
    monkeypatch.setenv("LASTCALL_SECRET_KEYS", new)
    run("secrets", "rotate")


def test_a_copy_is_used_with_the_same_keys(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = str(tmp_path / "copy.db")
    added = run("webhooks", "add", "https://hooks.example/a", "--json").json
    copied = run("db", "copy", copy)
    assert "LASTCALL_SECRET_KEYS_FILE" in copied.err
    assert "which is not there" in run("--db", copy, "webhooks", "rotate", added["id"], code=4).err
    monkeypatch.setenv("LASTCALL_SECRET_KEYS_FILE", f"{next(tmp_path.glob('*.db.key'))}")
    run("--db", copy, "webhooks", "rotate", added["id"])

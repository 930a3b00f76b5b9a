"""Slack workspaces that installed the app, each with its token, sealed.

A workspace is named by its team (``T…``), or by its organisation (``E…``) where that installed the
app for all."""

from __future__ import annotations

import json
from datetime import datetime

from sqlmodel import Session, select

from monitor.core.facts import Json
from monitor.store import secrets
from monitor.store.tables import InstallationRow
from monitor.vault import Vault


def workspace(enterprise: str | None, team: str | None, org_wide: bool | None) -> str:
    return (enterprise if org_wide else team) or enterprise or ""


def find(session: Session, name: str) -> InstallationRow | None:
    return session.scalars(select(InstallationRow).where(InstallationRow.team == name)).first()


def unseal(vault: Vault, row: InstallationRow) -> Json:
    """The installation as Slack gave it, with its tokens in the clear."""
    stored: Json = json.loads(vault.open(row.sealed, secrets.installation_place(row.team)))
    return stored


def token(session: Session, vault: Vault, name: str) -> str:
    """The bot token of a workspace; empty where the app is not installed, or not any more."""
    row = find(session, name)
    return str(unseal(vault, row).get("bot_token") or "") if row and row.state == "enabled" else ""


def save(session: Session, vault: Vault, name: str, installation: Json, now: datetime) -> None:
    """Keep an installation; a new one of the same workspace takes the place of the old."""
    row = find(session, name) or InstallationRow(team=name, sealed="", installed_at=now)
    row.enterprise = installation.get("enterprise_id") or ""
    row.name = installation.get("team_name") or installation.get("enterprise_name") or ""
    row.sealed = vault.seal(json.dumps(installation), secrets.installation_place(name))
    row.installed_at, row.state, row.reason = now, "enabled", ""
    session.add(row)


def disable(session: Session, name: str, reason: str) -> None:
    """The workspace took its token back. The row stays, so that who subscribed is not forgotten."""
    if row := find(session, name):
        row.state, row.reason = "disabled", reason
        session.add(row)

"""Settings: from the environment, .env and files; a wrong one is named, a secret never shown."""

from __future__ import annotations

import os
from ipaddress import ip_network

import pytest

from monitor.errors import SettingError
from monitor.settings import database, load_settings, provider_key
from monitor.settings.model import OPTIONS, Settings
from tests.support.fixtures import TESTS


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("LASTCALL_"):
            monkeypatch.delenv(name)


def test_defaults():
    settings = load_settings()
    assert settings.database_url.endswith("lastcall/lastcall.db")
    assert (settings.listen, settings.log_level, settings.allow_networks, settings.concurrency) == (
        "",
        "INFO",
        (),
        100,
    )


def test_the_environment(monkeypatch):
    for name, value in {
        "ALLOW_NETWORKS": "10.0.0.0/8, fd00::/64",
        "ALLOW_HTTP": "true",
        "SOURCE_URLS": '{"openai.deprecations": "http://127.0.0.1:9/x"}',
        "EXTRA_SOURCES": "acme_sources,other",
        "LOG_LEVEL": "debug",
        "LISTEN": "127.0.0.1:8080",
        "DATABASE_URL": "postgresql://u:p@db/x",
    }.items():
        monkeypatch.setenv(f"LASTCALL_{name}", value)
    settings = load_settings()
    assert settings.allow_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/64"))
    assert settings.source_urls == {"openai.deprecations": "http://127.0.0.1:9/x"}
    assert settings.extra_sources == ("acme_sources", "other")
    assert (settings.allow_http, settings.log_level, settings.listen) == (
        True,
        "DEBUG",
        "127.0.0.1:8080",
    )
    assert load_settings("other.db").database_url == "other.db"


def test_files_and_dotenv(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("xoxb-canary\n")
    (tmp_path / "key").write_text("sk-canary\n")
    (tmp_path / ".env").write_text(
        f"LASTCALL_SLACK_TOKEN_FILE={tmp_path}/token\nLASTCALL_LISTEN=0.0.0.0:1\nOTHER=x\n"
    )
    monkeypatch.setenv("LASTCALL_LISTEN", "127.0.0.1:2")
    settings = load_settings()
    assert settings.slack_token.get_secret_value() == "xoxb-canary"
    assert settings.listen == "127.0.0.1:2"
    assert "canary" not in repr(settings)
    monkeypatch.delenv("ACME_API_KEY", raising=False)
    assert provider_key("ACME_API_KEY") is None
    monkeypatch.setenv("ACME_API_KEY_FILE", str(tmp_path / "key"))
    assert provider_key("ACME_API_KEY") == "sk-canary"
    monkeypatch.setenv("ACME_API_KEY", "plain")
    assert provider_key("ACME_API_KEY") == "plain"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOW_NETWORKS", "10.0.0.1/8"),
        ("ALLOW_NETWORKS", "home"),
        ("ALLOW_HTTP", "perhaps"),
        ("LOG_LEVEL", "LOUD"),
        ("LISTEN", "8080"),
        ("LISTEN", "host:99999"),
        ("CONCURRENCY", "0"),
        ("SOURCE_URLS", "{nope"),
        ("SOURCE_URLS", "[1]"),
        ("SLACK_TOKEN_FILE", "/nowhere/token"),
        ("SLACK_BASE_URL", "ftp://slack.example/api/"),
        ("SLACK_BASE_URL", "https://slack.example/api"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"LASTCALL_{name}", value)
    with pytest.raises(SettingError, match=f"LASTCALL_{name}") as caught:
        load_settings()
    assert value.strip("[]") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Value error" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"LASTCALL_DATABASE_URL": "here.db"},
        {"lastcall_database_url": "here.db"},
        {"LASTCALL_DATABASE_URL": "here.db", "LASTCALL_LOG_LEVEL": "info"},
        {"LASTCALL_DATABASE_URL": ""},
    ],
)
@pytest.mark.parametrize("given", [None, "given.db"])
def test_the_place_of_the_database_is_what_the_settings_say(
    monkeypatch, tmp_path, variables, given
):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("LASTCALL_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert database(given) == load_settings(given).database_url


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LASTCALL_LISTNE", "did you mean LASTCALL_LISTEN?"),
        ("lastcall_slack_tokn", "did you mean LASTCALL_SLACK_TOKEN?"),
        ("LASTCALL_LISTEN_FILE", "did you mean LASTCALL_LISTEN?"),
        ("LASTCALL_ZZZZZZZZZZZZ", "deploy/env.example lists all settings"),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_an_unknown_name_stops_the_program(monkeypatch, tmp_path, name, hint, place):
    if place == ".env":
        (tmp_path / ".env").write_text(f"{name}=x\n")
    else:
        monkeypatch.setenv(name, "x")
    for read in (load_settings, database):
        with pytest.raises(SettingError, match=name.upper()) as caught:
            read()
        assert hint in str(caught.value)


def test_names_that_kubernetes_injects_for_a_service_are_no_settings(monkeypatch):
    for name in (
        "LASTCALL_PORT",
        "LASTCALL_PORT_8080_TCP",
        "LASTCALL_PORT_8080_TCP_ADDR",
        "LASTCALL_PORT_8080_TCP_PORT",
        "LASTCALL_PORT_8080_TCP_PROTO",
        "LASTCALL_SERVICE_HOST",
        "LASTCALL_SERVICE_PORT",
        "LASTCALL_SERVICE_PORT_HTTP",
    ):
        monkeypatch.setenv(name, "tcp://10.0.0.1:8080")
    load_settings()


def test_every_setting_is_documented_and_in_the_example() -> None:
    page = (TESTS.parent / "README.md").read_text("utf-8")
    example = (TESTS.parent / "deploy" / "env.example").read_text("utf-8")
    names = [f"LASTCALL_{name.upper()}" for name in Settings.model_fields] + list(OPTIONS)
    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in page] == []
    assert [name for name in names if f"\n#{name}=" not in example] == []


def test_the_example_is_a_file_of_settings(monkeypatch, tmp_path) -> None:
    """Each line without its # is taken, but for the secrets in files that are not here."""
    example = (TESTS.parent / "deploy" / "env.example").read_text("utf-8")
    lines = [line[1:] for line in example.splitlines() if line.startswith("#LASTCALL_")]
    lines = [line for line in lines if "_FILE=/" not in line and "..." not in line]
    assert len(lines) > 10
    (tmp_path / ".env").write_text("\n".join(lines))
    load_settings()

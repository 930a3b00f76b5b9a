"""Settings from the environment and a ``.env`` file: ``LASTCALL_<NAME>``, or
``LASTCALL_<NAME>_FILE`` to read a file.

A variable of the environment wins over the same one in ``.env``. A wrong setting stops the program.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from monitor.core.contradictions import BUILT_IN, Deviation, deviations
from monitor.errors import SettingError
from monitor.place import ENV_FILE, PREFIX, default_database
from monitor.vault import parse

#: Settings whose value is never shown.
SECRET = (
    "database_url",
    "slack_token",
    "slack_signing_secret",
    "slack_app_token",
    "slack_client_secret",
    "secret_keys",
    "egress_proxy",
    "smtp_url",
    "heartbeat_url",
)


class Settings(BaseSettings):
    """Every setting, with its default.

    ``source_urls`` moves sources to mirrors; ``extra_sources`` names modules; ``deviations_file``
    lists contradictions between sources that are known and raise no event
    (monitor.core.contradictions.Deviation). ``secret_keys`` are those of monitor.vault, divided by
    commas or white space. ``smtp_url`` is the relay of mails, ``mail_from`` their sender.
    ``heartbeat_url`` is asked once a minute while all is well, so that somebody else notices when
    this machine is gone."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True
    )

    database_url: str = Field(default_factory=default_database, repr=False)
    listen: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    heartbeat_url: SecretStr = SecretStr("")
    slack_token: SecretStr = SecretStr("")
    slack_base_url: str = ""
    slack_signing_secret: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    slack_client_id: str = ""
    slack_client_secret: SecretStr = SecretStr("")
    secret_keys: SecretStr = SecretStr("")
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = ""
    allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    allow_http: bool = False
    allow_high_ports: bool = False
    egress_proxy: SecretStr = SecretStr("")
    concurrency: int = Field(default=100, ge=1, le=1000)
    source_urls: dict[str, str] = {}
    extra_sources: Annotated[tuple[str, ...], NoDecode] = ()
    deviations_file: str = ""

    @property
    def slack_interactive(self) -> bool:
        """Whether clicks and commands can reach the service: signed over HTTP, or over Socket
        Mode.
        """
        return bool(
            self.slack_signing_secret.get_secret_value() or self.slack_app_token.get_secret_value()
        )

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        return tuple(ip_network(one) for one in value)

    @field_validator("allow_networks", "extra_sources", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        # Runs before _networks: pydantic starts with the last of these.
        return (
            tuple(word.strip() for word in value.split(",") if word.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("egress_proxy")
    @classmethod
    def _proxy(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(
            ("http://", "https://")
        ):
            raise ValueError("write http://host:port")
        return value

    @field_validator("slack_base_url")
    @classmethod
    def _another_slack(cls, value: str) -> str:
        if value and not (value.startswith(("http://", "https://")) and value.endswith("/")):
            raise ValueError("write https://host/api/, with the slash at its end")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _relay(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        try:
            parts = urlsplit(text)
            good = (
                parts.scheme in ("smtp", "smtps")
                and parts.hostname
                and parts.port != 0
                and not parts.query
            )
            good = good and parts.path in ("", "/")
        except ValueError:  # a port that is none
            good = False
        if text and not good:
            raise ValueError(
                "write smtp://user:password@host:port, or smtps:// for TLS from the start"
            )
        return value

    @field_validator("log_format", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse(value.get_secret_value())
        return value

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError("write host:port, for example 127.0.0.1:8080")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, _Files(settings_cls)


class _Files(PydanticBaseSettingsSource):
    """The ``_FILE`` twins."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return _from_file(f"{PREFIX}{field_name.upper()}"), field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        found = {name: _from_file(f"{PREFIX}{name.upper()}") for name in SECRET}
        return {name: value for name, value in found.items() if value is not None}


def secrets(settings: Settings) -> list[str]:
    """Every value that no log may hold: those of the settings, the database's password, what
    mirrors are asked with.
    """
    held = [
        value.get_secret_value()
        for value in dict(settings).values()
        if isinstance(value, SecretStr)
    ]
    for url in (settings.database_url, *settings.source_urls.values()):
        parts = urlsplit(url)
        held += [parts.password or "", parts.query]
    return [value for value in held if value]


def load_settings(database: str | None = None) -> Settings:
    """The settings; ``database`` is what ``--db`` said. Raises SettingError naming the variable and
    the value.
    """
    try:
        return Settings(database_url=database) if database else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        given = "" if name in SECRET else f", not {first['input']!r}"
        wrong = first["msg"].removeprefix(
            "Value error, "
        )  # pydantic's word for what a validator here says
        raise SettingError(f"{PREFIX}{name.upper()}: {wrong}{given}") from None
    except SettingsError as error:
        # pydantic-settings names the field in quotes; only JSON fields can fail this way, and none
        # is secret.
        name = str(error).partition('"')[2].partition('"')[0].upper()
        raise SettingError(
            f"{PREFIX}{name}: not JSON: {_environment().get(PREFIX + name, '')!r}"
        ) from None


def known_deviations(settings: Settings) -> tuple[Deviation, ...]:
    """The built-in deviations and the operator's own. Raises SettingError naming the file and the
    line.
    """
    path, name = settings.deviations_file, f"{PREFIX}DEVIATIONS_FILE"
    if not path:
        return BUILT_IN
    try:
        return BUILT_IN + deviations(Path(path).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{name}: cannot read {path!r}: {getattr(error, 'strerror', None) or error}"
        ) from None
    except ValueError as error:
        raise SettingError(f"{name}: {path}: {error}") from None


def provider_key(name: str) -> str | None:
    """A provider's key under its usual name (``OPENAI_API_KEY``), or None."""
    return _environment().get(name) or _from_file(name) or None


def _from_file(name: str) -> str | None:
    path = _environment().get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{name}_FILE: cannot read {path!r}: {getattr(error, 'strerror', None) or error}"
        ) from None


def _environment() -> dict[str, str]:
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(ENV_FILE).items() if value} | dict(
        os.environ
    )

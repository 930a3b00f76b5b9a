"""Every setting with its default and its check, by pydantic-settings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
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

from monitor.errors import SettingError
from monitor.settings.environment import ENV_FILE, PREFIX, default_database, read_file
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

    ``source_urls`` moves sources to mirrors. ``extra_sources`` names modules with private sources.
    ``deviations_file`` lists contradictions between sources that raise no event
    (monitor.store.known_deviations). ``secret_keys`` are those of monitor.vault, divided by commas
    or white space. ``smtp_url`` is the relay for mail, ``mail_from`` its sender. ``heartbeat_url``
    is requested once a minute while all is well, so that another service notices when this machine
    is gone.
    """

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
        """True if clicks and commands reach the service: signed over HTTP, or by Socket Mode."""
        return bool(
            self.slack_signing_secret.get_secret_value() or self.slack_app_token.get_secret_value()
        )

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        return tuple(ip_network(network) for network in value)

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
            raise ValueError("write http://host:port or https://host:port")
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
        except ValueError:  # the port is no number
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
    """The ``_FILE`` twins of the secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return read_file(f"{PREFIX}{field_name.upper()}"), field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        texts = {name: read_file(f"{PREFIX}{name.upper()}") for name in SECRET}
        return {name: text for name, text in texts.items() if text is not None}


#: Variables that a command reads as an option of its own.
OPTIONS = ("LASTCALL_WEBHOOK_SECRET",)
#: Variables that Kubernetes sets in every pod beside a Service called ``lastcall``.
_KUBERNETES = re.compile(
    r"LASTCALL_(PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?|SERVICE_(HOST|PORT(_\w+)?))"
)


def variables() -> list[str]:
    """Return the name of every variable that Lastcall reads: settings, their files, options."""
    names = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    return [*names, *(f"{PREFIX}{name.upper()}_FILE" for name in SECRET), *OPTIONS]


def secrets(settings: Settings) -> list[str]:
    """Return every value that no log may hold: secrets, and the credentials inside URLs."""
    texts = [
        value.get_secret_value()
        for value in dict(settings).values()
        if isinstance(value, SecretStr)
    ]
    for url in (settings.database_url, *settings.source_urls.values()):
        parts = urlsplit(url)
        texts += [parts.password or "", parts.query]
    return [text for text in texts if text]


def load(environment: Mapping[str, str], database: str | None = None) -> Settings:
    """Build the settings; ``database`` is the value of ``--db``.

    Raises SettingError naming the variable and its value, unless that is a secret.
    """
    _refuse_unknown(environment)
    try:
        return Settings(database_url=database) if database else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        value = "" if name in SECRET else f", not {first['input']!r}"
        # pydantic puts these words before the message of a validator.
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingError(f"{PREFIX}{name.upper()}: {reason}{value}") from None
    except SettingsError as error:
        # pydantic-settings names the field in quotes. Only JSON fields fail this way, and none of
        # them is secret.
        name = PREFIX + str(error).partition('"')[2].partition('"')[0].upper()
        raise SettingError(f"{name}: not JSON: {environment.get(name, '')!r}") from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """Raise SettingError for a variable with our prefix that no setting has: it is misspelt."""
    names = variables()
    for name in sorted(name.upper() for name in environment):
        if name.startswith(PREFIX) and name not in names and not _KUBERNETES.fullmatch(name):
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else "deploy/env.example lists all settings"
            raise SettingError(f"{name}: no such setting; {hint}")

"""The files under deploy/ are well-formed, hardened, and agree with each other and with the
program.

What can be had is asked: hadolint (a development dependency), systemd-analyze, docker compose. No
image is built here."""

from __future__ import annotations

import configparser
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.reading.source import REGISTRY

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = ROOT / "monitor" / "settings.py"


def tool(name: str) -> str:
    """A program, looked for beside this Python first. Skips the test where there is none."""
    found = shutil.which(
        name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    return found or pytest.skip(f"{name} is not installed")


def run(*command: str) -> str:
    """All that a program says. The test fails if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


# --- the image
# ---------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), comments dropped and continued lines joined."""
    text = re.sub(
        r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    lines = text.replace("\\\n", "").splitlines()
    return [
        (name, rest.strip())
        for name, _, rest in (line.partition(" ") for line in lines if line.strip())
    ]


def said(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def test_hadolint() -> None:
    run(tool("hadolint"), str(DEPLOY / "Dockerfile"))


def test_image_is_pinned_and_fetches_nothing_unchecked() -> None:
    images = [rest.split()[0] for rest in said("FROM")]
    assert len(images) == 2  # what builds is left behind
    assert all(re.fullmatch(r"python:3\.13-slim-\w+", image) for image in images)
    assert not said("ADD")
    steps = [step for line in said("RUN") for step in line.split("&&")]
    installs = [step for step in steps if re.search(r"\bpip\b.* install ", step)]
    assert installs
    for step in installs:
        assert "--require-hashes" in step or ("--no-deps" in step and "--no-index" in step), step
    assert not re.search(r"curl|wget|apt|https?:", " ".join(steps))


@pytest.mark.parametrize("name", ["build", "runtime", "dev"])
def test_requirements_are_locked_by_hash_and_name_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for requirement in re.split(r"\n(?=[\w-]+==)", text):
        assert re.match(r"[\w.-]+(\[\w+\])?==\S+", requirement)
        assert "--hash=sha256:" in requirement
    assert "://" not in text
    assert "index" not in text


def test_image_runs_as_nobody_in_particular() -> None:
    uid = said("USER")[-1].partition(":")[0]
    assert int(uid) >= 10000
    assert f"--uid {uid}" in " ".join(said("RUN"))
    assert said("VOLUME") == ["/var/lib/lastcall"]


def test_image_starts_the_service() -> None:
    assert json.loads(said("ENTRYPOINT")[0]) == ["lastcall"]
    assert json.loads(said("CMD")[0]) == ["run", "--listen", "0.0.0.0:8080"]
    assert said("EXPOSE") == ["8080"]


@pytest.fixture
def site() -> Iterator[http.server.ThreadingHTTPServer]:
    """A server that says 200 to /healthz while its ``healthy`` is true."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            well = self.path == "/healthz" and self.server.healthy  # type: ignore[attr-defined]
            self.send_response(200 if well else 503)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_health_check_tells_well_from_ill_from_absent(
    site: http.server.ThreadingHTTPServer,
) -> None:
    python, option, code = json.loads(said("HEALTHCHECK")[0].partition("CMD ")[2])
    assert (python, option) == ("python", "-c")
    assert "8080" in code
    code = code.replace("8080", str(site.server_port))
    proxied = os.environ | {"http_proxy": "http://127.0.0.1:9"}

    def check() -> int:
        return subprocess.run(
            [sys.executable, "-c", code], env=proxied, capture_output=True, timeout=30
        ).returncode

    site.healthy = True  # type: ignore[attr-defined]
    assert check() == 0
    site.healthy = False  # type: ignore[attr-defined]
    assert check() == 1
    site.shutdown()
    site.server_close()
    assert check() == 1


def test_build_context_is_an_allow_list_of_what_the_wheel_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        "pyproject.toml",
        "requirements",
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    assert allowed == needed | set(wheel["packages"]) | set(wheel["force-include"])


# --- compose
# -----------------------------------------------------------------------------------------------


def test_docker_compose_accepts_it() -> None:
    docker = tool("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True, timeout=30).returncode:
        pytest.skip("this docker has no compose")
    run(docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet")


def test_compose_declares_what_it_uses() -> None:
    compose = load("compose.yaml")
    services = compose["services"]
    assert set(services) == {"lastcall", "postgres"}
    for kind in ("secrets", "networks"):
        assert {name for service in services.values() for name in service[kind]} == set(
            compose[kind]
        )
    volumes = [volume for service in services.values() for volume in service["volumes"]]
    assert {volume.partition(":")[0] for volume in volumes} == set(compose["volumes"])
    assert (DEPLOY / services["lastcall"]["build"]["context"]).resolve() == ROOT
    assert services["postgres"]["image"] == "postgres:18"
    assert services["lastcall"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


@pytest.mark.parametrize("name", ["lastcall", "postgres"])
def test_compose_services_are_confined(name: str) -> None:
    service = load("compose.yaml")["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_compose_takes_secrets_from_files_only() -> None:
    for service in load("compose.yaml")["services"].values():
        for variable, value in service["environment"].items():
            if re.search("TOKEN|PASSWORD|URL", variable):
                assert variable.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            elif variable.endswith("_API_KEY"):
                assert value is None  # handed through, never written down


# --- systemd
# -----------------------------------------------------------------------------------------------


def unit() -> str:
    return (DEPLOY / "lastcall.service").read_text(encoding="utf-8")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    copy = tmp_path / "lastcall.service"
    copy.write_text(
        unit().replace("/opt/lastcall/bin/lastcall", sys.executable), encoding="utf-8"
    )  # has to exist
    told = run(analyze, "verify", "--man=no", str(copy))
    assert "lastcall.service" not in told, (
        told
    )  # a value it cannot read is a warning to it, and ignored


def test_unit_is_confined_and_stops_in_time() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit())
    service = parser["Service"]
    assert service["ExecStart"].endswith("/lastcall run")
    assert (service["KillSignal"], service["TimeoutStopSec"]) == ("SIGTERM", "30")
    assert (service["DynamicUser"], service["StateDirectory"]) == ("yes", "lastcall")
    assert (service["ProtectSystem"], service["ProtectHome"], service["PrivateTmp"]) == (
        "strict",
        "yes",
        "yes",
    )
    assert (service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == ("yes", "")
    assert (
        "Environment=LASTCALL_DATABASE_URL=sqlite:////var/lib/lastcall/lastcall.db"
        in unit().splitlines()
    )


# --- Slack and settings
# ------------------------------------------------------------------------------------


def test_slack_manifest_has_the_documented_shape() -> None:
    """Lengths and fields of https://docs.slack.dev/reference/app-manifest."""
    manifest = load("slack-manifest.yaml")
    assert set(manifest) == {
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
    }
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])
    assert re.fullmatch(r"[\w.-]{1,80}", manifest["features"]["bot_user"]["display_name"])
    assert set(map(type, manifest["settings"].values())) == {bool, dict}


def test_slack_manifest_is_what_the_app_does() -> None:
    """Its scopes, addresses and events are those that the code asks for, serves and hears."""
    from monitor.slack_app import app, http, oauth

    manifest = load("slack-manifest.yaml")
    assert manifest["oauth_config"]["scopes"]["bot"] == list(oauth.SCOPES)
    (command,) = manifest["features"]["slash_commands"]
    settings = manifest["settings"]
    urls = [
        command["url"],
        settings["interactivity"]["request_url"],
        settings["event_subscriptions"]["request_url"],
    ]
    assert [url.removeprefix("https://lastcall.example.com") for url in urls] == list(http.PATHS)
    assert manifest["oauth_config"]["redirect_urls"] == [
        "https://lastcall.example.com/slack/oauth_redirect"
    ]
    assert command["command"] == "/lastcall"
    assert settings["event_subscriptions"]["bot_events"] == sorted(app.EVENTS)


def variables() -> set[str]:
    """Every variable of the program that a file under deploy/ sets, secrets without their _FILE."""
    environment = re.findall(
        r"^#?([A-Z_]+)=", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE
    )
    environment += load("compose.yaml")["services"]["lastcall"]["environment"]
    environment += re.findall(r"^Environment=(LASTCALL_\w+)=", unit(), re.MULTILINE)
    paths = {"LASTCALL_DEVIATIONS_FILE"}  # a setting that is a path, not a secret in a file
    return {name if name in paths else name.removesuffix("_FILE") for name in environment}


def test_files_agree_on_the_variables() -> None:
    example = (DEPLOY / "env.example").read_text(encoding="utf-8")
    assert all(re.search(rf"^#{name}=", example, re.MULTILINE) for name in variables())


@pytest.mark.skipif(not SETTINGS.exists(), reason="monitor.settings not built yet")
def test_every_variable_exists() -> None:
    settings = SETTINGS.read_text(encoding="utf-8")
    keys = {source.access.key for source in REGISTRY.values() if source.access}
    for name in variables():
        field = name.removeprefix("LASTCALL_").lower() if name.startswith("LASTCALL_") else name
        assert re.search(rf"\b{field}\b", settings) or name in keys, f"no setting {name}"

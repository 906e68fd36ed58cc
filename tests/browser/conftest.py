"""Debian's Chromium, driven by Playwright, on the admin's window of a real service."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import SAMPLES
from tests.service.admin.conftest import Hosted, hosted

__all__ = ["hosted"]

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",  # the gate runs as root, for which Chromium has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("these tests need Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def filled(hosted: Hosted) -> Hosted:
    """The service with reviews of the sample contracts too, one of which waits for an approval."""
    with hosted.api() as api:
        for sample in sorted(SAMPLES.glob("*.docx")):
            file = api.post("/files", files={"file": (sample.name, sample.read_bytes())}).json()["file_id"]
            given = {"file_id": file, "approval": "critical"}
            answer = api.post("/runs/wait", json={"assistant_id": "contract_review", "input": given}, timeout=120)
            assert answer.status_code == 200, answer.text[:300]
            hosted.runs.setdefault("review", answer.headers["content-location"].rsplit("/", 1)[1])
    return hosted


class Visit:
    """A signed-in page, and what the browser complained about."""

    def __init__(self, hosted: Hosted, context: BrowserContext, page: Page) -> None:
        self.hosted, self.context, self.page = hosted, context, page
        self.complaints: list[str] = []
        self.expected: set[int] = set()
        page.on("console", lambda said: said.type == "error" and self.complaints.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("response", self._answered)

    def _dialog(self, dialog: Any) -> None:
        if dialog.type == "confirm":
            dialog.accept()
        else:
            self.complaints.append(f"a script ran: {dialog.message}")
            dialog.dismiss()

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status} {response.url}")

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.hosted.server.url}{path}")
        return self.page

    def sign_in(self, role: str = "admin") -> "Visit":
        page = self.go("/admin/sign-in")
        page.fill("#key", self.hosted.keys[role])
        page.click("button.main")
        page.wait_for_url("**/admin/runs")
        return self

    def at_ease(self) -> None:
        """Nothing was complained about on the way here, the policy blocked nothing, and nothing is wider than the
        window."""
        blocked = self.page.evaluate("window.__violations || []")
        assert blocked == [], f"{self.page.url}: {blocked}"
        told = [each for each in self.complaints if not any(f"status of {code}" in each for code in self.expected)]
        assert told == [], f"{self.page.url}: {told}"
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px wider than the window"

    def serious(self) -> list[str]:
        """What axe-core finds serious by WCAG 2.2, A and AA."""
        self.page.evaluate(AXE)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("(tags) => axe.run(document, {runOnly: tags})", tags)
        assert found["passes"], "axe-core looked at something"
        return [
            f"{self.page.url}: {each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    def api(self, method: str, path: str, **more: Any) -> httpx.Response:
        with self.hosted.api() as client:
            return client.request(method, path, **more)

    def start(self, graph: str, **given: Any) -> str:
        """A run in the background; its id."""
        return self.api("POST", "/runs", json={"assistant_id": graph, "input": {"log": [], **given}}).json()["run_id"]


@pytest.fixture
def visit(chromium: Browser, filled: Hosted) -> Iterator[Callable[..., Visit]]:
    """Makes visits: visit(width, theme, script)."""
    contexts: list[BrowserContext] = []

    def make(width: int = 1280, theme: str = "light", script: bool = True, height: int = 840) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,  # pyright: ignore[reportArgumentType]
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        context.add_init_script(_WATCH)
        contexts.append(context)
        return Visit(filled, context, context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where pictures for the docs go, when they are asked for."""
    folder = os.environ.get("CONSILIA_PICTURES")
    return Path(folder) if folder else None

"""Debian's Chromium, driven by Playwright, on the admin's window of a real service."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.agents.conftest import start_model_server
from tests.conftest import SAMPLES, start_server
from tests.service.admin.conftest import Hosted, hosted
from tests.tools import nasty_server

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


RELEASING = """
from typing import Any
from agents.chat_model import chat_model
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

ROW = {"type": "object", "properties": {"segment": {"type": "string", "maxLength": 20}, "text": {"type": "string"}},
       "required": ["segment", "text"]}
REASON = {"type": "string", "title": "Reason"}
SCHEMA = {"oneOf": [
    {"title": "Approve or reject", "properties": {"decision": {"enum": ["approve", "reject"]}, "reason": REASON},
     "required": ["decision", "reason"], "additionalProperties": False},
    {"title": "Edit", "properties": {"decision": {"const": "edit"}, "reason": REASON,
     "edits": {"type": "array", "minItems": 1, "items": ROW}}, "required": ["decision", "edits"]},
]}


class Released(MessagesState):
    answer: Any


async def speak(state: MessagesState, config: RunnableConfig):
    return {"messages": [await chat_model(config).ainvoke(state["messages"])]}


async def ask(state: Released):
    evidence = [{"category": "clause 4", "severity": "critical", "quote": "unlimited"}]
    asked = {"title": "Release it?", "question": "Two segments changed.", "evidence": evidence, "schema": SCHEMA}
    return {"answer": interrupt(asked)}


def one(node, state):
    graph = StateGraph(state)
    graph.add_node("it", node)
    graph.add_edge(START, "it")
    graph.add_edge("it", END)
    return graph.compile()


talking, releasing = one(speak, MessagesState), one(ask, Released)
"""


@pytest.fixture(scope="session")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """A service with two model servers, an MCP server whose tools can change, and a graph that asks with a schema."""
    folder = tmp_path_factory.mktemp("pooled")
    (folder / "talk.py").write_text(RELEASING)
    command = json.dumps([sys.executable, "-S", str(Path(nasty_server.__file__)), str(folder)])
    models = [start_model_server(), start_model_server()]
    for each in models:
        each.script({"always": True, "text": "It is fair.", "thinking": "Weigh both sides first.", "cached": 5})
    named = (("first", "qwen3-8b", models[0]), ("second", "llama-3.1-8b", models[1]))
    entries = [
        f'[[pool.models]]\nname = "{name}"\ncatalogue = "{catalogue}"\nendpoints = ["{server.url}"]\n'
        for name, catalogue, server in named
    ]
    tools = (
        f'[tools]\nrelist_seconds = 1\n[tools.servers.nasty]\ncommand = {command}\nallow = {{ talking = ["add"] }}\n'
    )
    graphs = '[workflows]\ntalking = "./talk.py:talking"\nreleasing = "./talk.py:releasing"\n'
    (folder / "consilia.toml").write_text(graphs + tools + "[pool]\nkeep_thinking = true\n" + "".join(entries))
    server = start_server(folder / "var")
    yield Hosted(server, {"admin": server.key}, {"tools": str(folder / "tools.json")})
    server.process.terminate()
    server.process.wait(20)
    for each in models:
        each.stop()


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

    def serious(self, only: list[str] | None = None) -> list[str]:
        """What axe-core finds serious by WCAG 2.2, A and AA. only: by these of its rules alone."""
        self.page.evaluate(AXE)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("(only) => axe.run(document, {runOnly: only})", only or tags)
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

    def ended(self, graph: str, given: dict[str, Any]) -> str:
        """A run that has ended, or that waits for a person; its id."""
        answer = self.api("POST", "/runs/wait", json={"assistant_id": graph, "input": given}, timeout=60)
        assert answer.status_code == 200, answer.text[:300]
        return answer.headers["content-location"].rsplit("/", 1)[1]

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the one row that SQL finds."""
        [(value,)] = self.hosted.sql(query, *values)
        return value


@pytest.fixture
def visit(chromium: Browser, filled: Hosted) -> Iterator[Callable[..., Visit]]:
    """Makes visits: visit(width, theme, script)."""
    yield from _visits(chromium, filled)


@pytest.fixture
def pool_visit(chromium: Browser, pooled: Hosted) -> Iterator[Callable[..., Visit]]:
    """Makes visits to the service with model servers."""
    yield from _visits(chromium, pooled)


def _visits(chromium: Browser, hosted: Hosted) -> Iterator[Callable[..., Visit]]:
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
        return Visit(hosted, context, context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where pictures for the docs go, when they are asked for."""
    folder = os.environ.get("CONSILIA_PICTURES")
    return Path(folder) if folder else None

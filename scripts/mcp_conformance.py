"""Run the public MCP conformance suite and the MCP Inspector's CLI against our plumbing; write what came of it.

`make mcp-conformance`. Needs npm: the suite runs under Node 22, which comes from npm too. Two servers are tested for
both protocol versions: the fixture that the suite asks for, built on service/mcp, with every scenario that applies; and
our own server, with the scenarios that ask for no fixture. The table goes to benchmarks/mcp-conformance.md.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("CONFORMANCE_DIR", Path.home() / ".cache/mcp-conformance"))
PACKAGES = ("node@22", "@modelcontextprotocol/conformance@0.2.0-alpha.12", "@modelcontextprotocol/inspector@2.12.0")
VERSIONS = ("2025-11-25", "2026-07-28")
OURS = {
    "2025-11-25": (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    ),
    "2026-07-28": (
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "input-required-result-unsupported-methods",
    ),
}
"""Scenarios that ask for no tool, prompt or resource of the suite's own."""

Passed = tuple[str, int, int]
"""(scenario, checks passed, checks failed)."""


@contextmanager
def server(*arguments: str) -> Iterator[str]:
    """The URL of a server of tests/service/mcp/conformance_server.py."""
    command = [sys.executable, "-m", "tests.service.mcp.conformance_server", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(20)


def suite(url: str, version: str, *scenarios: str) -> list[Passed]:
    """What each scenario came to; without names all that apply to the version."""
    program = [str(FOLDER / "node_modules/.bin/node"), "node_modules/@modelcontextprotocol/conformance/dist/index.js"]
    chosen = [["--scenario", each] for each in scenarios] or [["--suite", "all"]]
    found: list[Passed] = []
    for each in chosen:
        command = [*program, "server", "--url", url, "--spec-version", version, *each]
        said = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=300).stdout
        summary = re.findall(r"^[✓✗~!⚠] ?([\w-]+): (\d+) passed, (\d+) failed", said, re.MULTILINE)
        if summary:
            found += [(name, int(passed), int(failed)) for name, passed, failed in summary]
        else:
            [(passed, total)] = re.findall(r"^Passed: (\d+)/(\d+)", said, re.MULTILINE)[:1] or [("0", "1")]
            found.append((each[1], int(passed), int(total) - int(passed)))
    return found


def inspector(url: str) -> list[tuple[str, bool]]:
    """What the MCP Inspector's CLI can do with our server."""
    program = [str(FOLDER / "node_modules/.bin/node"), "node_modules/.bin/mcp-inspector", "--cli", url]
    tried = {
        "tools/list": "review_contract",
        "resources/list": "consilia://playbooks/commercial",
        "resources/templates/list": "consilia://runs/{run_id}",
        "prompts/list": "translate-record",
        "resources/read --uri consilia://playbooks/nda": "contents",
        "prompts/get --prompt-name ask-advisor --prompt-args question=Why?": "Ask the tool ask_advisor: Why?",
        "tools/call --tool-name review_contract --tool-arg content=Liability-is-unlimited-under-this-Agreement.":
            "contract_review done",
        "tools/call --tool-name list_runs": "contract_review",
    }  # fmt: skip
    found: list[tuple[str, bool]] = []
    for asked, told in tried.items():
        method, *rest = asked.split(" ")
        command = [*program, "--transport", "http", "--method", method, *rest]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120)
        found.append((asked, done.returncode == 0 and told in done.stdout))
    return found


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], cwd=FOLDER, check=True)
    lines = [
        "# MCP conformance",
        "",
        f"`make mcp-conformance` on {datetime.now(UTC):%Y-%m-%d}, with {', '.join(PACKAGES[1:])}.",
        "",
        "| server | version | scenarios | checks passed | failed |",
        "| --- | --- | --- | --- | --- |",
    ]
    failed: list[str] = []
    for name, arguments, chosen in (("fixture on service/mcp", (), {}), ("our own", ("--ours",), OURS)):
        with server(*arguments) as url:
            for version in VERSIONS:
                found = suite(url, version, *chosen.get(version, ()))
                passed, lost = sum(each[1] for each in found), sum(each[2] for each in found)
                lines.append(f"| {name} | {version} | {len(found)} | {passed} | {lost} |")
                failed += [f"{name}, {version}: {each[0]}" for each in found if each[2]]
            if arguments:
                shown = inspector(url)
                lines += ["", "The MCP Inspector's CLI on our own server (Streamable HTTP):", ""]
                lines += [f"- `{asked}`: {'works' if good else 'FAILS'}" for asked, good in shown]
                failed += [f"inspector: {asked}" for asked, good in shown if not good]
    lines += ["", "Failed: " + ("; ".join(failed) or "nothing") + ".", ""]
    (ROOT / "benchmarks/mcp-conformance.md").write_text("\n".join(lines))
    sys.stdout.write("\n".join(lines))
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())

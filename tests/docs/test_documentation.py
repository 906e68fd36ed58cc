"""What the documentation shows is what the code does."""

import base64
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from agents.policy import Policy
from agents.pool_settings import PoolSettings
from scripts.write_schemas import SCHEMAS, schemas
from service.runs.webhooks import signature
from service.settings import Limits, Settings, load
from tests.conftest import ENVIRONMENT, ROOT, SAMPLES, Server
from tools.contracts import playbook
from tools.host.settings import ServerSettings, ToolsSettings
from tools.suitability.questionnaire import classify
from workflows.financial_advisor.holdings import from_csv, profile_from_toml

README = (ROOT / "README.md").read_text()


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_readme_s_curl_calls_review_a_contract(server: Server):
    [calls] = [block for block in _blocks(README, "sh") if "curl" in block]
    script = calls.replace("localhost:8321", server.url).replace("$(cat var/first-key)", server.key)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert '"review"' in done.stdout


async def test_the_readme_s_python_reviews_a_contract(server: Server):
    [example] = _blocks(README, "python")
    assert 'await client.runs.wait(None, "contract_review", input={"file_id": file_id})' in example
    content = (SAMPLES / "mutual-nda.md").read_bytes()
    async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}) as http:
        file_id = (await http.post("/files", files={"file": ("nda.md", content)})).json()["file_id"]
    async with get_client(url=server.url, api_key=server.key) as client:
        result = await client.runs.wait(None, "contract_review", input={"file_id": file_id})
    assert isinstance(result, dict)
    assert result["review"]["document"] == "nda.md"


def test_the_readme_names_make_targets_and_commands_that_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_no_script_is_run_by_its_path_where_its_folder_would_hide_a_package():
    """`python benchmarks/x.py` puts benchmarks/ first on the path, where a tools.py hides the package tools."""
    for folder, name in re.findall(r"python (benchmarks|scripts)/(\w+)\.py", (ROOT / "Makefile").read_text()):
        hidden = {each.stem for each in (ROOT / folder).glob("*.py")} & {"agents", "service", "tools", "workflows"}
        assert not hidden, f"make runs {folder}/{name}.py by its path, beside {hidden}"


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]))
def test_every_link_to_a_file_leads_to_one(page: Path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_the_playbook_page_s_example_is_a_playbook():
    [example] = _blocks((ROOT / "docs/playbooks.md").read_text(), "toml")
    assert playbook.parse(example, "docs/playbooks.md").name == "mine"


def test_the_page_on_asking_models_shows_every_setting_of_the_pool_with_its_default(tmp_path: Path):
    page = (ROOT / "docs/asking-models.md").read_text()
    routing, every = _blocks(page, "toml")
    config = tmp_path / "consilia.toml"
    config.write_text(f"{routing}\n{every}".replace('{ env = "LLAMA_KEY" }', f'{{ file = "{tmp_path}/key" }}'))
    read = load(config).pool
    assert read.models[0].facts.name == "llama-3.1-8b"
    shown = set(re.findall(r"^(\w+) =", every, re.MULTILINE))
    fields = set(PoolSettings.model_fields) - {"models", "routing", "licences", "serving"}
    assert fields <= shown
    assert {name: getattr(read, name) for name in fields} == {name: getattr(PoolSettings(), name) for name in fields}
    assert set(re.findall(r"^(\w+) =", routing, re.MULTILINE)) >= {"thinking_tokens", "attempts", "confidence"}
    assert read.routing.thinking_tokens == Policy().thinking_tokens


def test_the_page_on_tools_has_a_configuration_that_loads_every_setting_and_a_graph_that_compiles(tmp_path: Path):
    page = (ROOT / "docs/tools.md").read_text()
    [example] = _blocks(page, "toml")
    (tmp_path / "consilia.toml").write_text(example)
    servers = load(tmp_path / "consilia.toml").tools.servers
    assert servers["mail"].after_untrusted == {"my_flow": ["search"]}
    for name in ServerSettings.model_fields:
        assert f"`{name}`" in page, name
    for name in ToolsSettings.model_fields:
        assert name == "servers" or re.search(rf"^{name} =", (ROOT / "docs/configuration.md").read_text(), re.M), name
    [snippet] = _blocks(page, "python")
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102
    assert names["graph"].get_graph().nodes.keys() >= {"think", "tools"}


def test_the_configuration_page_names_every_setting_with_its_default():
    page = (ROOT / "docs/configuration.md").read_text()
    for name, field in (*Limits.model_fields.items(), *Settings.model_fields.items()):
        if name in ("limits", "config_dir"):
            continue
        assert re.search(rf"^(# )?\[?{name}\b", page, re.MULTILINE), name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert re.search(rf"^{name} = {field.default:g}\b|^{name} = {int(field.default)}\b", page, re.MULTILINE), (
                name
            )


def test_the_webhook_page_s_check_knows_a_genuine_call_from_a_forged_one():
    [snippet] = _blocks((ROOT / "docs/webhooks.md").read_text(), "python")
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102
    secret, body, now = "whsec_" + base64.b64encode(b"k" * 32).decode(), b'{"status": "success"}', int(time.time())
    headers = {
        "webhook-id": "d1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature(b"k" * 32, "d1", now, body),
    }
    assert names["genuine"](headers, body, secret)
    assert not names["genuine"](headers, body + b" ", secret)
    assert not names["genuine"]({**headers, "webhook-id": "d2"}, body, secret)
    assert not names["genuine"]({**headers, "webhook-timestamp": str(now - 600)}, body, secret)


def test_published_schemas_are_current():
    for name, text in schemas().items():
        assert (SCHEMAS / name).read_text("utf-8") == text, "run: make schemas"


def test_no_file_names_a_registry_or_this_machine():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in tracked:
        if name.endswith(".lock"):
            assert "://" not in (ROOT / name).read_text(), name


async def test_the_financial_advisor_page_s_files_and_calls_work(server: Server, tmp_path: Path):
    page = (ROOT / "docs/financial-advisor.md").read_text()
    [csv], [toml], [example] = (_blocks(page, kind) for kind in ("csv", "toml", "python"))
    client = profile_from_toml(toml)
    assert classify(client).client_class == "C4"
    assert len(from_csv(csv).funds) == 1
    assert '"financial_advisor", input=given)' in example
    environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(tmp_path / "var")}
    [shell] = _blocks(page, "sh")
    for command in shell.strip().splitlines():
        words = shlex.split(command, comments=True)
        out_dir = ["--out", str(tmp_path)] if words[1] == "advise" else []
        arguments = [sys.executable, "-m", "service.cli", *words[1:], *out_dir]
        subprocess.run(arguments, cwd=ROOT, env=environment, check=True, timeout=120)
    assert (tmp_path / "advice.html").is_file()
    async with get_client(url=server.url, api_key=server.key) as sdk:
        thread = await sdk.threads.create()
        given = {"question": "Guarantee me 20%", "profile": client.model_dump(exclude_defaults=True)}
        result: Any = await sdk.runs.wait(thread["thread_id"], "financial_advisor", input=given)
    assert result["advice"]["kind"] == "refusal"

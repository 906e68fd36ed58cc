"""The command line, as a person uses it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import COMMANDS, load
from tests.conftest import CUAD, ENVIRONMENT, SAMPLES


def consilia(*arguments: str, data: Path, status: int = 0) -> str:
    """Run the command; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        cwd=data,
        env={**ENVIRONMENT, "CONSILIA_DATA_DIR": str(data / "var"), "COLUMNS": "140"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stdout + done.stderr


def test_a_review_writes_its_files_and_is_listed_and_shown(tmp_path: Path):
    said = consilia("review", str(SAMPLES / "mutual-nda.md"), "--playbook", "nda", data=tmp_path)
    assert "by embedded" in said
    for suffix in ("redline.docx", "review.html", "review.json"):
        assert (tmp_path / "out" / f"mutual-nda.{suffix}").stat().st_size > 1000
    [run] = json.loads(consilia("runs", "list", "--json", data=tmp_path))
    assert (run["graph_id"], run["status"]) == ("contract_review", "success")
    assert run["run_id"] in consilia("runs", "list", data=tmp_path)
    shown = consilia("runs", "show", run["run_id"][:30], data=tmp_path)
    assert "contract_review.judge → embedded" in shown
    assert "No model server is configured" in shown
    assert "contracts/redline" in shown
    whole = json.loads(consilia("runs", "show", run["run_id"], "--json", data=tmp_path))
    assert len(whole["model_calls"]) == 4
    assert [each["seq"] for each in whole["events"]] == list(range(1, len(whole["events"]) + 1))


def test_a_review_as_json_is_the_report(tmp_path: Path):
    said = consilia("review", str(SAMPLES / "software-licence.txt"), "--party", "Licensee", "--json", data=tmp_path)
    review = json.loads(said)
    assert review["document"] == "software-licence.txt"
    assert review["party"] == "Licensee"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("review", "nowhere.docx"), "nowhere.docx"),
        (("review", str(SAMPLES / "mutual-nda.md"), "--playbook", "none"), "commercial"),
        (("review", str(SAMPLES / "mutual-nda.md"), "--party", "Nobody plc"), "unknown_party"),
        (("review", str(SAMPLES / "mutual-nda.md"), "--playbook", "bad.toml"), "bad.toml, line 6"),
        (("runs", "show", "ffffffff"), "run_not_found"),
        (("runs", "list", "--config", "."), "the configuration file '.' cannot be read"),
        (("serve", "--config", "nowhere.toml"), "nowhere.toml"),
        (("serve", "--config", "graphs.json"), "graphs.json:1"),
        (("evaluate", "contract_review", "--data", "nowhere", "--out", "x"), "labels.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str):
    (tmp_path / "bad.toml").write_text(
        'name = "mine"\nlanguages = ["en"]\ntitle = { en = "Mine" }\ndescription = { en = "Mine" }\n\n'
        '[category.no_such_category]\nposition = { en = "x" }\n'
    )
    (tmp_path / "graphs.json").write_text("{graphs")
    output = consilia(*arguments, data=tmp_path, status=2)
    assert said in output.replace("\n", "")
    assert "Traceback" not in output


def test_settings_that_cannot_be_used_name_the_setting_and_the_value(tmp_path: Path):
    (tmp_path / "consilia.toml").write_text("port = 99999\n[limits]\npages = 0\n")
    output = consilia("runs", "list", data=tmp_path, status=2).replace("\n", " ")
    assert "port = 99999" in output
    assert "limits.pages = 0" in output


def test_help_names_every_command(tmp_path: Path):
    said = consilia("--help", data=tmp_path)
    for command in ("review", "advise", "demo", "evaluate", "serve", "runs", "db"):
        assert re.search(rf"\b{command}\b", said)
    for command in (("review",), ("runs", "list"), ("db", "upgrade"), ("serve",), ("evaluate",)):
        assert "Usage" in consilia(*command, "--help", data=tmp_path)


def test_the_pool_s_commands_explain_themselves(tmp_path: Path):
    assert "deepseek-r1" in consilia("pool", "catalogue", data=tmp_path)
    routed = json.loads(
        consilia("pool", "route", "Prove it.", "--needs", "reasoning", "--lang", "zh", "--json", data=tmp_path)
    )
    assert routed
    assert "vllm" in consilia("pool", "plan", "--gpus", "8xH100-80G", "--model", "Qwen3-8B", data=tmp_path).lower()


def test_the_medical_evaluation_gives_its_figures(tmp_path: Path):
    scores = json.loads(consilia("evaluate", "medical_translation", "--json", data=tmp_path))
    assert scores["pairs"] >= 300
    assert 0.95 <= scores["critical_recall"] <= 1
    assert 0 <= scores["false_alarm_rate"] <= 0.03


def test_the_schema_goes_up_and_down_from_the_command_line(tmp_path: Path):
    assert "revision" in consilia("db", "upgrade", data=tmp_path)
    assert "revision none" in consilia("db", "downgrade", "base", "--yes", data=tmp_path)


@pytest.mark.skipif(not CUAD.is_dir(), reason="the CUAD contracts are not beside this checkout (../shared/data/cuad)")
def test_the_embedded_engine_finds_clauses_as_well_as_it_did(tmp_path: Path):
    said = consilia("evaluate", "contract_review", "--data", str(CUAD), "--out", "scores", "--json", data=tmp_path)
    scores = json.loads(said)
    assert scores["contracts"] == 120
    assert scores["grounded"] == 1.0
    assert scores["overall"]["presence"]["f1"] >= 0.82
    assert scores["overall"]["passage"]["f1"] >= 0.50
    for name in ("predictions.json", "scores.json", "scores.svg"):
        assert (tmp_path / "scores" / name).stat().st_size > 1000


def test_a_portfolio_is_advised_on_from_files_and_the_run_is_kept(tmp_path: Path):
    consilia("data", "demo", data=tmp_path)
    files = ("--holdings", str(SAMPLES / "portfolio.csv"), "--profile", str(SAMPLES / "client.toml"))
    advice = json.loads(consilia("advise", *files, "Analyse my portfolio", "--json", data=tmp_path))
    assert advice["recommendation"]["weights"]
    assert {"html", "markdown", "json", "chart_growth"} <= set(advice["files"])
    assert all((tmp_path / path).is_file() for path in advice["files"].values())
    shown = consilia("runs", "show", advice["run_id"], data=tmp_path)
    assert "suitability/check_recommendation" in shown
    assert "financial_advisor.judge" in shown
    assert "保本" in consilia("advise", "有没有保本的基金？", data=tmp_path)


def test_a_conversation_keeps_its_thread(tmp_path: Path):
    consilia("data", "demo", data=tmp_path)
    files = ("--holdings", str(SAMPLES / "portfolio.csv"), "--profile", str(SAMPLES / "client.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "advise", *files],
        cwd=tmp_path,
        env={**ENVIRONMENT, "CONSILIA_DATA_DIR": str(tmp_path / "var"), "COLUMNS": "140"},
        input="分析我的组合\n" + "x" * 5000 + "\n那如果风险减半呢？\n\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "at most 4000" in done.stderr, "a turn that cannot be taken does not end the conversation"
    assert "按您的要求调整风险" in done.stdout
    assert (tmp_path / "out" / "turn-2" / "advice.html").is_file()


def test_the_questionnaire_is_shown(tmp_path: Path):
    assert "largest_loss" in consilia("advise", "--questionnaire", data=tmp_path)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_each_command_what_the_command_says_of_itself(name: str):
    command = load(name)
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].help


def test_help_comes_at_once():
    heavy = "{'pydantic', 'sqlalchemy', 'langgraph', 'mcp'}"
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, service.cli; print(sorted({heavy} & set(sys.modules)))"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"

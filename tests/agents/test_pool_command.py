"""`consilia pool` from the command line: what it prints, its JSON, and its errors."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.commands.pool import app

RUN = CliRunner()


def printed(*words: str, columns: int = 120) -> str:
    result = RUN.invoke(app, list(words), env={"COLUMNS": str(columns)})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_catalogue_as_json_has_every_model_and_fact() -> None:
    models = json.loads(printed("catalogue", "--json"))
    assert len(models) == 38
    r1 = next(model for model in models if model["name"] == "deepseek-r1")
    assert (r1["attention"]["kv_rank"], r1["experts"]["count"], r1["licence"]["name"]) == (512, 256, "MIT")


def test_named_models_and_families_are_shown_alone() -> None:
    names = [model["name"] for model in json.loads(printed("catalogue", "deepseek-r1", "llama2", "--json"))]
    assert names == ["deepseek-r1", "llama-2-7b", "llama-2-13b", "llama-2-70b"]
    assert "671,026,419,200" in printed("catalogue", "--compare", "deepseek-r1", "Qwen/Qwen3-8B")


def test_a_route_is_explained_in_the_question_s_own_language() -> None:
    told = json.loads(
        printed("route", "这份合同有什么风险？", "--needs", "reasoning,multilingual", "--lang", "zh", "--json")
    )
    assert told["signals"]["languages"] == ["zh"]
    assert told["route"]["model"].startswith("deepseek-r1")
    assert any("hard reasoning" in reason for reason in told["route"]["reasons"])


def test_an_earlier_failure_moves_the_route_on() -> None:
    words = ("route", "Who pays?", "-m", "qwen3-8b,deepseek-r1", "--needs", "extraction", "--lang", "en", "--json")
    assert json.loads(printed(*words))["route"]["model"] == "qwen3-8b"
    moved = json.loads(printed(*words, "--failed", "qwen3-8b:doubtful"))["route"]
    assert (moved["model"], moved["step"]) == ("deepseek-r1", "stronger")


def test_a_route_is_decided_over_the_configured_pool_and_its_policy(tmp_path: Path) -> None:
    config = tmp_path / "consilia.toml"
    config.write_text(
        '[[pool.models]]\nname = "mine"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h:1/v1"]\n'
        'adapters = { law = "x" }\n'
        '[[pool.models]]\nname = "strong"\ncatalogue = "deepseek-r1"\nendpoints = ["http://h:2/v1"]\n'
        '[pool.routing]\nprefer = { reasoning = ["mine"] }\nthinking_tokens = 1234\n'
    )
    words = ("route", "Is this clause a risk for the tenant?", "--config", str(config), "--json")
    told = json.loads(printed(*words, "--needs", "reasoning"))["route"]
    assert (told["model"], told["budget"]) == ("mine", 1234)
    assert json.loads(printed(*words, "--adapter", "law"))["route"]["adapter"] == "law"
    moved = json.loads(printed(*words, "--needs", "extraction", "--failed", "mine:unavailable"))["route"]
    assert moved["model"] == "strong"
    assert json.loads(printed(*words, "-m", "mine", "--needs", "reasoning"))["route"]["model"] == "mine"


def test_a_plan_prints_what_fits_and_what_to_type() -> None:
    plan = json.loads(printed("plan", "--gpus", "2x8xH100", "--model", "deepseek-r1", "--json"))
    assert plan["placements"][0]["hosts"] == ["host1", "host2"]
    assert "ray start --head" in printed("plan", "--gpus", "2x8xH100", "--model", "deepseek-r1", columns=80)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["catalogue", "qwen3-7b"], "did you mean"),
        (["route", "Hello there", "--needs", "magic"], "there is no such need"),
        (["route", "Who pays the costs of this?", "--needs", "multilingual", "--lang", "en"], "say which languages"),
        (["route", "Who?", "--failed", "qwen3-8b:sad"], "write MODEL:KIND"),
        (["route", "Who?", "--lang", "haw", "-m", "qwen3-8b"], "is not made for haw"),
        (["plan", "--gpus", "8xH1000", "--model", "qwen3-8b"], "is not a known kind of GPU"),
        (["plan", "--gpus", "T4", "--model", "llama-3.3-70b"], "do not fit even at 4 bits"),
    ],
)
def test_a_wrong_word_is_answered_in_a_sentence(words: list[str], told: str) -> None:
    result = RUN.invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert told in " ".join((result.stderr or result.output).split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plan", "--gpus", "256x256xH100-80G", "-m", "qwen3-8b"], "has more than 4,096 GPUs"),
        (["catalogue", "--compare"], "at most 8 stand side by side"),
        (["install", "--python", "/no/such/python"], "/no/such/python cannot be run"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words: list[str], told: str, tmp_path: Path) -> None:
    config = tmp_path / "consilia.toml"
    config.write_text(f'[pool.serving]\nenvironment = "{tmp_path}/servers"\n')
    more = ["--config", str(config)] if words[0] == "install" else []
    done = RUN.invoke(app, [*words, *more], env={"COLUMNS": "200"})
    assert (done.exit_code, told in " ".join(done.output.split())) == (2, True), done.output

"""Medical translation with models: scripted servers over real HTTP, the real pool, the real executor."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.commands.translating import Translation, translate_file
from service.house import House, open_house
from service.settings import Settings
from tests.agents.conftest import ModelServer, start_model_server
from tests.service.records_made import PEOPLE

RECORD = f"姓名：{PEOPLE[0]}\n\n主诉：头晕3天。\n\n患者否认胸痛。口服阿司匹林100毫克。\n"


@pytest.fixture
def models() -> Iterator[dict[str, ModelServer]]:
    started = {
        "qwen3-32b": start_model_server("--model", "qwen3-32b"),
        "deepseek-r1": start_model_server("--model", "deepseek-r1"),
    }
    yield started
    for each in started.values():
        each.stop()


@asynccontextmanager
async def _house(folder: Path, models: dict[str, ModelServer]) -> AsyncIterator[House]:
    pool = {
        "models": [
            {"name": name, "catalogue": name, "endpoints": [each.url], "served": name} for name, each in models.items()
        ]
    }
    async with open_house(Settings.model_validate({"data_dir": folder / "var", "pool": pool})) as house:
        yield house


async def _translated(folder: Path, models: dict[str, ModelServer], **more: Any) -> Translation:
    file = folder / "r.txt"
    file.write_text(RECORD)
    async with _house(folder, models) as house:
        return await translate_file(house, file, folder / "out", targets=["sw"], **more)


def _asked(server: ModelServer, said: str) -> list[str]:
    """What the server was asked whose text holds `said`."""
    texts = ["\n".join(str(each["content"]) for each in body["messages"]) for body in server.heard()]
    return [text for text in texts if said in text]


def _segments(**texts: str) -> str:
    return json.dumps({"segments": [{"id": name, "text": text, "untranslated": []} for name, text in texts.items()]})


GOOD = {
    "s1": "Jina: ⟦P1⟧",
    "s2": "Dalili kuu: kizunguzungu kwa siku ⟦3⟧.",
    "s3": "Mgonjwa anakana maumivu ya kifua.",
    "s4": "⟦100毫克⟧ ya aspirini kwa mdomo.",
}


async def test_a_model_translates_and_never_sees_who_it_is_about(tmp_path: Path, models: dict[str, ModelServer]):
    qwen = models["qwen3-32b"]
    qwen.script({"on": "Translate each segment", "text": _segments(**GOOD), "always": True})
    done = await _translated(tmp_path, models)
    assert done.values["translation"]["engine"] == "qwen3-32b"
    [asked] = _asked(qwen, "Translate each segment")
    assert PEOPLE[0] not in asked
    assert "⟦P1⟧" in asked
    assert "⟦100毫克⟧" in asked
    report = json.loads(done.written["json"].read_text())
    said = {each["id"]: each["renderings"]["sw"]["text"] for each in report["segments"]}
    assert said["s4"] == "100 mg ya aspirini kwa mdomo.", "the value is written as the language writes it"
    assert said["s1"] == "Jina: ⟦P1⟧"


async def test_a_model_that_loses_a_figure_is_asked_again_and_told_which(
    tmp_path: Path, models: dict[str, ModelServer]
):
    qwen = models["qwen3-32b"]
    wrong = _segments(**{**GOOD, "s4": "Aspirini kwa mdomo."})
    qwen.script(
        {"on": "⟦100毫克⟧ is missing", "text": _segments(**GOOD)},
        {"on": "Translate each segment", "text": wrong},
    )
    done = await _translated(tmp_path, models)
    assert _asked(qwen, "segment s4: ⟦100毫克⟧ is missing")
    assert "s4" not in {each["segment"] for each in done.values["translation"]["untranslated"]}


async def test_a_segment_that_no_model_gets_right_is_listed_and_the_others_are_kept(
    tmp_path: Path, models: dict[str, ModelServer]
):
    wrong = {"on": "Translate each segment", "text": _segments(**{**GOOD, "s4": "Aspirini."}), "always": True}
    for each in models.values():
        each.script(wrong)
    done = await _translated(tmp_path, models)
    left = {each["segment"] for each in done.values["translation"]["untranslated"] if each["page"]}
    assert left == {"s4"}
    assert done.outcome == "needs_translator"


async def test_a_second_model_judges_what_was_translated_back(tmp_path: Path, models: dict[str, ModelServer]):
    qwen, r1 = models["qwen3-32b"], models["deepseek-r1"]
    qwen.script(
        {"on": "Translate each of these segments", "text": _segments(s3="患者有胸痛。"), "always": True},
        {"on": "Translate each segment", "text": _segments(**GOOD), "always": True},
    )
    verdict = {"judgements": [{"id": "s3", "faithful": False, "reason": "The denial is lost."}]}
    r1.script({"on": "Judge for each segment", "text": json.dumps(verdict), "thinking": "Hm.", "always": True})
    done = await _translated(tmp_path, models, second_opinion=True)
    [opinion] = done.values["translation"]["opinions"]
    assert (opinion["segment"], opinion["faithful"], opinion["said_by"]) == ("s3", False, "deepseek-r1")
    assert opinion["back_translation"] == "患者有胸痛。"
    assert "The denial is lost." in done.written["html"].read_text()

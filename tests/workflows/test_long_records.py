"""What a long record costs the event loop: its key data are handed on as they came, not read and written again."""

import time
from types import SimpleNamespace
from typing import Any, cast

from tests.conftest import ROOT
from tools.host import Toolbox, ToolHost
from tools.medicine import server as medicine_server
from tools.medicine.extraction.extraction import extract
from tools.medicine.extraction.keydata import KeyData, from_json
from tools.medicine.records_server import server
from tools.record import Place, ToolCall
from tools.serving import in_parts
from workflows.desk import Desk
from workflows.medical_translation import intake
from workflows.medical_translation.cautions import cautions
from workflows.medical_translation.state import Record, Segment
from workflows.medical_translation.translating import batches


class _Ledger:
    """Keeps the last result and answers from it, as a run's ledger does after a crash."""

    kept: dict[str, Any] | None = None

    async def returned(self, key: str) -> dict[str, Any] | None:
        return self.kept

    async def tool_called(self, call: ToolCall) -> None:
        self.kept = call.result


async def test_the_key_data_of_a_long_record_are_not_validated_again_on_the_event_loop() -> None:
    own = (ROOT / "tools/medicine/records/key-data-first.txt").read_text("utf-8")
    text = (own * (60_000 // len(own) + 1))[:60_000]
    record = Record(form="text", sha256="0" * 64, language="en", text=text, pages=(), blocks=(), identities=())
    ledger = _Ledger()
    async with ToolHost({"records": server()}) as host:
        tools = Toolbox(host, ledger, "medical_translation", frozenset({"records/*"}))
        desk, here = cast(Desk, SimpleNamespace(tools=tools)), Place(node="extract", task_id="t")
        first = await intake.key_data(desk, here, record, [])
        again = await intake.key_data(desk, here, record, [])
    assert ledger.kept is not None
    assert first == KeyData.model_validate(ledger.kept).model_dump(mode="json", exclude={"segments"})
    assert len(first["problems"]) > 500
    assert all(again[kind] is ledger.kept[kind] for kind in again), "the very objects that the tool call gave"
    assert "contradictory_allergies" in {each.code for each in cautions(record, [], first)}


def test_a_large_result_written_in_parts_is_the_same_as_in_one() -> None:
    text = (ROOT / "tools/medicine/records/key-data-second.txt").read_text("utf-8")
    data = extract(text)
    assert len(data.problems) > 20
    assert in_parts(data) == data.model_dump(mode="json")
    assert from_json(in_parts(data)) == data


def _segment(number: int, text: str, language: str = "zh") -> Segment:
    return Segment(id=f"s{number}", start=0, end=len(text), text=text, language=language, page=1, block=0)


def test_a_sentence_that_stands_on_many_pages_is_translated_once_and_short_words_each_in_their_place() -> None:
    segments = [
        _segment(1, "患者无发热，无胸痛。"), _segment(2, "无"), _segment(3, "患者无发热，无胸痛。"), _segment(4, "无"),
        _segment(5, "患者无发热，无胸痛。", "ja"), _segment(6, "患者无发热，无胸痛。"),
    ]  # fmt: skip
    [batch] = batches(segments, ["en"])
    assert [each.id for each in batch.segments] == ["s1", "s2", "s4", "s5"]
    assert batch.twins == {"s1": ("s3", "s6")}


def test_a_warning_that_holds_on_many_pages_is_given_once_with_all_its_places() -> None:
    page = "过敏史：青霉素过敏。\n\n处理：\n口服阿莫西林500 mg 每日三次。\n口服对乙酰氨基酚5000 mg 每日三次。\n\n"
    one, many = extract(page), extract(page * 40)
    assert {(each.kind, each.why) for each in many.warnings} == {(each.kind, each.why) for each in one.warnings}
    assert len(many.warnings) == len(one.warnings)
    [allergen] = [each for each in many.warnings if each.kind == "allergen_prescribed"]
    assert len(allergen.quotes) == 80


async def test_a_patient_with_hundreds_of_prescriptions_is_reviewed() -> None:
    drugs = [{"drug": "warfarin", "amount": 3 + each / 100, "unit": "mg"} for each in range(600)]
    arguments = {"medications": [*drugs, {"drug": "ibuprofen"}], "patient": {"conditions": ["asthma"] * 500}}
    async with ToolHost({"medicine": medicine_server.server()}) as host:
        review = await host.call("medicine", "review_medications", arguments)
    about = [set(each["about"]) for each in review["warnings"] if each["kind"] == "interaction"]
    assert {"warfarin", "ibuprofen"} in about


def test_a_sentence_without_an_end_takes_no_square_of_its_length() -> None:
    started = time.process_time()
    data = extract("无胸痛" * 6_000)
    assert len(data.problems) > 5_000
    assert time.process_time() - started < 30  # some 4 s; 180 s when a whole text was one sentence

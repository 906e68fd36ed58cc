"""What a long record costs the event loop: its key data are handed on as they came, not read and written again."""

from types import SimpleNamespace
from typing import Any, cast

from tests.conftest import ROOT
from tools.host import Toolbox, ToolHost
from tools.medicine.extraction.keydata import KeyData
from tools.medicine.records_server import server
from tools.record import Place, ToolCall
from workflows.desk import Desk
from workflows.medical_translation import intake
from workflows.medical_translation.cautions import cautions
from workflows.medical_translation.state import Record


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

"""The tools, by the SDK's own client over HTTP, in both protocol versions."""

import asyncio
import base64
from typing import Any

import anyio
import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult, TextContent

from tests.conftest import SAMPLES, Server
from tests.service.mcp.conftest import TLS, connected, key_of_another_tenant

CONTRACT = (
    "SERVICES AGREEMENT between Alpha Ltd and Beta Inc.\n1. Term. This agreement renews automatically for successive "
    "five-year terms.\n2. Liability. Alpha's liability under this Agreement shall be unlimited.\n"
)
RECORD = "Discharge letter\n\nDiagnosis: hypertension.\nMedication: amlodipine 5 mg once daily. No known allergies.\n"


def said(result: Any) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def test_every_tool_tells_what_it_takes_gives_and_does(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert client.protocol_version == version
        assert "run_slow" in tools
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema or {})
        assert tool.title
        assert tool.description
        assert tool.icons
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is not None
        assert tool.annotations.open_world_hint is not None
    assert [name for name, each in tools.items() if each.annotations and each.annotations.read_only_hint] == [
        "list_runs",
        "get_run",
        "get_file",
    ]
    assert "path" not in tools["review_contract"].input_schema["properties"], "over HTTP nobody's disk is at hand"
    assert tools["run_talk"].input_schema["properties"]["messages"]["items"]["required"] == ["role", "content"]
    assert len(str(tools["run_talk"].input_schema)) < 2_000, "LangChain's message types are too long for a model"
    for tool in tools.values():
        for name, told in tool.input_schema["properties"].items():
            assert told.get("description") or tool.name.startswith("run_"), f"{tool.name}.{name} is not described"
    asked = tools["ask_advisor"].input_schema["$defs"]["Profile"]["properties"]["answers"]["properties"]
    assert asked["income"]["enum"] == ["none", "pension", "salary", "several"]
    assert asked["income"]["description"].startswith("Where does your income come from? none: No regular income;")


async def test_a_review_tells_its_progress_and_links_its_files(mcp_server: Server, version: str) -> None:
    steps: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append((done, total, message))

    async with connected(mcp_server, version) as client:
        given = {"content": CONTRACT, "name": "alpha.txt", "party": "Alpha Ltd"}
        result = await client.call_tool("review_contract", given, progress_callback=progress)
        assert not result.is_error
        assert [each[0] for each in steps] == [1, 2, 3, 4, 5, 6, 7]
        assert steps[0] == (1, 7, "Reading the contract")
        assert "Renewal Term" in said(result)
        run = result.structured_content
        assert run["state"] == "done"
        assert run["result"]["counts"]["high"] >= 1
        links = [each for each in result.content if each.type == "resource_link"]
        assert {each.name for each in links} == {"alpha.redline.docx", "alpha.review.html", "alpha.review.json"}
        for each in links:
            [content] = (await client.read_resource(each.uri)).contents
            assert content.mime_type == each.mime_type
        by_name = {each["name"]: each["file_id"] for each in run["files"]}
        page = await client.call_tool("get_file", {"file_id": by_name["alpha.review.html"], "length": 15})
        assert page.structured_content["text"] == "<!doctype html>"
        word = await client.call_tool("get_file", {"file_id": by_name["alpha.redline.docx"]})
        assert base64.b64decode(word.content[1].resource.blob).startswith(b"PK")


async def test_a_word_file_comes_in_base64_or_by_its_id(mcp_server: Server, version: str) -> None:
    content = base64.b64encode((SAMPLES / "mutual-nda.md").read_bytes()).decode()
    async with connected(mcp_server, version) as client:
        given = {"content_base64": content, "name": "mutual-nda.md", "playbook": "nda"}
        first = await client.call_tool("review_contract", given)
        assert first.structured_content["result"]["document"] == "mutual-nda.md"
        refused = await client.call_tool("review_contract", {"content": CONTRACT, "file_id": "x"})
        assert refused.is_error
        assert "in one way" in said(refused)


async def test_a_person_is_asked_and_the_answer_reaches_the_run(mcp_server: Server, version: str) -> None:
    asked: list[Any] = []

    async def person(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"decision": "approve", "reason": "fine"})

    steps: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    async with connected(mcp_server, version, elicitation_callback=person) as client:
        done = await client.call_tool("run_asks", {"amount": 5}, progress_callback=progress)
    if version == "2025-11-25":
        assert steps == [1, 2], "within one call progress only rises"
    assert done.structured_content["state"] == "done"
    assert done.structured_content["result"]["said"] == "approve fine"
    assert asked[0].message.startswith("A payment")
    assert asked[0].requested_schema["properties"]["decision"] == {"type": "string", "enum": ["approve", "reject"]}


async def test_a_clinician_signs_a_translation_off_in_the_client(mcp_server: Server, version: str) -> None:
    asked: list[Any] = []

    async def clinician(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        accepted = params.requested_schema["properties"].get("accepted", {}).get("items", {}).get("enum", [])
        return ElicitResult(action="accept", content={"decision": "approve", "accepted": accepted})

    async with connected(mcp_server, version, elicitation_callback=clinician) as client:
        done = await client.call_tool("translate_record", {"content": RECORD, "targets": ["zh-Hans"]})
    assert not done.is_error, said(done)
    assert done.structured_content["result"]["outcome"] in ("released", "needs_translator")
    assert set(asked[0].requested_schema["properties"]["decision"]["enum"]) == {"approve", "edit", "reject"}


async def test_who_declines_leaves_the_run_waiting(mcp_server: Server, version: str) -> None:
    async def person(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="decline")

    async with connected(mcp_server, version, elicitation_callback=person) as client:
        waits = await client.call_tool("run_asks", {"amount": 6})
        assert waits.structured_content["state"] == "waiting"


async def waiting(client: Client) -> list[str]:
    """The ids of the runs that wait for a person, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        given = {"state": "waiting", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await client.call_tool("list_runs", given)).structured_content
        assert {each["state"] for each in page["runs"]} <= {"waiting"}
        found += [each["run_id"] for each in page["runs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            assert found == sorted(set(found), reverse=True), "each once, newest first"
            return found


async def test_a_client_that_cannot_ask_is_told_where_the_run_waits(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        waits = await client.call_tool("run_asks", {"amount": 7})
        run_id = waits.structured_content["run_id"]
        assert f"Waiting for approval at run {run_id}" in said(waits)
        assert waits.structured_content["waiting_for"]["question"] == "Pay 7?"
        assert f"{mcp_server.url}/admin/approvals/{waits.structured_content['conversation_id']}" in said(waits)
        [whole] = (await client.read_resource(f"consilia://runs/{run_id}/question")).contents
        assert "Pay 7?" in whole.text  # type: ignore[union-attr]
        wrong = await client.call_tool("answer_run", {"run_id": run_id})
        assert wrong.is_error
        assert run_id in await waiting(client)
        done = await client.call_tool("answer_run", {"run_id": run_id, "decision": "reject", "reason": "too dear"})
        assert done.structured_content["result"]["said"] == "reject too dear"
        again = await client.call_tool("answer_run", {"run_id": run_id, "decision": "approve"})
        assert again.is_error
        assert "it is continued" in said(again)
        assert run_id not in await waiting(client)
        old = await client.call_tool("get_run", {"run_id": run_id})
        assert old.structured_content["continued_by"] == done.structured_content["run_id"]


async def test_a_conversation_goes_on(mcp_server: Server, version: str) -> None:
    hello = {"messages": [{"role": "user", "content": "hello"}]}
    async with connected(mcp_server, version) as client:
        first = await client.call_tool("run_talk", hello)
        thread = first.structured_content["conversation_id"]
        second = await client.call_tool("run_talk", {**hello, "conversation_id": thread})
        assert len(second.structured_content["result"]["messages"]) == 4
        unknown = await client.call_tool(
            "run_talk", {**hello, "conversation_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
        )
        assert unknown.is_error


async def test_the_advisor_answers_and_keeps_the_conversation(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        asked = await client.call_tool(
            "ask_advisor", {"question": "How should I invest 100,000 yuan?", "language": "en"}
        )
        assert asked.structured_content["result"]["kind"] == "question", said(asked)
        thread = asked.structured_content["conversation_id"]
        known = {"regime": "cn", "client_class": "C3", "horizon_years": 10, "knowledge": "informed"}
        known |= {"objective": "balanced", "loss_capacity": 0.2}
        more = {"question": "I am fine with a moderate loss.", "conversation_id": thread, "profile": known}
        answered = await client.call_tool("ask_advisor", more)
        assert answered.structured_content["conversation_id"] == thread
        assert answered.structured_content["result"]["client_class"] == "C3", said(answered)
        for wrong in ({"risk": "high"}, {"answers": {"income": 1}}, {"horizon_years": 200}):
            refused = await client.call_tool("ask_advisor", {"question": "?", "profile": wrong})
            assert refused.is_error
            assert f"profile.{next(iter(wrong))}" in said(refused)


async def test_a_cancelled_call_ends_its_run(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        started = asyncio.Event()

        async def progress(done: float, total: float | None, message: str | None) -> None:
            started.set()

        async with anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool("run_slow", {"seconds": 60}, progress_callback=progress)

            group.start_soon(call)
            await started.wait()
            group.cancel_scope.cancel()
        [newest] = (await client.call_tool("list_runs", {"workflow": "slow", "limit": 1})).structured_content["runs"]
        ended = await client.call_tool("get_run", {"run_id": newest["run_id"], "wait_seconds": 10})
        assert ended.structured_content["state"] == "cancelled"


async def test_a_connection_that_breaks_leaves_its_run_to_be_found(mcp_server: Server) -> None:
    started = asyncio.Event()

    async def progress(done: float, total: float | None, message: str | None) -> None:
        started.set()

    headers = {"Authorization": f"Bearer {mcp_server.key}"}
    http = httpx2.AsyncClient(headers=headers, timeout=60, verify=TLS)
    transport = streamable_http_client(f"{mcp_server.url}/mcp", http_client=http)

    async def call() -> None:
        async with Client(transport, mode="legacy") as client:
            await client.call_tool("run_slow", {"seconds": 60}, progress_callback=progress)

    calling = asyncio.create_task(call())
    await started.wait()
    await http.aclose()
    async with connected(mcp_server, "2025-11-25") as client:
        [newest] = (await client.call_tool("list_runs", {"workflow": "slow", "limit": 1})).structured_content["runs"]
        assert newest["state"] == "running"
        await client.call_tool("cancel_run", {"run_id": newest["run_id"]})
    calling.cancel()
    await asyncio.wait([calling])


async def test_what_is_done_through_tools_is_in_the_audit_log(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        done = (await client.call_tool("run_slow", {"seconds": 0})).structured_content
    async with httpx2.AsyncClient(headers={"x-api-key": mcp_server.key}, verify=TLS) as http:
        async with asyncio.timeout(10):
            while True:
                told = (await http.get(f"{mcp_server.url}/audit")).text
                if done["run_id"] in told:
                    break
                await asyncio.sleep(0.1)
    assert "mcp.start_run" in told


async def test_a_run_in_the_background_is_found_and_can_be_stopped(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        begun = await client.call_tool("run_slow", {"seconds": 60, "background": True})
        run_id = begun.structured_content["run_id"]
        assert begun.structured_content["state"] in ("queued", "running")
        assert "get_run" in begun.structured_content["next"]
    async with connected(mcp_server, version) as client:
        listed = (await client.call_tool("list_runs", {})).structured_content["runs"]
        assert run_id in [each["run_id"] for each in listed]
        stopped = await client.call_tool("cancel_run", {"run_id": run_id})
        assert stopped.structured_content["state"] == "cancelled"


async def test_each_tenant_sees_its_own_only(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as ours:
        mine = (await ours.call_tool("review_contract", {"content": CONTRACT})).structured_content
    async with connected(mcp_server, version, await key_of_another_tenant(mcp_server)) as theirs:
        assert (await theirs.call_tool("list_runs", {})).structured_content["runs"] == []
        for name, argument in (("get_run", "run_id"), ("cancel_run", "run_id")):
            assert "there is no run" in said(await theirs.call_tool(name, {argument: mine["run_id"]}))
        file_id = mine["files"][0]["file_id"]
        assert "there is no file" in said(await theirs.call_tool("get_file", {"file_id": file_id}))
        assert "there is no file" in said(await theirs.call_tool("review_contract", {"file_id": file_id}))
        with pytest.raises(Exception, match="Resource not found"):
            await theirs.read_resource(f"consilia://runs/{mine['run_id']}")
        assert not [each for each in (await theirs.list_resources()).resources if "runs/" in each.uri]

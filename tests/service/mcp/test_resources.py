"""Resources, subscriptions, prompts and completions over HTTP, in both protocol versions."""

import asyncio
from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference, ResourceUpdatedNotification

from tests.conftest import Server
from tests.service.mcp.conftest import TLS, connected


async def test_resources_are_listed_in_pages_and_read(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        for _ in range(6):
            await client.call_tool("run_slow", {"seconds": 0})
        uris: list[str] = []
        page = await client.list_resources()
        uris += [each.uri for each in page.resources]
        while page.next_cursor is not None:
            page = await client.list_resources(cursor=page.next_cursor)
            uris += [each.uri for each in page.resources]
        assert len(uris) == len(set(uris))
        assert sum(each.startswith("consilia://runs/") for each in uris) > 5
        for uri in ("consilia://playbooks/nda", "consilia://models", "consilia://models/qwen3-8b", uris[-1]):
            [content] = (await client.read_resource(uri)).contents
            assert content.uri == uri
        templates = (await client.list_resource_templates()).resource_templates
        assert [each.name for each in templates] == ["run", "question", "file", "playbook", "model"]
        code = -32002 if version == "2025-11-25" else -32602
        for uri in ("consilia://runs/none", "consilia://playbooks/../nda", "consilia://files/", "file:///etc/passwd"):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            assert refused.value.code == code
        with pytest.raises(MCPError, match="cursor"):
            await client.list_resources(cursor="none")


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # 2025-11-25 has no other way
async def test_a_client_of_2025_is_told_when_a_run_changes(mcp_server: Server) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def heard(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            told.put_nowait(message.params.uri)

    async with connected(mcp_server, "2025-11-25", message_handler=heard) as client:
        begun = await client.call_tool("run_slow", {"seconds": 60, "background": True})
        run_id = begun.structured_content["run_id"]
        uri = f"consilia://runs/{run_id}"
        await client.session.subscribe_resource(uri)
        await client.call_tool("cancel_run", {"run_id": run_id})
        assert await asyncio.wait_for(told.get(), 10) == uri
        await client.session.unsubscribe_resource(uri)
        with pytest.raises(MCPError):
            await client.session.subscribe_resource("consilia://models")


async def test_a_client_of_2026_listens_for_what_changes(mcp_server: Server) -> None:
    async with connected(mcp_server, "2026-07-28") as client:
        begun = await client.call_tool("run_slow", {"seconds": 60, "background": True})
        run_id = begun.structured_content["run_id"]
        uri = f"consilia://runs/{run_id}"
        async with client.listen(resource_subscriptions=[uri], resources_list_changed=True) as events:
            await client.call_tool("run_slow", {"seconds": 0})
            await client.call_tool("cancel_run", {"run_id": run_id})
            kinds: set[str] = set()
            async with asyncio.timeout(10):
                async for event in events:
                    kinds.add(type(event).__name__)
                    if kinds == {"ResourcesListChanged", "ResourceUpdated"}:
                        break


async def test_prompts_put_their_arguments_in(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        names = [each.name for each in (await client.list_prompts()).prompts]
        assert names == ["review-contract", "translate-record", "ask-advisor"]
        got = await client.get_prompt("review-contract", {"document": "/home/me/{party}.docx", "party": "Alpha"})
        text = got.messages[0].content.text  # type: ignore[union-attr]
        assert "/home/me/{party}.docx" in text, "braces in an argument stay as they are"
        assert "I act for: Alpha. Playbook: commercial." in text
        for name, given in (("no-such", {}), ("review-contract", {"party": "Alpha"})):
            with pytest.raises(MCPError):
                await client.get_prompt(name, given)


async def test_ids_and_names_are_completed(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        run = (await client.call_tool("run_slow", {"seconds": 0})).structured_content

        async def completed(template: str, argument: str, typed: str) -> list[str]:
            ref = ResourceTemplateReference(uri=f"consilia://{template}/{{{argument}}}")
            return (await client.complete(ref, {"name": argument, "value": typed})).completion.values

        assert run["run_id"] in await completed("runs", "run_id", run["run_id"][:20])
        assert await completed("runs", "run_id", run["run_id"]) == [run["run_id"]]
        assert await completed("runs", "run_id", "%") == []
        assert await completed("playbooks", "name", "n") == ["nda"]
        assert all(each.startswith("qwen3") for each in await completed("models", "name", "qwen3"))
        prompt = PromptReference(name="review-contract")
        assert (await client.complete(prompt, {"name": "playbook", "value": "c"})).completion.values == [
            "commercial",
            "chinese",
        ]
        headers = {"x-api-key": mcp_server.key}
        async with httpx2.AsyncClient(headers=headers, verify=TLS) as http:
            kept = await http.post(f"{mcp_server.url}/files", files={"file": ("a.txt", b"A contract.")})
        file_id = kept.json()["file_id"]
        assert (await client.complete(prompt, {"name": "document", "value": file_id[:30]})).completion.values == [
            file_id
        ]

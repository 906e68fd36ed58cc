"""Every route of the app, with another tenant's key and ids: nothing is found, nothing is changed."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.routing import Mount

from service.api.access import needed
from service.api.app import create_app
from service.auth import Keys
from service.auth.key_text import key_id_of
from service.database import tenants
from service.database.engine import open_database
from service.database.tables import DEFAULT_TENANT
from service.house import open_house
from service.settings import Settings
from tests.conftest import Server
from tests.service.hosting import on_either

MARK = "of-the-first-tenant"
"""Stands in everything that the first tenant owns, and may stand in no answer to the second."""

RPC = ("/a2a/{assistant_id}",)
"""Answers 200 with a JSON-RPC error."""


@dataclass(frozen=True)
class Apart:
    """Clients of two tenants, and what the first one owns, by the name of the parameter."""

    first: httpx.Client
    second: httpx.Client
    owned: dict[str, str]
    description: dict[str, Any]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def value(self, name: str, schema: dict[str, Any], *, optional: bool) -> Any:
        """The least value that the schema takes, with the first tenant's ids wherever a name asks for one."""
        schema = self.resolved(schema)
        if name in self.owned:
            return self.owned[name]
        if name.endswith("_ids") or name == "ids":
            return [self.owned["thread_id" if name != "run_ids" else "run_id"]]
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self.value(name, schema[choice][0], optional=optional)
        if "default" in schema:
            return schema["default"]
        if "enum" in schema or "const" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                wanted = schema.get("required", ())
                return {
                    key: self.value(key, inner, optional=False)
                    for key, inner in schema.get("properties", {}).items()
                    if key in wanted or (optional and (key in self.owned or key.endswith("ids")))
                }
            case "array":
                return [self.value("", schema["items"], optional=optional)] if schema.get("minItems") else []
            case "integer" | "number":
                return 1
            case "boolean":
                return False
            case _:
                return MARK

    def call(self, method: str, path: str, operation: dict[str, Any], *, optional: bool) -> httpx.Response:
        """Call the operation as the second tenant with the first one's ids. optional: also where none is asked for."""
        query: dict[str, Any] = {}
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] == "path":
                assert name in self.owned, f"say in this test what the first tenant owns as {name!r} ({path})"
                path = path.replace("{" + name + "}", self.owned[name])
            elif parameter.get("required") or (optional and name in self.owned):
                query[name] = self.value(name, parameter["schema"], optional=optional)
        body = operation.get("requestBody", {}).get("content", {})
        given: dict[str, Any] = {}
        if "application/json" in body:
            given["json"] = self.value("", body["application/json"]["schema"], optional=optional)
        elif body:
            given["files"] = {"file": ("a.txt", b"text")}
        with self.second.stream(method, path, params=query, **given) as response:
            response.read()
        return response


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    with on_either(request, tmp_path_factory) as (server, database):
        yield server, database


@pytest.fixture(scope="module")
def apart(hosted: tuple[Server, str]) -> Iterator[Apart]:
    server, url = hosted

    async def two_keys() -> tuple[str, str]:
        async with open_database(url) as database:
            keys = Keys(database, server.data_dir)
            made: list[str] = []
            for name, called in (("first of two", MARK), ("second of two", "theirs")):
                tenant = await tenants.create(database, name)
                made.append((await keys.create(called, ["admin"], tenant["tenant_id"])).key)
            return made[0], made[1]

    one, two = asyncio.run(two_keys())
    with (
        httpx.Client(base_url=server.url, headers={"x-api-key": one}, timeout=30) as first,
        httpx.Client(base_url=server.url, headers={"x-api-key": two}, timeout=30) as second,
    ):
        owned = _own(first)
        yield Apart(first, second, owned, first.get("/openapi.json").json())


def _own(first: httpx.Client) -> dict[str, str]:
    """Make one of everything for the first tenant."""

    def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = first.post(path, json=body)
        assert response.status_code < 300, response.text
        return cast(dict[str, Any], response.json() if response.content else {})

    marked = {"metadata": {"mark": MARK}}
    assistant = made("/assistants", {"graph_id": "contract_review", "name": MARK, **marked})["assistant_id"]
    history = [{"updates": [{"values": {"file_id": MARK}, "as_node": "__start__"}]}]
    metadata = {"mark": MARK, "graph_id": "contract_review"}
    thread = made("/threads", {"metadata": metadata, "supersteps": history})["thread_id"]
    state = first.get(f"/threads/{thread}/state").json()
    file = first.post("/files", files={"file": (f"{MARK}.txt", MARK.encode())}).json()["file_id"]
    run = first.post(
        f"/threads/{thread}/runs", json={"assistant_id": assistant, "input": {"file_id": file}, **marked}
    ).json()["run_id"]
    first.get(f"/threads/{thread}/runs/{run}/join")
    schedule = {"assistant_id": assistant, "schedule": "0 0 1 1 *", "enabled": False, **marked}
    cron = made("/runs/crons", schedule)["cron_id"]
    response = first.put("/store/items", json={"namespace": [MARK], "key": MARK, "value": {"mark": MARK}})
    assert response.status_code == 204, response.text
    return {
        "assistant_id": assistant,
        "thread_id": thread,
        "run_id": run,
        "file_id": file,
        "cron_id": cron,
        "checkpoint_id": state["checkpoint"]["checkpoint_id"],
        "namespace": MARK,
        "key": MARK,
        "key_id": key_id_of(str(first.headers["x-api-key"])),
        "tenant": "first of two",
    }


def _operations(apart: Apart) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in apart.description["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "put", "post", "patch", "delete")
    ]


def test_every_route_finds_nothing_of_another_tenant(apart: Apart):
    wrong: list[str] = []
    tried = 0
    for method, path, operation in _operations(apart):
        if "{" not in path:
            continue
        tried += 1
        response = apart.call(method, path, operation, optional=False)
        told = response.text.replace(json.dumps(MARK), "") if response.status_code == 404 else response.text
        unknown = response.status_code == 404 or (path in RPC and "error" in response.json())
        if not unknown or (MARK in told and response.status_code != 404):
            wrong.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert tried > 30


def test_no_search_count_or_list_shows_another_tenant(apart: Apart):
    shown: list[str] = []
    for method, path, operation in _operations(apart):
        if "{" in path or path in ("/threads", "/assistants"):
            continue
        for optional in (False, True):
            response = apart.call(method, path, operation, optional=optional)
            if response.status_code >= 500 or (response.status_code < 300 and MARK in response.text):
                shown.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
    assert not shown, "\n".join(shown)


def test_what_is_another_tenant_s_cannot_be_made_again(apart: Apart):
    thread, assistant = apart.owned["thread_id"], apart.owned["assistant_id"]
    for if_exists in ("raise", "do_nothing"):
        again = apart.second.post("/threads", json={"thread_id": thread, "if_exists": if_exists})
        assert again.status_code == 409
        body = {"assistant_id": assistant, "graph_id": "contract_review", "if_exists": if_exists}
        assert apart.second.post("/assistants", json=body).status_code == 409
    run = {"assistant_id": "contract_review", "input": {"file_id": "x"}, "if_not_exists": "create"}
    assert apart.second.post(f"/threads/{thread}/runs", json=run).status_code == 404
    file = {"assistant_id": "contract_review", "input": {"file_id": apart.owned["file_id"]}}
    answer = apart.second.post("/runs/wait", json=file)
    assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    own = apart.second.post("/threads", json={}).json()["thread_id"]
    last = {"Last-Event-ID": f"{apart.owned['run_id']}:0"}
    with apart.second.stream("GET", f"/threads/{own}/stream", headers=last, timeout=1) as stream:
        assert stream.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            next(stream.iter_lines())


def test_what_is_the_first_tenant_s_is_still_all_there(apart: Apart):
    owned, first = apart.owned, apart.first
    assert first.get(f"/threads/{owned['thread_id']}").json()["metadata"]["mark"] == MARK
    assert first.get(f"/threads/{owned['thread_id']}/runs/{owned['run_id']}").status_code == 200
    assert first.get(f"/files/{owned['file_id']}").content == MARK.encode()
    assert first.get(f"/assistants/{owned['assistant_id']}").json()["name"] == MARK
    assert first.get(f"/runs/crons/{owned['cron_id']}").status_code == 200
    item = first.get("/store/items", params={"namespace": MARK, "key": MARK}).json()
    assert item["value"] == {"mark": MARK}
    assert first.get("/usage", params={"by": "tenant"}).status_code == 403, "an admin of a tenant sees its own alone"


def _routes(routes: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every method and path of an app, those of its routers and of what is mounted too."""
    for route in routes:
        if isinstance(route, Mount):
            yield from _routes(route.routes, prefix + route.path)
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from _routes(router.routes, prefix)
        else:
            path = prefix + str(getattr(route, "path", None))
            yield from ((method, path) for method in getattr(route, "methods", None) or ("GET", "POST"))


async def _of_the_app(folder: Path) -> set[tuple[str, str]]:
    async with open_house(Settings(data_dir=folder)) as house:
        return {each for each in _routes(create_app(house).routes) if each[0] not in ("HEAD", "OPTIONS")}


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    return asyncio.run(_of_the_app(tmp_path_factory.mktemp("app")))


OWN_TESTS = {
    ("GET", "/mcp"): "every method of MCP: test_no_method_of_mcp_finds_another_tenant_s",
    ("POST", "/mcp"): "the same",
    ("GET", "/openapi.json"): "public",
    ("GET", "/.well-known/oauth-protected-resource"): "public",
    ("GET", "/docs"): "public",
    ("GET", "/docs/oauth2-redirect"): "public",
    ("GET", "/redoc"): "public",
    ("GET", "/admin/static/{name}"): "public",
    ("GET", "/v1/models"): "names no row: test_no_search_count_or_list_shows_another_tenant has it as described",
    ("POST", "/v1/chat/completions"): "the same",
}
"""What is tried elsewhere than by the description and as a page, and why that is enough."""


def test_no_route_of_the_app_is_forgotten_here(apart: Apart, routes: set[tuple[str, str]]):
    described = {(method, path) for method, path, _ in _operations(apart)}
    pages = {each for each in routes if each[1].startswith("/admin") and each not in described}
    assert len(described) > 90
    assert len(pages) > 15
    assert routes - described - pages - OWN_TESTS.keys() == set(), "say what tries a new one"


def test_no_page_shows_or_changes_anything_of_another_tenant(apart: Apart, routes: set[tuple[str, str]]):
    described = {(method, path) for method, path, _ in _operations(apart)}
    wrong: list[str] = []
    statuses: dict[str, int] = {}
    for method, path in sorted(routes - described - OWN_TESTS.keys()):
        if path in ("/admin/sign-in", "/admin/sign-out"):
            continue
        names = re.findall(r"{(\w+)[:\w]*}", path)
        filled = re.sub(r"{(\w+)[:\w]*}", lambda found: apart.owned.get(found[1], MARK), path)
        response = apart.second.request(method, filled, follow_redirects=False)
        statuses[f"{method} {path}"] = response.status_code
        shown = MARK in response.text.replace(filled, "") and response.status_code < 300
        found = bool({*names} & apart.owned.keys()) and response.status_code not in (303, 307, 403, 404, 405, 422)
        if response.status_code >= 500 or shown or found:
            wrong.append(f"{method} {path}: {response.status_code} {response.text[:300]}")
    assert not wrong, "\n".join(wrong)
    assert statuses["GET /admin/runs/{run_id}"] == 404
    assert list(statuses.values()).count(404) > 5, statuses


METHODS: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "get_run", "arguments": {"run_id": "{run_id}"}},
    "tools/call cancel": {"name": "cancel_run", "arguments": {"run_id": "{run_id}"}},
    "tools/call answer": {"name": "answer_run", "arguments": {"run_id": "{run_id}", "decision": "approve"}},
    "tools/call file": {"name": "review_contract", "arguments": {"file_id": "{file_id}"}},
    "resources/read": {"uri": "consilia://runs/{run_id}"},
    "resources/read file": {"uri": "consilia://files/{file_id}"},
    "resources/list": {},
    "resources/templates/list": {},
    "tools/list": {},
    "prompts/list": {},
    "completion/complete": {
        "ref": {"type": "ref/resource", "uri": "consilia://runs/{run_id}"},
        "argument": {"name": "run_id", "value": ""},
    },
}


def test_no_method_of_mcp_finds_another_tenant_s(apart: Apart):
    """Over Streamable HTTP, as the protocol 2025-11-25 has it; what is refused is not told apart from what is not."""
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "other", "version": "1"},
    }

    def asked(number: int, method: str, params: dict[str, Any]) -> httpx.Response:
        told = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        return apart.second.post("/mcp", json=told, headers=headers)

    begun = asked(0, "initialize", hello)
    assert begun.status_code == 200, begun.text
    if session := begun.headers.get("mcp-session-id"):
        headers["mcp-session-id"] = session
    apart.second.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=headers)
    for number, (name, params) in enumerate(METHODS.items(), start=1):
        given = json.loads(re.sub(r"{(\w+_id)}", lambda found: apart.owned[found[1]], json.dumps(params)))
        answer = asked(number, name.partition(" ")[0], given)
        assert answer.status_code < 500, (name, answer.text)
        assert MARK not in answer.text, (name, answer.text)
        if name.startswith(("tools/call", "resources/read")):
            assert re.search(r'"error"|"isError": ?true', answer.text), (name, answer.text)


def test_every_route_is_closed_to_a_caller_without_a_key_and_new_ones_need_admin(
    apart: Apart, hosted: tuple[Server, str]
):
    server, _ = hosted
    opened: list[str] = []
    with httpx.Client(base_url=server.url, timeout=30) as nobody:
        for method, path, _ in _operations(apart):
            filled = path
            for name, value in apart.owned.items():
                filled = filled.replace("{" + name + "}", value)
            status = nobody.request(method, filled, json={}).status_code
            public = path == "/.well-known/oauth-protected-resource/mcp"  # RFC 9728; 404 where no issuer is trusted
            if status not in (401, 422) and not public:
                opened.append(f"{method} {path}: {status}")
    names = ("/info", "/live", "/metrics", "/ok", "/ready")
    assert sorted(opened) == [f"GET {name}: 200" for name in names]
    assert needed("GET", "/something/new") == ("admin",)
    assert DEFAULT_TENANT

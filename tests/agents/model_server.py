"""A model server for tests: a process of its own that speaks the exact shapes of vLLM 0.32 and its peers.

The shapes were recorded from a real vLLM 0.32.0 on the CPU (and from the other servers' documentation). What it says is
scripted: POST /_script a list of replies; an empty script answers every schema with its smallest instance. GET /_heard
lists the requests that came. Run: python -m tests.agents.model_server [--model NAME] [--context N] [--key KEY]
"""

import argparse
import asyncio
import json
import os
import signal
import time
from typing import Any

from aiohttp import web

STATE: dict[str, Any] = {"script": [], "heard": [], "traces": [], "well": True, "running": 0, "held": asyncio.Event}


def smallest(schema: dict[str, Any], whole: dict[str, Any] | None = None) -> Any:
    """The smallest instance of a JSON schema."""
    whole = whole or schema
    if "$ref" in schema:
        return smallest(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        kinds = [each for each in schema["anyOf"] if each.get("type") == "null"] or schema["anyOf"]
        return smallest(kinds[0], whole)
    match schema.get("type"):
        case "object":
            return {name: smallest(each, whole) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [smallest(schema["items"], whole) for _ in range(schema.get("minItems", 0))]
        case "string":
            return "x" * max(1, schema.get("minLength", 1))
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return None


def said(body: dict[str, Any]) -> dict[str, Any]:
    """The next reply of the script; a reply with `on` waits for a request whose text contains it."""
    text = json.dumps(body, ensure_ascii=False)
    for position, reply in enumerate(STATE["script"]):
        if reply.get("on", "") in text:
            if not reply.get("always"):
                STATE["script"].pop(position)
            return reply
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return {"text": json.dumps(smallest(wanted["json_schema"]["schema"]))}
    return {"text": "Hello there."}


def usage(reply: dict[str, Any]) -> dict[str, Any]:
    thinking = len(reply.get("thinking", "").split())
    generated = reply.get("tokens", len((reply.get("text") or "").split()) + thinking)
    return {
        "prompt_tokens": reply.get("prompt_tokens", 12),
        "total_tokens": 12 + generated,
        "completion_tokens": generated,
        "prompt_tokens_details": {"cached_tokens": reply.get("cached", 0)},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


async def chat(request: web.Request) -> web.StreamResponse:
    if (key := request.app["key"]) and request.headers.get("Authorization") != f"Bearer {key}":
        return web.json_response({"error": "Unauthorized"}, status=401)
    body = await request.json()
    STATE["heard"].append(body)
    STATE["traces"].append(request.headers.get("traceparent"))
    if body["model"] not in request.app["names"]:
        message = f"The model `{body['model']}` does not exist."
        return web.json_response({"error": {"message": message, "type": "NotFoundError", "code": 404}}, status=404)
    if refusal := too_long(request.app, body):
        error = {"message": refusal, "type": "BadRequestError", "param": None, "code": 400}
        return web.json_response({"error": error}, status=400)
    reply = said(body)
    if (status := reply.get("status", 200)) != 200:
        error = {"message": reply.get("message", "no"), "type": "Error", "param": None, "code": status}
        return web.json_response({"error": error}, status=status, headers=reply.get("headers", {}))
    STATE["running"] += 1
    try:
        await asyncio.sleep(reply.get("wait", 0))
        return await (stream if body.get("stream") else whole)(request, body, reply)
    finally:
        STATE["running"] -= 1


def too_long(app: web.Application, body: dict[str, Any]) -> str | None:
    """What vLLM says to a request whose prompt and room for the answer are more than its context."""
    if not app["enforce"]:
        return None
    text = "".join(
        str(each.get("content") or "") + json.dumps(each.get("tool_calls") or "") for each in body["messages"]
    )
    prompt = int((len(text) + len(json.dumps(body.get("tools") or ""))) / app["per_token"]) + 1
    room, context = body.get("max_tokens", 1), app["context"]
    if prompt + room <= context:
        return None
    return (
        f"This model's maximum context length is {context} tokens. However, you requested {room} output tokens and "
        f"your prompt contains at least {prompt} input tokens. Please reduce the length of the input prompt."
    )


def message_of(reply: dict[str, Any], name: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.get("text"), "refusal": None}
    if reply.get("thinking"):
        message[name] = reply["thinking"]
    if reply.get("tool_calls"):
        message["tool_calls"] = calls(reply)
    return message


def calls(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{n}", "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for n, call in enumerate(reply["tool_calls"])
    ]


def finish_of(reply: dict[str, Any]) -> str:
    return reply.get("finish", "tool_calls" if reply.get("tool_calls") else "stop")


async def whole(request: web.Request, body: dict[str, Any], reply: dict[str, Any]) -> web.Response:
    if "die_after" in reply:
        die(request)
    choice = {
        "index": 0,
        "message": message_of(reply, request.app["thought"]),
        "logprobs": None,
        "finish_reason": finish_of(reply),
        "stop_reason": None,
    }
    made = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": body["model"]}
    return web.json_response({**made, "choices": [choice], "usage": usage(reply)})


async def stream(request: web.Request, body: dict[str, Any], reply: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    made = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": int(time.time()), "model": body["model"]}
    if "raw" in reply:
        for line in reply["raw"]:
            await response.write(f"data: {line}\n\n".encode())
        return response
    name = request.app["thought"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{name: word} for word in words(reply.get("thinking", ""))]
    deltas += [{"content": word} for word in words(reply.get("text") or "")]
    for n, call in enumerate(calls(reply) if reply.get("tool_calls") else []):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "index": n, "function": {"name": function["name"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": n, "function": {"arguments": part}}]}
            for part in (function["arguments"][:5], function["arguments"][5:])
        ]
    for number, delta in enumerate(deltas):
        if number == reply.get("die_after"):
            die(request)
            return response
        if number == reply.get("exit_after"):
            os.kill(os.getpid(), signal.SIGKILL)
        if number == reply.get("error_after"):
            error = {"message": "Engine died", "type": "InternalServerError", "code": 500}
            await response.write(b"data: " + json.dumps({"error": error}).encode() + b"\n\n")
            await response.write(b"data: [DONE]\n\n")
            return response
        last = number == len(deltas) - 1
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_of(reply) if last else None}
        await response.write(b"data: " + json.dumps({**made, "choices": [choice]}).encode() + b"\n\n")
        await asyncio.sleep(reply.get("pause", 0))
    if (body.get("stream_options") or {}).get("include_usage"):
        await response.write(b"data: " + json.dumps({**made, "choices": [], "usage": usage(reply)}).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


def words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")][:-1] + text.split(" ")[-1:] if text else []


def die(request: web.Request) -> None:
    """Cut the connection, as a killed process does."""
    assert request.transport is not None
    request.transport.abort()


async def models(request: web.Request) -> web.Response:
    if (key := request.app["key"]) and request.headers.get("Authorization") != f"Bearer {key}":
        return web.json_response({"error": "Unauthorized"}, status=401)
    base, *adapters = request.app["names"]
    card = {"object": "model", "owned_by": "vllm", "created": 1}
    cards = [{**card, "id": base, "parent": None, "max_model_len": request.app["context"]}]
    cards += [{**card, "id": name, "parent": base, "max_model_len": None} for name in adapters]
    return web.json_response({"object": "list", "data": cards})


async def health(request: web.Request) -> web.Response:
    return web.Response(status=200 if STATE["well"] else 503)


async def metrics(request: web.Request) -> web.Response:
    text = f'vllm:num_requests_running{{engine="0",model_name="m"}} {STATE["running"]}.0\n'
    return web.Response(text=text + 'vllm:num_requests_waiting{engine="0",model_name="m"} 0.0\n')


async def tokenize(request: web.Request) -> web.Response:
    body = await request.json()
    count = int(len(body.get("prompt") or body.get("content", "")) / request.app["per_token"])
    return web.json_response({"count": count, "max_model_len": request.app["context"], "tokens": []})


async def script(request: web.Request) -> web.Response:
    told = await request.json()
    STATE["script"] = told.get("replies", [])
    STATE["well"] = told.get("well", True)
    request.app["names"].extend(told.get("adapters", []))
    STATE["heard"], STATE["traces"] = [], []
    return web.json_response({})


async def traces(request: web.Request) -> web.Response:
    """The traceparent headers of the requests that came."""
    return web.json_response(STATE["traces"])


async def heard(request: web.Request) -> web.Response:
    return web.json_response(STATE["heard"])


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--model", action="append")
    options.add_argument("--context", type=int, default=32_768)
    options.add_argument("--per-token", type=float, default=4, help="Characters of a token.")
    options.add_argument("--enforce", action="store_true", help="Refuse what is longer than the context.")
    options.add_argument("--key", default="")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--thought", default="reasoning")
    options.add_argument("--only", default="/health,/metrics,/tokenize", help="Paths beside /v1 that there are.")
    chosen = options.parse_args()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.update(key=chosen.key, names=chosen.model or ["m"], context=chosen.context, thought=chosen.thought)
    app.update(per_token=chosen.per_token, enforce=chosen.enforce)
    extras = [
        web.get("/", health),
        web.get("/health", health),
        web.get("/metrics", metrics),
        web.post("/tokenize", tokenize),
    ]
    app.add_routes(
        [
            web.post("/v1/chat/completions", chat),
            web.get("/v1/models", models),
            *[each for each in extras if each.path in chosen.only.split(",")],
            web.post("/_script", script),
            web.get("/_heard", heard),
            web.get("/_traces", traces),
        ]
    )
    asyncio.run(serve(app, chosen.port))


async def serve(app: web.Application, port: int) -> None:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"listening on {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()

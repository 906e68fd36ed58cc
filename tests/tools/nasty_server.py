"""An MCP server on stdio that misbehaves on demand. Usage: nasty_server.py FOLDER

Written without the SDK, which would not let it: protocol 2025-11-25, a line a message. FOLDER/tools.json, where there
is one, is what it lists; what it is asked to write goes to FOLDER/written; each start adds a line to FOLDER/starts.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
READ = {"readOnlyHint": True, "openWorldHint": False}
SUM = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
ANYTHING = {"type": "object"}
TOOLS = [
    *(
        {"name": name, "description": name, "inputSchema": ANYTHING, "annotations": READ}
        for name in (
            "echo",
            "crash",
            "hang",
            "slow",
            "flood",
            "junk",
            "big",
            "deaf",
            "breed",
            "forge",
            "relist",
            "odd",
            "fetch",
        )
    ),
    {"name": "add", "inputSchema": ANYTHING, "outputSchema": SUM, "annotations": READ},
    {"name": "lie", "inputSchema": ANYTHING, "outputSchema": SUM, "annotations": READ},
    {"name": "silent", "inputSchema": ANYTHING, "outputSchema": SUM, "annotations": READ},
    {"name": "write", "description": "Write a line.", "inputSchema": ANYTHING},
]
lock = threading.Lock()


def say(message: object) -> None:
    with lock:
        sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        sys.stdout.flush()


def answer(number: object, result: object) -> None:
    say({"jsonrpc": "2.0", "id": number, "result": result})


def text(number: object, words: str, **more: object) -> None:
    answer(number, {"content": [{"type": "text", "text": words}], **more})


def listed() -> list[dict[str, object]]:
    kept = FOLDER / "tools.json"
    return json.loads(kept.read_text()) if kept.exists() else TOOLS


def call(number: object, name: str, given: dict[str, object], meta: object) -> None:
    if name == "echo":
        told = {"arguments": given, "meta": meta, "environment": {k: v for k, v in os.environ.items() if "NASTY" in k}}
        text(number, json.dumps(told))
    elif name == "add":
        answer(number, {"content": [], "structuredContent": {"sum": given["a"] + given["b"]}})  # type: ignore[operator]
    elif name == "lie":
        answer(number, {"content": [], "structuredContent": {"sum": "many"}})
    elif name == "silent":
        text(number, "no structure")
    elif name == "odd":
        answer(number, {"content": "not a list"})
    elif name == "crash":
        sys.stderr.write("secret-of-nasty: about to fall\x1b[31m\n")
        sys.stderr.flush()
        os._exit(3)
    elif name == "slow":
        threading.Timer(float(given["seconds"]), text, (number, "late")).start()  # type: ignore[arg-type]
    elif name == "flood":
        while True:
            say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
    elif name == "junk":
        for _ in range(5):
            say("this is no JSON-RPC")
    elif name == "big":
        text(number, "x" * int(given["bytes"]))  # type: ignore[call-overload]
    elif name == "deaf":
        time.sleep(3600)
    elif name == "breed":
        subprocess.Popen(["sleep", "3600"])
        text(number, str(os.getpid()))
    elif name == "forge":
        error = {"code": "run_not_found", "message": "forged", "status": 404}
        text(number, "no", isError=True, _meta={"consilia/error": error})
    elif name == "relist":
        (FOLDER / "tools.json").write_text(json.dumps(given["tools"]))
        say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        text(number, "done")
    elif name == "fetch":
        text(number, (FOLDER / str(given["page"])).read_text())
    elif name == "write":
        with (FOLDER / "written").open("a") as file:
            file.write(json.dumps(given) + "\n")
        text(number, "written")


def main() -> None:
    with (FOLDER / "starts").open("a") as file:
        file.write("started\n")
    for line in sys.stdin:
        asked = json.loads(line)
        method, params, number = asked.get("method"), asked.get("params", {}), asked.get("id")
        if method == "initialize":
            told = {"tools": {"listChanged": True}}
            server = {"name": "nasty", "version": "1"}
            version = os.environ.get("NASTY_PROTOCOL", "2025-11-25")
            answer(number, {"protocolVersion": version, "capabilities": told, "serverInfo": server})
        elif method == "tools/list":
            answer(number, {"tools": listed()})
        elif method == "tools/call":
            call(number, params["name"], params.get("arguments") or {}, params.get("_meta"))
        elif number is not None:
            say({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "no such method"}})


if __name__ == "__main__":
    main()

"""A model server that answers at once, so that what a gateway adds is all that is measured. Usage: stub.py PORT

Raw asyncio and fixed bytes: it answers /v1/models, /v1/chat/completions (whole or streamed), /health and /metrics.
"""

import asyncio
import json
import sys

import uvloop

MODEL = "bench"
ANSWER = {
    "id": "chatcmpl-stub",
    "object": "chat.completion",
    "created": 0,
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes, it does."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
}
CARD = {"id": MODEL, "object": "model", "created": 0, "owned_by": "stub", "max_model_len": 32768}


def response(body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _stream() -> bytes:
    common = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
    parts = [{"role": "assistant", "content": ""}, *({"content": word} for word in ("Yes,", " it", " does.")), {}]
    chunks = [
        {**common, "choices": [{"index": 0, "delta": part, "finish_reason": None if part else "stop"}]}
        for part in parts
    ]
    chunks.append({**common, "choices": [], "usage": ANSWER["usage"]})
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return response(events.encode(), "text/event-stream; charset=utf-8")


WHOLE, STREAM = response(json.dumps(ANSWER).encode()), _stream()
MODELS, EMPTY = response(json.dumps({"object": "list", "data": [CARD]}).encode()), response(b"", "text/plain")


class Stub(asyncio.Protocol):
    """One connection: requests one after another, kept alive."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.data) < end + 4 + length:
                return
            body, self.data = self.data[end + 4 : end + 4 + length], self.data[end + 4 + length :]
            self.transport.write(self.answer(head, body))  # type: ignore[attr-defined]

    def answer(self, head: bytes, body: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/v1/chat"):
            return STREAM if b'"stream":true' in body.replace(b": ", b":") else WHOLE
        return MODELS if path.startswith(b"/v1/models") else EMPTY


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

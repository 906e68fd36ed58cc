"""Server-sent events of model servers: from bytes as they come to one `data:` payload after the other."""

from collections.abc import Iterator


class DataLines:
    """Cuts a stream of bytes into the payloads of its `data:` lines.

    Each payload is one line of JSON or `[DONE]`; comments (`: keep-alive`) and other fields are passed over (HTML
    Living Standard, section 9.2.6; model servers never spread a payload over several lines).
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads that these bytes complete."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()

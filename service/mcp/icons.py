"""Small pictures beside our tools and prompts in clients that show them: SVG in data: URIs, nothing is fetched."""

from base64 import b64encode
from typing import Final

from mcp_types import Icon

_PATHS: Final = {
    "consilia": "M12 3v18M5 21h14M12 6l-7 2M12 6l7 2M5 8l-3 7h6zM19 8l-3 7h6z",
    "contract": "M6 2h9l4 4v16H6zM15 2v4h4M9 11h7M9 15h7M9 19h4",
    "record": "M5 3h14v18H5zM12 8v8M8 12h8",
    "advice": "M3 20h18M6 16v-4M11 16V8M16 16v-6M5 9l5-4 5 3 5-5",
    "run": "M7 4l13 8-13 8z",
    "file": "M6 2h9l4 4v16H6zM15 2v4h4",
    "answer": "M4 12l5 5L20 6",
    "stop": "M6 6h12v12H6z",
}


def icons(name: str) -> list[Icon]:
    """The picture of that name, drawn in a grey that shows on light and dark."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#6b7280" stroke-width="2" '
        f'stroke-linejoin="round"><path d="{_PATHS[name]}"/></svg>'
    )
    source = "data:image/svg+xml;base64," + b64encode(drawn.encode()).decode()
    return [Icon(src=source, mime_type="image/svg+xml", sizes=["any"])]

"""A Word document from outside, taken apart and redlined: what `tools.documents.confinement` runs in a process of its
own."""

import base64
from datetime import datetime
from typing import Any

from tools.contracts.contract import Amendment
from tools.contracts.redline import redline
from tools.documents.document import Document
from tools.documents.limits import Limits


def parse(
    content: bytes, name: str, limits: Limits, document: Any, amendments: list[Any], author: str, date: str
) -> dict[str, object]:
    """docx_base64: the redlined file. Arguments are those of `redline`, in JSON types, and so are the errors."""
    changed = redline(
        content,
        Document.model_validate(document),
        [Amendment.model_validate(each) for each in amendments],
        author,
        datetime.fromisoformat(date),
    )
    return {"docx_base64": base64.b64encode(changed).decode()}

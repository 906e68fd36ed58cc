"""The text of a structured record as it is written: blocks one after the other, a line each."""

import re

from tools.documents.document import Block


class Narrative:
    """Gathers blocks; `text` and `blocks` are what has been gathered. Block kinds and levels as in documents."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, text: str, kind: str, level: int | None = None, row: int | None = None) -> None:
        """Add a block of one line, white space made single spaces; nothing when no text is left."""
        said = re.sub(r"\s+", " ", text).strip()
        if not said:
            return
        end = self._length + len(said)
        self.blocks.append(
            Block.model_validate(
                {"start": self._length, "end": end, "page": 1, "kind": kind, "level": level, "row": row}
            )
        )
        self._pieces += [said, "\n"]
        self._length = end + 1

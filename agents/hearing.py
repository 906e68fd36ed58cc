"""Who listens to an answer while it is written hears nothing that a lost server could make half of.

Thinking and plain text are heard as they come: text is gone on from elsewhere, thinking may begin anew. A tool call,
and an answer that a grammar holds, can be neither, and are heard when they are whole; so they can be asked for again.
`agents.relay` does the same for /v1.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from agents.exchange import Piece, Restarted

Hear = Callable[[Piece], Awaitable[None]]
"""Gets the pieces of an answer as they come; after a `Restarted` what came before is void."""


@dataclass(slots=True)
class Hearing:
    """One request's listener. hear: None where nobody listens. whole: text too is heard when it is whole. hold: False
    lets everything be heard as it comes. bounded: the room is the thinking's budget, so an end for want of it is none,
    and what was kept back until then is written anew."""

    hear: Hear | None
    whole: bool = False
    hold: bool = True
    bounded: bool = False
    _kept: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def take(self, piece: dict[str, Any]) -> None:
        """Let it be heard, now or when the answer is whole."""
        if self.hear is None:
            return
        choices = cast(list[dict[str, Any]], piece.get("choices") or [])
        delta = cast(dict[str, Any], (choices[0].get("delta") or {}) if choices else {})
        finish = choices[0].get("finish_reason") if choices else None
        kept = self.hold and bool(self._kept or delta.get("tool_calls") or (self.whole and delta.get("content")))
        if finish == "length" and self.bounded and kept:
            self.drop()
        elif kept and not finish and choices:
            self._kept.append(piece)
        else:
            if finish:
                await self.flush()
            await self.hear(piece)

    async def anew(self, restarted: Restarted) -> None:
        """The answer begins anew."""
        self.drop()
        if self.hear is not None:
            await self.hear(restarted)

    async def flush(self) -> None:
        """What was kept back is whole."""
        kept, self._kept = self._kept, []
        for piece in kept:
            assert self.hear is not None
            await self.hear(piece)

    def drop(self) -> None:
        """Forget what was kept back: its server is lost."""
        self._kept.clear()

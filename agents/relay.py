"""Passing a stream on so that a lost server can be replaced without anybody seeing half an answer.

Thinking and plain text are passed on as they come: text is gone on from elsewhere, thinking may begin anew. A tool
call, and an answer that a grammar holds, can be neither, and is of use only whole: it is kept back until it is. So is
the text of a server that can't go on from one (Ollama, LM Studio, MLX, KTransformers), where another could be asked.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from agents.completion import OPEN, Draft, Price, count
from agents.continuing import after_text, as_text, constrained, resumable
from agents.dialects import Dialect
from agents.exchange import Piece, Restarted
from agents.faults import AnswerLost
from agents.model import Model

ANEW: Final = "\n\n(The server was lost; the thinking begins anew.)\n\n"
ALIVE: Final[dict[str, Any]] = {}
"""Passed on in place of what is kept back, now and then, so that nobody takes the connection for dead."""
_QUIET: Final = 10.0


@dataclass(slots=True)
class Relay:
    """One request's stream. body: of the request. hold: False passes everything on as it comes; a server that is lost
    in the middle of what cannot be gone on from then ends the stream with AnswerLost. others: how many other endpoints
    could be asked; where there are some, a text that cannot be gone on from is held back too.

    bounded: its room is the thinking's budget, so an end for want of room is no end: nothing of that is passed on, and
    `cut` tells. goes_on: the answer goes on after a closed thinking or a text. draft: what came, for the account. text:
    what was passed on of the answer.
    """

    body: dict[str, Any]
    model: Model
    dialect: Dialect
    draft: Draft
    hold: bool = True
    others: int = 0
    bounded: bool = False
    goes_on: bool = False
    text: str = ""
    thought: bool = False
    cut: bool = False
    _called: bool = False
    _whole: bool = field(init=False)
    _kept: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _again: str | None = None
    _written: int = 0
    _passed_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        stuck = self.others > 0 and not resumable(self.body, self.model, self.dialect)
        self._whole = constrained(self.body) or stuck

    def take(self, piece: Piece) -> Iterator[dict[str, Any]]:
        """What may be passed on now. Raises AnswerLost."""
        if isinstance(piece, Restarted):
            yield from self._anew(piece)
            return
        if self.goes_on:
            piece = as_text(piece, self.dialect.thought)
        self.draft.take(piece)
        choices = cast(list[dict[str, Any]], piece.get("choices") or [])
        if not choices:
            if not self.cut:
                yield self._counted(piece)
            return
        delta = cast(dict[str, Any], choices[0].get("delta") or {})
        if choices[0].get("finish_reason") == "length" and self.bounded:
            self.cut, choices[0]["finish_reason"] = True, None
            piece.pop("usage", None)
        finish = choices[0].get("finish_reason")
        said = delta.get("content")
        if any(map(delta.get, self.dialect.thought)):
            if self._again is not None and not said:
                return
            self.thought = True
        if self.hold and not finish and (delta.get("tool_calls") or self._kept or (self._whole and said)):
            self._kept.append(piece)
            if time.monotonic() - self._passed_at > _QUIET:
                self._passed_at = time.monotonic()
                yield ALIVE
            return
        if said and self._again is not None and not self._catches_up(delta, said):
            return
        self._passed_at = time.monotonic()
        if finish:
            yield from self.flush()
        yield self._passed(piece, delta)

    def flush(self) -> Iterator[dict[str, Any]]:
        """What was kept back: it is whole. Raises AnswerLost where an answer that began anew ended too early."""
        if self._again:
            raise _lost("the server was lost, and another's answer reads differently")
        for piece in self._kept:
            yield self._passed(piece, piece["choices"][0]["delta"])
        self._kept.clear()

    def _passed(self, piece: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
        self.text += delta.get("content") or ""
        self._called = self._called or bool(delta.get("tool_calls"))
        return piece

    def resume(self) -> dict[str, Any] | None:
        """For `Call.resume`: the request that goes on from the text that was passed on, or None to begin anew."""
        if not self.text or self._called or self._again is not None:
            return None
        again = self.continued()
        if again is not None:
            self._kept.clear()
            self.draft.drop_calls()
            self.goes_on, self._written = True, self.draft.generated
        return again

    def continued(self, room: int | None = None) -> dict[str, Any] | None:
        """The request that goes on from the text that was passed on. room: tokens for the rest, None: what is left."""
        thinking = "" if self.text.lstrip().startswith(OPEN) else self.draft.completion(Price()).thinking
        again = after_text(self.body, thinking, self.text, self.model, self.dialect, self.draft.generated)
        return again if again is None or room is None else {**again, "max_tokens": room}

    def expect(self, text: str) -> None:
        """The answer begins anew after a text that was passed on: it must come again, letter by letter (as it does at
        temperature 0), and the rest is passed on."""
        self._again = text

    def _anew(self, lost: Restarted) -> Iterator[dict[str, Any]]:
        if self._called:
            raise _lost(lost.why)
        self.draft = Draft(self.draft.thought, self.draft.opened)
        self._kept.clear()
        if self.text:
            self.expect(self.text)
        elif self.thought:
            yield {"choices": [{"index": 0, "delta": {self.dialect.thought[0]: ANEW}, "finish_reason": None}]}

    def _catches_up(self, delta: dict[str, Any], said: str) -> bool:
        """Whether the text that was passed on has come again; the delta is left with what goes beyond."""
        left, beyond = repeated(self._again or "", said)
        self._again = left or None
        if beyond:
            delta["content"] = beyond
        return bool(beyond)

    def _counted(self, piece: dict[str, Any]) -> dict[str, Any]:
        """A usage of an answer that was gone on from: what the lost server wrote counts as written, not as read."""
        usage = piece.get("usage")
        if self._written and isinstance(usage, dict):
            usage = cast(dict[str, Any], usage)
            usage["prompt_tokens"] = max(0, count(usage.get("prompt_tokens")) - self._written)
            usage["completion_tokens"] = count(usage.get("completion_tokens")) + self._written
            self.draft.usage = usage
        return piece


def repeated(expected: str, said: str) -> tuple[str, str]:
    """(what of the expected text has yet to come, what goes beyond it). Raises AnswerLost where it reads differently,
    as it may at any temperature but 0."""
    if expected.startswith(said):
        return expected[len(said) :], ""
    if not said.startswith(expected):
        raise _lost("the server was lost, and another's answer reads differently")
    return "", said[len(expected) :]


def _lost(why: str) -> AnswerLost:
    return AnswerLost(f"the answer broke off: {why}; ask again")

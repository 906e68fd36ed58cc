"""What a deployment prefers: which family answers which kind of question, and how far an answer is pursued."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tools.errors import ConsiliaError


class InvalidPolicy(ConsiliaError):
    """The routing policy of the configuration cannot be used."""

    code = "invalid_policy"
    status = 500


class Purpose(StrEnum):
    """What a question is for; each has an order of families."""

    AGENTIC = "agentic"
    REASONING = "reasoning"
    EXTRACTION = "extraction"
    MULTILINGUAL = "multilingual"
    LOW_LATENCY = "low_latency"
    STRUCTURED = "structured"
    ENGLISH = "english"


_QWEN_FIRST: Final = ("qwen3", "qwen2.5", "llama3", "deepseek-v3", "deepseek-r1", "deepseek-r1-distill", "llama2")
_LLAMA_FIRST: Final = ("llama3", "qwen3", "qwen2.5", "deepseek-v3", "llama2", "deepseek-r1-distill", "deepseek-r1")
_REASONERS: Final = ("deepseek-r1", "qwen3", "deepseek-r1-distill", "deepseek-v3", "qwen2.5", "llama3", "llama2")


def _families() -> dict[Purpose, tuple[str, ...]]:
    return {
        Purpose.AGENTIC: _QWEN_FIRST,
        Purpose.REASONING: _REASONERS,
        Purpose.EXTRACTION: _QWEN_FIRST,
        Purpose.MULTILINGUAL: _QWEN_FIRST,
        Purpose.LOW_LATENCY: _LLAMA_FIRST,
        Purpose.STRUCTURED: _QWEN_FIRST,
        Purpose.ENGLISH: _LLAMA_FIRST,
    }


def _smallest() -> dict[Purpose, int]:
    return {
        Purpose.AGENTIC: 4_000_000_000,
        Purpose.REASONING: 7_000_000_000,
        Purpose.EXTRACTION: 3_000_000_000,
        Purpose.MULTILINGUAL: 4_000_000_000,
        Purpose.LOW_LATENCY: 3_000_000_000,
        Purpose.STRUCTURED: 4_000_000_000,
        Purpose.ENGLISH: 3_000_000_000,
    }


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Policy:
    """prefer: names of families, catalogue models or pool models, best first, for each purpose; a name that is not in
    the list comes last. smallest: parameters below which a model is taken only when there is no other. thinking_tokens:
    the budget of thinking, hurried_thinking_tokens: when somebody waits. answer_tokens: room that is kept for the
    answer. attempts: most answers asked for one question; escalations: most moves to a stronger model. confidence: an
    answer that is less sure of itself (0 to 1) is doubtful. overflow_seconds: how long a question waits for a full
    model before the next one that can answer and has room is asked; inf: it waits, for pool.queue_seconds."""

    prefer: Mapping[Purpose, tuple[str, ...]] = field(default_factory=_families)
    smallest: Mapping[Purpose, NonNegativeInt] = field(default_factory=_smallest)
    thinking_tokens: PositiveInt = 8192
    hurried_thinking_tokens: PositiveInt = 2048
    answer_tokens: PositiveInt = 2048
    attempts: PositiveInt = 6
    escalations: NonNegativeInt = 2
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    overflow_seconds: Annotated[float, Field(ge=0)] = 20.0


def read_policy(table: Mapping[str, Any], where: str) -> Policy:
    """The policy of a configuration's table; what it leaves out keeps its default. where: file and table, for errors.

    Raises InvalidPolicy, which names the field.
    """
    merged = dict(table)
    for name, default in (("prefer", _families()), ("smallest", _smallest())):
        if isinstance(given := table.get(name), Mapping):
            merged[name] = {**default, **given}
    try:
        return TypeAdapter(Policy).validate_python(merged)
    except ValidationError as error:
        faults = "; ".join(".".join(map(str, each["loc"])) + f": {each['msg']}" for each in error.errors())
        allowed = ", ".join(Purpose)
        raise InvalidPolicy(f"{where}: {faults} (purposes: {allowed})") from None

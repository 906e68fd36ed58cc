"""What differs between servers that all speak the OpenAI API. Each fact has its source; docs/model-servers.md has them
as a table.

A dialect is data: the pool writes requests and reads answers by it, and knows no server by name.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

DialectName = Literal["vllm", "sglang", "llamacpp", "ollama", "lmstudio", "mlx", "ktransformers"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """health: path from the server's root that answers 200 when it can take requests. metrics: path of Prometheus text,
    with the names of the gauges for running and waiting requests. switch: how thinking is turned on and off.
    budget: request field that bounds thinking, None: the two-pass way. sampling: fields beyond OpenAI's that are taken.
    schema: whether `response_format` of type json_schema constrains the answer. continues: fields that let an answer be
    continued from a partial assistant message. tokenize: path from the root and name of the text's field. thought:
    fields of a message that may hold thinking, best first. full: statuses that say there is no room now."""

    name: DialectName
    title: str
    sources: tuple[str, ...]
    health: str = "/health"
    metrics: str | None = "/metrics"
    running: str = ""
    waiting: str = ""
    switch: Literal["template", "effort", "prompt", "none"] = "template"
    budget: str | None = None
    sampling: frozenset[str] = frozenset({"top_k", "min_p", "repetition_penalty"})
    schema: bool = True
    stream_usage: bool = True
    priority: bool = False
    salt: bool = False
    continues: dict[str, bool] | None = None
    tokenize: tuple[str, str] | None = None
    thought: tuple[str, ...] = ("reasoning", "reasoning_content")
    full: frozenset[int] = field(default=frozenset({429, 503}))


VLLM: Final = Dialect(
    name="vllm",
    title="vLLM",
    sources=("https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",),
    running="vllm:num_requests_running",
    waiting="vllm:num_requests_waiting",
    budget="thinking_token_budget",
    priority=True,
    salt=True,
    continues={"continue_final_message": True, "add_generation_prompt": False},
    tokenize=("/tokenize", "prompt"),
)

DIALECTS: Final[dict[DialectName, Dialect]] = {
    each.name: each
    for each in (
        VLLM,
        Dialect("sglang", "SGLang", ()),
        Dialect("llamacpp", "llama.cpp", ()),
        Dialect("ollama", "Ollama", ()),
        Dialect("lmstudio", "LM Studio", ()),
        Dialect("mlx", "MLX", ()),
        Dialect("ktransformers", "KTransformers", ()),
    )
}

"""What differs between servers that all speak the OpenAI API. Each fact has its source; docs/asking-models.md has them
as a table.

A dialect is data: the pool writes requests and reads answers by it, and knows no server by name.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

DialectName = Literal["vllm", "sglang", "llamacpp", "ollama", "lmstudio", "mlx", "ktransformers", "rayserve"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """health: path from the server's root that answers 200 when it can take requests. metrics: path of Prometheus text,
    with the names of the gauges for running and waiting requests. switch: how thinking is turned on and off.
    budget: request field that bounds thinking, None: the two-pass way. sampling: fields beyond OpenAI's that are taken.
    schema: whether `response_format` of type json_schema constrains the answer. continues: fields that let an answer be
    continued from a partial assistant message. strict_tools: `strict: true` of a tool holds its arguments to its
    schema, however the server was started. tokenize: path from the root and name of the text's field. thought:
    fields of a message that may hold thinking, best first. full: statuses that say there is no room now.
    continues_held: whether what is continued may be held to a schema. names_tool: whether a tool can be demanded by
    its name; else it is offered alone and demanded.
    tells_context: whether its list of models says how many tokens it takes; some that do not cut a longer prompt
    without a word, so their models must be configured with `context`."""

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
    continues_held: bool = True
    strict_tools: bool = False
    names_tool: bool = True
    tokenize: tuple[str, str] | None = None
    tells_context: bool = True
    thought: tuple[str, ...] = ("reasoning", "reasoning_content")
    full: frozenset[int] = field(default=frozenset({429, 503}))


_MODELS: Final = "/v1/models"

VLLM: Final = Dialect(
    name="vllm",
    title="vLLM",
    sources=(
        "vLLM 0.32.0: entrypoints/openai/chat_completion/protocol.py, v1/engine/input_processor.py, "
        "tool_parsers/structural_tag_registry.py (a strict tool is constrained at --tool-strict-level auto too)",
        "https://docs.vllm.ai/en/v0.26.0/features/reasoning_outputs/",
    ),
    running="vllm:num_requests_running",
    waiting="vllm:num_requests_waiting",
    budget="thinking_token_budget",
    priority=True,
    salt=True,
    continues={"continue_final_message": True, "add_generation_prompt": False},
    strict_tools=True,
    tokenize=("/tokenize", "prompt"),
)

SGLANG: Final = Dialect(
    name="sglang",
    title="SGLang",
    sources=(
        "https://docs.sglang.io/docs/advanced_features/separate_reasoning",
        "https://docs.sglang.io/docs/basic_usage/openai_api_completions.md",
        "SGLang: srt/managers/scheduler.py (a full queue is reported with code 503, inside a stream that has begun)",
    ),
    running="sglang:num_running_reqs",
    waiting="sglang:num_queue_reqs",
    continues={"continue_final_message": True},
    strict_tools=True,
    thought=("reasoning_content", "reasoning"),
)

LLAMACPP: Final = Dialect(
    name="llamacpp",
    title="llama.cpp",
    sources=(
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        "llama.cpp 0.5.0-dev (vendored by llama-cpp-python 0.3.36), asked in tests/llamacpp: a named tool_choice is "
        "taken for auto; a partial answer comes back with what goes on from it unless it streams, and what goes on "
        "can't be held to a schema; a tool's arguments always are; its own thinking_budget_tokens is kept to",
    ),
    running="llamacpp:requests_processing",
    waiting="llamacpp:requests_deferred",
    budget="thinking_budget_tokens",
    sampling=frozenset({"top_k", "min_p"}),
    continues={"continue_final_message": True, "add_generation_prompt": False},
    continues_held=False,
    names_tool=False,
    tokenize=("/tokenize", "content"),
    thought=("reasoning_content", "reasoning"),
)

OLLAMA: Final = Dialect(
    name="ollama",
    title="Ollama",
    sources=(
        "https://docs.ollama.com/api/openai-compatibility",
        "Ollama: server/sched.go (503 when OLLAMA_MAX_QUEUE is reached)",
    ),
    health="/",
    metrics=None,
    switch="effort",
    sampling=frozenset(),
    tells_context=False,
)

LMSTUDIO: Final = Dialect(
    name="lmstudio",
    title="LM Studio",
    sources=(
        "https://lmstudio.ai/docs/api/openai-api",
        "https://lmstudio.ai/docs/advanced/structured-output",
        "https://lmstudio.ai/docs/developer/api-changelog",
    ),
    health=_MODELS,
    metrics=None,
    switch="prompt",
    sampling=frozenset({"top_k"}),
    tells_context=False,
    thought=("reasoning_content", "reasoning"),
)

MLX: Final = Dialect(
    name="mlx",
    title="MLX",
    sources=(
        "https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md",
        "mlx-lm: mlx_lm/server.py (chat_template_kwargs is read, response_format is not)",
    ),
    health=_MODELS,
    metrics=None,
    schema=False,
    tells_context=False,
)

KTRANSFORMERS: Final = Dialect(
    name="ktransformers",
    title="KTransformers",
    sources=(
        "https://github.com/kvcache-ai/ktransformers/blob/main/doc/en/balance-serve.md",
        "KTransformers on SGLang (kt-kernel) speaks SGLang's dialect: use sglang for it",
    ),
    health=_MODELS,
    metrics=None,
    switch="prompt",
    sampling=frozenset(),
    schema=False,
    stream_usage=False,
    tells_context=False,
)

RAYSERVE: Final = Dialect(
    name="rayserve",
    title="Ray Serve",
    sources=(
        "https://docs.ray.io/en/latest/serve/llm/serving-llms.html (vLLM behind /v1/chat/completions and /v1/models)",
        "what it hands on to vLLM is vLLM's; of vLLM's other paths it is not told that it has them, so none is used",
    ),
    health=_MODELS,
    metrics=None,
    budget="thinking_token_budget",
    priority=True,
    salt=True,
    continues=VLLM.continues,
    strict_tools=True,
    tells_context=False,
)

DIALECTS: Final[dict[DialectName, Dialect]] = {
    each.name: each for each in (VLLM, SGLANG, LLAMACPP, OLLAMA, LMSTUDIO, MLX, KTRANSFORMERS, RAYSERVE)
}

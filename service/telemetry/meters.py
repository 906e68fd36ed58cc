"""What this process has done, counted: for Prometheus at /metrics, and for OpenTelemetry where a collector is set.

Labels hold names of workflows, models and tools, never ids or names of people, so that they stay few and tell nothing
about anybody. The OpenTelemetry names are those of its conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).
"""

from typing import Any, Final

from opentelemetry import metrics
from prometheus_client import CollectorRegistry, Counter, Histogram

from agents.completion import Usage
from agents.record import ModelCall
from agents.routing import EMBEDDED
from tools.record import WAITING, ToolCall

RUN_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
CALL_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Seconds; those that the conventions advise for a model's answer."""

TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)


class Meters:
    """Counts and times of runs, questions to models, chats and tool calls."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._runs = self._counter("runs", "Runs that ended", "workflow", "status")
        self._run_seconds = self._histogram("run_duration_seconds", "Duration of runs", RUN_BUCKETS, "workflow")
        self._waits = self._histogram("run_wait_seconds", "Wait of runs before they began", RUN_BUCKETS, "workflow")
        self._questions = self._counter("model_questions", "Questions that were asked", "model", "outcome")
        self._question_seconds = self._histogram(
            "model_question_duration_seconds", "Time to a checked answer", CALL_BUCKETS, "model"
        )
        self._first = self._histogram(
            "model_first_token_seconds", "Time to the first token of an answer", CALL_BUCKETS, "model"
        )
        self._tokens = self._counter("model_tokens", "Tokens read (input) and written (output)", "model", "type")
        self._cost = self._counter("model_cost", "Cost of answers, in the currency of the pool's prices", "model")
        self._tools = self._counter("tool_calls", "Tool calls", "server", "tool", "outcome")
        self._tool_seconds = self._histogram(
            "tool_call_duration_seconds", "Duration of tool calls", CALL_BUCKETS, "server", "tool"
        )
        meter = metrics.get_meter("consilia")
        self._otel_workflow = meter.create_histogram("gen_ai.workflow.duration", "s", "Duration of runs")
        self._otel_operation = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Duration of model and tool operations",
            explicit_bucket_boundaries_advisory=CALL_BUCKETS,
        )
        self._otel_tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of answers",
            explicit_bucket_boundaries_advisory=TOKEN_BUCKETS,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"consilia_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"consilia_{name}", text, labels, buckets=buckets, registry=self.registry)

    def run_began(self, workflow: str, waited: float) -> None:
        """waited: seconds since the run was due."""
        self._waits.labels(workflow).observe(max(0.0, waited))

    def run_ended(self, workflow: str, status: str, seconds: float, error: str | None = None) -> None:
        """seconds: of this attempt. error: its code."""
        self._runs.labels(workflow, status).inc()
        self._run_seconds.labels(workflow).observe(seconds)
        told = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": workflow}
        self._otel_workflow.record(seconds, told | ({"error.type": error} if error else {}))

    def model_called(self, call: ModelCall) -> None:
        """A question with all its attempts; tokens and time are counted for the model of each."""
        outcome = "degraded" if call.degraded else "answered" if call.error is None else "failed"
        model = EMBEDDED if call.engine == EMBEDDED else call.model
        self._questions.labels(model, outcome).inc()
        self._question_seconds.labels(model).observe(call.duration_ms / 1000)
        if call.engine == EMBEDDED:
            return
        error = str(call.error.get("code")) if call.error else None
        for each in call.attempts:
            usage = Usage(each["tokens_in"], each["tokens_out"], each["tokens_thinking"], each["tokens_cached"])
            self._answered(each["model"], usage, each["cost"], each["duration_ms"], each["ttft_ms"], None)
        if not call.attempts:
            self._answered(model, call.usage, call.usage.cost, call.duration_ms, call.ttft_ms, error)

    def chatted(self, model: str, usage: Usage, duration_ms: float, ttft_ms: float | None, error: str | None) -> None:
        """An answer through /v1."""
        self._questions.labels(model, "answered" if error is None else "failed").inc()
        self._question_seconds.labels(model).observe(duration_ms / 1000)
        self._answered(model, usage, usage.cost, duration_ms, ttft_ms, error)

    def _answered(
        self, model: str, usage: Usage, cost: float, duration_ms: float, ttft_ms: float | None, error: str | None
    ) -> None:
        kinds = {
            "input": usage.tokens_in,
            "output": usage.tokens_out,
            "thinking": usage.tokens_thinking,
            "cached": usage.tokens_cached,
        }
        for kind, tokens in kinds.items():
            self._tokens.labels(model, kind).inc(tokens)
        self._cost.labels(model).inc(max(0.0, cost))
        if ttft_ms is not None:
            self._first.labels(model).observe(ttft_ms / 1000)
        told: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "consilia",
            "gen_ai.request.model": model,
        }
        self._otel_operation.record(duration_ms / 1000, told | ({"error.type": error} if error else {}))
        for kind in ("input", "output"):
            self._otel_tokens.record(kinds[kind], told | {"gen_ai.token.type": kind})

    def tool_called(self, call: ToolCall) -> None:
        code = str(call.error.get("code")) if call.error else None
        self._tools.labels(
            call.server, call.tool, "waiting" if code == WAITING else "failed" if code else "returned"
        ).inc()
        if code == WAITING:  # for a person: no call was made yet
            return
        self._tool_seconds.labels(call.server, call.tool).observe(call.duration_ms / 1000)
        told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": call.tool}
        self._otel_operation.record(call.duration_ms / 1000, told | ({"error.type": code} if code else {}))

"""The spans of a question and of each request to a model server, by the conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/). What was asked and answered is never in them.

Nothing is recorded unless the service has set an exporter. The trace goes on to the model server in the request's
headers (W3C Trace Context), so that vLLM's own spans hang below ours.
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from tools.errors import ConsiliaError

AGENT_KEY: Final = "consilia_agent"
"""In the metadata of an agent's graph: its name, by which its runs are known."""

_TRACER: Final = trace.get_tracer("consilia")
_ASKED: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}


@dataclass(slots=True)
class RequestSpan:
    """The span of one request to one endpoint. headers: what carries the trace on."""

    span: Span
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, chunk: Any) -> None:
        """Note what a chunk, or a whole body, tells of the answer."""
        if not self.span.is_recording() or not isinstance(chunk, Mapping):
            return
        told: Mapping[str, Any] = chunk  # pyright: ignore[reportUnknownVariableType]
        if isinstance(name := told.get("id"), str):
            self.span.set_attribute("gen_ai.response.id", name)
        if isinstance(model := told.get("model"), str):
            self.span.set_attribute("gen_ai.response.model", model)
        ends = [str(each["finish_reason"]) for each in told.get("choices") or () if each.get("finish_reason")]
        if ends:
            self.span.set_attribute("gen_ai.response.finish_reasons", ends)
        usage: Mapping[str, Any] = told.get("usage") or {}
        if usage:
            self.span.set_attribute("gen_ai.usage.input_tokens", int(usage.get("prompt_tokens") or 0))
            self.span.set_attribute("gen_ai.usage.output_tokens", int(usage.get("completion_tokens") or 0))
            cached: Mapping[str, Any] = usage.get("prompt_tokens_details") or {}
            if cached.get("cached_tokens"):
                self.span.set_attribute("gen_ai.usage.cache_read.input_tokens", int(cached["cached_tokens"]))


@contextmanager
def request_span(model: str, url: str, dialect: str, body: Mapping[str, Any], stream: bool) -> Generator[RequestSpan]:
    """Around a request. It is not the current span of its context, since an async generator has none of its own.

    model: the pool's. dialect: of the server, the conventions' provider. body: whose sampling is told.
    """
    span = _TRACER.start_span(f"chat {model}", kind=SpanKind.CLIENT)
    made = RequestSpan(span)
    if span.get_span_context().is_valid:
        propagate.inject(made.headers, context=trace.set_span_in_context(span))
    if span.is_recording():
        where = urlsplit(url)
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", dialect)
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("gen_ai.request.stream", stream)
        span.set_attribute("server.address", where.hostname or "")
        span.set_attribute("server.port", where.port or (443 if where.scheme == "https" else 80))
        if "response_format" in body:
            span.set_attribute("gen_ai.output.type", "json")
        for name, attribute in _ASKED.items():
            if isinstance(value := body.get(name), int | float):
                span.set_attribute(attribute, value)
    try:
        yield made
    except (GeneratorExit, asyncio.CancelledError):
        span.set_attribute("error.type", "cancelled")
        raise
    except BaseException as error:
        _failed(span, error)
        raise
    finally:
        span.end()


@contextmanager
def question_span(name: str, node: str) -> Generator[Span]:
    """Around a question with everything that is done to get its answer. The caller tells who answered, and why."""
    with _TRACER.start_as_current_span(
        f"ask {name}",
        attributes={"consilia.question": name, "consilia.node": node},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            _failed(span, error)
            raise


def _failed(span: Span, error: BaseException) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute(
        "error.type", error.code if isinstance(error, ConsiliaError) else type(error).__name__.strip("_")
    )

"""The spans of a run: the workflow, below it its nodes, and the agents among them.

The trace of whoever asked for the run goes with the run's row, so that it holds together when another process executes
the run, or goes on with it. Names are those of https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.errors import GraphBubbleUp
from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from agents.tracing import AGENT_KEY
from tools.errors import ConsiliaError

CARRIER_KEY: Final = "trace"
"""In a run's kwargs: the W3C headers of the trace that it belongs to."""

_TRACER: Final = trace.get_tracer("consilia")


def carrier() -> dict[str, str]:
    """The W3C headers of the current span; empty where nothing is traced."""
    headers: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        propagate.inject(headers)
    return headers


@contextmanager
def workflow_span(row: dict[str, Any], attempt: int) -> Generator[Span]:
    """Around the execution of a run. row: the run's."""
    carried = cast(dict[str, str] | None, row["kwargs"].get(CARRIER_KEY))
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": row["graph_id"],
        "gen_ai.conversation.id": row["thread_id"],
        "consilia.run.id": row["run_id"],
        "consilia.run.attempt": attempt,
    }
    with _TRACER.start_as_current_span(
        f"invoke_workflow {row['graph_id']}",
        context=propagate.extract(carried) if carried else None,
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


@contextmanager
def delivery_span(carried: dict[str, str] | None, run_id: str, attempt: int) -> Generator[tuple[Span, dict[str, str]]]:
    """Around an attempt to call a webhook, in the trace of its run; with the headers that carry the trace on.

    carried: the trace's headers, from the run's kwargs. It is told which run, not whom it calls.
    """
    span = _TRACER.start_span(
        "POST webhook",
        context=propagate.extract(carried) if carried else None,
        kind=SpanKind.CLIENT,
        attributes={"http.request.method": "POST", "consilia.run.id": run_id, "consilia.webhook.attempt": attempt},
    )
    headers: dict[str, str] = {}
    if span.get_span_context().is_valid:
        propagate.inject(headers, trace.set_span_in_context(span))
    try:
        yield span, headers
    finally:
        span.end()


def undelivered(span: Span) -> None:
    """Tell a delivery's span that the attempt failed; why is in the log."""
    span.set_attribute("error.type", "webhook_failed")
    span.set_status(StatusCode.ERROR)


def ended(span: Span, status: str, error: dict[str, Any] | None) -> None:
    """Tell the workflow's span how its run ended. error: of it only the code is kept."""
    span.set_attribute("consilia.run.status", status)
    if error is not None:
        span.set_attribute("error.type", str(error["code"]))
        span.set_status(StatusCode.ERROR)


def node_callbacks(span: Span) -> list[BaseCallbackHandler]:
    """What makes the spans of nodes and agents below a workflow's; nothing where nothing is recorded."""
    return [_NodeSpans(span)] if span.is_recording() else []


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a runnable. span: its own, or the nearest above it. above: set where the span is its own."""

    span: Span
    above: Span | None = None


class _NodeSpans(BaseCallbackHandler):
    """Called by LangGraph where something begins and ends, in its own context; what hangs below what is told by
    LangGraph's run ids, since a later step may inherit the context of an earlier one."""

    run_inline = True

    def __init__(self, workflow: Span) -> None:
        self._workflow = workflow
        self._runs: dict[UUID, _Run] = {}

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        above = self._runs.get(parent_run_id) if parent_run_id is not None else None
        parent = above.span if above is not None else self._workflow
        name, about = kwargs.get("name"), metadata or {}
        attributes: dict[str, Any] = {}
        if parent_run_id is None or name is None:
            kind = None
        elif name == about.get(AGENT_KEY):
            kind, attributes = "invoke_agent", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        elif name == about.get("langgraph_node") and any(each.startswith("graph:step") for each in tags or ()):
            kind, attributes = "node", {"consilia.node": name, "consilia.step": about.get("langgraph_step", 0)}
        else:
            kind = None
        if kind is None:
            self._runs[run_id] = _Run(parent)
            return
        span = _TRACER.start_span(f"{kind} {name}", trace.set_span_in_context(parent), attributes=attributes)
        self._runs[run_id] = _Run(span, parent)
        context.attach(trace.set_span_in_context(span))

    def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, error)

    def _end(self, run_id: UUID, error: BaseException | None) -> None:
        run = self._runs.pop(run_id, None)
        if run is None or run.above is None:
            return
        if error is not None and not isinstance(error, GraphBubbleUp):  # an interrupt is no error
            kind = error.code if isinstance(error, ConsiliaError) else type(error).__name__
            run.span.set_attribute("error.type", kind)
            run.span.set_status(StatusCode.ERROR)
        run.span.end()
        if trace.get_current_span() is run.span:  # LangGraph may end a run in another context than it began in
            context.attach(trace.set_span_in_context(run.above))

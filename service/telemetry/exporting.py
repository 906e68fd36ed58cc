"""Sending traces and metrics to an OpenTelemetry collector over OTLP/HTTP. Off until an endpoint is set.

The rest of the code makes spans and measurements through OpenTelemetry's API, which does nothing until this module has
set providers, once a process.
"""

import asyncio
import os
import platform
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from service.settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_KEPT_OF_AN_EXCEPTION: Final = frozenset({"exception.type", "exception.escaped"})
_LEFT_OUT: Final = frozenset({"url.query", "url.full", "exception.message", "exception.stacktrace"})
_FLUSH_MS: Final = 3_000


@asynccontextmanager
async def exporting(settings: TelemetrySettings, role: str) -> AsyncGenerator[None]:
    """Traces and metrics go to the collector while this is open, and what is left is sent at its end.

    role: service or worker, told beside the service's name.
    """
    if not settings.endpoint:
        yield
        return
    close = _begin(settings, role)
    try:
        yield
    finally:
        await asyncio.to_thread(close)


def _begin(settings: TelemetrySettings, role: str) -> Any:
    """Set the providers; what ends them. The libraries are loaded here, so that nobody else pays for them."""
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    class Discreet(SpanExporter):
        """Exports spans without what libraries put into them of a request: queries, messages of errors."""

        def __init__(self, exporter: SpanExporter) -> None:
            self._exporter = exporter

        def export(self, spans: "Sequence[ReadableSpan]") -> SpanExportResult:
            return self._exporter.export([discreet(each) for each in spans])

        def shutdown(self) -> None:
            self._exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self._exporter.force_flush(timeout_millis)

    resource = Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": version("consilia"),
            "service.instance.id": f"{platform.node()}:{os.getpid()}",
            "consilia.role": role,
        }
    )
    root = settings.endpoint.rstrip("/")
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()} or None
    seconds = settings.timeout_seconds
    spans = OTLPSpanExporter(f"{root}/v1/traces", headers=headers, timeout=seconds)
    tracing = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(settings.sample)))
    tracing.add_span_processor(BatchSpanProcessor(Discreet(spans), schedule_delay_millis=1000 * settings.trace_seconds))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{root}/v1/metrics", headers=headers, timeout=seconds),
        export_interval_millis=1000 * settings.metric_seconds,
    )
    metering = MeterProvider([reader], resource=resource)
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)

    def close() -> None:
        tracing.force_flush(_FLUSH_MS)
        tracing.shutdown()
        metering.shutdown(_FLUSH_MS)

    return close


def discreet(span: "ReadableSpan") -> "ReadableSpan":
    """The span without what may quote a request or a document: see `_LEFT_OUT`, and the words of its status."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Status

    attributes = {name: value for name, value in (span.attributes or {}).items() if name not in _LEFT_OUT}
    events = [
        Event(
            each.name,
            {name: value for name, value in (each.attributes or {}).items() if name in _KEPT_OF_AN_EXCEPTION},
            each.timestamp,
        )
        for each in span.events
    ]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )

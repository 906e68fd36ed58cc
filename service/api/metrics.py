"""/metrics: requests, the queue and the process, for Prometheus or as JSON, under the Agent Server's names.

Labels hold route templates, never ids or names of callers, so that they stay few and tell nothing about anybody.
"""

import time
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import TheHouse
from service.database import queue_statistics
from service.database.queue_statistics import QueueStatistics

router = APIRouter(tags=["system"])

BUCKETS: Final = (10, 100, 500, 1_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000)
"""Upper bounds of latencies, ms."""


STATES: Final = ("up", "unknown", "full", "trying", "broken", "down", "draining", "drained")
"""Of an endpoint, as `agents.endpoint.Endpoint.snapshot` tells them."""


class RequestMetrics:
    """How many requests came, and how long they took, since the process started."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        labels = ("method", "path")
        self._count = Counter(
            "lg_api_http_requests", "HTTP requests answered", (*labels, "status"), registry=self.registry
        )
        self._latency = Histogram(
            "lg_api_http_requests_latency",
            "HTTP request latency in milliseconds",
            labels,
            buckets=BUCKETS,
            registry=self.registry,
        )

    def answered(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Count a request. path: the route's template."""
        self._count.labels(method, path, str(status)).inc()
        self._latency.labels(method, path).observe(milliseconds)

    def counts(self) -> list[dict[str, Any]]:
        """Each (method, path, status) with its count."""
        return [
            {**sample.labels, "status": int(sample.labels["status"]), "count": int(sample.value)}
            for family in self._count.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        ]


class Measured:
    """Middleware that counts requests by their route; a stream counts when it has ended."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = scope.get("route")
            path: str = getattr(route, "path", "") or "(no route)"
            if path not in ("/metrics", "/ok", "/live", "/ready"):
                self._metrics.answered(scope["method"], path, status, 1000 * (time.perf_counter() - begun))


@router.get("/metrics", response_model=None)
async def metrics(request: Request, house: TheHouse, format: str = "prometheus") -> Response:
    """Counts since this process started, and the queue of all processes. format: `prometheus` or `json`."""
    measured: RequestMetrics = request.app.state.metrics
    queue = await queue_statistics.read(house.database)
    most = house.settings.limits.concurrent_runs
    workers = {"max": most, "active": queue.n_running, "available": max(0, most - queue.n_running)}
    if format == "json":
        shown = {
            "n_pending": queue.n_pending,
            "pending_runs_wait_time_max_secs": queue.longest_wait,
            "pending_runs_wait_time_med_secs": queue.median_wait,
            "pending_unblocked_runs_wait_time_max_secs": queue.longest_unblocked_wait,
            "n_running": queue.n_running,
        }
        return JSONResponse({"queue": shown, "api": {"http_requests_total": measured.counts()}, "workers": workers})
    scrape = CollectorRegistry()
    scrape.register(_Gauges(queue, workers, house.pool.status()))
    text = generate_latest(measured.registry) + generate_latest(house.meters.registry) + generate_latest(scrape)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """What is read from SQL at a scrape, as Prometheus families."""

    def __init__(self, queue: QueueStatistics, workers: dict[str, int], pool: dict[str, Any]) -> None:
        told: dict[str, tuple[str, float | None]] = {
            "num_pending_runs": ("Runs that wait", queue.n_pending),
            "num_running_runs": ("Runs that are executed", queue.n_running),
            "pending_runs_wait_time_max": ("Longest wait of a waiting run, seconds", queue.longest_wait),
            "pending_runs_wait_time_med": ("Median wait of the waiting runs, seconds", queue.median_wait),
            "pending_unblocked_runs_wait_time_max": (
                "Longest wait of a run that waits for no other of its thread, seconds",
                queue.longest_unblocked_wait,
            ),
        }
        told |= {f"workers_{name}": (f"Places for runs: {name}", value) for name, value in workers.items()}
        self._families = [
            GaugeMetricFamily(f"lg_api_{name}", text, value=value or 0.0) for name, (text, value) in told.items()
        ]
        pending = GaugeMetricFamily(
            "consilia_webhooks_pending", "Webhook deliveries that are still to be made", value=queue.webhooks_pending
        )
        self._families.append(pending)
        info = GaugeMetricFamily("consilia_build_info", "Which version runs, always 1", labels=["version"])
        info.add_metric([version("consilia")], 1)
        self._families += [info, *_of_pool(pool)]

    def collect(self) -> list[GaugeMetricFamily]:
        return self._families


def _of_pool(pool: dict[str, Any]) -> list[GaugeMetricFamily]:
    """The pool's endpoints by model and state, and what waits for them."""
    endpoints = GaugeMetricFamily(
        "consilia_pool_endpoints", "Endpoints of the pool by their state", labels=["model", "state"]
    )
    queued = GaugeMetricFamily("consilia_pool_queued_requests", "Requests that wait for an endpoint", labels=["model"])
    active = GaugeMetricFamily("consilia_pool_active_requests", "Requests that an endpoint answers", labels=["model"])
    for model in pool["models"]:
        states = [each["state"] for each in model["endpoints"]]
        for state in STATES:
            endpoints.add_metric([model["name"], state], states.count(state))
        queued.add_metric([model["name"]], model["queued"])
        active.add_metric([model["name"]], sum(each["active"] for each in model["endpoints"]))
    return [endpoints, queued, active]

"""Write deploy/grafana/dashboards/consilia.json: the dashboard, kept as code so that a change of it can be read."""

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "deploy" / "grafana" / "dashboards" / "consilia.json"
SOURCE = {"type": "prometheus", "uid": "${source}"}
RATE = "[$__rate_interval]"

# (title, unit, [(expression, legend)]), a row at a time; a single value where the expression is one
ROWS: list[tuple[str, list[tuple[str, str, list[tuple[str, str]]]]]] = [
    (
        "Now",
        [
            ("Runs executed", "none", [("max(lg_api_num_running_runs)", "")]),
            ("Runs waiting", "none", [("max(lg_api_num_pending_runs)", "")]),
            ("Longest wait", "s", [("max(lg_api_pending_runs_wait_time_max)", "")]),
            ("Endpoints up", "none", [('sum(max by (model) (consilia_pool_endpoints{state=~"up|full"}))', "")]),
            ("Webhooks to deliver", "none", [("max(consilia_webhooks_pending)", "")]),
            (
                "Answered with 5xx",
                "percentunit",
                [
                    (
                        f'sum(rate(lg_api_http_requests_total{{status=~"5.."}}{RATE})) '
                        f"/ sum(rate(lg_api_http_requests_total{RATE}))",
                        "",
                    )
                ],
            ),
        ],
    ),
    (
        "Runs",
        [
            (
                "Runs ended a minute",
                "none",
                [(f"60 * sum by (workflow, status) (rate(consilia_runs_total{RATE}))", "{{workflow}} {{status}}")],
            ),
            (
                "Duration, median and 95th percentile",
                "s",
                [
                    (
                        f"histogram_quantile({q}, sum by (workflow, le) "
                        f"(rate(consilia_run_duration_seconds_bucket{RATE})))",
                        f"{{{{workflow}}}} p{round(q * 100)}",
                    )
                    for q in (0.5, 0.95)
                ],
            ),
            (
                "Wait before a run begins, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (workflow, le) "
                        f"(rate(consilia_run_wait_seconds_bucket{RATE})))",
                        "{{workflow}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Models",
        [
            (
                "Tokens a second",
                "none",
                [(f"sum by (model, type) (rate(consilia_model_tokens_total{RATE}))", "{{model}} {{type}}")],
            ),
            (
                "Questions a minute, by who answered and how",
                "none",
                [
                    (
                        f"60 * sum by (model, outcome) (rate(consilia_model_questions_total{RATE}))",
                        "{{model}} {{outcome}}",
                    )
                ],
            ),
            (
                "Time to a checked answer, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (model, le) "
                        f"(rate(consilia_model_question_duration_seconds_bucket{RATE})))",
                        "{{model}}",
                    )
                ],
            ),
            (
                "Time to the first token, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (model, le) "
                        f"(rate(consilia_model_first_token_seconds_bucket{RATE})))",
                        "{{model}}",
                    )
                ],
            ),
            (
                "Endpoints by state",
                "none",
                [("max by (model, state) (consilia_pool_endpoints) > 0", "{{model}} {{state}}")],
            ),
            (
                "Requests in hand and queued",
                "none",
                [
                    ("sum by (model) (consilia_pool_active_requests)", "{{model}} in hand"),
                    ("sum by (model) (consilia_pool_queued_requests)", "{{model}} queued"),
                ],
            ),
            ("Cost an hour", "none", [(f"3600 * sum by (model) (rate(consilia_model_cost_total{RATE}))", "{{model}}")]),
        ],
    ),
    (
        "Tools",
        [
            (
                "Calls a minute",
                "none",
                [
                    (
                        f"60 * sum by (server, tool, outcome) (rate(consilia_tool_calls_total{RATE}))",
                        "{{server}}/{{tool}} {{outcome}}",
                    )
                ],
            ),
            (
                "Duration, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (server, tool, le) "
                        f"(rate(consilia_tool_call_duration_seconds_bucket{RATE})))",
                        "{{server}}/{{tool}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Service",
        [
            (
                "Requests a second",
                "none",
                [(f"sum by (status) (rate(lg_api_http_requests_total{RATE}))", "{{status}}")],
            ),
            (
                "Slowest routes, 95th percentile",
                "ms",
                [
                    (
                        "topk(8, histogram_quantile(0.95, sum by (method, path, le) "
                        f"(rate(lg_api_http_requests_latency_bucket{RATE}))))",
                        "{{method}} {{path}}",
                    )
                ],
            ),
            ("Memory", "bytes", [("process_resident_memory_bytes", "{{instance}}")]),
            ("Processor time", "percentunit", [(f"rate(process_cpu_seconds_total{RATE})", "{{instance}}")]),
            ("Versions", "none", [("sum by (version) (consilia_build_info)", "{{version}}")]),
        ],
    ),
]


def panel(kind: str, number: int, place: dict[str, int], title: str, unit: str, targets: list[tuple[str, str]]) -> Any:
    """One panel of the dashboard."""
    made: dict[str, Any] = {
        "id": number,
        "type": kind,
        "title": title,
        "gridPos": place,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + at), "expr": expression, "legendFormat": legend or "__auto", "datasource": SOURCE}
            for at, (expression, legend) in enumerate(targets)
        ],
    }
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    else:
        made["options"] = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}}
    return made


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, content in ROWS:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
                "panels": [],
            }
        )
        y += 1
        single = title == "Now"
        width, height = (4, 4) if single else (8, 8)
        for at, (name, unit, targets) in enumerate(content):
            columns = 24 // width
            place = {"x": at % columns * width, "y": y + at // columns * height, "w": width, "h": height}
            panels.append(panel("stat" if single else "timeseries", len(panels) + 1, place, name, unit, targets))
        y += -(-len(content) // (24 // width)) * height
    return {
        "uid": "consilia",
        "title": "Consilia",
        "tags": ["consilia"],
        "timezone": "browser",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Data source"}]
        },
        "panels": panels,
    }


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n")

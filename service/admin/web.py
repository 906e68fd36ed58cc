"""Pages: Jinja2 with escaping always on, and headers under which no foreign or inline script can run."""

import hashlib
import re
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from service.admin.roles import Role, Visitor
from tools.charts.text import clean

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGES: Final = (
    ("/admin/runs", "Runs", Role.VIEWER),
    ("/admin/approvals", "Approvals", Role.VIEWER),
    ("/admin/usage", "Usage", Role.VIEWER),
    ("/admin/tools", "Tools", Role.VIEWER),
    ("/admin/pool", "Pool", Role.ADMIN),
    ("/admin/keys", "Keys", Role.ADMIN),
    ("/admin/audit", "Audit", Role.ADMIN),
)
"""Where the head leads, and for whom."""

LONGEST_TEXT: Final = 4_000
"""Characters of one value that a page shows; the rest is a download away."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names: dict[str, Any] = environment.globals  # pyright: ignore[reportAssignmentType], typed by its first values
    names |= {"asset": asset, "pages": PAGES, "version": version("consilia"), "Role": Role}
    environment.filters |= {
        "ago": ago,
        "moment": moment,
        "milliseconds": milliseconds,
        "money": money,
        "count": count,
        "size": size,
        "pretty": pretty,
        "short": lambda text: str(text)[-12:],
        "clean": lambda text: clean(str(text)),
        "name": name,
    }
    return environment


@cache
def asset(name: str) -> str:
    """The address of a static file, with its content's hash, so that browsers may keep it for ever."""
    if name == "charts.css":
        return f"/admin/static/{name}?v={version('consilia')}"
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/admin/static/{name}?v={digest}"


def page(request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one."""
    theme = request.cookies.get("consilia_theme", "")
    text = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor,
            path=request.url.path,
            theme=theme if theme in ("light", "dark") else "auto",
            **values,
        )
    )
    return HTMLResponse(text, status, HEADERS)


def name(text: str) -> Markup:
    """What programs name (contract_review.find_clauses), which may go on in a new line after a _ or a dot alone."""
    return Markup(re.sub(r"(?<=[_.])(?=\w)", "<wbr>", str(escape(clean(str(text))))))  # noqa: S704, it is escaped


def moment(when: datetime | None) -> str:
    """2026-11-28 22:41:03 UTC, or a dash."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if when else "–"


def ago(when: datetime | None) -> str:
    """How long ago, in the largest unit that tells."""
    if when is None:
        return "–"
    seconds = (datetime.now(UTC) - when).total_seconds()
    for size_, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size_:
            return f"{int(seconds // size_)} {unit} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"


def milliseconds(value: float | None) -> str:
    """840 ms, 3.2 s, 4 min 05 s, 2 h 10 min."""
    if value is None:
        return "–"
    if value < 1_000:
        return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
    seconds = value / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def money(value: float | None) -> str:
    """A cost in the currency of the pool's prices; as many digits as tell it."""
    if not value:
        return "0"
    return f"{value:,.2f}" if value >= 1 else f"{value:.2g}" if value >= 0.0001 else f"{value:.1e}"


def count(value: float | None) -> str:
    """With thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f") if value is not None else "–"


def size(value: float) -> str:
    """Bytes: 12 B, 3.4 kB, 2.1 MB."""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def pretty(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A value as indented JSON (text as it is), cut where it is long, without characters that mislead."""
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
    text = clean(text)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"

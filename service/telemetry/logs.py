"""Structured logs on standard error, in words or in JSON, with the ids of the run and the trace.

What a run is about never gets into a log: of an error its type and the places that it passed are told, not its message,
which may quote a document; of another library's line the words are kept and the values are left out unless they are
numbers; and what looks like a key of ours, a bearer token or a password in a URL is struck out wherever it stands.
"""

import logging
import re
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["text", "json"]

_SECRETS: Final = re.compile(
    r"csl_[0-9A-Za-z]+_[0-9A-Za-z_-]+|whsec_[0-9A-Za-z+/=_-]+|(?i:bearer)\s+[^\s\"',]+|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)
_FRAMES: Final = 12
_LONGEST: Final = 500


def configure_logs(level: str, form: LogFormat = "text") -> None:
    """Begin to log. level: debug, info, warning or error. The libraries' own lines are kept from warnings on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        _with_places,
        _without_secrets,
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    if form == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_foreign, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            pass_foreign_args=True,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lenient())),
    )


class _Lenient:
    """Standard error, whose faults are nobody's: a line that finds no room on a full disk must not end a run."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def _with_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The current span's ids, by which a line and a trace find each other; none while telemetry is off."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _with_places(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Instead of an exception its type, and where it was raised, innermost last."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error: Any = given
    if given is True:
        error = sys.exc_info()[1]
    elif isinstance(given, tuple):
        error = given[1]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(error, BaseException):
        event["exception"] = _told(error)
    return event


def _told(error: BaseException) -> str:
    kind = type(error)
    said = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    places = _places(error.__traceback__)
    told = f"{said} at {' > '.join(places)}" if places else said
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told if cause is None else f"{told}; because of {type(cause).__qualname__}"


def _places(trace_: TracebackType | None) -> list[str]:
    places: list[str] = []
    while trace_ is not None:
        code = trace_.tb_frame.f_code
        places.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{trace_.tb_lineno} ({code.co_name})")
        trace_ = trace_.tb_next
    return places if len(places) <= _FRAMES else [*places[:2], "…", *places[-_FRAMES + 3 :]]


def _without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRETS.sub("[withheld]", value)
    return event


def _foreign(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Another library's line: its first line, with the numbers among its values and none of the others."""
    record: logging.LogRecord = event["_record"]
    template = str(record.msg).splitlines()[0] if str(record.msg) else ""
    given: Any = event.pop("positional_args", ())
    shown: Any = tuple(each if isinstance(each, int | float) else "…" for each in given)
    with suppress(TypeError, ValueError):  # a template that wants what was left out, or values by name
        template = template % shown if shown else template
    event["event"] = template[:_LONGEST]
    event["logger"] = record.name
    event["level"] = record.levelname.lower()
    return event

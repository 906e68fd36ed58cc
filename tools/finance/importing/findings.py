"""What an import says about a file: how it was read, and each thing that a person should look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.errors import ConsiliaError

Severity = Literal["error", "warning"]
FindingCode = Literal[
    "bad_date", "bad_number", "not_positive", "future_date", "conflicting_duplicate", "duplicate", "missing_value",
    "gap", "possible_split", "outlier", "unchanged_run", "weekend", "unsorted", "ignored_column", "short_row",
    "changed_value",
]  # fmt: skip


class UnreadableTable(ConsiliaError):
    """A file that is no table of daily values; the message says what was looked for and what to pass."""

    code = "unreadable_table"
    status = 422


class Finding(BaseModel):
    """One thing found. error: these rows cannot be kept as they are. line: of the file, from 1. count: how often."""

    model_config = ConfigDict(frozen=True)

    code: FindingCode
    severity: Severity
    message: str
    series_id: str | None = None
    line: int | None = None
    day: date | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Format:
    """How a file was read. decimal: "." or ",". dates: such as "YYYY-MM-DD". layout: wide (a column a series), long (a
    row a value, with its id) or single (one series)."""

    encoding: str
    delimiter: str
    decimal: str
    dates: str
    layout: Literal["wide", "long", "single"]


def shortened(findings: Sequence[Finding], most: int = 5) -> list[Finding]:
    """At most so many findings of one code and series one by one, the rest as a count."""
    kept: list[Finding] = []
    seen: dict[tuple[str, str | None], list[Finding]] = {}
    for each in findings:
        group = seen.setdefault((each.code, each.series_id), [])
        group.append(each)
        if len(group) <= most:
            kept.append(each)
    for (code, series_id), group in seen.items():
        if len(group) > most:
            rest = group[most:]
            more = sum(each.count for each in rest)
            message = f"and {more} more of this kind"
            kept.append(
                Finding(code=code, severity=rest[0].severity, message=message, series_id=series_id, count=more)  # pyright: ignore[reportArgumentType], a code that came from a finding
            )
    return kept

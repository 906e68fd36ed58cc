"""Which columns of a table hold days, ids and values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tools.finance.importing.cells import DateOrder, date_format, is_missing, read_number
from tools.finance.importing.findings import UnreadableTable

Row = tuple[int, list[str]]

_DATE_NAMES: Final = re.compile(r"date|day|datum|fecha|日期|净值日期|交易日|时间|time", re.IGNORECASE)
_ID_NAMES: Final = re.compile(
    r"^(fund(_?id| id| code)?|id|code|ticker|symbol|isin|series(_?id)?|wkn|pair"
    r"|基金代码|证券代码|产品代码|代码|基金|货币对)$",
    re.IGNORECASE,
)
_VALUE_NAMES: Final = (
    re.compile(r"^(nav|unit nav|net asset value|value|price|close|adj(usted)? close|rate|level|last|kurs|wert)$", re.I),
    re.compile(r"^(单位净值|净值|基金净值|最新净值|收盘价?|价格|汇率|数值|点位)(\(.*\))?$"),
)
_OTHER_NAMES: Final = re.compile(
    r"累计|增长|涨跌|回报|收益|申购|赎回|状态|分红|return|change|growth|cumulative|volume|status|dividend|成交|名称|name",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """header: place of the header row, or None. date: its column. ids: column of the ids (long). values: value columns,
    with the series' id of each (None: from the ids column, or the only series). ignored: columns not read."""

    kind: Literal["wide", "long", "single"]
    header: int | None
    date: int
    notation: str
    id: int | None
    values: tuple[tuple[int, str | None], ...]
    ignored: tuple[str, ...]


def find(rows: Sequence[Row], order: DateOrder, series_id: str | None = None) -> Layout:
    """The layout of a table. series_id: the only series, where the caller knows it.

    Raises UnreadableTable, saying what is missing.
    """
    header = _header(rows, order)
    body = rows[0 if header is None else header + 1 :]
    width = max(len(cells) for _, cells in body)
    columns = [[cells[place] if place < len(cells) else "" for _, cells in body[:2000]] for place in range(width)]
    names = list(rows[header][1]) if header is not None else []
    names += [""] * (width - len(names))
    notations = {place: found for place in range(width) if (found := _dates(columns[place], order, names[place]))}
    if not notations:
        raise UnreadableTable(
            "no column holds dates (2024-01-02, 20240102, 2024/1/2, 2024年1月2日, 02.01.2024, 2 Jan 2024 are known)"
        )
    day = next((place for place in notations if _DATE_NAMES.search(names[place])), next(iter(notations)))
    numeric = [place for place in range(width) if place != day and _numbers(columns[place])]
    ids = next((place for place in range(width) if place != day and _ID_NAMES.match(names[place])), None)
    if ids is None and header is None and width == 3 and len(numeric) == 1:
        ids = next(place for place in range(3) if place not in (day, numeric[0]))
    numeric = [place for place in numeric if place != ids]
    if not numeric:
        raise UnreadableTable("no column beside the dates holds numbers")
    named = [place for pattern in _VALUE_NAMES for place in numeric if pattern.match(names[place])]
    other = [place for place in numeric if _OTHER_NAMES.search(names[place])]
    if ids is not None or series_id is not None or named:
        candidates = named or [place for place in numeric if place not in other] or numeric
        if len(candidates) > 1 and not named:
            raise UnreadableTable(
                f"several columns hold numbers ({', '.join(names[place] for place in candidates)}); name the one"
                " that is wanted nav, value or 单位净值"
            )
        value = candidates[0]
        skipped = tuple(names[place] for place in numeric if place != value and names[place])
        if ids is not None and series_id is None:
            return Layout("long", header, day, notations[day], ids, ((value, None),), skipped)
        if series_id is None:
            raise UnreadableTable("the file holds one series and does not say which; name it: --fund ID")
        return Layout("single", header, day, notations[day], None, ((value, series_id),), skipped)
    if header is None:
        raise UnreadableTable("the columns have no names; a first row with the funds' ids is needed, or --fund ID")
    kept = [(place, names[place]) for place in numeric if place not in other and names[place]]
    unnamed = [f"column {place + 1}" for place in numeric if not names[place]]
    twice = sorted({name for _, name in kept if sum(other == name for _, other in kept) > 1})
    if twice:
        raise UnreadableTable(f"several columns have the same name: {', '.join(twice)}")
    if not kept:
        raise UnreadableTable("no named column beside the dates holds values")
    skipped = tuple([names[place] for place in other] + unnamed)
    return Layout("wide", header, day, notations[day], None, tuple(kept), skipped)


def _header(rows: Sequence[Row], order: DateOrder) -> int | None:
    """The place of the row of names: the last before the first row that holds a date and a number."""
    if not rows:
        raise UnreadableTable("the file is empty")
    for place, (_, cells) in enumerate(rows[:50]):
        loose: DateOrder = "dmy" if order == "auto" else order
        dated = [cell for cell in cells if _one_date(cell, loose)]
        if dated and any(cell not in dated and (_number(cell) or is_missing(cell)) for cell in cells):
            return place - 1 if place else None
    for place, (_, cells) in enumerate(rows[:50]):  # days as a spreadsheet's numbers are told by the column's name only
        below = rows[place + 1][1] if place + 1 < len(rows) else []
        if any(_DATE_NAMES.search(name) and date_format([cell]) for name, cell in zip(cells, below, strict=False)):
            return place
    raise UnreadableTable("no row holds a date and a number")


def _one_date(cell: str, order: DateOrder) -> bool:
    if is_missing(cell):
        return False
    return date_format([cell], order) not in (None, "day number") or date_format([cell], "mdy") == "MM/DD/YYYY"


def _dates(column: Sequence[str], order: DateOrder, name: str) -> str | None:
    found = date_format(column, order)
    return None if found == "day number" and not _DATE_NAMES.search(name) else found


def _number(cell: str) -> bool:
    return read_number(cell, ".") is not None or read_number(cell, ",") is not None


def _numbers(column: Sequence[str]) -> bool:
    """Whether at least half of a column's cells that say something say a number."""
    told = [cell for cell in column if not is_missing(cell)]
    return bool(told) and sum(_number(cell) for cell in told) >= 0.5 * len(told)

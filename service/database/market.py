"""Funds and daily values of a tenant, in SQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import BindParameter, RowMapping, String, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.database.engine import Database
from service.database.tables import FundRow, MarketSeries, Table, new_id, now
from service.database.tables import MarketData as MarketDataRow
from service.database.writer import Statement, Write
from tools.finance.market import Fund, SeriesFacts
from tools.finance.series import Series

_CACHED: Final = 1_000
"""Series that a process keeps unpacked, about 40 kB each for ten years."""


def _upsert(table: type[Table], keys: Sequence[str], dialect: str, rank: int) -> Statement:
    insert: Any = sqlite_insert if dialect == "sqlite" else postgresql_insert
    row = insert(table)
    changed = {each.name: row.excluded[each.name] for each in table.__table__.columns if each.name not in keys}
    return Statement(row.on_conflict_do_update(index_elements=list(keys), set_=changed), rank)


_DIALECTS = ("sqlite", "postgresql")
_PUT_FUND = {each: _upsert(FundRow, ("tenant_id", "fund_id"), each, 70) for each in _DIALECTS}
_PUT_SERIES = {each: _upsert(MarketSeries, ("tenant_id", "series_id"), each, 71) for each in _DIALECTS}
_PUT_YEAR = {each: _upsert(MarketDataRow, ("tenant_id", "series_id", "year"), each, 73) for each in _DIALECTS}
_DELETE_YEARS = Statement(
    delete(MarketDataRow).where(
        MarketDataRow.tenant_id == bindparam("b_tenant_id"), MarketDataRow.series_id == bindparam("b_series_id")
    ),
    rank=72,
)


_OWN: BindParameter[str] = bindparam("b_tenant_id", type_=String())
_SYNTHETIC = select(MarketSeries.series_id).where(MarketSeries.tenant_id == _OWN, MarketSeries.synthetic)
_DELETE_SYNTHETIC = (
    Statement(
        delete(MarketDataRow).where(MarketDataRow.tenant_id == _OWN, MarketDataRow.series_id.in_(_SYNTHETIC)), 74
    ),
    Statement(delete(MarketSeries).where(MarketSeries.tenant_id == _OWN, MarketSeries.synthetic), 75),
    Statement(delete(FundRow).where(FundRow.tenant_id == _OWN, FundRow.synthetic), 76),
)


def pack(series: Series) -> Iterable[tuple[int, bytes, bytes]]:
    """(year, days, values) of each year that the series reaches."""
    years = series.days.astype("datetime64[Y]")
    for year in np.unique(years):
        chosen = years == year
        days = (series.days[chosen] - year.astype("datetime64[D]")).astype("<u2")
        yield int(year.astype(int)) + 1970, days.tobytes(), series.values[chosen].astype("<f8").tobytes()


def unpack(rows: Sequence[tuple[int, bytes, bytes]]) -> Series:
    """The series of rows in the order of their years."""
    days = [
        np.datetime64(f"{year:04}-01-01", "D") + np.frombuffer(packed, dtype="<u2").astype(np.int64)
        for year, packed, _ in rows
    ]
    values = [np.frombuffer(packed, dtype="<f8").astype(np.float64) for _, _, packed in rows]
    return Series(np.concatenate(days), np.concatenate(values))


async def put_funds(database: Database, tenant_id: str, funds: Iterable[Fund]) -> None:
    """Keep the facts of funds, new or in place of those there."""
    statement = _PUT_FUND[database.engine.dialect.name]
    rows = [{**fund.model_dump(), "tenant_id": tenant_id, "updated_at": now()} for fund in funds]
    await database.writer.write(*(Write(statement, row) for row in rows))


async def put_series(database: Database, tenant_id: str, kept: Iterable[tuple[SeriesFacts, Series]]) -> None:
    """Keep whole series, new or in place of those there, in one transaction."""
    dialect = database.engine.dialect.name
    writes: list[Write] = []
    for facts, series in kept:
        own = {"tenant_id": tenant_id, "series_id": facts.series_id}
        row = {
            **own,
            **facts.model_dump(include={"kind", "name", "currency", "source", "synthetic", "observations"}),
            "first_day": facts.first,
            "last_day": facts.last,
            "revision": new_id(),
            "updated_at": now(),
        }
        writes.append(Write(_PUT_SERIES[dialect], row))
        writes.append(Write(_DELETE_YEARS, {f"b_{name}": value for name, value in own.items()}))
        for year, days, values in pack(series):
            writes.append(Write(_PUT_YEAR[dialect], {**own, "year": year, "days": days, "values": values}))
    await database.writer.write(*writes)


async def delete_synthetic(database: Database, tenant_id: str) -> None:
    """Delete every synthetic fund and series."""
    await database.writer.write(*(Write(each, {"b_tenant_id": tenant_id}) for each in _DELETE_SYNTHETIC))


class MarketStore:
    """`tools.finance.market.MarketData` over SQL. Unpacked series are kept until their revision changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[tuple[str, str], tuple[str, Series]] = {}

    async def funds(self, tenant_id: str) -> Sequence[Fund]:
        query = select(FundRow.__table__).where(FundRow.tenant_id == tenant_id).order_by(FundRow.fund_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Fund.model_validate({name: row[name] for name in Fund.model_fields}) for row in rows]

    async def listing(self, tenant_id: str) -> Sequence[SeriesFacts]:
        query = (
            select(MarketSeries.__table__).where(MarketSeries.tenant_id == tenant_id).order_by(MarketSeries.series_id)
        )
        async with self._database.reading() as connection:
            return [_facts(row) for row in (await connection.execute(query)).mappings().all()]

    async def series(self, tenant_id: str, series_ids: Sequence[str]) -> Mapping[str, Series]:
        wanted = list(dict.fromkeys(series_ids))
        own = MarketSeries.tenant_id == tenant_id, MarketSeries.series_id.in_(wanted)
        query = select(MarketSeries.series_id, MarketSeries.revision).where(*own)
        async with self._database.reading() as connection:
            revisions = dict(row for row in await connection.execute(query))
            held = {name: self._kept.get((tenant_id, name)) for name in revisions}
            series = {name: each[1] for name, each in held.items() if each and each[0] == revisions[name]}
            stale = [name for name in revisions if name not in series]
            if stale:
                years = (
                    select(MarketDataRow.series_id, MarketDataRow.year, MarketDataRow.days, MarketDataRow.values_)
                    .where(MarketDataRow.tenant_id == tenant_id, MarketDataRow.series_id.in_(stale))
                    .order_by(MarketDataRow.series_id, MarketDataRow.year)
                )
                found: dict[str, list[tuple[int, bytes, bytes]]] = {}
                for name, year, days, values in await connection.execute(years):
                    found.setdefault(name, []).append((year, days, values))
                for name, rows in found.items():
                    series[name] = unpack(rows)
                    self._keep(tenant_id, name, revisions[name], series[name])
        return series

    def _keep(self, tenant_id: str, name: str, revision: str, series: Series) -> None:
        while len(self._kept) >= _CACHED:
            self._kept.pop(next(iter(self._kept)))
        self._kept[tenant_id, name] = revision, series


def _facts(row: RowMapping) -> SeriesFacts:
    named = {name: row[name] for name in SeriesFacts.model_fields if name in row}
    return SeriesFacts(**named, first=row["first_day"], last=row["last_day"])

"""Market data brought into the database: from files, from live sources, and the synthetic set for demonstrations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from service.database import market
from service.database.engine import Database
from service.database.market import MarketStore
from tools.errors import InvalidInput
from tools.finance import synthetic
from tools.finance.importing.findings import Finding, shortened
from tools.finance.importing.reading import Options, quoted, read
from tools.finance.market import Fund, Kind, MarketSource, SeriesFacts
from tools.finance.series import Series, as_dates, floats


class SeriesImport(BaseModel):
    """What of a file's series is new. added, unchanged, changed: values, beside those kept before. total: after it."""

    model_config = ConfigDict(frozen=True)

    series_id: str
    kind: Kind
    currency: str
    first: date
    last: date
    added: int
    unchanged: int
    changed: int
    total: int
    fund_known: bool


class KeepReport(BaseModel):
    """What came of an import. kept: False when nothing was written, for `reason`."""

    model_config = ConfigDict(frozen=True)

    kept: bool
    reason: str | None
    series: list[SeriesImport]
    findings: list[Finding]
    errors: int
    warnings: int


class ImportReport(KeepReport):
    """What came of a file, and how it was read."""

    file: str
    encoding: str
    delimiter: str
    decimal: str
    dates: str
    layout: str
    rows: int


@dataclass(frozen=True, slots=True)
class Order:
    """How to import. currency: of series that are new and no known fund's. source: label that results show.

    dry_run: write nothing. accept: write the good values although others are errors. replace: let values of the file
    win over different ones that are kept.
    """

    options: Options
    source: str
    kind: Kind = "nav"
    currency: str | None = None
    dry_run: bool = False
    accept: bool = False
    replace: bool = False


async def import_values(database: Database, tenant_id: str, name: str, content: bytes, order: Order) -> ImportReport:
    """Read a file of daily values and keep them; the same file again changes nothing.

    Raises UnreadableTable, and InvalidInput when a series' currency is unknown or it holds synthetic values.
    """
    reading = read(content, order.options)
    kept = await keep(database, tenant_id, reading.series, reading.findings, order)
    form = reading.format
    return ImportReport(
        **kept.model_dump(),
        file=name,
        encoding=form.encoding,
        delimiter=form.delimiter,
        decimal=form.decimal,
        dates=form.dates,
        layout=form.layout,
        rows=reading.rows,
    )


async def fetch(
    database: Database,
    tenant_id: str,
    source: MarketSource,
    series_ids: Sequence[str],
    since: date | None,
    order: Order,
) -> KeepReport:
    """Ask a live source for series and keep what it says, held to the rules of a file. since: the first day to ask for;
    None: the day after the last that is kept.

    Raises what the source raises, and InvalidInput as `import_values` does.
    """
    known = {each.series_id: each for each in await MarketStore(database).listing(tenant_id)}
    series: dict[str, Series] = {}
    findings: list[Finding] = []
    currencies: dict[str, str] = {}
    for series_id in series_ids:
        last = known[series_id].last if series_id in known else None
        start = since or (last + timedelta(days=1) if last else None)
        quotes = await source.fetch(series_id, start, None)
        found, told = quoted(series_id, quotes.values, order.options.today)
        findings.extend(told)
        if len(found):
            series[series_id] = found
        if quotes.currency is not None:
            currencies[series_id] = quotes.currency
    return await keep(database, tenant_id, series, findings, order, currencies)


async def keep(
    database: Database,
    tenant_id: str,
    series: Mapping[str, Series],
    found: Sequence[Finding],
    order: Order,
    currencies: Mapping[str, str] | None = None,
) -> KeepReport:
    """Merge series into those that are kept, all in one transaction or none. currencies: as their source says."""
    store = MarketStore(database)
    funds = {fund.fund_id: fund for fund in await store.funds(tenant_id)}
    listing = {each.series_id: each for each in await store.listing(tenant_id)}
    before = await store.series(tenant_id, list(series))
    findings = list(found)
    told: list[SeriesImport] = []
    kept: list[tuple[SeriesFacts, Series]] = []
    for series_id, each in series.items():
        facts = _facts(series_id, funds, listing, order, (currencies or {}).get(series_id))
        merged, counts = _merged(series_id, before.get(series_id), each, order.replace, findings)
        told.append(
            SeriesImport(
                series_id=series_id,
                kind=facts["kind"],
                currency=facts["currency"],
                first=each.first,
                last=each.last,
                total=len(merged),
                fund_known=series_id in funds,
                **counts,
            )
        )
        if counts["added"] or counts["changed"]:
            whole = SeriesFacts(**facts, first=merged.first, last=merged.last, observations=len(merged))
            kept.append((whole, merged))
    errors = sum(each.count for each in findings if each.severity == "error")
    reason = None
    if order.dry_run:
        reason = "dry run: nothing is written"
    elif errors and not order.accept:
        reason = f"{errors} value(s) cannot be kept; mend them, or keep the good ones with --accept"
    elif not kept:
        reason = "there is nothing new: everything is kept already"
    else:
        await market.put_series(database, tenant_id, kept)
    return KeepReport(
        kept=reason is None,
        reason=reason,
        series=told,
        findings=shortened(findings),
        errors=errors,
        warnings=sum(each.count for each in findings if each.severity == "warning"),
    )


def _facts(
    series_id: str, funds: Mapping[str, Fund], listing: Mapping[str, SeriesFacts], order: Order, said: str | None
) -> dict[str, Any]:
    """The facts of a series that do not depend on its values. said: the currency that its source names."""
    known = listing.get(series_id)
    if not 1 <= len(series_id) <= 64 or not series_id.isprintable():
        raise InvalidInput(f"{series_id[:80]!r} is no id of a series: 1 to 64 printable characters")
    if known is not None and known.synthetic:
        raise InvalidInput(
            f"{series_id} is synthetic; no real values are mixed into it. First: consilia data demo --remove",
            series_id=series_id,
        )
    if order.kind == "fx" and not re.fullmatch(r"[A-Z]{6}", series_id):
        raise InvalidInput(
            f"{series_id!r} is no currency pair such as EURUSD (dollars for one euro)", series_id=series_id
        )
    currency = series_id[3:] if order.kind == "fx" else order.currency or said
    fund = funds.get(series_id)
    for kept in {each.currency for each in (fund, known) if each is not None}:
        if currency is not None and currency != kept:
            raise InvalidInput(f"{series_id} is kept in {kept}, not {currency}", series_id=series_id)
        currency = kept
    if currency is None or not re.fullmatch(r"[A-Z]{3}", currency):
        given = f"{currency!r} is no ISO 4217 code" if currency else "which is not known"
        raise InvalidInput(f"the values of {series_id} need a currency, {given}: --currency CNY", series_id=series_id)
    return {
        "series_id": series_id,
        "kind": known.kind if known else order.kind,
        "name": fund.name_en if fund else (known.name if known else series_id),
        "currency": currency,
        "source": order.source,
        "synthetic": False,
    }


def _merged(
    series_id: str, old: Series | None, new: Series, replace: bool, findings: list[Finding]
) -> tuple[Series, dict[str, int]]:
    """(old and new values together, how many were added, unchanged and changed)."""
    if old is None:
        return new, {"added": len(new), "unchanged": 0, "changed": 0}
    _, places_old, places_new = np.intersect1d(old.days, new.days, assume_unique=True, return_indices=True)
    differs = np.abs(old.values[places_old] - new.values[places_new]) > 1e-12 * np.abs(old.values[places_old])
    clashes = zip(as_dates(old.days[places_old[differs]]), places_old[differs], places_new[differs], strict=True)
    for day, place_old, place_new in clashes:
        message = f"{day} is kept as {old.values[place_old]:g}, the file says {new.values[place_new]:g}"
        hint = "; it was replaced" if replace else "; let the file win with --replace"
        findings.append(
            Finding(
                code="changed_value",
                severity="warning" if replace else "error",
                message=message + hint,
                series_id=series_id,
                day=day,
            )
        )
    values = dict(zip(old.days.tolist(), old.values.tolist(), strict=True))
    fresh = dict(zip(new.days.tolist(), new.values.tolist(), strict=True))
    together = {**values, **fresh} if replace else {**fresh, **values}
    days = sorted(together)
    merged = Series(np.array(days, dtype="datetime64[D]"), floats([together[day] for day in days]))
    changed = int(differs.sum())
    counts = {
        "added": len(new) - len(places_new),
        "unchanged": len(places_new) - changed,
        "changed": changed if replace else 0,
    }
    return merged, counts


async def load_synthetic(database: Database, tenant_id: str, until: date | None = None) -> int:
    """Keep the synthetic funds, benchmarks and rates up to a day (the last weekday by default); how many series.

    They replace earlier synthetic ones of the same ids. Deterministic: the same day has the same value whenever made.
    """
    made = synthetic.make(until or synthetic.last_weekday())
    await market.put_funds(database, tenant_id, made.funds)
    await market.put_series(database, tenant_id, made.series)
    return len(made.series)


async def ensure_synthetic(database: Database, tenant_id: str) -> bool:
    """Keep the synthetic set where there is no market data at all; whether it was made. For the demonstration."""
    if await MarketStore(database).listing(tenant_id):
        return False
    await load_synthetic(database, tenant_id)
    return True

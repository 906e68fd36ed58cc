"""Market data brought into the database: from files, and the synthetic set for demonstrations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from service.database import market
from service.database.engine import Database
from service.database.market import MarketStore
from tools.errors import InvalidInput
from tools.finance import synthetic
from tools.finance.importing.findings import Finding, shortened
from tools.finance.importing.reading import Options, read
from tools.finance.market import Fund, Kind, SeriesFacts
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


class ImportReport(BaseModel):
    """How a file was read and what came of it. kept: False when nothing was written, for `reason`."""

    model_config = ConfigDict(frozen=True)

    file: str
    kept: bool
    reason: str | None
    encoding: str
    delimiter: str
    decimal: str
    dates: str
    layout: str
    rows: int
    series: list[SeriesImport]
    findings: list[Finding]
    errors: int
    warnings: int


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
    store = MarketStore(database)
    funds = {fund.fund_id: fund for fund in await store.funds(tenant_id)}
    listing = {each.series_id: each for each in await store.listing(tenant_id)}
    before = await store.series(tenant_id, list(reading.series))
    findings = list(reading.findings)
    told: list[SeriesImport] = []
    kept: list[tuple[SeriesFacts, Series]] = []
    for series_id, series in reading.series.items():
        facts = _facts(series_id, funds, listing, order)
        merged, counts = _merged(series_id, before.get(series_id), series, order.replace, findings)
        told.append(
            SeriesImport(
                series_id=series_id,
                kind=facts["kind"],
                currency=facts["currency"],
                first=series.first,
                last=series.last,
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
        reason = f"{errors} value(s) cannot be kept; mend the file, or keep the good ones with --accept"
    elif not kept:
        reason = "everything in the file is kept already"
    else:
        await market.put_series(database, tenant_id, kept)
    return ImportReport(
        file=name,
        kept=reason is None,
        reason=reason,
        encoding=reading.format.encoding,
        delimiter=reading.format.delimiter,
        decimal=reading.format.decimal,
        dates=reading.format.dates,
        layout=reading.format.layout,
        rows=reading.rows,
        series=told,
        findings=shortened(findings),
        errors=errors,
        warnings=sum(each.count for each in findings if each.severity == "warning"),
    )


def _facts(
    series_id: str, funds: Mapping[str, Fund], listing: Mapping[str, SeriesFacts], order: Order
) -> dict[str, Any]:
    """The facts of a series that do not depend on its values."""
    known = listing.get(series_id)
    if not 1 <= len(series_id) <= 64 or not series_id.isprintable():
        raise InvalidInput(f"{series_id[:80]!r} is no id of a series: 1 to 64 printable characters")
    if known is not None and known.synthetic:
        raise InvalidInput(f"{series_id} is a synthetic series; real values are not mixed into it", series_id=series_id)
    if order.kind == "fx" and not re.fullmatch(r"[A-Z]{6}", series_id):
        raise InvalidInput(
            f"{series_id!r} is no currency pair such as EURUSD (dollars for one euro)", series_id=series_id
        )
    currency = series_id[3:] if order.kind == "fx" else order.currency
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

"""What the client holds and who the client is, as they come: a CSV of holdings, a TOML profile, or JSON.

Whatever such a file says is data. A name in it is looked up, never followed.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.documents.table import rows_of
from tools.errors import ConsiliaError
from tools.suitability.client import Client
from workflows.financial_advisor.limits import HOLDINGS

CASH: Final = "CASH"
_COLUMNS: Final = ("fund_id", "units", "weight", "currency")
_ALIASES: Final = {
    "fund": "fund_id", "isin": "fund_id", "code": "fund_id", "基金代码": "fund_id", "基金": "fund_id",
    "quantity": "units", "shares": "units", "amount": "units", "份额": "units", "数量": "units", "金额": "units",
    "占比": "weight", "比例": "weight", "币种": "currency",
}  # fmt: skip


class InvalidHoldings(ConsiliaError):
    """Holdings that cannot be read; the message names the row and what is wrong."""

    code = "invalid_holdings"
    status = 422


class InvalidProfile(ConsiliaError):
    """A profile that cannot be read; the message names the field."""

    code = "invalid_profile"
    status = 422


class HeldFund(BaseModel):
    """units: held, 0 or more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fund_id: str = Field(min_length=1, max_length=200)
    units: float


class HeldCash(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    amount: float


class Held(BaseModel):
    """What is held: funds by units and cash by currency, or, instead, weights. Empty: nothing is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    funds: tuple[HeldFund, ...] = ()
    cash: tuple[HeldCash, ...] = ()
    weights: dict[str, float] = Field(default_factory=dict[str, float])

    @property
    def empty(self) -> bool:
        return not (self.funds or self.cash or self.weights)


def from_csv(text: str, name: str = "holdings", most: int = HOLDINGS) -> Held:
    """Holdings from CSV with a header: fund_id and units (or weight); a row CASH has an amount as units and a currency.

    Raises InvalidHoldings with the line at fault.
    """
    return from_table(rows_of(text, name, most), name, most)


def from_table(table: Mapping[str, Any], name: str = "holdings", most: int = HOLDINGS) -> Held:
    """Holdings from the rows of a CSV, as `tools.documents.table.rows_of` gives them. Raises InvalidHoldings."""
    rows: list[list[str]] = table["rows"]
    first = int(table["first"])
    if table["count"] - 1 > most:
        raise InvalidHoldings(f"{name}: {table['count'] - 1} rows; at most {most} are read")
    heading = [_ALIASES.get(cell.strip().lower(), cell.strip().lower()) for cell in rows[0]] if rows else []
    if "fund_id" not in heading or not {"units", "weight"} & set(heading):
        raise InvalidHoldings(
            f"{name}: the first line must name the columns fund_id and units (or weight), and currency for cash; it is "
            f"{','.join(rows[0])[:120] if rows else 'empty'!r}"
        )
    records: list[dict[str, str]] = []
    for number, row in enumerate(rows[1:], start=first + 1):
        if not any(cell.strip() for cell in row) or row[0].lstrip().startswith("#"):
            continue
        record = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        records.append({**record, "line": str(number)})
    return _held(records, name)


def from_rows(rows: Sequence[Any], name: str = "holdings", most: int = HOLDINGS) -> Held:
    """Holdings from JSON rows with the columns of the CSV. Raises InvalidHoldings with the row at fault."""
    if len(rows) > most:
        raise InvalidHoldings(f"{name}: {len(rows)} rows; at most {most} are read")
    records: list[dict[str, str]] = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise InvalidHoldings(
                f"{name}, row {number}: {type(row).__name__}; an object with fund_id and units is needed"
            )
        fields: Mapping[str, Any] = row  # pyright: ignore[reportUnknownVariableType], its keys are checked next
        strange = [str(key)[:40] for key in fields if str(key) not in _COLUMNS]
        if strange:
            raise InvalidHoldings(
                f"{name}, row {number}: there is no field {', '.join(strange)}; {', '.join(_COLUMNS)}"
            )
        records.append({**{str(key): str(value) for key, value in fields.items()}, "line": str(number)})
    return _held(records, name)


def _held(records: Sequence[Mapping[str, str]], name: str) -> Held:
    funds: list[HeldFund] = []
    cash: list[HeldCash] = []
    weights: dict[str, float] = {}
    for record in records:
        fund, where = record.get("fund_id", "").strip(), f"{name}, line {record['line']}"
        if not fund or len(fund) > 200:
            raise InvalidHoldings(f"{where}: the fund_id is {'missing' if not fund else 'too long'}")
        if fund in weights or any(each.fund_id == fund for each in funds):
            raise InvalidHoldings(f"{where}: {fund[:80]!r} is named twice")
        if record.get("weight"):
            weights[fund] = _number(record["weight"], where, "weight")
        elif fund.upper() == CASH:
            currency = record.get("currency", "").upper()
            try:
                cash.append(HeldCash(currency=currency, amount=_number(record.get("units", ""), where, "units")))
            except ValidationError:
                raise InvalidHoldings(f"{where}: cash needs a currency such as CNY, not {currency[:20]!r}") from None
        else:
            funds.append(HeldFund(fund_id=fund, units=_number(record.get("units", ""), where, "units")))
    if weights and (funds or cash):
        raise InvalidHoldings(f"{name}: some rows have units and some a weight; give one kind for all")
    return Held(funds=tuple(funds), cash=tuple(cash), weights=weights)


def _number(text: str, where: str, field: str) -> float:
    """A number as people write it: 1,234.5 or 12.5%. Raises InvalidHoldings for what is none, NaN and infinity too."""
    plain = text.strip().replace(",", "").replace("\u00a0", "").replace("％", "%")
    factor = 0.01 if plain.endswith("%") and field == "weight" else 1.0
    try:
        value = float(plain.removesuffix("%")) * factor
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidHoldings(f"{where}: {field} is {text[:40]!r}, not a number")
    return value


def profile_from_toml(text: str, name: str = "profile") -> Client:
    """The client's profile from TOML; the fields are those of `tools.suitability.client.Client`."""
    try:
        fields = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of too many digits; nested without end
        raise InvalidProfile(f"{name} is not TOML: {error}") from None
    return profile(fields, name)


def profile(fields: Mapping[str, Any], name: str = "profile") -> Client:
    """The client's profile from JSON. Raises InvalidProfile with the field and what is allowed."""
    known = {key: value for key, value in fields.items() if key != "synthetic"}
    try:
        return Client.model_validate(known)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise InvalidProfile(f"{name}: {where}: {fault['msg']}", field=where) from None

"""Facts of funds from a TOML file: a `[[fund]]` table each, with the fields of `market.Fund`."""

import tomllib
from typing import Any, cast

from pydantic import ValidationError

from tools.errors import InvalidInput
from tools.finance.market import Fund


def parse(content: bytes, name: str) -> list[Fund]:
    """The funds of a file. `source` defaults to its name. Raises InvalidInput that names the fund and the field."""
    try:
        told = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also a number of too many digits; nested without end
        raise InvalidInput(f"{name} is no TOML file in UTF-8: {error}") from None
    entries = told.get("fund")
    if not isinstance(entries, list) or not entries or set(told) != {"fund"}:
        raise InvalidInput(
            f"{name} must hold [[fund]] tables and nothing else; it holds {', '.join(told) or 'nothing'}"
        )
    funds: list[Fund] = []
    for place, entry in enumerate(cast(list[dict[str, Any]], entries), 1):
        strange = sorted(set(entry) - set(Fund.model_fields))
        if strange:
            raise InvalidInput(f"{name}, fund {place}: unknown field(s) {', '.join(strange)}")
        try:
            funds.append(Fund.model_validate({"source": name, **entry, "synthetic": False}))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise InvalidInput(f"{name}, fund {place} ({entry.get('fund_id', 'without fund_id')}): {faults}") from None
    twice = sorted({each.fund_id for each in funds if sum(other.fund_id == each.fund_id for other in funds) > 1})
    if twice:
        raise InvalidInput(f"{name} has more than one fund {', '.join(twice)}")
    return funds

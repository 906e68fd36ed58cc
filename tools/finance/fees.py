"""What fees and tax take from wealth over the years."""

from dataclasses import dataclass

from tools.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Costs:
    """Fractions. entry: of the amount paid in. exit: of the final value. ongoing: of the value a year. gains_tax: of
    the gain, paid at the end. income_yield, income_tax: paid out a year and taxed then, the rest reinvested."""

    entry: float = 0.0
    exit: float = 0.0
    ongoing: float = 0.0
    gains_tax: float = 0.0
    income_yield: float = 0.0
    income_tax: float = 0.0


@dataclass(frozen=True, slots=True)
class Drag:
    """Final wealth three ways, and the yearly return that fees and tax cost. reduction_in_yield: a year."""

    without_costs: float
    with_fees: float
    with_fees_and_tax: float
    reduction_in_yield: float


def drag(amount: float, years: float, gross: float, costs: Costs) -> Drag:
    """Wealth after `years` at a gross return a year, without costs, with fees, and with fees and tax.

    With fees: amount·(1 − entry)·((1 + gross)·(1 − ongoing))^years·(1 − exit). Tax on income lowers each year's growth
    by yield·tax, and adds to the cost basis what was reinvested; tax on gains takes its share of proceeds − basis when
    positive. Reduction in yield: gross − ((final / amount)^(1 / years) − 1).
    Source: PRIIPs Delegated Regulation (EU) 2017/653, annex VI (reduction in yield); CFA Institute, after-tax wealth
    accumulation, annual accrual and deferred capital gains.
    """
    if not amount > 0 or not years > 0 or not gross > -1:
        raise InvalidInput(f"amount {amount:g} and years {years:g} must be positive, the return {gross:g} above -1")
    for name, value in vars_of(costs).items():
        if not 0 <= value < 1:
            raise InvalidInput(f"{name} must be a fraction in [0, 1), not {value:g}", field=name, value=value)
    factor = (1.0 + gross) * (1.0 - costs.ongoing)
    taxed = factor - costs.income_yield * costs.income_tax
    if taxed <= 0:
        raise InvalidInput("return, fees and tax leave nothing after one year")
    plain = amount * (1.0 + gross) ** years
    invested = amount * (1.0 - costs.entry)
    fees = invested * factor**years * (1.0 - costs.exit)
    proceeds = invested * taxed**years * (1.0 - costs.exit)
    reinvested = costs.income_yield * (1.0 - costs.income_tax)
    sums = (taxed**years - 1.0) / (taxed - 1.0) if abs(taxed - 1.0) > 1e-12 else years
    basis = amount + invested * reinvested * sums
    final = proceeds - costs.gains_tax * max(proceeds - basis, 0.0)
    return Drag(plain, fees, final, gross - ((final / amount) ** (1.0 / years) - 1.0))


def vars_of(costs: Costs) -> dict[str, float]:
    """The costs by name."""
    return {
        "entry": costs.entry,
        "exit": costs.exit,
        "ongoing": costs.ongoing,
        "gains_tax": costs.gains_tax,
        "income_yield": costs.income_yield,
        "income_tax": costs.income_tax,
    }

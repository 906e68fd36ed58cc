"""Exchange rates: direct, inverted, or crossed through a third currency. A rate that is missing is an error."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tools.finance.faults import MissingRate
from tools.finance.series import Series, align


@dataclass(frozen=True, slots=True)
class Step:
    """One pair of a path. inverted: the pair quotes the other direction, so its rate is divided by."""

    pair: str
    inverted: bool


def route(pairs: Iterable[str], source: str, target: str) -> tuple[Step, ...]:
    """The shortest way from one currency to another over known pairs such as EURUSD (dollars for one euro).

    Empty when they are the same. Raises MissingRate when there is no way.
    """
    steps: dict[str, list[tuple[str, Step]]] = {}
    for pair in sorted(pairs):
        base, quote = pair[:3], pair[3:]
        steps.setdefault(base, []).append((quote, Step(pair, False)))
        steps.setdefault(quote, []).append((base, Step(pair, True)))
    ways: dict[str, tuple[Step, ...]] = {source: ()}
    queue = [source]
    for at in queue:
        if at == target:
            return ways[at]
        for reached, step in steps.get(at, ()):
            if reached not in ways:
                ways[reached] = (*ways[at], step)
                queue.append(reached)
    known = ", ".join(sorted(steps)) or "none"
    raise MissingRate(
        f"there is no exchange rate from {source} to {target}; currencies with rates: {known}. Import one as the series"
        f" {source}{target}",
        source=source,
        target=target,
    )


def rates(series: Mapping[str, Series], path: tuple[Step, ...]) -> Series:
    """The rate of a path on the days that all its pairs have: the product of rates and inverses (no arbitrage).

    Source: CFA Institute, Economics, cross-rate calculations.
    """
    panel = align(series, [step.pair for step in path], least=1)
    product = 1.0
    for column, step in enumerate(path):
        value = panel.values[:, column]
        product = product / value if step.inverted else product * value
    return Series(panel.days, product + 0.0 * panel.values[:, 0])


def convert(values: Series, rate: Series) -> Series:
    """Values times rates on the days that have both; no day is filled. Source: CFA Institute, cross-rates."""
    panel = align({"value": values, "rate": rate}, ("value", "rate"), least=1)
    return Series(panel.days, panel.values[:, 0] * panel.values[:, 1])

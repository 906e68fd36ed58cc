"""How well made-up figures are caught, and how few true ones go with them: sentences as models write them, seeded.

Turns of advice on the synthetic market give the results. Each sentence says something of one of their figures, once
with the true figure and many times with a made-up one, or with another figure of the same results, and goes through the
same check as what a model writes. A made-up figure that differs from the true one in print and yet passes was missed.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from tools.suitability.client import Client
from workflows.financial_advisor import tracing
from workflows.financial_advisor.figure_sentences import Sentence, sentences
from workflows.financial_advisor.grounds import grounds
from workflows.financial_advisor.holdings import Held, HeldCash, HeldFund
from workflows.financial_advisor.rehearsing import TODAY, rehearse
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.tracing import Ground

_DECIMALS: Final = (0, 1, 2)


class Caught(BaseModel):
    """Of one kind. made_up, caught: sentences with a made-up figure, and those whose figure was found to be none.
    swapped, swaps_caught: the same with a true figure of something else. true, removed: true sentences, and those taken
    for wrong."""

    model_config = ConfigDict(frozen=True)

    made_up: int
    caught: int
    swapped: int
    swaps_caught: int
    true: int
    removed: int

    @property
    def recall(self) -> float:
        return self.caught / self.made_up if self.made_up else 1.0

    @property
    def wrongly_removed(self) -> float:
        return self.removed / self.true if self.true else 0.0


class Scores(BaseModel):
    """By kind and number of decimals, such as "return, 1 decimal"."""

    model_config = ConfigDict(frozen=True)

    seed: int
    kinds: dict[str, Caught]
    missed: list[str]
    lost: list[str]


_EURO: Final = (
    Client(
        regime="eu", currency="EUR", age=52, client_class="C3", horizon_years=7, objective="balanced",
        knowledge="basic", loss_capacity=0.2, liquidity_need=20_000,
    ),
    Held(
        funds=tuple(
            HeldFund(fund_id=name, units=units)
            for name, units in (("SYN-EQ-EU", 700), ("SYN-EQ-EM", 900), ("SYN-CB-EU", 900), ("SYN-AL-PE", 120))
        ),
        cash=(HeldCash(currency="EUR", amount=15_000),),
    ),
)  # fmt: skip
_YUAN: Final = (
    Client(
        regime="cn", currency="CNY", client_class="C4", horizon_years=12, objective="growth", knowledge="informed",
        loss_capacity=0.3, liquidity_need=30_000,
    ),
    Held(
        funds=tuple(
            HeldFund(fund_id=name, units=units)
            for name, units in (("SYN-EQ-WO", 400), ("SYN-EQ-CN", 9000), ("SYN-GB-CN", 20000), ("SYN-GO-CN", 3000))
        ),
        cash=(HeldCash(currency="CNY", amount=35_000),),
    ),
)  # fmt: skip
TURNS: Final = (
    (*_EURO, "Analyse my portfolio; how do SYN-EQ-EU and SYN-CB-EU compare? What do fees take?"),
    (*_YUAN, "分析我的组合，比较 SYN-EQ-WO 和 SYN-GB-CN，费用是多少？"),
)


async def evaluate(seed: int = 1, fictions: int = 25) -> Scores:
    """Turns of advice rehearsed and scored; the same seed gives the same scores."""
    return score([await rehearse(question, client, held) for client, held, question in TURNS], seed, fictions)


def score(states: Sequence[AdviceState], seed: int, fictions: int) -> Scores:
    """Every sentence over every turn, each with so many made-up figures."""
    draw = random.Random(seed)  # noqa: S311, no secret
    counts: dict[str, list[int]] = {}
    missed: list[str] = []
    lost: list[str] = []
    for state in states:
        known = grounds(state)
        told = list(sentences(state))
        for one in told:
            for decimals in _DECIMALS if one.form != "money" else (0,):
                row = counts.setdefault(_label(one, decimals), [0] * 6)
                true = one.text.replace("{x}", _printed(one, one.value, decimals))
                row[4] += 1
                if _wrong(true, known):
                    row[5] += 1
                    lost.append(true)
                for false, place in _fictions(one, told, decimals, draw, fictions):
                    row[place] += 1
                    text = one.text.replace("{x}", false)
                    if _wrong(text, known):
                        row[place + 1] += 1
                    else:
                        missed.append(text)
    kinds = {name: Caught(**dict(zip(Caught.model_fields, row, strict=True))) for name, row in sorted(counts.items())}
    return Scores(seed=seed, kinds=kinds, missed=missed, lost=lost)


def _label(one: Sentence, decimals: int) -> str:
    return one.kind if one.form == "money" else f"{one.kind}, {decimals} decimal{'' if decimals == 1 else 's'}"


def _wrong(text: str, known: Ground) -> bool:
    return bool(tracing.untraceable(text, known, TODAY, as_said=True))


def _printed(one: Sentence, value: float, decimals: int) -> str:
    match one.form:
        case "percent":
            return f"{100 * value:.{decimals}f}%"
        case "money":
            return f"{value:,.0f}"
        case _:
            return f"{value:.{decimals}f}"


def _fictions(
    one: Sentence, told: Sequence[Sentence], decimals: int, draw: random.Random, count: int
) -> Iterator[tuple[str, int]]:
    """(a figure that is not the true one in print, 0 for a drawn one and 2 for one of something else)."""
    true = _printed(one, one.value, decimals)
    for _ in range(count):
        if (false := _printed(one, draw.uniform(one.low, one.high), decimals)) != true:
            yield false, 0
    others = [each for each in told if each.form == one.form and each.value > 0 and each.kind != one.kind]
    for other in draw.sample(others, min(count // 3 + 1, len(others))):
        if (false := _printed(one, other.value, decimals)) != true:
            yield false, 2

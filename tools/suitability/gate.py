"""The gate: a recommendation goes through only as far as it suits the client. A pure function; no model takes part.

Every rule only ever moves weight out of products and into cash, which is R1 and always allowed. So nothing that one
rule took away makes another one fail, and what has passed the gate once passes it again unchanged.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.suitability.client import KNOWLEDGE, Client, ClientClass
from tools.suitability.questionnaire import Classified, Text
from tools.suitability.rules import RISKS, RiskClass, Rules, rules

CASH: Final = "CASH"
_SLACK: Final = 1e-9
Effect = Literal["removed", "reduced", "blocked"]


class Product(BaseModel):
    """A product's facts as the gate needs them; they come from the market data, never from a model.

    severe_loss: the largest loss that was measured, as a fraction, where it was.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    fund_id: str
    risk_class: RiskClass
    category: str
    dealing: Literal["daily", "weekly", "monthly", "quarterly"] = "daily"
    settlement_days: int = 2
    severe_loss: float | None = Field(default=None, ge=0, le=1)


class Breach(BaseModel):
    """A rule that a recommendation broke, and what became of it. before, after: the share; limit: what was allowed."""

    model_config = ConfigDict(frozen=True)

    rule: str
    title: Text
    source: Text
    effect: Effect
    subject: str
    before: float | None
    after: float | None
    limit: str


class Gated(BaseModel):
    """What leaves the gate. weights: shares that sum to 1, CASH among them; empty when all is blocked.

    on_request: products above the client's class that the client insists on and that a person may release as the
    client's own order, with a written warning; they are never part of `weights`.
    """

    model_config = ConfigDict(frozen=True)

    outcome: Literal["passed", "changed", "blocked"]
    client_class: ClientClass | None
    highest: RiskClass | None
    weights: dict[str, float]
    breaches: list[Breach]
    on_request: list[str]
    severe_loss: float | None
    by_risk_class: dict[str, float]
    rules_version: str


def gate(
    weights: Mapping[str, float],
    products: Iterable[Product],
    classified: Classified,
    *,
    total: float | None = None,
    insisted: Iterable[str] = (),
    law: Rules | None = None,
) -> Gated:
    """The recommendation as far as it suits. weights: shares by product, the rest is cash. total: the money, in the
    client's currency, to which the liquidity need is compared. insisted: products that the client asks for knowingly.

    Without a class, or with facts missing, all is blocked (Order No. 130, art. 6; Regulation 2017/565, art. 54(8)).
    """
    law = law or rules()
    known = {each.fund_id: each for each in products}
    client, client_class = classified.client, classified.client_class
    if client_class is None or classified.missing:
        what = ", ".join(classified.missing) or "client_class"
        blocked = _breach(law, client, "no_profile", "blocked", "client", None, None, what)
        return _gated("blocked", classified, law, {}, [blocked], [], known)
    work = _Work(law, client, client_class, classified.lowest, known)
    work.take_in(weights)
    work.remove(work.unsuitable)
    for reduce in (work.single_funds, work.categories, work.risk_mix, work.illiquid):
        reduce()
    work.liquidity(total)
    work.losses()
    on_request = (
        []
        if classified.lowest or client.regime == "eu"
        else [name for name in insisted if name in known and known[name].risk_class > law.matching[client_class]]
    )
    outcome = "changed" if work.breaches else "passed"
    return _gated(outcome, classified, law, work.finished(), work.breaches, on_request, known)


def suitable(products: Iterable[Product], classified: Classified, law: Rules | None = None) -> list[Product]:
    """The products that a client may be recommended at all, whatever the share; none without a class."""
    if classified.client_class is None or classified.missing:
        return []
    work = _Work(law or rules(), classified.client, classified.client_class, classified.lowest, {})
    return [each for each in products if work.unsuitable(each) is None]


class _Work:
    """The shares while the rules go over them."""

    def __init__(
        self, law: Rules, client: Client, client_class: ClientClass, lowest: bool, known: Mapping[str, Product]
    ) -> None:
        self.law: Rules = law
        self.client: Client = client
        self.client_class: ClientClass = client_class
        self.lowest: bool = lowest
        self.known: Mapping[str, Product] = known
        self.shares: dict[str, float] = {}
        self.breaches: list[Breach] = []

    def note(self, rule: str, effect: Effect, subject: str, before: float | None, after: float, limit: str) -> None:
        self.breaches.append(_breach(self.law, self.client, rule, effect, subject, before, after, limit))

    def take_in(self, weights: Mapping[str, float]) -> None:
        """Keep what is a share of a known product; scale down what adds up to more than there is."""
        for name, weight in weights.items():
            if not math.isfinite(weight) or weight < 0:
                before = weight if math.isfinite(weight) else None
                self.note("invalid_weight", "removed", name, before, 0.0, "0 … 1")
            elif name == CASH or weight == 0:
                continue
            elif name not in self.known:
                self.note("unknown_product", "removed", name, weight, 0.0, "–")
            else:
                if weight > 1 + 1e-6:
                    self.note("leverage", "reduced", name, weight, 1.0, "1")
                self.shares[name] = min(1.0, weight)
        cash = weights.get(CASH, 0.0)
        cash = min(cash, 1.0) if math.isfinite(cash) and cash > 0 else 0.0
        whole = math.fsum(self.shares.values()) + cash
        if whole > 1 + 1e-6:
            self.note("leverage", "reduced", "Σ", whole, 1.0, "1")
        if whole > 1:
            self.scale(self.shares, 1 / whole)

    def scale(self, names: Iterable[str], factor: float) -> None:
        for name in list(names):
            self.shares[name] *= factor

    def unsuitable(self, product: Product) -> tuple[str, str] | None:
        """(rule, limit) that keeps a product from the client altogether."""
        law, client, highest = self.law, self.client, self.law.matching[self.client_class]
        if self.lowest and product.risk_class != "R1":
            return "lowest_class", "R1"
        if product.risk_class > highest:
            return "product_class", highest
        if client.objective and product.risk_class > law.objective[client.objective]:
            return "objective", law.objective[client.objective]
        needed = law.knowledge.get(product.category, "advanced")
        if client.knowledge and KNOWLEDGE.index(client.knowledge) < KNOWLEDGE.index(needed):
            return "knowledge", needed
        years = law.horizon.get(product.category, 5.0)
        if client.horizon_years is not None and client.horizon_years < years:
            return "horizon", f"≥ {years:g}"
        return None

    def remove(self, reason: Callable[[Product], tuple[str, str] | None]) -> None:
        for name in list(self.shares):
            if (why := reason(self.known[name])) is not None:
                self.note(why[0], "removed", name, self.shares.pop(name), 0.0, why[1])

    def cap(self, rule: str, names: list[str], limit: float, subject: str) -> None:
        """Scale some shares down, together, to a limit."""
        whole = math.fsum(self.shares[name] for name in names)
        if whole > limit + _SLACK:
            self.note(rule, "reduced", subject, whole, limit, f"≤ {limit:.0%}")
            self.scale(names, limit / whole)

    def single_funds(self) -> None:
        for name in self.shares:
            self.cap("single_fund", [name], self.law.single_fund[self.known[name].risk_class], name)

    def categories(self) -> None:
        for category, limit in self.law.category.items():
            self.cap(
                "category", [each for each in self.shares if self.known[each].category == category], limit, category
            )

    def risk_mix(self) -> None:
        highest = self.law.matching[self.client_class]
        riskiest = [name for name in self.shares if self.known[name].risk_class == highest > "R2"]
        self.cap("risk_mix", riskiest, self.law.risk_mix[self.client_class], highest)

    def illiquid(self) -> None:
        bound = self.law.illiquid
        slow = [
            name
            for name in self.shares
            if self.known[name].dealing in ("monthly", "quarterly")
            or self.known[name].settlement_days > bound.settlement_days
        ]
        self.cap("illiquid", slow, bound.share(self.client_class), "illiquid")

    def liquidity(self, total: float | None) -> None:
        """Leave the money that is needed within a year in cash and daily R1 and R2 products."""
        need = self.client.liquidity_need
        if need <= 0:
            return
        share = 1.0 if total is None or not total > 0 else min(1.0, need / total)
        ready = ("R1", "R2")
        slow = [
            name
            for name in self.shares
            if self.known[name].risk_class not in ready or self.known[name].dealing != "daily"
        ]
        self.cap("liquidity_need", slow, 1.0 - share, "liquidity")

    def losses(self) -> None:
        """Scale all products down until a severe year costs no more than the client can bear."""
        capacity = self.client.loss_capacity
        loss = self.severe_loss()
        if capacity is not None and loss > capacity + _SLACK:
            self.note("loss_capacity", "reduced", "portfolio", loss, capacity, f"≤ {capacity:.0%}")
            self.scale(self.shares, capacity / loss)

    def severe_loss(self) -> float:
        return math.fsum(weight * _severe(self.law, self.known[name]) for name, weight in self.shares.items())

    def finished(self) -> dict[str, float]:
        kept = {name: weight for name, weight in self.shares.items() if weight > 1e-12}
        return kept | {CASH: max(0.0, 1.0 - math.fsum(kept.values()))}


def _severe(law: Rules, product: Product) -> float:
    return max(law.severe_loss[product.risk_class], product.severe_loss or 0.0)


def _breach(
    law: Rules,
    client: Client,
    rule: str,
    effect: Effect,
    subject: str,
    before: float | None,
    after: float | None,
    limit: str,
) -> Breach:
    said = law.texts[rule]
    return Breach(
        rule=rule,
        title=said.title,
        source=said.source(client.regime),
        effect=effect,
        subject=subject,
        before=before,
        after=after,
        limit=limit,
    )


def _gated(
    outcome: Literal["passed", "changed", "blocked"],
    classified: Classified,
    law: Rules,
    weights: dict[str, float],
    breaches: list[Breach],
    on_request: list[str],
    known: Mapping[str, Product],
) -> Gated:
    by_risk: dict[str, float] = dict.fromkeys(RISKS, 0.0) if weights else {}
    loss = 0.0
    for name, weight in weights.items():
        by_risk[known[name].risk_class if name in known else "R1"] += weight
        loss += weight * _severe(law, known[name]) if name in known else 0.0
    return Gated(
        outcome=outcome,
        client_class=classified.client_class,
        highest=law.matching[classified.client_class] if classified.client_class else None,
        weights=weights,
        breaches=breaches,
        on_request=on_request,
        severe_loss=loss if weights else None,
        by_risk_class=by_risk,
        rules_version=law.version,
    )

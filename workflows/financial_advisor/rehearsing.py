"""A turn of advice on the synthetic market, without a service: the same planner, tools and gate, no database, no model.

For `consilia evaluate financial_advisor`, which needs the results of a turn and no more.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from tools.errors import ConsiliaError
from tools.finance import server as finance
from tools.finance import synthetic
from tools.finance.market import Fund, SeriesFacts
from tools.finance.series import Series
from tools.host import ToolHost
from tools.suitability import server as suitability
from tools.suitability.client import Client
from tools.suitability.gate import Gated
from workflows.financial_advisor import conversation, judging, planner
from workflows.financial_advisor import request as reading
from workflows.financial_advisor.calls import Called, Planned, result
from workflows.financial_advisor.holdings import Held
from workflows.financial_advisor.material import Material
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.state import AdviceState

UNTIL: Final = date(2026, 11, 20)
TODAY: Final = date(2026, 11, 24)
_TENANT: Final = "rehearsal"


class SyntheticMarket:
    """The synthetic funds and series, as the finance server takes them."""

    def __init__(self, until: date = UNTIL) -> None:
        made = synthetic.make(until)
        self._funds: tuple[Fund, ...] = made.funds
        self._series: dict[str, tuple[SeriesFacts, Series]] = {
            facts.series_id: (facts, own) for facts, own in made.series
        }

    async def funds(self, tenant_id: str) -> Sequence[Fund]:
        return self._funds

    async def listing(self, tenant_id: str) -> Sequence[SeriesFacts]:
        return [facts for facts, _ in self._series.values()]

    async def series(self, tenant_id: str, series_ids: Sequence[str]) -> Mapping[str, Series]:
        return {name: self._series[name][1] for name in series_ids if name in self._series}


async def rehearse(question: str, client: Client, held: Held) -> AdviceState:
    """The state of a turn before its answer is written: question, client, holdings, and every call with its result."""
    servers = {"finance": finance.server(SyntheticMarket(), today=lambda: TODAY), "suitability": suitability.server()}
    calls: list[Called] = []
    async with ToolHost(servers) as host:

        async def make(planned: Sequence[Planned]) -> None:
            for each in planned:
                fields: dict[str, Any] = {**each.model_dump(), "id": f"t{len(calls) + 1}"}
                try:
                    calls.append(
                        Called(**fields, result=await host.call(each.server, each.tool, each.arguments, _TENANT))
                    )
                except ConsiliaError as error:
                    calls.append(Called(**fields, error=error.as_payload()))

        await make([Planned(key="funds", server="finance", tool="search_funds", arguments={"limit": 200})])
        seen = _situation(reading.read(question), client, held, calls)
        asked = reading.read(question, names=conversation.names(seen.catalogue))

        def situation(gated: Gated | None = None) -> Situation:
            return _situation(asked, client, held, calls, gated)

        while planned := planner.next_calls(situation()):
            await make(planned)
        judged = judging.judgement(situation(), Material(situation(), asked.language, None, None, None))
        gated: Gated | None = None
        if judged is not None:
            await make([judging.gate_call(judged, situation())])
            gated = result(calls, "gate", Gated)
        while planned := planner.next_calls(situation(gated)):
            await make(planned)
    return AdviceState(
        messages=[], text=question, spoken=asked.language, client=client, held=held, request=asked, calls=calls,
        judged=judged, gated=gated, client_order=None, phase="settle",
    )  # fmt: skip


def _situation(
    asked: reading.Request, client: Client, held: Held, calls: Sequence[Called], gated: Gated | None = None
) -> Situation:
    return Situation(
        request=asked, client=client, held=held, calls=list(calls), phase="settle" if gated else "research",
        today=TODAY, subject_weights={}, subject_volatility=None, gated=gated,
    )  # fmt: skip

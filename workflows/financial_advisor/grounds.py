"""What a turn's answer may rest on: what its tools returned, and what the client said."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from tools.finance.market import CASH, Fund
from tools.finance.results import FundList
from workflows.financial_advisor import tracing
from workflows.financial_advisor.calls import Fault, result
from workflows.financial_advisor.claims import SCENARIO
from workflows.financial_advisor.fault_words import told
from workflows.financial_advisor.places import Role
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.tracing import Ground
from workflows.financial_advisor.words import CATEGORIES

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


_ROLES: Final[Mapping[str, Role]] = {
    "valuation": "current", "current": "current", "stress": "current", "held_check": "current", "fees": "current",
    "proposal": "proposed", "gate": "proposed", "proposed": "proposed", "proposed_stress": "proposed",
    "frontier": "frontier",
}  # fmt: skip
"""Which portfolio the planner's calls are about."""
_NO_KIND: Final = frozenset({"cash", "liquidity", "illiquid", "portfolio", "client", "Σ"})


def grounds(state: AdviceState) -> Ground:
    """All that this turn's answer may rest on: results, the client's words and facts."""
    catalogue = result(state["calls"], "funds", FundList)
    funds = catalogue.funds if catalogue else []
    results: dict[str, Any] = {
        each.id: each.result for each in state["calls"] if each.result is not None and each.key != "funds"
    }
    named, every = _mentioned(state), state["request"].intents[0] == "funds"
    listed = next((each.id for each in state["calls"] if each.key == "funds"), "t1")
    results[listed] = {
        "funds": [each.model_dump(mode="json") if every or each.fund_id in named else {} for each in funds]
    }
    said = [str(each.text) for each in state.get("messages") or [] if each.type == "human"]
    statements = [*said, state["text"], state["client"].model_dump(mode="json"), state["held"].model_dump(mode="json")]
    names = [text for fund in funds for text in (fund.name_en, fund.name_zh, fund.fund_id)]
    for each in state["calls"]:
        names += _labels(each.result or {})
        if each.error is not None:
            fault = Fault.model_validate(each.error)
            names += [fault.message, told(fault, "zh"), told(fault, "en")]
    roles: dict[str, Role] = {each.id: _ROLES[each.key] for each in state["calls"] if each.key in _ROLES}
    return tracing.ground(results, statements, names, [listed], _subjects(funds, state), roles)


def _subjects(funds: Sequence[Fund], state: AdviceState) -> dict[str, str]:
    """What funds, kinds, classes, currencies and scenarios are called, with the name that results give them."""
    found = {name: fund.fund_id for fund in funds for name in (fund.name_en, fund.name_zh, fund.fund_id)}
    found |= {name: key for key, names in CATEGORIES.items() if key not in _NO_KIND for name in names}
    found |= {each: each for each in ("R1", "R2", "R3", "R4", "R5")}
    found |= {"现金": CASH, "cash": CASH}
    for each in state["calls"]:
        for scenario in _objects((each.result or {}).get("scenarios")):
            for title in (scenario["title_en"], scenario["title_zh"]):
                found[str(title)] = f"{SCENARIO}{scenario['scenario']}"
    return {name.casefold(): subject for name, subject in found.items() if name}


def _mentioned(state: AdviceState) -> set[str]:
    gated = state["gated"]
    given = [_object(each.arguments.get("weights")) for each in state["calls"]]
    names = {name for weights in given for name in weights}
    names |= {str(name) for each in state["calls"] for name in _list(each.arguments.get("fund_ids"))}
    return names | set(state["request"].funds) | set(gated.weights if gated else ())


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [_object(each) for each in cast(list[Any], value)] if isinstance(value, list) else []


def _labels(found: Mapping[str, Any]) -> list[str]:
    """Fixed texts in a result that hold digits but are no figures: titles of scenarios, rules and their sources."""
    texts_: list[str] = []
    for scenario in _objects(found.get("scenarios")):
        texts_ += [str(scenario["title_en"]), str(scenario["title_zh"])]
    for breach in _objects(found.get("breaches")):
        texts_ += [str(text) for part in ("title", "source") for text in _object(breach[part]).values()]
    for reasons in _object(found.get("reasons")).values():
        texts_ += [str(each) for each in cast(list[Any], reasons)]
    return texts_ + [str(notice["message"]) for notice in _objects(found.get("notices"))]

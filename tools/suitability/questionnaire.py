"""From answers to a class: the questionnaire, its score, and what caps the class whatever the score."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict

from tools.errors import InvalidInput
from tools.suitability.client import CLASSES, KNOWLEDGE, OBJECTIVES, Client, ClientClass

Level = TypeVar("Level", bound=str)
_FILE: Final = Path(__file__).with_name("questionnaire.toml")
_CAPACITY: Final = {"none": 0.0, "5": 0.05, "15": 0.15, "30": 0.30, "50": 0.50}
_HORIZON: Final = {"under_1": 0.5, "1_3": 1.0, "3_7": 3.0, "over_7": 7.0}
"""Years of each answer: the least that it means."""


class Text(BaseModel):
    model_config = ConfigDict(frozen=True)

    en: str
    zh: str


class Option(BaseModel):
    """score: 0 (least risk) to 10."""

    model_config = ConfigDict(frozen=True)

    key: str
    score: float
    text: Text


class Asked(BaseModel):
    """A question. weight: how much its score counts."""

    model_config = ConfigDict(frozen=True)

    key: str
    subject: str
    weight: float = 1.0
    text: Text
    options: tuple[Option, ...]


class Questionnaire(BaseModel):
    """thresholds: least score, 0 to 100, of each class."""

    model_config = ConfigDict(frozen=True)

    version: str
    thresholds: dict[ClientClass, float]
    questions: tuple[Asked, ...]


class Classified(BaseModel):
    """A client with a class. score: 0 to 100, None without answers. reasons: how the class came about, by language.

    missing: what is not known that suitability needs; then nothing may be recommended.
    """

    model_config = ConfigDict(frozen=True)

    client: Client
    client_class: ClientClass | None
    lowest: bool
    score: float | None
    scores: dict[str, float]
    missing: list[str]
    reasons: dict[str, list[str]]


@cache
def questionnaire() -> Questionnaire:
    """The questionnaire that comes with Consilia."""
    return Questionnaire.model_validate(tomllib.loads(_FILE.read_text("utf-8")))


def classify(client: Client, asked: Questionnaire | None = None) -> Classified:
    """The client's class: by the score of all answers, never above what was assessed elsewhere, and capped.

    Score: 100 · Σ weight·score / Σ weight·10. Caps (house rules after art. 6 of CSRC Order No. 130 and art. 54 of
    Regulation 2017/565): no loss bearable → C1, lowest; horizon under a year → C2, under three → C3; no knowledge
    → C2; loss capacity up to 5 % → C2, up to 15 % → C3. Facts given in the client's fields and in answers: the more
    careful counts. Raises InvalidInput for an unknown question or option.
    """
    asked = asked or questionnaire()
    scores = _scores(client, asked)
    known = _filled(client)
    missing = [
        name
        for name, value in (
            ("horizon_years", known.horizon_years),
            ("objective", known.objective),
            ("knowledge", known.knowledge),
            ("loss_capacity", known.loss_capacity),
        )
        if value is None
    ]
    reasons: dict[str, list[str]] = {"en": [], "zh": []}
    score: float | None = None
    classes: list[ClientClass] = []
    if len(scores) == len(asked.questions):
        whole = sum(each.weight for each in asked.questions)
        score = round(sum(scores[each.key] * each.weight for each in asked.questions) / whole * 10, 1)
        reached = sum(least <= score for least in asked.thresholds.values())
        by_score: ClientClass = CLASSES[reached - 1]
        classes.append(by_score)
        _say(reasons, f"{score:g} of 100 points: {by_score}", f"问卷得分{score:g}（满分100）：{by_score}")
    elif client.answers:
        open_ = [each.key for each in asked.questions if each.key not in scores]
        missing.append("answers: " + ", ".join(open_))
    if client.client_class is not None:
        classes.append(client.client_class)
        _say(reasons, f"assessed before: {client.client_class}", f"已有评估：{client.client_class}")
    if not classes:
        missing.append("client_class")
    caps = _caps(known)
    for cap, en, zh in caps:
        if classes and min(classes) > cap:
            _say(reasons, f"{en}: at most {cap}", f"{zh}：不高于{cap}")
    found = _lowest([*classes, *(cap for cap, _, _ in caps)]) if classes else None
    lowest = client.lowest or known.loss_capacity == 0
    return Classified(
        client=known,
        client_class="C1" if lowest and found else found,
        lowest=lowest,
        score=score,
        scores=scores,
        missing=missing,
        reasons=reasons,
    )


def _scores(client: Client, asked: Questionnaire) -> dict[str, float]:
    questions = {each.key: each for each in asked.questions}
    found: dict[str, float] = {}
    for key, chosen in client.answers.items():
        if key not in questions:
            raise InvalidInput(f"there is no question {key[:40]!r}; there are: {', '.join(questions)}", field="answers")
        options = {each.key: each.score for each in questions[key].options}
        if chosen not in options:
            raise InvalidInput(
                f"{key}: {chosen[:40]!r} is no answer; there are: {', '.join(options)}", field=f"answers.{key}"
            )
        found[key] = options[chosen]
    return found


def _filled(client: Client) -> Client:
    """The client with what the answers say; where both speak, the more careful of the two."""
    answers = client.answers
    knowledge = _more_careful(KNOWLEDGE, client.knowledge, answers.get("knowledge"))
    objective = _more_careful(OBJECTIVES, client.objective, answers.get("objective"))
    horizon, capacity = _HORIZON.get(answers.get("horizon", "")), _CAPACITY.get(answers.get("largest_loss", ""))
    changes = {
        "knowledge": knowledge,
        "objective": objective,
        "horizon_years": _least(client.horizon_years, horizon)
        if client.horizon_years is None
        else client.horizon_years,
        "loss_capacity": _least(client.loss_capacity, capacity),
    }
    return client.model_copy(update=changes)


def _more_careful(ordered: tuple[Level, ...], one: Level | None, other: str | None) -> Level | None:
    """The earlier of the two in an order that rises with risk."""
    return next((each for each in ordered if each in (one, other)), None)


def _least(one: float | None, other: float | None) -> float | None:
    given = [each for each in (one, other) if each is not None]
    return min(given) if given else None


def _lowest(classes: list[ClientClass]) -> ClientClass:
    return CLASSES[min(CLASSES.index(each) for each in classes)]


def _caps(client: Client) -> list[tuple[ClientClass, str, str]]:
    found: list[tuple[ClientClass, str, str]] = []
    capacity, horizon = client.loss_capacity, client.horizon_years
    if capacity is not None and capacity <= 0.15:
        cap: ClientClass = "C1" if capacity == 0 else "C2" if capacity <= 0.05 else "C3"
        found.append((cap, f"can bear a loss of {capacity:.0%}", f"最多能承受{capacity:.0%}的亏损"))
    if horizon is not None and horizon < 3:
        found.append(("C2" if horizon < 1 else "C3", "short horizon", "投资期限较短"))
    if client.knowledge == "none":
        found.append(("C2", "no knowledge of investments", "没有投资知识"))
    return found


def _say(reasons: dict[str, list[str]], en: str, zh: str) -> None:
    reasons["en"].append(en)
    reasons["zh"].append(zh)

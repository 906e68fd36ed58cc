"""How well the embedded engine finds clauses, against lawyers' labels in the form of CUAD.

A folder holds `labels.json` ({file: {"clauses": {category: [passages]}}}) and `contracts/` with the texts. Scored are
the yes/no categories (all but names, parties and dates): presence (does the contract have such a clause) and passage
(is a quoted passage one the lawyers marked: at least half of its words and half of the label's are shared, as word
multisets). Both are micro-averaged. The measure is that of ContractEval (arXiv 2508.03080) in its strict form.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tools.charts.bars import Reference, Row, bars
from tools.charts.chart import Chart
from tools.contracts.categories import BY_CUAD, BY_KEY
from tools.contracts.clauses import find_clauses
from tools.errors import ConsiliaError

FACTS = frozenset(
    {
        "Document Name",
        "Parties",
        "Agreement Date",
        "Effective Date",
        "Expiration Date",
        "Renewal Term",
        "Notice Period to Terminate Renewal",
    }
)
"""Categories that are no yes/no questions; they are predicted but not scored."""

Predictions = Mapping[str, Sequence[Mapping[str, str]]]


class InvalidEvaluationData(ConsiliaError):
    """The folder does not hold what is needed."""

    code = "invalid_evaluation_data"
    status = 422


class _Label(BaseModel):
    clauses: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class LabelledContract:
    """A contract's text and the lawyers' passages by category."""

    name: str
    text: str
    clauses: Mapping[str, Sequence[str]]


class Figure(BaseModel):
    """Counts of one measure; precision, recall and F1 are 0 to 1."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0


class CategoryScore(BaseModel):
    """contracts: how many have the category by the labels."""

    contracts: int
    presence: Figure
    passage: Figure


class Scores(BaseModel):
    """grounded: the share of quotes that stand literally in their contract, white space folded."""

    contracts: int
    quotes: int
    grounded: float
    overall: CategoryScore
    categories: dict[str, CategoryScore] = Field(default_factory=dict[str, CategoryScore])


def load(folder: Path) -> list[LabelledContract]:
    """The labelled contracts of a folder. Raises InvalidEvaluationData."""
    try:
        labels = TypeAdapter(dict[str, _Label]).validate_json((folder / "labels.json").read_bytes())
        return [
            LabelledContract(name, (folder / "contracts" / name).read_text(errors="replace"), label.clauses)
            for name, label in labels.items()
        ]
    except OSError as error:
        raise InvalidEvaluationData(
            f"{error.filename}: {error.strerror}; expected labels.json and contracts/"
        ) from None
    except ValidationError as error:
        raise InvalidEvaluationData(f"{folder / 'labels.json'}: {error.errors()[0]['msg']}") from None


def _predict_one(contract: LabelledContract) -> tuple[str, list[dict[str, str]]]:
    found = find_clauses(contract.text, "en")
    return contract.name, [
        {"category": cuad, "quote": each.quote} for each in found if (cuad := BY_KEY[each.category].cuad) is not None
    ]


def predict(contracts: Sequence[LabelledContract]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(file name, predicted passages), as they are ready; on every core."""
    with ProcessPoolExecutor() as executor:
        yield from executor.map(_predict_one, contracts, chunksize=2)


def score(contracts: Sequence[LabelledContract], predictions: Predictions) -> Scores:
    """Presence, passage and groundedness over the contracts."""
    presence: dict[str, Counter[str]] = {}
    passage: dict[str, Counter[str]] = {}
    grounded = quotes = 0
    for contract in contracts:
        text = _folded(contract.text)
        mine: dict[str, list[str]] = {}
        for each in predictions.get(contract.name, []):
            mine.setdefault(each["category"].lower(), []).append(each["quote"])
            quotes += 1
            grounded += _folded(each["quote"]) in text
        for category, truth in contract.clauses.items():
            if category in FACTS or category not in BY_CUAD:
                continue
            found = mine.get(category.lower(), [])
            _count(presence.setdefault(category, Counter[str]()), bool(truth) and bool(found), found, truth)
            hits = sum(any(_same(quote, label) for label in truth) for quote in found)
            cell = passage.setdefault(category, Counter[str]())
            cell["tp"] += hits
            cell["fp"] += len(found) - hits
            cell["fn"] += sum(not any(_same(quote, label) for quote in found) for label in truth)
    categories = {name: _category(presence[name], passage[name]) for name in sorted(presence)}
    overall = _category(sum(presence.values(), Counter[str]()), sum(passage.values(), Counter[str]()))
    return Scores(
        contracts=len(contracts),
        quotes=quotes,
        grounded=grounded / quotes if quotes else 1.0,
        overall=overall,
        categories=categories,
    )


def _count(cell: Counter[str], both: bool, found: Sequence[str], truth: Sequence[str]) -> None:
    cell["tp"] += both
    cell["fp"] += bool(found) and not truth
    cell["fn"] += bool(truth) and not found


def _category(presence: Counter[str], passage: Counter[str]) -> CategoryScore:
    return CategoryScore(
        contracts=presence["tp"] + presence["fn"], presence=_figure(presence), passage=_figure(passage)
    )


def _figure(counts: Counter[str]) -> Figure:
    right, wrong, missed = counts["tp"], counts["fp"], counts["fn"]
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Figure(
        true_positives=right, false_positives=wrong, false_negatives=missed, precision=precision, recall=recall, f1=f1
    )


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def _same(quote: str, label: str) -> bool:
    mine, theirs = _words(quote), _words(label.replace("<omitted>", " "))
    shared = (mine & theirs).total()
    return shared * 2 >= max(1, theirs.total()) and shared * 2 >= max(1, mine.total())


def write(scores: Scores, predictions: Predictions, folder: Path) -> Scores:
    """Write predictions.json, scores.json and the plot (scores.svg) into the folder; the scores again."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "predictions.json").write_bytes(orjson.dumps(dict(predictions), option=orjson.OPT_INDENT_2))
    (folder / "scores.json").write_text(scores.model_dump_json(indent=2) + "\n")
    (folder / "scores.svg").write_text(_plot(scores).svg() + "\n", encoding="utf-8")
    return scores


def _plot(scores: Scores) -> Chart:
    names = sorted(scores.categories, key=lambda name: -scores.categories[name].contracts)
    figures = {name: (scores.categories[name].presence.f1, scores.categories[name].passage.f1) for name in names}
    return bars(
        f"Embedded engine on {scores.contracts} contracts: F1 by category",
        [Row(f"{name} ({scores.categories[name].contracts})", figures[name]) for name in names],
        ["presence", "passage"],
        description=(
            f"F1 of each category, in brackets the contracts that have the clause. Over all categories: presence "
            f"{scores.overall.presence.f1:.3f}, passage {scores.overall.passage.f1:.3f}."
        ),
        value="{:.2f}".format,
        references=[
            Reference("presence, all categories (micro)", scores.overall.presence.f1),
            Reference("passage, all categories (micro)", scores.overall.passage.f1),
        ],
        highest=1,
        name="category",
    )

"""The evaluation of medical translation on the project's own sentences."""

import json
from pathlib import Path

import pytest

from workflows.medical_translation.evaluation import InvalidSentences, evaluate, load, write


def test_the_figures_hold_on_the_projects_own_sentences(tmp_path: Path) -> None:
    scores = write(evaluate(seed=7, pairs=load()[::2]), tmp_path)  # all of them take twice as long
    assert scores.critical_recall >= 0.98
    assert scores.false_alarm_rate <= 0.03
    assert json.loads((tmp_path / "scores.json").read_text())["critical_recall"] == scores.critical_recall
    assert (tmp_path / "scores.svg").exists()


def test_the_same_seed_gives_the_same_scores() -> None:
    pairs = load(name="first-en-zh*")[:6]
    assert evaluate(3, pairs) == evaluate(3, pairs)


def test_a_bad_line_is_named_with_its_file_and_number(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"source": "a"}\n')
    with pytest.raises(InvalidSentences, match=r"a\.jsonl, line 1"):
        load(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSentences, match="with lines of source"):
        load(tmp_path)

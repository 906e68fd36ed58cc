"""`consilia evaluate medical_extraction` and `medical_identity`, as a person uses them."""

import json
from pathlib import Path

from tests.service.test_commands import consilia


def test_extraction_is_scored_with_a_table_json_and_a_plot(tmp_path: Path):
    said = consilia("evaluate", "medical_extraction", "--out", "out", data=tmp_path)
    assert "medications" in said
    assert "records" in said
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["overall"]["f1"] >= 0.93
    assert (tmp_path / "out" / "scores.svg").read_text().startswith("<svg")
    assert json.loads(consilia("evaluate", "medical_extraction", "--json", data=tmp_path)) == scores


def test_extraction_is_scored_on_a_folder_of_one_s_own(tmp_path: Path):
    gold = "=== en note\nNo fever. BP 120/80 mmHg.\n---\nP fever negated\nV blood_pressure 120/80\n"
    (tmp_path / "key-data-mine.txt").write_text(gold)
    scores = json.loads(consilia("evaluate", "medical_extraction", "--data", ".", "--json", data=tmp_path))
    assert (scores["records"], scores["overall"]["f1"]) == (1, 1.0)
    (tmp_path / "key-data-mine.txt").write_text("=== en note\nNo fever.\n---\nX fever\n")
    said = consilia("evaluate", "medical_extraction", "--data", ".", data=tmp_path, status=2)
    assert "does not begin with one of P, M, A" in said


def test_de_identification_is_scored(tmp_path: Path):
    scores = json.loads(consilia("evaluate", "medical_identity", "--seed", "4", "--json", data=tmp_path))
    assert scores["records"] >= 60
    assert scores["recall"] >= 0.97
    assert "person" in consilia("evaluate", "medical_identity", data=tmp_path)


def test_verification_is_scored_on_a_folder_of_ones_own_however_its_lines_are_written(tmp_path: Path):
    folder, out = tmp_path / "cases", tmp_path / "out"
    folder.mkdir()
    one = {"source": "患者无发热，给予阿司匹林100mg。", "source_lang": "zh-CN", "case": 7}
    translated = [
        {**one, "target": "The patient had no fever and was given aspirin 100 mg.", "target_lang": "en-US"},
        {**one, "target": "Afebrile; aspirin 100 mg was given.", "target_lang": "EN"},
    ]
    text = "\n\n".join(json.dumps(each, ensure_ascii=False) for each in translated)
    (folder / "a.jsonl").write_text(text + "\n", "utf-8-sig")
    other = {"source": "No pain in the left knee.", "source_lang": "en", "target": "Pas de douleur au genou gauche."}
    (folder / "b.jsonl").write_text(json.dumps({**other, "target_lang": "fr_FR"}), "utf-8")
    arguments = ("evaluate", "medical_translation", "--data", str(folder), "--out", str(out), "--json")
    scores = json.loads(consilia(*arguments, data=tmp_path))
    assert (scores["pairs"], scores["critical_recall"], scores["false_alarm_rate"]) == (3, 1.0, 0.0)
    assert set(scores["languages"]) == {"zh-en", "en-fr"}
    assert {"dose ×10", "drug swapped", "negation dropped", "left↔right"} <= set(scores["kinds"])
    assert (out / "scores.svg").read_text().startswith("<svg")

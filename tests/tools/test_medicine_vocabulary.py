"""The vocabulary of extraction: codes that exist, words that are found, units that UCUM knows."""
# ruff: noqa: E501

import pytest

from tools.medicine.extraction.amounts import ucum
from tools.medicine.extraction.extraction import extract
from tools.medicine.extraction.vocabularies import exact_names
from tools.medicine.lexicon import vocabulary, words


def test_every_code_is_a_billable_code_of_icd_10_cm():
    cm = pytest.importorskip("simple_icd_10_cm")
    for concept, row in vocabulary("conditions").items():
        if code := row.get("icd"):
            assert cm.is_valid_item(code), f"{concept}: {code}"
            assert cm.is_leaf(code), f"{concept}: {code} has subdivisions"


def test_a_code_is_given_only_where_the_words_say_no_more_and_no_less():
    def code(text: str) -> str | None:
        return extract(text).problems[0].icd10cm

    assert code("诊断：2型糖尿病") == "E11.9"
    assert code("Diagnosis: asthma.") == "J45.909"
    for text in (
        "诊断：急性左心衰",
        "Diagnosis: acute exacerbation of COPD.",
        "诊断：慢性肾脏病5期",
        "Diagnosis: diabetes.",
    ):
        assert code(text) is None, text


def test_every_concept_with_a_code_has_words_that_name_it_exactly():
    for concept, row in vocabulary("conditions").items():
        assert words(row["zh"]), concept
        assert words(row["en"]), concept
        assert row["kind"] in {"d", "f"}
        if "icd" in row:
            assert exact_names(concept)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("×10^9/L", "10*9/L"), ("x 10⁹/L", "10*9/L"), ("10*12/L", "10*12/L"), ("μmol/L", "umol/L"), ("µmol/L", "umol/L"), ("mg/dl", "mg/dL"),
        ("mIU/L", "m[IU]/L"), ("U/L", "U/L"), ("mmHg", "mm[Hg]"), ("ml/min/1.73m2", "mL/min/{1.73_m2}"), ("K/uL", "10*3/uL"), ("片", None),
    ],
)  # fmt: skip
def test_units_become_ucum(written: str, code: str | None):
    assert ucum(written) == code

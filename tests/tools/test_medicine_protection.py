"""What must not change passes through a translation in brackets, and comes out as the target language writes it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.medicine.protection import BRACKETED, bare, faults, neutral, protect, restore
from workflows.medical_translation.terms import drug_name

PIECES = st.lists(
    st.sampled_from(
        [
            "口服阿司匹林",
            "10毫克",
            "每日两次，",
            "血压150/90 mmHg",
            "⟦P1⟧",
            "2026年3月5日",
            "无发热。",
            "1.5 g",
            "INR 3.8",
            " ",
        ]
    ),
    min_size=1,
    max_size=12,
).map("".join)


@settings(deadline=None)
@given(PIECES)
def test_protecting_changes_no_character_but_adds_brackets(text: str):
    protected = protect(text, "zh", "en", drug_name)
    assert bare(protected) == bare(text)
    assert "⟦⟦" not in protected
    assert not faults(protected, protected)


@settings(deadline=None)
@given(PIECES)
def test_a_lost_a_doubled_and_a_changed_bracket_are_each_found(text: str):
    protected = protect(text + "10 mg", "zh", "en", drug_name)
    one = BRACKETED.findall(protected)[-1]
    assert faults(protected, protected.replace(one, "", 1))
    assert faults(protected, protected + one)
    assert faults(protected, protected.replace(one, "⟦99 kg⟧", 1))


@pytest.mark.parametrize(
    ("source", "target", "written"),
    [
        ("10毫克", "en", "10 mg"),
        ("98次/分", "fr", "98 /min"),
        ("2026年3月5日", "en", "5 March 2026"),
        ("2026年3月5日", "fr", "5 mars 2026"),
        ("2026年3月5日", "es", "5 de marzo de 2026"),
        ("2026年3月5日", "de", "5. März 2026"),
        ("2026年3月", "sw", "2026-03"),
        ("2026年3月5日", "ja", "2026年3月5日"),
        ("2026-03-05", "fr", "2026-03-05"),
        ("阿司匹林", "en", "aspirin"),
        ("150/90 mmHg", "ar", "150/90 mmHg"),
    ],
)
def test_a_protected_value_is_written_as_the_target_language_writes_it(source: str, target: str, written: str):
    protected = protect(source, "zh", target, drug_name)
    assert BRACKETED.fullmatch(protected)
    assert restore(protected, "zh", target, drug_name, ()) == written


def test_brackets_that_stand_for_a_person_stay():
    assert restore("⟦P1⟧ took ⟦10毫克⟧.", "zh", "en", drug_name, ("⟦P1⟧",)) == "⟦P1⟧ took 10 mg."


@pytest.mark.parametrize(
    ("text", "target", "same"),
    [
        ("3 mg", "en", True),
        ("10^9/L", "fr", True),
        ("0.8-1.2", "ar", True),
        ("⟦R1⟧", "en", True),
        ("10毫克", "en", False),
        ("口服", "en", False),
        ("oral", "zh", False),
    ],
)
def test_figures_and_symbols_need_no_translation(text: str, target: str, same: bool):
    assert neutral(text, target) is same

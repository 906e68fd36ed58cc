"""What a contract is called, between whom, of which date and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.contracts import sentences
from tools.contracts.english.facts import find_facts

OPENING = """Exhibit 9.9

SUPPLY AGREEMENT

This Supply Agreement (the "Agreement") is entered into as of March 3, 2031 (the "Effective Date") by and between
Acme Widgets, Inc., a Ruritanian corporation ("Acme"), and Borogove Trading Limited (the "Buyer").

WHEREAS, Acme makes widgets;

1. Term. The term of this Agreement shall commence on the Effective Date and continue for a period of five years."""


def quotes(text: str, category: str) -> list[str]:
    return [p.quote for p in find_facts(sentences.read(text)) if p.category == category]


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("document_name", ["SUPPLY AGREEMENT"]),
        ("parties", ["Acme Widgets, Inc.", "Acme", "Borogove Trading Limited", "Buyer"]),
        ("agreement_date", ["March 3, 2031"]),
        ("effective_date", ["March 3, 2031"]),
    ],
)
def test_the_opening_names_the_facts(category: str, expected: list[str]) -> None:
    assert quotes(OPENING, category) == expected


def test_the_duration_is_quoted_where_it_is_agreed() -> None:
    (duration,) = quotes(OPENING, "expiration_date")
    assert "five years" in duration


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (
            "This Lease is made this 2nd day of May, 2030 between Ann Lee (the “Lessor”) and Bo Ray, tenant.",
            "2nd day of May, 2030",
        ),
        ("This Agreement is dated as of 7 June 2030 between A Ltd and B Ltd.", "7 June 2030"),
        ("CONTRACT signed 04/05/2030 by the parties.", "04/05/2030"),
    ],
)
def test_a_date_is_read_in_each_usual_form(text: str, day: str) -> None:
    assert quotes(text, "agreement_date") == [day]


def test_a_text_without_facts_has_none() -> None:
    assert find_facts(sentences.read("The weather was fine and nobody agreed to anything at all.")) == []


@given(
    st.lists(st.sampled_from([*OPENING.split("\n"), "between", "\n\n", "and", "(“", "2030"]), max_size=25).map(" ".join)
)
def test_every_fact_stands_literally_in_the_text(text: str) -> None:
    for passage in find_facts(sentences.read(text)):
        assert passage.quote == text[passage.start : passage.end]
        assert passage.quote

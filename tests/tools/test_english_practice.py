"""Clauses of commercial practice, found in sentences of our own."""

import pytest

from tools.contracts.english import practice
from tools.contracts.finding import find


def categories(sentence: str) -> set[str]:
    return {passage.category for passage in find(sentence, "en", practice.RULES)}


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("payment_terms", "The Buyer shall pay each invoice within thirty (30) days of receipt of the invoice."),
        ("confidentiality", "Each party shall keep the other party's information strictly confidential."),
        (
            "force_majeure",
            "Neither party shall be liable for any delay caused by fire, flood or any other event beyond its "
            "reasonable control.",
        ),
        ("indemnification", "The Carrier shall indemnify the Shipper against all claims arising from its negligence."),
        (
            "data_protection",
            "The Processor shall process personal data only as the GDPR and the Controller's instructions allow.",
        ),
        (
            "dispute_resolution",
            "Any dispute arising out of this contract shall be finally settled by arbitration in Vienna.",
        ),
        ("jurisdiction", "Each party submits to the exclusive jurisdiction of the courts of Denmark."),
    ],
)
def test_a_clause_is_found_in_its_category(category: str, sentence: str) -> None:
    assert category in categories(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("payment_terms", "The Tenant shall pay attention to the house rules and keep the garden."),
        ("jurisdiction", "If a court holds a provision invalid or unenforceable, the others remain in force."),
        ("jurisdiction", "The services are offered in every jurisdiction where the Products are sold."),
        ("dispute_resolution", "The Buyer may withhold disputed amounts of an invoice until they are clarified."),
        ("force_majeure", "The Supplier keeps control of the manufacturing process at all times."),
    ],
)
def test_a_sentence_that_only_sounds_alike_is_left_alone(category: str, sentence: str) -> None:
    assert category not in categories(sentence)


def test_a_quote_is_literally_in_the_contract() -> None:
    text = (
        "1. Purpose\n\nThe parties work together.\n\n2. Payment\n\nThe Buyer shall pay each invoice within "
        "thirty (30) days of receipt of the invoice."
    )
    assert all(text[hit.start : hit.end] == hit.quote for hit in find(text, "en", practice.RULES))

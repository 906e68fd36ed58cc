"""Prices, quantities, shares of revenue and audits, found in sentences of our own."""

import pytest

from tools.contracts.english import money
from tools.contracts.finding import find


def categories(sentence: str) -> set[str]:
    return {passage.category for passage in find(sentence, "en", money.RULES)}


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        (
            "revenue_profit_sharing",
            "The Publisher shall pay the Author a royalty of ten percent (10%) of net sales of the Work.",
        ),
        ("revenue_profit_sharing", "All profits of the venture shall be shared equally between the parties."),
        (
            "price_restrictions",
            "The Supplier may not increase the prices by more than three percent (3%) in any contract year.",
        ),
        (
            "minimum_commitment",
            "The Distributor shall purchase at least 5,000 units of the Products in each calendar year.",
        ),
        (
            "volume_restriction",
            "If the number of users exceeds 500 users, the Customer shall pay additional fees for each excess user.",
        ),
        (
            "audit_rights",
            "The Licensor may, on ten days' written notice, audit the books and records of the Licensee during "
            "normal business hours.",
        ),
    ],
)
def test_a_clause_is_found_in_its_category(category: str, sentence: str) -> None:
    assert category in categories(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("revenue_profit_sharing", "Overdue amounts bear interest at the rate of two percent (2%) per annum."),
        (
            "revenue_profit_sharing",
            "In no event shall a party be liable for lost profits, lost revenue or other consequential damages.",
        ),
        ("minimum_commitment", "A party may terminate this contract on at least sixty (60) days written notice."),
        (
            "minimum_commitment",
            "The Contractor shall maintain insurance with coverage of not less than $1,000,000 per occurrence.",
        ),
        (
            "volume_restriction",
            "The total liability of the Supplier shall not exceed the fees paid in the preceding year.",
        ),
        ("audit_rights", "The Buyer may inspect the goods on delivery and accept or reject them within five days."),
    ],
)
def test_a_sentence_that_only_sounds_alike_is_left_alone(category: str, sentence: str) -> None:
    assert category not in categories(sentence)


def test_a_quote_is_literally_in_the_contract() -> None:
    text = (
        "1. Purpose\n\nThe parties work together.\n\n2. Royalties\n\nThe Publisher shall pay the Author a "
        "royalty of ten percent (10%) of net sales of the Work."
    )
    assert all(text[hit.start : hit.end] == hit.quote for hit in find(text, "en", money.RULES))

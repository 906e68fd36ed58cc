"""Limits of liability, insurance, warranty and the like, found in sentences of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.contracts.english import liability, term
from tools.contracts.finding import find

CAP = "In no event shall either party be liable to the other for any indirect or consequential damages or lost profits."
FEES = "The Vendor's aggregate liability under this Agreement shall not exceed the fees paid in the preceding year."


def categories(text: str) -> set[str]:
    return {passage.category for passage in find(text, "en", liability.RULES)}


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("cap_on_liability", CAP),
        ("cap_on_liability", FEES),
        (
            "cap_on_liability",
            "No action arising hereunder may be brought more than a year after its cause of action accrued.",
        ),
        (
            "cap_on_liability",
            "Replacement of the part shall be the Buyer's sole and exclusive remedy and no liability exceeds it.",
        ),
        (
            "uncapped_liability",
            "Except for breach of confidentiality or a party's indemnification obligations, neither party's total "
            "liability shall exceed the fees paid hereunder.",
        ),
        (
            "uncapped_liability",
            f"{CAP} The foregoing limitations shall not apply to fraud or a breach of confidentiality.",
        ),
        (
            "liquidated_damages",
            "The Contractor shall pay $500 as liquidated damages, and not as a penalty, for each day of delay.",
        ),
        (
            "warranty_duration",
            "The Seller warrants that for a period of a year from delivery the Goods shall be free from defects.",
        ),
        (
            "insurance",
            "The Carrier shall maintain general liability insurance of at least $1,000,000 per occurrence.",
        ),
        (
            "insurance",
            "The Lessee shall name the Lessor as an additional insured and deliver a certificate of insurance.",
        ),
        (
            "covenant_not_to_sue",
            "The Dealer shall not contest the validity of the Maker's trademarks or its title to them.",
        ),
        (
            "covenant_not_to_sue",
            "The Inventor agrees not to sue the Company for its use of the Inventions.",
        ),
    ],
)
def test_a_clause_is_found_for_what_it_does(category: str, sentence: str) -> None:
    assert category in categories(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        (
            "cap_on_liability",
            "The Vendor shall indemnify the Client against every liability that a third party may assert.",
        ),
        (
            "cap_on_liability",
            "The Contractor shall be liable for all damages that its employees cause to the premises.",
        ),
        ("uncapped_liability", CAP),
        (
            "uncapped_liability",
            "Except for holidays, the Vendor shall deliver each Monday, and liability for freight is the Buyer's.",
        ),
        (
            "liquidated_damages",
            "The Client may cancel an order at any time without penalty or other charge of any kind.",
        ),
        ("warranty_duration", "Each party represents and warrants that it has the power to enter into this Agreement."),
        (
            "insurance",
            "The Agency sells life insurance and health insurance to the members of the public in the Territory.",
        ),
        (
            "covenant_not_to_sue",
            "The parties shall not bring any suit or dispute in a court other than the courts of Utopia.",
        ),
    ],
)
def test_words_alone_make_no_clause(category: str, sentence: str) -> None:
    assert category not in categories(sentence)


def test_a_carve_out_without_a_limit_leaves_nothing_open() -> None:
    assert "uncapped_liability" not in categories(
        "Except in the case of fraud, the Vendor may change the colour of the Goods without liability for confusion."
    )


WORDS = st.sampled_from(
    [CAP, FEES, "12. LIMITATION OF LIABILITY", "\n\n", "\n", " ", "(a)", "; provided, however, that", "Page 3", "7",
     "except for fraud", "insurance", "“", "\u3000", "terminate this Agreement upon thirty days' notice.", "责任。"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_every_quote_stands_literally_in_the_text(text: str) -> None:
    for passage in find(text, "en", (*liability.RULES, *term.RULES)):
        assert passage.quote == text[passage.start : passage.end]
        assert passage.quote.strip()
        assert 0 < passage.confidence < 1

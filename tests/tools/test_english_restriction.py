"""What a party may not do in business, found in sentences of our own."""

import pytest

from tools.contracts.english import restriction
from tools.contracts.finding import find


def categories(sentence: str) -> set[str]:
    return {passage.category for passage in find(sentence, "en", restriction.RULES)}


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        (
            "most_favored_nation",
            "The prices charged to Buyer shall be no less favourable than the prices offered to any other "
            "customer for similar quantities.",
        ),
        (
            "non_compete",
            "During the Term the Agent shall not, directly or indirectly, engage in any business that competes "
            "with the Principal.",
        ),
        (
            "non_compete",
            "The Agent shall not deal, without the prior consent of Orchard, with mills introduced to it by Orchard.",
        ),
        ("non_compete", "The Baker may not sell any bread that competes with the bread of the Mill."),
        ("exclusivity", "Orchard hereby appoints Baker as its exclusive distributor of the Products in the Territory."),
        (
            "exclusivity",
            "The Buyer shall purchase all of its requirements of flour exclusively from the Mill during the term.",
        ),
        (
            "no_solicit_of_customers",
            "The Consultant shall not, directly or indirectly, solicit or divert any customers of the Company "
            "away from it.",
        ),
        (
            "competitive_restriction_exception",
            "Notwithstanding the foregoing, nothing in this exclusivity clause shall prevent Orchard from "
            "selling the Products to hotels.",
        ),
        (
            "no_solicit_of_employees",
            "Neither party shall solicit or hire any employee of the other party for a period of one year.",
        ),
        (
            "non_disparagement",
            "The Reseller shall not make any statement that disparages the Supplier or harms the reputation of "
            "its marks.",
        ),
        (
            "rofr_rofo_rofn",
            "Should the Owner wish to sell the Mill, the Tenant shall have a right of first refusal to purchase "
            "it on the same terms.",
        ),
    ],
)
def test_a_clause_is_found_in_its_category(category: str, sentence: str) -> None:
    assert category in categories(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("exclusivity", "The Licensor grants the Licensee a non-exclusive right to use the Software during the term."),
        ("exclusivity", "The courts of Oslo shall have exclusive jurisdiction over every dispute under this contract."),
        ("non_compete", "The Supplier shall offer competitive pricing and shall not disclose the bids it receives."),
        (
            "no_solicit_of_employees",
            "The Contractor shall not employ any person without the insurance and benefits that the law requires.",
        ),
        (
            "rofr_rofo_rofn",
            "The parties shall first negotiate in good faith to resolve any dispute before arbitration.",
        ),
        (
            "non_disparagement",
            "The Site shall not show obscene, defamatory or unlawful material that infringes the privacy of others.",
        ),
    ],
)
def test_a_sentence_that_only_sounds_alike_is_left_alone(category: str, sentence: str) -> None:
    assert category not in categories(sentence)


def test_a_quote_is_literally_in_the_contract() -> None:
    text = (
        "1. Purpose\n\nThe parties work together.\n\n2. Exclusivity\n\nOrchard appoints Baker as its "
        "exclusive distributor in the Territory."
    )
    assert all(text[hit.start : hit.end] == hit.quote for hit in find(text, "en", restriction.RULES))

"""Licences and ownership of intellectual property are found by what a sentence does, not by the words it mentions."""

import pytest

from tools.contracts.english.licence import RULES
from tools.contracts.finding import find


def _categories(text: str) -> set[str]:
    return {passage.category for passage in find(text, "en", RULES)}


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("Vendor hereby grants Client a non-exclusive licence to use the Software.", "license_grant"),
        (
            "The Publisher shall have a limited right to use the Author's name and likeness to advertise the Book.",
            "license_grant",
        ),
        (
            "Owner hereby grants to Operator a limited, non-transferable licence to display the Marks in its stores.",
            "non_transferable_license",
        ),
        ("Licensee may not sublicense the Software to any other person.", "non_transferable_license"),
        (
            "Vendor hereby grants to Client a perpetual, royalty-free licence to use the Documentation.",
            "irrevocable_or_perpetual_license",
        ),
        (
            "Vendor, on behalf of itself and its Affiliates, hereby grants to Client a licence to use the Patents.",
            "affiliate_license_licensor",
        ),
        (
            "Vendor hereby grants to Client and its Affiliates a non-exclusive licence to use the Software.",
            "affiliate_license_licensee",
        ),
        (
            "Vendor hereby grants Client a licence to install the Software for an unlimited number of users.",
            "unlimited_license",
        ),
        (
            "Vendor shall deposit a copy of the source code of the Software with the escrow agent each quarter.",
            "source_code_escrow",
        ),
        (
            "Contractor hereby assigns to the Company all right, title and interest in the inventions made by it.",
            "ip_ownership_assignment",
        ),
        (
            "All deliverables created by Designer for Client shall be deemed works made for hire.",
            "ip_ownership_assignment",
        ),
        ("The parties shall jointly own all inventions conceived jointly by their employees.", "joint_ip_ownership"),
    ],
)
def test_a_clause_is_found_by_its_operative_words(sentence: str, category: str) -> None:
    assert category in _categories(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Nothing in this Agreement shall be construed to grant any licence to use the Software by implication.",
        "Vendor represents and warrants that it has the right to grant the licences and to use the Software.",
        "The Board granted the Executive an option to purchase shares of common stock under the Plan.",
        "Borrower hereby grants to Lender a security interest in the equipment and all proceeds thereof.",
    ],
)
def test_talk_about_a_grant_is_no_grant(sentence: str) -> None:
    assert "license_grant" not in _categories(sentence)


def test_assigning_the_contract_is_not_assigning_intellectual_property() -> None:
    text = (
        "Neither party shall assign this Agreement or its rights and obligations under this Agreement without consent."
    )
    assert "ip_ownership_assignment" not in _categories(text)


def test_money_in_escrow_is_no_source_code_escrow() -> None:
    text = "Buyer shall pay the deposit into an escrow account held by the escrow agent until the Closing Date."
    assert _categories(text) == set()

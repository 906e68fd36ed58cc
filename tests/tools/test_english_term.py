"""Term, renewal, ending, assignment and law, found in sentences of our own."""

import pytest

from tools.contracts.english import term
from tools.contracts.finding import find


def categories(text: str) -> set[str]:
    return {passage.category for passage in find(text, "en", term.RULES)}


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        (
            "termination_for_convenience",
            "Orchard may terminate this Agreement by giving Baker ninety days' written notice.",
        ),
        ("change_of_control", "Baker shall promptly notify Orchard in writing of any change of control of Baker."),
        (
            "governing_law",
            "This Agreement shall be governed by and construed in accordance with the laws of Ruritania.",
        ),
        (
            "anti_assignment",
            "Neither party may assign this Agreement without the prior written consent of the other party.",
        ),
        (
            "anti_assignment",
            "Any attempted assignment of this Agreement in breach of this section shall be null and void.",
        ),
        (
            "change_of_control",
            "The Owner may terminate this Agreement by notice if the Operator undergoes a change of control.",
        ),
        (
            "change_of_control",
            "Neither party shall assign this Agreement without consent, and a merger or change of control shall be "
            "deemed an assignment.",
        ),
        (
            "termination_for_convenience",
            "Either party may terminate this Agreement at any time upon sixty days' written notice.",
        ),
        (
            "termination_for_convenience",
            "The Client may terminate this Agreement for its convenience by written notice.",
        ),
        (
            "renewal_term",
            "Thereafter this Agreement shall automatically renew for successive terms of one year each.",
        ),
        (
            "notice_period_to_terminate_renewal",
            "The term shall automatically renew for one year unless either party gives notice of non-renewal at least "
            "ninety days prior to the end of the term.",
        ),
        (
            "third_party_beneficiary",
            "The Bank is an intended third party beneficiary of this Section and may enforce it.",
        ),
        (
            "post_termination_services",
            "For six months after termination the Licensee may sell its remaining inventory of the Products.",
        ),
        (
            "post_termination_services",
            "Upon expiration of this Agreement the Provider shall cooperate in the transition of the services.",
        ),
    ],
)
def test_a_clause_is_found_for_what_it_does(category: str, sentence: str) -> None:
    assert category in categories(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ("governing_law", "The Company is duly organized and existing under the laws of the State of Freedonia."),
        ("governing_law", "Each party shall comply with all applicable laws in the performance of this Agreement."),
        (
            "anti_assignment",
            "The Author hereby assigns to the Publisher all right, title and interest in the copyrights.",
        ),
        ("change_of_control", "“Control” means the ownership of more than half of the voting securities of an entity."),
        (
            "termination_for_convenience",
            "Either party may terminate this Agreement if the other commits a breach and fails to cure it.",
        ),
        (
            "termination_for_convenience",
            "Upon termination of this Agreement for any reason the Agent shall return the keys.",
        ),
        ("renewal_term", "The Lessee shall renew its insurance policies and extend them for successive years."),
        ("third_party_beneficiary", "No person who is not a party is a third party beneficiary of this Agreement."),
        ("post_termination_services", "Sections 4 and 9 shall survive the termination of this Agreement."),
    ],
)
def test_words_alone_make_no_clause(category: str, sentence: str) -> None:
    assert category not in categories(sentence)


def test_a_proviso_stays_with_the_promise_it_limits() -> None:
    text = (
        "Neither party may assign this Agreement in whole or in part without the consent of the other party; provided, "
        "however, that either party may assign it to an affiliate."
    )
    found = [passage.quote for passage in find(text, "en", term.RULES) if passage.category == "anti_assignment"]
    assert found == [text]


def test_a_sentence_broken_by_a_page_end_is_one() -> None:
    text = "Neither party may assign this Agreement without the prior\n\n14\n\nwritten consent of the other party."
    assert [passage.quote for passage in find(text, "en", term.RULES)] == [text]

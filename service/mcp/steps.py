"""What the nodes of our workflows do, in words that a person follows."""

from typing import Final

_STEPS: Final[dict[str, dict[str, str]]] = {
    "contract_review": {
        "ingest": "Reading the contract",
        "split": "Splitting it into clauses",
        "identify": "Identifying parties, dates and law",
        "find": "Finding clauses by category",
        "judge": "Judging against the playbook",
        "amend": "Proposing amendments",
        "assemble": "Writing the report and the redlined document",
        "approve": "Waiting for approval",
    },
    "medical_translation": {
        "ingest": "Reading and de-identifying the record",
        "segment": "Cutting it into segments",
        "extract": "Noting key data",
        "translate": "Translating",
        "verify": "Verifying every segment",
        "second_opinion": "Asking for a second opinion",
        "consult": "Consulting the knowledge base",
        "advise": "Writing the advice",
        "translate_advice": "Translating the advice",
        "assemble": "Putting the files together",
        "sign_off": "Waiting for a clinician's sign-off",
        "revise": "Verifying the edits",
        "release": "Releasing",
    },
    "financial_advisor": {
        "understand": "Understanding the question",
        "plan": "Planning what to calculate",
        "call": "Calculating",
        "explore": "Looking further",
        "judge": "Judging the figures",
        "gate": "Checking suitability",
        "approve": "Waiting for approval",
        "answer": "Writing the answer",
        "report": "Drawing the charts and writing the report",
    },
}
_TOTALS: Final = {"contract_review": 7}


def label(workflow: str, node: str) -> str:
    """What a node does; of a user's own workflow its name."""
    return _STEPS.get(workflow, {}).get(node) or node.replace("_", " ").capitalize()


def total(workflow: str) -> int | None:
    """How many nodes a run of the workflow passes, where that is always the same."""
    return _TOTALS.get(workflow)

"""The knowledge base's word on the record's own medications and conditions, and the advice made of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.record import Place
from workflows.desk import Desk
from workflows.medical_translation.state import Caution, Record, Statement


async def consult(
    desk: Desk, here: Place, key_data: Mapping[str, Any], record: Record
) -> tuple[list[Statement], list[Caution]]:
    """What the knowledge base finds: statements with their entries, and cautions for what is dangerous as it stands."""
    return [], []


async def advise(
    desk: Desk, here: Place, statements: Sequence[Statement], key_data: Mapping[str, Any]
) -> list[Statement]:
    """The advice, each statement with its citations."""
    return list(statements)


async def translated(desk: Desk, here: Place, advice: Sequence[Statement], targets: Sequence[str]) -> list[Statement]:
    """The advice in every target language that it can be said in."""
    return list(advice)

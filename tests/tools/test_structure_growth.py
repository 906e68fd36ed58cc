"""The work grows with the length of the text, also for text written to make it explode."""

import sys
from collections.abc import Callable

import pytest

from tools.contracts.structure import split_clauses


def calls(work: Callable[[], object]) -> int:
    """How many Python and C function calls the work makes: a measure without a clock."""
    count = 0

    def tick(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


CONTRACT = '{n}. Clause\n\n{n}.1 "Term {n}" means the thing of Section {n}.2.\n(a) the Term {n};\n(b) Exhibit B.\n\n'


def test_work_grows_linearly_with_the_contract():
    def contract(size: int) -> str:
        return "".join(CONTRACT.format(n=n % 90 + 1) for n in range(size))

    small, large = (calls(lambda size=size: split_clauses(contract(size), "en")) for size in (200, 800))
    assert large < 6 * small


@pytest.mark.parametrize(
    "unit",
    [" ", "(", '"', '("', "“", "1.", "1.1 ", "(a) ", "第一", "一、", "（一）", ". ", "_", "Section ",
     "Section 1, ", "A ", "[", "、",
     "the Big Plan ", "Exhibit A ", '"A" means ', "1. 1. ", "\n1.", "defined terms meaning "],
)  # fmt: skip
def test_hostile_long_lines_end(unit: str):
    for language in ("en", "zh"):
        split_clauses(unit * (200_000 // len(unit)), language)

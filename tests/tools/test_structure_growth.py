"""The work grows with the length of the text, also for text written to make it explode."""

import subprocess
import sys

import pytest

from tests.conftest import ENVIRONMENT
from tools.contracts.structure import split_clauses

COUNT = """
import sys
from tools.contracts.structure import split_clauses

UNIT = '{n}. Clause\\n\\n{n}.1 "Term {n}" means the thing of Section {n}.2.\\n(a) the Term {n};\\n(b) Exhibit B.\\n\\n'
contract = "".join(UNIT.format(n=n % 90 + 1) for n in range(int(sys.argv[1])))
count = 0

def tick(frame, event, argument):
    global count
    count += event in ("call", "c_call")

sys.setprofile(tick)
split_clauses(contract, "en")
sys.setprofile(None)
print(count)
"""


def calls(size: int) -> int:
    """How many Python and C function calls a contract of `size` clauses takes: a measure without a clock.

    In a process of its own: profiling one that has run thousands of tests has hung once (Python 3.11).
    """
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(size)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(done.stdout)


def test_work_grows_linearly_with_the_contract():
    assert calls(800) < 6 * calls(200)


@pytest.mark.parametrize(
    "unit",
    [" ", "(", '"', '("', "“", "1.", "1.1 ", "(a) ", "第一", "一、", "（一）", ". ", "_", "Section ",
     "Section 1, ", "A ", "[", "、",
     "the Big Plan ", "Exhibit A ", '"A" means ', "1. 1. ", "\n1.", "defined terms meaning "],
)  # fmt: skip
def test_hostile_long_lines_end(unit: str):
    for language in ("en", "zh"):
        split_clauses(unit * (200_000 // len(unit)), language)

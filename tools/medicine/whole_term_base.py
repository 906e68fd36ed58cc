"""The term base with everything in it: its own files, and the drugs and conditions of the knowledge base."""

from functools import cache

from tools.medicine import term_base
from tools.medicine.knowledge import reading
from tools.medicine.term_base import TermBase


@cache
def load() -> TermBase:
    """The term base; the same object at each call, since other caches hang on it."""
    return TermBase.of([*term_base.load().terms, *reading.terms()])

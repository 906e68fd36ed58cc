"""What is measured of a question before it is routed: languages, length, structure, and how earlier attempts went."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from agents.structure import Structure, structure_of
from tools.documents.languages import UNDETERMINED, language_of

_WORDS: Final = 5
_SHORT: Final = 20
_ENGLISH: Final = frozenset(
    re.findall(
        r"\w+",
        "the this that these those is are was were what which who whose how why where when does did do have has and of "
        "to with from by about please should would could will shall my your our their it its there any",
    )
)

TEMPLATE: Final = 128
"""Tokens that a chat template puts around the messages of a question, at a guess that is not too small (LLaMA 3.1's
writes two dates, and counts of a text's parts do not add up exactly)."""

Kind = Literal["invalid", "doubtful", "unavailable", "full"]
"""How an attempt failed: the answer did not fit its schema or check; it fitted but the model was unsure or two samples
disagreed; the model's servers gave none; they had no room for as long as the policy waits."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An earlier attempt at the same question. model: its name in the pool."""

    model: str
    kind: Kind
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """languages: BCP 47 codes found in the question and its material. tokens: of both; 0 when unknown. exact: counted
    by the model's tokenizer, else an upper bound. failures: earlier attempts, oldest first. structure: of the material,
    or of the question where there is none."""

    languages: tuple[str, ...] = ()
    tokens: int = 0
    exact: bool = False
    failures: tuple[Failure, ...] = ()
    structure: Structure = field(default_factory=Structure)

    @property
    def full(self) -> frozenset[str]:
        """The models that were found full since the last answer: a later step of the escalation may wait for them."""
        since = max((at for at, each in enumerate(self.failures) if each.kind in ("invalid", "doubtful")), default=-1)
        return frozenset(each.model for each in self.failures[since + 1 :] if each.kind == "full")


def _reads_english(text: str) -> bool:
    """Whether two of its words, and a fifth of them, are such as no other language has. The detector takes short
    English questions for Danish or Dutch now and then, which would shut out models made for English."""
    words = re.findall(r"[a-z']+", text.casefold())
    own = sum(word in _ENGLISH for word in words)
    return own >= 2 and own * 5 >= len(words)


def token_bound(text: str) -> int:
    """More tokens than this the text cannot have: a byte-level BPE (Qwen, DeepSeek, LLaMA 3) starts from the bytes of
    UTF-8 and only merges them (Radford et al. 2019, section 2.2), and LLaMA 2's SentencePiece falls back to bytes. The
    one more is the token that begins the text."""
    return len(text.encode()) + 1


def measure(text: str, failures: tuple[Failure, ...] = ()) -> Signals:
    """The signals of a text, without any model: its main language, the bound on its tokens, and its structure.

    A few words of plain ASCII tell no language: a wrong guess would rule out models that can answer.
    """
    words = text.split()
    if text.isascii() and len(words) < _WORDS:
        language = UNDETERMINED
    elif text.isascii() and len(words) < _SHORT and _reads_english(text):
        language = "en"
    else:
        language = language_of(text)
    return Signals(
        languages=() if language == UNDETERMINED else (language,),
        tokens=token_bound(text),
        failures=failures,
        structure=structure_of(text),
    )

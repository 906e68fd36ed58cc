"""What is measured of a question before it is routed: languages, length, and how earlier attempts went."""

from dataclasses import dataclass
from typing import Final, Literal

from tools.documents.languages import UNDETERMINED, language_of

_WORDS: Final = 5

Kind = Literal["invalid", "doubtful", "unavailable"]
"""How an attempt failed: the answer did not fit its schema or check; it fitted but the model was unsure or two samples
disagreed; the model's servers gave none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An earlier attempt at the same question. model: its name in the pool."""

    model: str
    kind: Kind
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """languages: BCP 47 codes found in the question and its material. tokens: of both; 0 when unknown. exact: counted
    by the model's tokenizer, else an upper bound. failures: earlier attempts, oldest first."""

    languages: tuple[str, ...] = ()
    tokens: int = 0
    exact: bool = False
    failures: tuple[Failure, ...] = ()


def token_bound(text: str) -> int:
    """More tokens than this the text cannot have: a byte-level BPE (Qwen, DeepSeek, LLaMA 3) starts from the bytes of
    UTF-8 and only merges them (Radford et al. 2019, section 2.2), and LLaMA 2's SentencePiece falls back to bytes. The
    one more is the token that begins the text."""
    return len(text.encode()) + 1


def measure(text: str, failures: tuple[Failure, ...] = ()) -> Signals:
    """The signals of a text, without any model: its main language, and the bound on its tokens.

    A few words of plain ASCII tell no language: a wrong guess would rule out models that can answer.
    """
    language = UNDETERMINED if text.isascii() and len(text.split()) < _WORDS else language_of(text)
    return Signals(
        languages=() if language == UNDETERMINED else (language,), tokens=token_bound(text), failures=failures
    )

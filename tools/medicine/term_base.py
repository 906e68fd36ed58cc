"""The term base: what a thing of medicine is called in Chinese, English, Spanish, French, German and Japanese.

Written for this project, one file a kind in `term_base/`, one concept a line: six cells separated by `|` in the order
of LANGUAGES, synonyms in a cell separated by `;`, the preferred one first. `+f` marks a feminine, `+p` a plural noun
(Spanish and French adjectives agree with it). `a~b` gives the two forms of an adjective (masculine, feminine) or of a
countable unit (one, several). Drugs and conditions of the knowledge base are terms too; of a condition only the first
name is translated, since its other names may be broader or narrower.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from tools.medicine.lexicon import fold

Language = Literal["zh", "en", "es", "fr", "de", "ja"]
LANGUAGES: tuple[str, ...] = get_args(Language)
"""The languages of the term base, in the order of its cells."""
FILES = Path(__file__).parent / "term_base"


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a concept. forms: masculine and feminine, or one and several; a single form where it never varies.

    loose: accepted in a translation that somebody made, but neither read nor written by us.
    """

    forms: tuple[str, ...]
    feminine: bool = False
    plural: bool = False
    loose: bool = False

    @property
    def text(self) -> str:
        """The form that a dictionary shows."""
        return self.forms[0]


@dataclass(frozen=True, slots=True)
class Term:
    """A concept with its names by language, the preferred first. kind: the file that it is in, or drug, diagnosis."""

    kind: str
    names: Mapping[str, tuple[Name, ...]] = field(hash=False)

    @property
    def key(self) -> str:
        """Its preferred English name, which tells it from the other terms of its kind."""
        return self.names["en"][0].text

    def preferred(self, lang: str) -> Name | None:
        """The name to write in a language, if it is known."""
        return next((name for name in self.names.get(lang, ()) if not name.loose), None)


@dataclass(frozen=True, slots=True, eq=False)
class TermBase:
    """Terms with an index of their folded names by language and kind. Two are the same only where they are one object:
    to hash a thousand terms for every look-up in a cache took a third of the time of a translation."""

    terms: tuple[Term, ...]
    index: Mapping[str, Mapping[str, Mapping[str, tuple[Term, ...]]]] = field(repr=False, compare=False, hash=False)

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "TermBase":
        """A term base over the terms; of two that share a name and a kind in a language, both are kept."""
        kept = tuple(terms)
        index: dict[str, dict[str, dict[str, tuple[Term, ...]]]] = {}
        for term in kept:
            for lang, names in term.names.items():
                kinds = index.setdefault(lang, {}).setdefault(term.kind, {})
                for folded in {fold(form) for name in names if not name.loose for form in name.forms}:
                    kinds[folded] = (*kinds.get(folded, ()), term)
        return cls(kept, index)

    def extended(self, terms: Iterable[Term]) -> "TermBase":
        """This term base with a user's own terms, which win over ours of the same kind and English name."""
        own = list(terms)
        theirs = {(term.kind, term.key) for term in own}
        return TermBase.of([*own, *(term for term in self.terms if (term.kind, term.key) not in theirs)])

    def find(self, name: str, lang: str, kinds: Iterable[str] | None = None) -> tuple[Term, ...]:
        """The terms that are called so in the language, of any or of the given kinds."""
        by_kind = self.index.get(lang, {})
        folded = fold(name.strip())
        return tuple(term for kind in kinds or by_kind for term in by_kind.get(kind, {}).get(folded, ()))

    def names(self, lang: str, kind: str) -> Mapping[str, tuple[Term, ...]]:
        """The folded names of a kind in a language, with the terms that bear them."""
        return self.index.get(lang, {}).get(kind, {})


def name(cell: str) -> Name:
    """One name as the files write it."""
    text, _, marks = cell.strip().partition("+")
    return Name(tuple(form.strip() for form in text.split("~")), "f" in marks, "p" in marks)


def read(path: Path) -> Iterator[Term]:
    """The terms of one file; its name is their kind. Raises ValueError on a line without six cells."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != len(LANGUAGES) or not all(cells):
            raise ValueError(f"{path.name}, line {number}: {len(cells)} cells, {len(LANGUAGES)} are needed: {line!r}")
        yield Term(
            path.stem,
            {lang: tuple(name(each) for each in cell.split(";")) for lang, cell in zip(LANGUAGES, cells, strict=True)},
        )


@cache
def load() -> TermBase:
    """The project's own term base: its files, and the knowledge base, whose names give way to those of the files."""
    from tools.medicine.knowledge.reading import terms  # which reads names with this module

    files = [term for path in sorted(FILES.glob("*.psv")) for term in read(path)]
    claimed = TermBase.of(files)
    rest = (_giving_way(term, claimed) for term in terms())
    return TermBase.of([*files, *(term for term in rest if term.preferred("en"))])


def _giving_way(term: Term, claimed: TermBase) -> Term:
    """The term with the names that a file gives to another concept made loose."""
    kinds = (term.kind, "symptom", "sign") if term.kind == "diagnosis" else (term.kind,)
    return Term(
        term.kind,
        {
            lang: tuple(replace(each, loose=each.loose or bool(claimed.find(each.text, lang, kinds))) for each in names)
            for lang, names in term.names.items()
        },
    )

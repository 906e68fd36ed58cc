"""A playbook: what a lawyer wants of each kind of clause, what to look for, why, and what to write instead.

It is a TOML file; docs/playbooks.md says how to write one. `load("commercial")` reads a shipped one, `load("my.toml")`
one's own.
"""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tools.contracts import playbook_source
from tools.contracts.categories import BY_KEY
from tools.contracts.contract import Severity
from tools.contracts.quantities import comparison
from tools.errors import ConsiliaError

_SHIPPED = Path(__file__).parent / "playbooks"
LARGEST = 1_000_000
DEFAULT = "commercial"


class UnknownPlaybook(ConsiliaError):
    """No shipped playbook has this name, and no file is at this path."""

    code = "unknown_playbook"
    status = 404


class InvalidPlaybook(ConsiliaError):
    """A playbook that cannot be read; the message names the file, the line, the key and what is allowed there."""

    code = "invalid_playbook"
    status = 422


def _checked(expression: str) -> str:
    comparison(expression)
    return expression


def _known(category: str) -> str:
    if category not in BY_KEY:
        near = difflib.get_close_matches(category, BY_KEY, n=3, cutoff=0.5)
        raise ValueError(
            f"{category!r} is no clause category; {'did you mean ' + ' or '.join(near) + '? ' if near else ''}"
            f"known: {', '.join(BY_KEY)}"
        )
    return category


Phrase = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Side = Literal["us", "them", "both"]
Role = Literal["payer", "payee", "discloser", "recipient"]
Language = Literal["en", "zh"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Part):
    """Text in English and Chinese; a playbook gives each of its languages."""

    en: str = ""
    zh: str = ""

    def in_language(self, language: str) -> str:
        """The text in `language`, else in the other one."""
        return (self.zh or self.en) if language.startswith("zh") else (self.en or self.zh)


class When(_Part):
    """The conditions of a rule; all that are given must hold for a sentence of the clause.

    contains: any of these phrases is stated in the sentence (`*` any words, `a|b` either word, not right after a
    negation). also: and any of these. lacks: none of these occurs in the clause. contract_lacks: none of these occurs
    anywhere in the contract. number: comparisons, each with some number of the sentence. obliges, entitles: whom the
    sentence binds or favours, and nobody else. one_sided: only one party is bound or favoured, here and in every
    other passage of the category. against_us: one-sided, and to our cost. we_are: our role. kinds: the contract's type.
    """

    contains: tuple[Phrase, ...] = ()
    also: tuple[Phrase, ...] = ()
    lacks: tuple[Phrase, ...] = ()
    contract_lacks: tuple[Phrase, ...] = ()
    number: tuple[Annotated[str, AfterValidator(_checked)], ...] = ()
    obliges: Side | None = None
    entitles: Side | None = None
    one_sided: bool | None = None
    against_us: bool | None = None
    we_are: tuple[Role, ...] = ()
    kinds: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, values: object) -> object:
        """`number = "notice_days < 30"` is as good as a list of one."""
        if not isinstance(values, dict):
            return values
        lists = {"contains", "also", "lacks", "contract_lacks", "number", "we_are", "kinds"}
        given = cast(dict[str, object], values)
        if not given:
            raise ValueError(f"needs a condition: one or more of {', '.join(cls.model_fields)}")
        return {key: [value] if key in lists and isinstance(value, str) else value for key, value in given.items()}


class Rule(_Part):
    """A breach risk: when it is there, how severe, why, and what to write instead.

    suggest: wording that a lawyer could paste. edit: what the redline does with it: `replace` the sentence, `phrase`
    replaces only the words or number that the rule found, `append` adds it after the sentence, `delete` strikes the
    sentence, `comment` leaves the text and says it in the margin. where: in the clause (default), or any sentence of
    the contract. `{we}` and `{they}` in a suggestion become the parties' names.
    """

    id: Name
    severity: Severity
    when: When
    why: Words
    suggest: Words = Words()
    edit: Literal["replace", "phrase", "append", "delete", "comment"] = "replace"
    where: Literal["clause", "contract"] = "clause"
    source: str = ""

    @model_validator(mode="after")
    def _an_edit_has_its_words(self) -> "Rule":
        if self.edit != "delete" and not (self.suggest.en or self.suggest.zh):
            raise ValueError(f"edit = {self.edit!r} needs suggest.en or suggest.zh; only 'delete' goes without")
        if self.edit == "phrase" and not (self.when.contains or self.when.number):
            raise ValueError("edit = 'phrase' needs when.contains or when.number, which find the phrase to replace")
        return self


class Acceptable(_Part):
    """A fallback that we can live with; found, it is noted as a low finding where no rule speaks."""

    id: Name
    when: When
    note: Words


class Missing(_Part):
    """The risk that the clause is not there. kinds: only in these contract types; not_kinds: never in these."""

    severity: Severity
    why: Words
    suggest: Words
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    we_are: tuple[Role, ...] = ()
    source: str = ""


class Position(_Part):
    """What the playbook says on one category. signs: phrases that show the clause where no passage was found."""

    position: Words
    signs: tuple[Phrase, ...] = ()
    acceptable: tuple[Acceptable, ...] = ()
    rules: tuple[Rule, ...] = ()
    missing: Missing | None = None

    @model_validator(mode="after")
    def _ids_differ(self) -> "Position":
        ids = [rule.id for rule in self.rules]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"rule ids must differ within a category; used twice: {', '.join(twice)}")
        return self


class Playbook(_Part):
    """A whole playbook; `category` maps a category's key to its position."""

    name: Name
    title: Words
    description: Words
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    default: bool = False
    version: str = "1"
    category: dict[Annotated[str, AfterValidator(_known)], Position]

    @model_validator(mode="after")
    def _speaks_its_languages(self) -> "Playbook":
        for key, position in self.category.items():
            texts = [("position", position.position)]
            for rule in position.rules:
                texts += [(f"rules.{rule.id}.why", rule.why)]
                texts += [(f"rules.{rule.id}.suggest", rule.suggest)] if rule.edit != "delete" else []
            if position.missing:
                texts += [("missing.why", position.missing.why), ("missing.suggest", position.missing.suggest)]
            for place, words in texts:
                for language in self.languages:
                    if not (words.en if language == "en" else words.zh).strip():
                        raise ValueError(
                            f"category.{key}.{place} has no {language!r} text, but languages = {list(self.languages)}; "
                            "write it or take the language out"
                        )
        return self

    def rule_count(self) -> int:
        return sum(len(position.rules) + (position.missing is not None) for position in self.category.values())


def names() -> list[str]:
    """The shipped playbooks, the default first."""
    return sorted((path.stem for path in _SHIPPED.glob("*.toml")), key=lambda name: (name != DEFAULT, name))


def toml(name: str) -> str:
    """The TOML text of a shipped playbook, one of `names()`."""
    return (_SHIPPED / f"{name}.toml").read_text("utf-8")


def load(name_or_path: str | Path = DEFAULT) -> Playbook:
    """A shipped playbook by its name, or one's own by the path of its TOML file.

    Raises UnknownPlaybook (which lists the known ones) and InvalidPlaybook (which names the line).
    """
    name = str(name_or_path)
    if name in names():
        path = _SHIPPED / f"{name}.toml"
    else:
        path = Path(name)
        if path.suffix != ".toml" or not path.is_file():
            raise UnknownPlaybook(
                f"no playbook {name!r}; known: {', '.join(names())}, or the path of a .toml file of your own",
                playbook=name,
                known=names(),
            )
    if path.stat().st_size > LARGEST:
        raise InvalidPlaybook(f"{path.name} is larger than {LARGEST:,} bytes", file=path.name)
    try:
        source = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPlaybook(f"{path.name} is not UTF-8 text (byte {error.start})", file=path.name) from error
    return parse(source, path.name)


def parse(source: str, file: str) -> Playbook:
    """A playbook from its TOML source; `file` is what errors call it."""
    try:
        values = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # also a number of too many digits; nested without end
        raise InvalidPlaybook(f"{file}: not valid TOML: {error}", file=file) from error
    try:
        return Playbook.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        problem = min(problems, key=lambda each: each["type"] == "missing")  # a misspelt key says more than its absence
        path = tuple(part for part in problem["loc"] if part != "[key]")
        message, key = _in_words(problem["type"], str(problem["msg"]), path, problem.get("ctx", {}))
        line = playbook_source.line_of(source, _place(path, message))
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InvalidPlaybook(f"{file}, line {line}: {key}: {message}{more}", file=file, line=line, key=key) from error


def _place(path: tuple[str | int, ...], message: str) -> tuple[str | int, ...]:
    """Whole-playbook checks name the category in their message: point there."""
    if not path and message.startswith("category."):
        return ("category", message.split(".")[1])
    return path


def _in_words(kind: str, message: str, path: tuple[str | int, ...], context: object) -> tuple[str, str]:
    """(what is wrong and what is allowed, the key) of a pydantic error."""
    key = ".".join(str(part) for part in path) or "playbook"
    if kind == "extra_forbidden":
        return f"unknown key {str(path[-1])!r}; allowed here: {', '.join(_allowed(path[:-1]))}", key
    if kind == "missing":
        return f"key {str(path[-1])!r} is missing here", key
    if isinstance(context, dict) and kind == "literal_error":
        return f"allowed here: {cast(dict[str, object], context).get('expected')}", key
    return message.removeprefix("Value error, "), key


def _allowed(path: Sequence[str | int]) -> list[str]:
    """The keys of the table at `path`."""
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    models: dict[str, type[BaseModel]] = {
        "when": When, "rules": Rule, "acceptable": Acceptable, "missing": Missing, "position": Words, "why": Words,
        "suggest": Words, "note": Words, "title": Words, "description": Words, "": Playbook,
    }  # fmt: skip
    return list(models.get(last, Position).model_fields)

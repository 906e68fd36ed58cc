"""Whom a sentence binds and whom it favours, seen from the party we act for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tools.contracts.contract import Party, Profile
from tools.errors import ConsiliaError


class UnknownParty(ConsiliaError):
    """The party we are to act for is not a party to this contract."""

    code = "unknown_party"
    status = 422


_PAYER = re.compile(
    r"\b(?:customer|client|buyer|purchaser|licensee|tenant|lessee|borrower|distributor|reseller|company|principal)\b"
    r"|买方|采购方|需方|委托方|委托人|发包方|定作方|承租方|客户|被许可方|用户|甲方",
    re.IGNORECASE,
)
_PAYEE = re.compile(
    r"\b(?:supplier|vendor|seller|provider|contractor|consultant|licensor|landlord|lessor|manufacturer|agency|lender)\b"
    r"|卖方|供应商|供应方|供方|受托方|受托人|承包方|承揽方|出租方|服务方|服务商|服务提供方|许可方|乙方",
    re.IGNORECASE,
)
_DISCLOSER = re.compile(r"\bdisclos(?:er|ing party)\b|披露方", re.IGNORECASE)
_RECIPIENT = re.compile(r"\b(?:recipient|receiving party)\b|接收方|接受方", re.IGNORECASE)
_COMPANY_FORM = re.compile(
    r"[,\s]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|lp|plc|gmbh|ag|s\.?a|b\.?v|pte|pty|n\.?v)\b\.?",
    re.IGNORECASE,
)

_BOTH = (
    r"\b(?:each|either|neither|both|any|no|the other|one)\s+(?:of the )?part(?:y|ies)\b|\bthe parties\b|\bparties\b"
    r"|双方|各方|任何一方|任一方|一方|守约方|违约方|甲乙"
)
_MODAL = re.compile(
    r"\b(?P<right>(?:is|are) entitled|(?:has|have|reserves?|retains?) the (?:\w+ )?(?:right|option)"
    r"|may(?! not\b)|owns\b)"
    r"|\b(?P<duty>shall|must|will|may not|cannot|agrees? (?:not )?to|undertakes? to|covenants"
    r"|is (?:obligated|required) to)\b"
    r"|(?P<han_right>有权|可以|可随时|享有|(?:不|无需|免于|免予)承担|不负)"
    r"|(?P<han_duty>(?<![供相对适反响])应当?(?![商答收付])|必须|不得|须(?!知)|承诺|保证(?!期|金)|负责|承担)",
    re.IGNORECASE,
)
_RELIEF = re.compile(
    r"^\W*(?:\w+\W+){0,4}?(?:(?:not )?be (?:\w+ )?(?:liable|responsible)|have no (?:liability|obligation)|not exceed"
    r"|be limited to|be entitled|have the (?:\w+ )?(?:right|option)|own\b|retain|be the (?:sole |exclusive )*owner)",
    re.IGNORECASE,
)
_NO_EVENT = re.compile(r"\b(?:in no event|under no circumstances|neither|nor|not|no)\b", re.IGNORECASE)
_GIVES_TO = (
    r"(?:property of|belongs? (?:exclusively )?to|vests? (?:solely |exclusively )?in"
    r"|owned (?:solely |exclusively )?by|discretion of)\s+(?:the\s+)?"
)


@dataclass(frozen=True, slots=True)
class Bearing:
    """Whom sentences oblige and whom they entitle: subsets of {"us", "them"}."""

    obliges: frozenset[str]
    entitles: frozenset[str]

    def __or__(self, other: "Bearing") -> "Bearing":
        return Bearing(self.obliges | other.obliges, self.entitles | other.entitles)

    @property
    def against_us(self) -> bool:
        """Only we are bound, or only they are entitled."""
        return (self.obliges == frozenset({"us"}) and "us" not in self.entitles) or (
            self.entitles == frozenset({"them"}) and "them" not in self.obliges
        )

    @property
    def one_sided(self) -> bool:
        return len(self.obliges) == 1 or (not self.obliges and len(self.entitles) == 1)


NOBODY = Bearing(frozenset(), frozenset())


@dataclass(frozen=True)
class Sides:
    """Us and them by every word that the contract uses for each. neutral: no party was named, so nobody is "us"."""

    us: tuple[str, ...]
    them: tuple[str, ...]
    roles: frozenset[str]
    neutral: bool

    @cached_property
    def _references(self) -> re.Pattern[str]:
        def words(names: Sequence[str]) -> str:
            return "|".join(_reference(name) for name in sorted(names, key=len, reverse=True)) or r"(?!)"

        return re.compile(f"(?P<us>{words(self.us)})|(?P<them>{words(self.them)})|(?P<both>(?i:{_BOTH}))")

    @cached_property
    def _gives_to(self) -> re.Pattern[str]:
        names = "|".join(_reference(name) for name in (*self.us, *self.them)) or r"(?!)"
        return re.compile(f"(?i:{_GIVES_TO})(?P<owner>{names})|归(?:属于)?(?P<han>{names})")

    def bearing(self, sentence: str) -> Bearing:
        """Whom one sentence obliges and entitles. The subject of a modal is the party named last before it."""
        references = [
            (match.start(), match.end(), (match.lastgroup or "both")) for match in self._references.finditer(sentence)
        ]
        obliges: set[str] = set()
        entitles: set[str] = set()
        for owner in self._gives_to.finditer(sentence):
            name = owner["owner"] or owner["han"]
            entitles |= self._who(name)
        for modal in _MODAL.finditer(sentence):
            subject = _subject(references, modal, sentence)
            if subject is None:
                continue
            who = {"us", "them"} if subject == "both" else {subject}
            after = sentence[modal.end() : modal.end() + 70]
            relieves = _RELIEF.match(after)
            if relieves and "liable" in relieves.group() and "not" not in relieves.group():
                relieves = _NO_EVENT.search(sentence[: modal.start()])
            if modal["right"] or modal["han_right"] or relieves:
                entitles |= who
            else:
                obliges |= who
        return Bearing(frozenset(obliges), frozenset(entitles))

    def _who(self, name: str) -> set[str]:
        return {"us"} if name in self.us else {"them"}

    def name(self, side: str, language: str) -> str:
        """What the contract calls a side, for wording: its alias where there is one."""
        names = self.us if side == "us" else self.them
        if names and not self.neutral:
            return names[0]
        plain = {"us": "一方", "them": "另一方"} if language == "zh" else {"us": "a party", "them": "the other party"}
        return plain[side]


def _reference(name: str) -> str:
    text = r"\s+".join(re.escape(part) for part in name.split())
    if name[:1].isascii():
        return rf"\b(?:{text}|{text.upper()})\b" if not any(c in text for c in "\\") else rf"(?<!\w)(?:{text})(?!\w)"
    return text


def _subject(references: list[tuple[int, int, str]], modal: re.Match[str], sentence: str) -> str | None:
    for start, _, side in references:  # "In no event shall Supplier be liable …"
        if modal.end() <= start <= modal.end() + 12 and (modal["duty"] or "").lower() in ("shall", "will"):
            inverted = re.search(
                r"\b(?:event|circumstances?|nor|neither)\s*$", sentence[: modal.start()], re.IGNORECASE
            )
            if inverted:
                return side
    before = [reference for reference in references if reference[1] <= modal.start()]
    if not before:
        return None
    # A phrase such as "to Customer" or "of Supplier" right before the modal is no subject where another stands earlier.
    for start, _, side in reversed(before):
        if not re.search(
            r"\b(?:to|by|of|from|with|for|against|upon)\s+(?:the\s+)?$|[向对由与]$", sentence[:start], re.IGNORECASE
        ):
            return side
    return before[-1][2]


def _names(party: Party) -> tuple[str, ...]:
    """Alias first; then the name, its first part without the company's form, and the role."""
    short = _COMPANY_FORM.split(party.name)[0].strip(" ,，")
    names = [party.alias, party.role if party.role and party.role[:1].isupper() else None, party.name, short]
    if party.role and not party.role[:1].isascii():
        names.insert(1, party.role)
    return tuple(dict.fromkeys(name.strip() for name in names if name and len(name.strip()) > 1))


def _folded(name: str) -> str:
    folded = re.sub(r"[\s,，.。“”\"'’（）()]+", " ", name).strip().casefold()
    return folded.removeprefix("the ")


def sides(profile: Profile, party: str | None, text: str = "") -> Sides:
    """Who is "us": the party whose name, alias or role `party` is; None reviews for neither side.

    Raises UnknownParty, which lists the parties found, where it is none of them or several.
    """
    parties = profile.parties
    if party is None or not party.strip():
        first = _names(parties[0]) if parties else ()
        others = tuple(name for other in parties[1:] for name in _names(other))
        return Sides(first, others, frozenset(), neutral=True)
    wanted = _folded(party)
    hits = [one for one in parties if any(_folded(name) == wanted for name in _names(one))]
    if not hits and len(wanted) >= 2:
        hits = [one for one in parties if any(wanted in _folded(name) for name in _names(one))]
    if not hits and not parties and wanted in _folded(text):
        return Sides((party.strip(),), (), frozenset(_roles((party,))), neutral=False)
    if len(hits) != 1:
        found = [f"{one.name} ({one.alias})" if one.alias else one.name for one in parties]
        problem = "fits several parties" if hits else "is no party to this contract"
        raise UnknownParty(
            f"{party!r} {problem}; parties found: {'; '.join(found) or 'none'}. Name one by its name or alias.",
            party=party,
            parties=found,
        )
    ours = _names(hits[0])
    theirs = tuple(name for one in parties if one is not hits[0] for name in _names(one) if name not in ours)
    roles = _roles((hits[0].alias or "", hits[0].role or "")) or _opposite(_roles(theirs))
    return Sides(ours, theirs, frozenset(roles), neutral=False)


def _roles(names: Sequence[str]) -> set[str]:
    text = " / ".join(names)
    roles = {"payer": _PAYER, "payee": _PAYEE, "discloser": _DISCLOSER, "recipient": _RECIPIENT}
    found = {role for role, expression in roles.items() if expression.search(text)}
    if {"payer", "payee"} <= found:  # "甲方（供应商）": the word that says what it does outweighs its letter
        letters = {"payer": "甲方", "payee": "乙方"}
        found -= {role for role, letter in letters.items() if not roles[role].search(text.replace(letter, ""))}
    return set() if {"payer", "payee"} <= found else found


def _opposite(roles: set[str]) -> set[str]:
    pairs = {"payer": "payee", "payee": "payer", "discloser": "recipient", "recipient": "discloser"}
    return {pairs[role] for role in roles}

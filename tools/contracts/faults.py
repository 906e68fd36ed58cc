"""Drafting faults that need no lawyer to see: broken references, terms without a definition, gaps and open blanks."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tools.contracts.contract import Clause, CrossReference, ProblemKind, StructureProblem
from tools.contracts.definitions import GENERIC, Mention, term_key, undefined_terms
from tools.contracts.outline import Node
from tools.contracts.references import Mentioned

_BLANK = re.compile(
    r"(?P<line>_{3,}(?:[ /.,]{0,3}_{2,}){0,4})|\[\s{0,20}(?:[●•▪■]|_{1,40}|(?i:date|name|amount|address|number"
    r"|insert[^\]\n]{0,60}|tbd|to be (?:determined|agreed|completed|inserted)[^\]\n]{0,40}|party[^\]\n]{0,20}"
    r"|company name|state|jurisdiction|•{1,3}|x{2,5}))?\s{0,20}\]"
    r"|【[\s　●_/]{0,20}】|[（(][　 ]{3,20}[）)]|(?<=[一-鿿：:])[ 　]{3,20}(?=[元年月日天%％份个])"
)
_SIGNATURE = re.compile(
    r"(?:\b(?:by|name|title|date|its|signed|signature|signatory|witness|print(?:ed)?(?:\s+name)?|attest|notary"
    r"|initials?|dated|day\s+of|per|address|attention|attn|fax|phone|telephone|email|e-mail)\b|签字|签名|签章|签署|盖章|公章|代表"
    r"|日期|地址|电话|传真|邮编|联系人|开户|账号|税号|年|月)[^.。;；]{0,40}$|/s/|\bX\s?$",
    re.IGNORECASE,
)
_AMENDING = re.compile(
    r"\b(?:amendment|addendum|supplement|side\s+letter|joinder|amended)\b|补充协议|变更协议", re.IGNORECASE
)
_LONGEST_PROBLEM_LIST = 200


@dataclass(frozen=True, slots=True)
class Drafted:
    """What the checks look at: the text with everything that was read from it."""

    text: str
    language: str
    nodes: list[Node]
    clauses: tuple[Clause, ...]
    mentions: list[Mention]
    uses: Counter[tuple[str, ...]]
    seen: set[tuple[str, ...]]
    parts: list[Mentioned]
    references: tuple[CrossReference, ...]


def drafting_faults(contract: Drafted) -> Iterator[StructureProblem]:
    """Every fault found, in no order."""
    yield from _broken_references(contract)
    yield from _definition_faults(contract)
    yield from _undefined(contract)
    yield from _gaps(contract)
    yield from _blanks(contract)


def _problem(contract: Drafted, kind: ProblemKind, start: int, end: int, message: str) -> StructureProblem:
    return StructureProblem(kind=kind, quote=contract.text[start:end], start=start, end=end, message=message)


def _broken_references(contract: Drafted) -> Iterator[StructureProblem]:
    """References that resolve to nothing, where the contract's numbering was read well enough to say so."""
    text = contract.text
    if _AMENDING.search(text[:400]):
        return
    tops = {node.values[0] for node in contract.nodes if node.values and node.kind not in ("attachment", "part")}
    if contract.nodes and len(tops) < 3:
        tops = set[int]()
    printed = _printed_numbers(text, contract.parts)
    headed = Counter(part.key for part in contract.parts if not part.relative and _heads_line(text, part))
    told: set[tuple[str, ...]] = set()
    reported = 0
    for part, reference in zip(contract.parts, contract.references, strict=True):
        if part.foreign or part.relative or reference.resolves_to is not None or reported >= _LONGEST_PROBLEM_LIST:
            continue
        if " " in part.key[0]:
            if headed[part.key] or not contract.nodes or _heads_line(text, part):
                continue
            if part.key in told:
                continue
            told.add(part.key)
            times = sum(other.key == part.key and not other.foreign for other in contract.parts)
            often = f"{times} times" if times > 1 else "once"
            message = f"{part.target} is referred to ({often}) but is not attached to the contract"
        else:
            decimal = tuple(key for key in part.key if key.isdecimal())
            if not tops or not decimal or (len(decimal) < len(part.key) and decimal in printed):
                continue
            if (
                headed[decimal]
                or decimal in printed
                or (len(decimal) > 1 and int(decimal[0]) not in tops and int(decimal[0]) <= max(tops))
            ):
                continue
            message = f"the contract has no {reference.quote if reference.quote[0].isalpha() else part.target}"
        reported += 1
        yield _problem(contract, "broken_reference", part.start, part.end, re.sub(r"\s+", " ", message))


def _printed_numbers(text: str, parts: list[Mentioned]) -> set[tuple[str, ...]]:
    """Numbers that stand in the text outside any reference, so that an unread clause number makes no broken one."""
    mentioned = {offset for part in parts for offset in range(part.start, part.end)}
    found: set[tuple[str, ...]] = set()
    for match in re.finditer(r"(?<![\d.$])\d{1,2}(?:\.\d{1,3}){0,4}(?![\d%])", text):
        if match.start() in mentioned:
            continue
        key = tuple(str(int(piece)) for piece in match.group().split("."))
        follows = text[match.end() : match.end() + 1]
        line = text[max(0, match.start() - 40) : match.start()].rpartition("\n")
        line_start = bool(line[1]) and line[2].strip(" \t(§").lower() in ("", "section", "article", "clause")
        if len(key) > 1 or line_start or follows in (".", ")", "、"):
            found.add(key)
    return found


def _heads_line(text: str, part: Mentioned) -> bool:
    """Whether a mention of an attachment stands like a heading: first on its line, and after no running text."""
    before = text[max(0, part.start - 60) : part.start]
    own_line = before[before.rfind("\n") + 1 :]
    mid_line = bool(own_line.strip(' \t　"“-–—(（0123456789.')) and not own_line.endswith("   ")
    if mid_line and (" " in part.key[0] or own_line.rstrip()[-1:] not in tuple(".:;]")):
        return False
    rest = text[part.end : part.end + 60].split("\n", 1)[0].strip(' \t　"”')
    earlier = before.rstrip()
    return (
        (not rest or not rest[0].islower())
        and rest[:1] != ","
        and (
            not earlier
            or earlier[-1] in '.;:。；：)_]"”'
            or "\n\n" in before[-8:]
            or "\n" not in before
            or before.endswith("   ")
        )
    )


def _definition_faults(contract: Drafted) -> Iterator[StructureProblem]:
    scopes = _attachment_starts(contract)
    first: dict[tuple[int, tuple[str, ...]], Mention] = {}
    done: set[tuple[str, ...]] = set()
    repeated = 0
    aliases = _party_aliases(contract)
    for mention in contract.mentions:
        key = term_key(mention.term)
        if key in GENERIC or not key:
            continue
        unused = not contract.uses[key] and key not in contract.seen
        if len(done) + repeated >= _LONGEST_PROBLEM_LIST:
            return
        if unused and key not in done and not mention.pointer and mention.start not in aliases:
            done.add(key)
            yield _problem(
                contract,
                "unused_definition",
                mention.start,
                mention.end,
                f"“{mention.term}” is defined but used nowhere",
            )
        if mention.pointer:
            continue
        scope = (sum(start <= mention.start for start in scopes), key)
        earlier = first.setdefault(scope, mention)
        if earlier is not mention and mention.start - earlier.end > 60 and earlier.term == mention.term:
            repeated += 1
            yield _problem(
                contract,
                "duplicate_definition",
                mention.start,
                mention.end,
                f"“{mention.term}” is defined more than once",
            )


def _attachment_starts(contract: Drafted) -> list[int]:
    return [node.start for node in contract.nodes if node.kind == "attachment"][:40]


def _party_aliases(contract: Drafted) -> set[int]:
    """Definitions in the contract's opening, before its first clause: what the parties and it are called."""
    first = next((node.start for node in contract.nodes if node.marker), 0)
    return {mention.start for mention in contract.mentions if mention.start < (first or 1_500)}


def _undefined(contract: Drafted) -> Iterator[StructureProblem]:
    if contract.language.startswith("zh"):
        return
    titles = {clause.title for clause in contract.clauses if clause.title}
    for term, start, end, times in undefined_terms(contract.text, contract.mentions, titles):
        yield _problem(
            contract,
            "undefined_term",
            start,
            end,
            f"“{term}” is used {times} times like a defined term but is not defined",
        )


def _gaps(contract: Drafted) -> Iterator[StructureProblem]:
    """Numbers left out between two neighbours of one list, unless the missing one is printed between them."""
    last: dict[tuple[int, str], Node] = {}
    for node in contract.nodes:
        if not node.marker or node.kind in ("attachment", "part"):
            continue
        place = (id(node.parent) if node.parent else 0, node.kind)
        before = last.get(place)
        last[place] = node
        if (
            before is None
            or before.values[:-1] != node.values[:-1]
            or before.marker is None
            or len(before.values) != len(node.values)
        ):
            continue
        missing = node.values[-1] - before.values[-1] - 1
        if not 0 < missing <= 5:
            continue
        number = ".".join(map(str, (*node.values[:-1], node.values[-1] - 1)))
        if node.kind == "decimal" or node.kind.startswith("number"):
            between = contract.text[before.marker.body : node.start]
            if re.search(rf"(?<![\d.]){re.escape(number)}(?![\d%])", between):
                continue
        elif node.kind.startswith(("lower", "upper")):
            letter = chr(95 + node.values[-1]) if node.values[-1] < 27 else "?"
            if re.search(rf"[(\s](?i:{letter})[).]", contract.text[before.marker.body : node.start]):
                continue
        end = (
            node.start + len(node.marker.printed)
            if contract.text.startswith(node.marker.printed, node.start)
            else min(node.end, node.start + 40)
        )
        yield _problem(
            contract,
            "numbering_gap",
            node.start,
            end,
            f"{node.marker.printed} follows {before.marker.printed}; what would stand between is missing",
        )


def _blanks(contract: Drafted) -> Iterator[StructureProblem]:
    text = contract.text
    placeholders: set[str] = set()
    count = 0
    for match in _BLANK.finditer(text):
        begin = text.rfind("\n", max(0, match.start() - 200), match.start()) + 1
        line_end = text.find("\n", match.end(), match.end() + 200)
        before = text[max(begin, match.start() - 120) : match.start()]
        after = text[match.end() : line_end if line_end >= 0 else match.end() + 200]
        if (
            _SIGNATURE.search(before)
            or (not before.strip() and (len(after.strip()) < 60))
            or count >= _LONGEST_PROBLEM_LIST
        ):
            continue
        if match.group()[0] == "[" and match.group() in placeholders:
            continue
        placeholders.add(match.group())
        if not (before + after).strip(" _\t.-|") or re.match(r"\s*[_\s]*\(?(?:By|Name|Title|Date|Signature)\b", after):
            continue
        count += 1
        yield _problem(
            contract, "blank", match.start(), match.end(), f"a blank is left open: {match.group().strip()[:40]}"
        )

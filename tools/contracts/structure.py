"""The contract's skeleton: clauses, definitions, cross-references, and drafting faults that need no lawyer to see."""

import re
from collections.abc import Mapping

from tools.contracts.contract import Clause, CrossReference, Definition, Structure
from tools.contracts.definitions import count_uses, defined_terms, last_at_or_before, term_key
from tools.contracts.faults import Drafted, drafting_faults
from tools.contracts.numbering import chinese_number
from tools.contracts.outline import Node, outline
from tools.contracts.references import Mentioned, mentioned_parts, number_key


def split_clauses(text: str, language: str, labels: Mapping[int, str] | None = None) -> Structure:
    """Split a contract into its clauses and check how it is drafted.

    language: "en" or "zh", region codes allowed. labels: numbers that the word processor computes, by the offset of
    their paragraph; they are not in the text. All offsets are into `text`; linear in its length.
    """
    nodes = outline(text, labels or {})
    clauses, keys = _clauses(nodes)
    starts = [clause.start for clause in clauses]

    def holder(offset: int) -> Clause | None:
        index = last_at_or_before(starts, offset)
        while index >= 0 and clauses[index].end <= offset:
            parent = clauses[index].parent
            index = int(parent[1:]) - 1 if parent else -1
        return clauses[index] if index >= 0 else None

    mentions = defined_terms(text, language)
    uses, seen = count_uses(text, language, mentions)
    definitions = tuple(
        Definition(
            term=mention.term,
            start=mention.start,
            end=mention.end,
            clause=clause.id if (clause := holder(mention.start)) else None,
            uses=uses[term_key(mention.term)],
        )
        for mention in mentions
    )
    own_numbers = {node.start for node in nodes if node.marker}
    parts = [part for part in mentioned_parts(text, language) if part.start not in own_numbers]
    places = _Places(clauses, keys)
    references = tuple(
        CrossReference(
            quote=text[part.start : part.end],
            target=part.target,
            start=part.start,
            end=part.end,
            resolves_to=None if part.foreign else places.resolve(part, holder(part.start)),
        )
        for part in parts
    )
    drafted = Drafted(text, language, nodes, clauses, mentions, uses, seen, parts, references)
    return Structure(
        language=language,
        clauses=clauses,
        definitions=definitions,
        references=references,
        problems=tuple(sorted(drafting_faults(drafted), key=lambda problem: (problem.start, problem.kind))),
    )


def _clauses(nodes: list[Node]) -> tuple[tuple[Clause, ...], list[tuple[str, ...]]]:
    ids = {id(node): f"c{ordinal}" for ordinal, node in enumerate(nodes, 1)}
    paths: dict[int, str | None] = {}
    keys: dict[int, tuple[str, ...]] = {}
    clauses: list[Clause] = []
    for node in nodes:
        parent = node.parent
        own = _own_number(node)
        above = (
            paths[id(parent)]
            if parent is not None and parent.kind not in ("attachment", "title", "part", "chapter", "zh_section")
            else None
        )
        key_above = keys[id(parent)] if above and parent is not None else ()
        if (
            node.kind in ("decimal", "article", "attachment", "part", "chapter", "zh_section")
            or parent is None
            or (node.kind == "section" and parent.kind == "article")
        ):
            above, key_above = None, ()
        wrapped = own if above is None or own is None or own[0] in "(（①②③④⑤⑥⑦⑧⑨⑩第" else f"({own})"
        paths[id(node)] = None if own is None else f"{above or ''}{wrapped}"
        keys[id(node)] = (*key_above, *_own_key(node))
        clauses.append(
            Clause(
                id=ids[id(node)],
                number=node.marker.printed if node.marker else None,
                path=paths[id(node)],
                title=node.title,
                level=node.level,
                start=node.start,
                end=node.end,
                parent=ids[id(parent)] if parent is not None else None,
            )
        )
    return tuple(clauses), [keys[id(node)] for node in nodes]


def _own_number(node: Node) -> str | None:
    """The part of the path that this clause adds: its printed number without words like Section."""
    if node.marker is None:
        return None
    printed = node.marker.printed
    if printed.startswith("第") or node.kind == "attachment" or node.kind.endswith("()"):
        return printed
    bare = re.sub(r"(?i)^(?:article|section|clause|part|chapter|§)\s*", "", printed)
    return bare.strip("(). ") or printed


def _own_key(node: Node) -> tuple[str, ...]:
    if node.marker is None or not node.values:
        return ()
    if node.kind == "attachment":
        word, _, key = node.marker.key.partition(" ")
        value = chinese_number(key) if word in ("附件", "附表", "附录") and key else None
        return (f"{word} {value or key}",)
    if node.kind == "decimal" or node.marker.printed.startswith("第") or node.kind.startswith("zh"):
        return tuple(str(value) for value in node.values)
    if node.kind in ("article", "section", "part", "chapter") or node.kind.startswith("number"):
        return (str(node.values[0]),)
    return (
        number_key(f"({node.marker.printed.strip('(). ')})") if node.kind != "upper_roman." else (str(node.values[0]),)
    )


class _Places:
    """Clauses by what a reference calls them, within the attachment they stand in."""

    def __init__(self, clauses: tuple[Clause, ...], keys: list[tuple[str, ...]]) -> None:
        self.by_id = {clause.id: clause for clause in clauses}
        self.by_key: dict[tuple[str | None, tuple[str, ...]], str] = {}
        self.key_of = {clause.id: key for clause, key in zip(clauses, keys, strict=True)}
        self.scopes: dict[str, str | None] = {}
        for clause, key in zip(clauses, keys, strict=True):
            is_attachment = bool(key) and " " in key[0]
            above = self.scopes[clause.parent] if clause.parent else None
            self.scopes[clause.id] = clause.id if is_attachment else above
            if key:
                self.by_key.setdefault((None if is_attachment else above, key), clause.id)

    def resolve(self, part: Mentioned, holder: Clause | None) -> str | None:
        scope = self.scopes[holder.id] if holder else None
        if part.relative:
            above = holder
            while above is not None:
                found = self.by_key.get((scope, (*self.key_of[above.id], *part.key)))
                if found:
                    return found
                above = self.by_id[above.parent] if above.parent else None
            return None
        if " " in part.key[0]:
            return self._attachment(part.key[0])
        for within in (scope, None) if scope else (None,):
            found = self.by_key.get((within, part.key))
            if found:
                return found
        return None

    def _attachment(self, key: str) -> str | None:
        return self.by_key.get((None, (key,)))

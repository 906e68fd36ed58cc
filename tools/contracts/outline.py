"""Which printed numbers begin a clause, and how the clauses nest.

The lines are read once, top to bottom, with the stack of open clauses. A number begins a clause when it continues an
open list, begins a list, or skips a few numbers at the start of a paragraph; anything else (dates, amounts, a wrapped
"Section\\n4.2", "5. days after") continues no list and is text. Each place looks at a bounded number of neighbours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.contracts.candidates import Candidate, candidates, skip_space
from tools.contracts.headings import heading_text, run_in_title
from tools.contracts.layout import Line, contents_span, contract_lines
from tools.contracts.numbering import FIXED_RANK, Marker, Reading

_DEEPEST = 9
_LOOK_AHEAD = 40
_CHINESE_RUNNING = re.compile(r"第|约定|规定|所[述列定约称规]|的|、|和|与|及|或|之|项|款|，|；|。|）|中[约规所的]")


@dataclass(slots=True)
class Node:
    """A clause being built. last: the last value of each kind among its children."""

    kind: str
    values: tuple[int, ...]
    marker: Marker | None
    start: int
    parent: "Node | None"
    level: int
    title: str | None = None
    end: int = 0
    last: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])


def outline(text: str, labels: Mapping[int, str]) -> list[Node]:
    """The clauses in the order of the text, with their ends."""
    lines = contract_lines(text)
    contents = contents_span(text, lines)
    if contents:
        lines = [line for line in lines if not contents[0] <= line.start < contents[1]]
    labelled = {skip_space(text, offset): label for offset, label in labels.items()}
    found = candidates(text, lines, labelled)
    root = Node("root", (), None, 0, None, -1)
    nodes: list[Node] = []
    stack = [root]
    for index, (line, candidate) in enumerate(found):
        node = None
        if candidate is None:
            if _is_wanted_heading(found, index, stack, nodes):
                node = _open(stack, 1, Node("title", (), None, line.start, None, 0, line.text.strip(" :_")))
        else:
            following = [each for _, each in found[index + 1 : index + 1 + _LOOK_AHEAD] if each is not None]
            placed = _place(stack, root, candidate, following, bool(nodes))
            if placed:
                reading, depth = placed
                node = _open(
                    stack, depth, Node(reading.kind, reading.values, candidate.marker, candidate.marker.start, None, 0)
                )
                _remember(root, stack, reading)
        if node is not None:
            nodes.append(node)
    _close(text, nodes)
    _entitle(text, lines, nodes)
    return nodes


def _is_wanted_heading(
    found: list[tuple[Line, Candidate | None]], index: int, stack: list[Node], nodes: list[Node]
) -> bool:
    """Whether a heading without number opens a clause: where a list begins under it, or nothing is numbered."""
    line = found[index][0]
    if nodes and nodes[-1].marker and line.start - nodes[-1].marker.body < 120 and stack[-1].kind in FIXED_RANK:
        return False
    titled_document = line.start < 600 and re.search(r"(?i)agreement|contract|amendment", line.text)
    if index == 0 or titled_document or any(node.kind == "attachment" for node in stack):
        return False
    following = next((each for _, each in found[index + 1 : index + 4] if each is not None), None)
    if following is not None and following.opens_line and following.marker.start - line.end < 600:
        return any(reading.values[-1] == 1 and reading.kind not in FIXED_RANK for reading in following.marker.readings)
    numbered = any(node.kind != "title" for node in nodes[-60:])
    ahead = any(each is not None and each.opens_line and each.strong for _, each in found[index + 1 : index + 13])
    return not numbered and not ahead


def _place(
    stack: list[Node], root: Node, candidate: Candidate, following: list[Candidate], any_before: bool
) -> tuple[Reading, int] | None:
    """What the candidate means and how many open clauses stay open above it, or None where it is text."""
    best: tuple[int, int, Reading] | None = None
    for reading in candidate.marker.readings:
        if reading.kind == "attachment":
            return (reading, 1) if _is_attachment(stack, candidate, any_before) else None
        if reading.kind in FIXED_RANK:
            scored = _place_fixed(stack, candidate, reading)
        elif reading.kind == "decimal":
            scored = _place_decimal(stack, candidate, reading)
        else:
            scored = _place_listed(stack, root, candidate, reading, following)
        if scored and (best is None or scored > best[:2]):
            best = (*scored, reading)
    return (best[2], best[1]) if best else None


def _is_attachment(stack: list[Node], candidate: Candidate, any_before: bool) -> bool:
    line, marker = candidate.line, candidate.marker
    if not (candidate.opens_line and (candidate.strong or line.after_gap) and any_before):
        return False
    if any(node.kind == "attachment" and node.marker and node.marker.key == marker.key for node in stack):
        return False
    rest = line.text[marker.body - line.start :].lstrip(" -–—:：.")
    if not rest:
        return " " in marker.key or line.after_gap
    chinese = any("一" <= sign <= "鿿" for sign in rest[:4])
    if chinese:
        return len(rest) < 40 and "。" not in rest
    return (
        not rest[0].islower()
        and len(rest.split()) <= 14
        and not rest.endswith((".", ",", ";"))
        and rest[0] not in ",;)"
    )


def _place_fixed(stack: list[Node], candidate: Candidate, reading: Reading) -> tuple[int, int] | None:
    line, marker = candidate.line, candidate.marker
    rest = line.text[marker.body - line.start :]
    glued = marker.start + len(marker.printed) == marker.body
    chinese = marker.printed.startswith("第")
    if chinese and _CHINESE_RUNNING.match(rest) and glued:
        return None
    if not chinese and (not candidate.upper or rest[:1] in tuple(",;)")):
        return None
    rank = FIXED_RANK[reading.kind]
    depth = len(stack)
    while depth > 1 and not (stack[depth - 1].kind in FIXED_RANK and FIXED_RANK[stack[depth - 1].kind] < rank):
        depth -= 1
    attachment = next((node for node in reversed(stack) if node.kind in ("attachment", "root")), stack[0])
    scope = stack[depth - 1] if reading.kind == "zh_section" else attachment
    last = scope.last.get(reading.kind, (0,))[0]
    value = reading.values[0]
    if value == last + 1 and (candidate.opens_line or candidate.strong):
        return 3, depth
    if candidate.opens_line and (candidate.strong or chinese) and last < value <= last + 4:
        return 1, depth
    if candidate.opens_line and line.after_gap and value == 1:
        return 1, depth
    return None


def _place_decimal(stack: list[Node], candidate: Candidate, reading: Reading) -> tuple[int, int] | None:
    values = reading.values
    depth = len(stack)
    while depth > 1:
        node = stack[depth - 1]
        prefix = (
            node.kind != "zh_paragraph"
            and node.values
            and len(node.values) < len(values)
            and values[: len(node.values)] == node.values
        )
        if (
            node.kind in ("attachment", "title")
            or node.kind in FIXED_RANK
            or (
                prefix
                and (node.kind in ("decimal", "section") or node.kind.startswith(("number", "zh", "upper_roman")))
            )
        ):
            break
        depth -= 1
    parent = stack[depth - 1]
    last = parent.last.get("decimal", ())
    rest = candidate.line.text[candidate.marker.body - candidate.line.start :]
    if rest[:1] in tuple(",;)%") or (
        not candidate.upper
        and re.match(r"(?:million|billion|percent|times|per|and|or|of|above|below|hereof|shall|is|are)\b", rest)
    ):
        return None
    nested = bool(parent.values) and values[: len(parent.values)] == parent.values
    first = values[-1] <= 1 and (nested or parent.kind in ("article", "attachment", "title", "root"))
    exact = (values[:-1] == last[:-1] and values[-1] == last[-1] + 1) if last else first
    exact = exact or (bool(last) and values[-1] == 1 and values[:-1] > last[:-1] and values[0] <= last[0] + 1)
    if exact:
        fine = candidate.opens_line and (candidate.upper or candidate.strong)
        return (3, depth) if fine or (candidate.strong and candidate.upper) else None
    if not candidate.opens_line or not candidate.strong or not candidate.upper:
        return None
    if last:
        near = (
            values > last
            and values[0] <= last[0] + 3
            and values[-1] <= (last[-1] + 6 if len(last) == len(values) else 9)
        )
        return (1, depth) if near else None
    counted = max((value[0] for kind, value in parent.last.items() if kind != "decimal"), default=0)
    return (1, depth) if values[-1] <= 6 and (nested or values[0] <= counted + 3) else None


def _place_listed(
    stack: list[Node], root: Node, candidate: Candidate, reading: Reading, following: list[Candidate]
) -> tuple[int, int] | None:
    """The place of a number that means something only beside its neighbours: 1., (a), (i), A., 一、, ①, Section 3."""
    kind, value = reading.kind, reading.values[0]
    bracketed = kind.endswith(")") or kind in ("circled", "zh、")
    if kind == "section" and (
        not candidate.upper or candidate.line.text[candidate.marker.body - candidate.line.start :][:1] in tuple(",;)")
    ):
        return None
    at_start = candidate.opens_line and (candidate.strong or candidate.upper or bracketed)
    for depth in range(len(stack) - 1, 0, -1):
        node = stack[depth]
        if node.kind == kind:
            if value == node.values[0] + 1 and (
                at_start or (candidate.strong and (candidate.upper or bracketed)) or bracketed
            ):
                if not candidate.upper and not bracketed and not candidate.strong:
                    return None
                rival = (
                    kind.startswith(("lower(", "upper(")) and value == 9 and _continues(following, kind, "roman", 2, 10)
                )
                return (0 if rival else 4), depth
            jump = candidate.opens_line and candidate.strong and candidate.upper and kind != "number_bare"
            if jump and node.values[0] + 1 < value <= node.values[0] + (2 if bracketed else 4):
                return 1, depth
        if node.kind == "attachment":
            break
    parent = stack[-1]
    if value != 1:
        group = next(
            (depth for depth in range(len(stack) - 1, -1, -1) if stack[depth].kind in (*FIXED_RANK, "title", "root")), 0
        )
        runs_on = root.last.get(f"*{kind}", (-1,))[0] + 1 == value
        return (3, group + 1) if runs_on and at_start and candidate.upper and not bracketed else None
    if len(stack) > _DEEPEST:
        return None
    needs_second = not candidate.opens_line or kind in (
        "number_bare",
        "upper.",
        "lower.",
        "upper_roman.",
        "lower_roman.",
    )
    if not (at_start or candidate.strong) or (not candidate.upper and not bracketed and not candidate.strong):
        return None
    if kind == "number_bare" and not candidate.line.after_gap:
        return None
    if needs_second and not any(
        each.kind == kind and each.values == (2,) for next_ in following for each in next_.marker.readings
    ):
        return None
    depth = len(stack)
    for open_depth in range(len(stack) - 1, 0, -1):
        if stack[open_depth].kind == "attachment":
            break
        node = stack[open_depth]
        # "1." is never a part of "(2)": the bracketed numbers before it list the parties or the recitals.
        listed_before = (
            kind in ("number.", "number_bare") and node.kind.startswith("number") and node.kind.endswith(")")
        )
        if (node.kind == kind and bracketed) or listed_before:
            depth = open_depth
            if listed_before:
                continue
            break
    if kind == "section" and parent.kind not in (*FIXED_RANK, "title", "root"):
        depth = next(
            (d + 1 for d in range(len(stack) - 1, -1, -1) if stack[d].kind in (*FIXED_RANK, "title", "root")), 1
        )
    return 2, depth


def _continues(following: list[Candidate], kind: str, other: str, second: int, tenth: int) -> bool:
    """Whether (ii) comes before (j) among the next candidates, so that (i) is a numeral."""
    case, _, shape = kind.partition("(")
    for candidate in following:
        for reading in candidate.marker.readings:
            if reading.kind == f"{case}_{other}({shape}" and reading.values == (second,):
                return True
            if reading.kind == kind and reading.values == (tenth,):
                return False
    return False


def _open(stack: list[Node], depth: int, node: Node) -> Node:
    del stack[depth:]
    node.parent = stack[-1] if len(stack) > 1 else None
    node.level = len(stack) - 1
    stack.append(node)
    return node


def _remember(root: Node, stack: list[Node], reading: Reading) -> None:
    stack[-2].last[reading.kind] = reading.values
    if reading.kind in FIXED_RANK:
        next(node for node in reversed(stack[:-1]) if node.kind in ("attachment", "root")).last[reading.kind] = (
            reading.values
        )
    elif reading.kind != "decimal":
        root.last[f"*{reading.kind}"] = reading.values


def _close(text: str, nodes: list[Node]) -> None:
    """Set every node's end: where the next node of its level or above begins, white space trimmed."""
    waiting: list[Node] = []
    for node in [*nodes, None]:
        stop = node.start if node else len(text)
        while waiting and (node is None or waiting[-1].level >= node.level):
            closed = waiting.pop()
            closed.end = stop
            while closed.end > closed.start and text[closed.end - 1] in " \t\n\r\f　":
                closed.end -= 1
        if node:
            waiting.append(node)


def _entitle(text: str, lines: list[Line], nodes: list[Node]) -> None:
    following = {line.start: index for index, line in enumerate(lines)}
    line_index = 0
    for position, node in enumerate(nodes):
        if node.marker is None:
            continue
        while line_index + 1 < len(lines) and lines[line_index + 1].start <= node.start:
            line_index += 1
        line = lines[line_index]
        limit = nodes[position + 1].start if position + 1 < len(nodes) else len(text)
        body = max(node.marker.body, node.start)
        if body < min(line.end, limit):
            node.title = run_in_title(
                text[body : min(line.end, limit, body + 200)], whole=line.end <= limit and line.end - body < 200
            )
        elif node.kind in FIXED_RANK and line_index + 1 < len(lines) and lines[line_index + 1].start < limit:
            node.title = heading_text(lines[following[line.start] + 1].text)

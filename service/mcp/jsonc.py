"""Putting one entry into a JSON file that people edit: comments, order and spacing of all the rest stay as they are."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.errors import ConsiliaError

_SPACE: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')
_DEEPEST: Final = 100


class NotJson(ConsiliaError):
    """A file that is no JSON, or holds something else where the entry belongs; it is left as it is."""

    code = "not_json"
    status = 422


@dataclass(slots=True)
class _Node:
    """A value and where it stands. members: of an object, by key."""

    start: int
    end: int
    members: dict[str, "_Node"] | None = None
    comma: bool = field(default=False)
    """Whether a comma follows the last member, as JSON with comments allows."""


def put(text: str, path: Sequence[str], value: dict[str, Any]) -> str:
    """The text with the value at the path; objects on the way are made. Raises NotJson."""
    if not text.strip():
        text = "{}\n"
    node, indent = _document(text), ""
    for position, key in enumerate(path):
        if node.members is None:
            raise NotJson(f"{'.'.join(path[:position]) or 'the file'} is no object; put the entry in by hand")
        found = node.members.get(key)
        indent = _indent(text, node, indent)
        if found is None:
            inner: Any = value
            for name in reversed(path[position + 1 :]):
                inner = {name: inner}
            return _inserted(text, node, key, inner, indent)
        if position == len(path) - 1:
            return text[: found.start] + _written(value, indent) + text[found.end :]
        node = found
    raise AssertionError("a path has at least one key")


def _inserted(text: str, node: _Node, key: str, value: Any, indent: str) -> str:
    member = f"{json.dumps(key, ensure_ascii=False)}: {_written(value, indent)}"
    if not node.members:
        outer = indent[: -len(_unit(text))]
        return f"{text[: node.start + 1]}\n{indent}{member}\n{outer}{text[node.end - 1 :]}"
    last = max(each.end for each in node.members.values())
    rest = re.match(r"[^\n}]*", text[last : node.end])
    tail = rest.group() if rest else ""
    if node.comma:
        return f"{text[:last]}{tail}\n{indent}{member},{text[last + len(tail) :]}"
    if _SPACE.fullmatch(tail):  # a comment after the last member stays beside it
        return f"{text[:last]},{tail}\n{indent}{member}{text[last + len(tail) :]}"
    return f"{text[:last]},\n{indent}{member}{text[last:]}"


def _unit(text: str) -> str:
    found = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return "\t" if found and found[1].startswith("\t") else " " * min(len(found[1]), 4) if found else "  "


def _indent(text: str, node: _Node, outer: str) -> str:
    """How far the members of an object are moved in."""
    for each in (node.members or {}).values():
        line = text.rfind("\n", 0, each.start) + 1
        space = re.match(r"[ \t]*", text[line:])
        if line > node.start and space:
            return space.group()
    return outer + _unit(text)


def _written(value: Any, indent: str) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + indent)


def _document(text: str) -> _Node:
    start = _skip(text, 1 if text.startswith("\ufeff") else 0)
    node = _value(text, start, 0)
    if _skip(text, node.end) != len(text):
        raise _fault(text, node.end)
    return node


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _fault(text: str, at: int) -> NotJson:
    return NotJson(f"the file is no JSON (line {text.count(chr(10), 0, at) + 1}); it was left as it is")


def _value(text: str, at: int, depth: int) -> _Node:
    opened = text[at : at + 1]
    if depth > _DEEPEST or opened not in ("{", "["):
        scalar = _SCALAR.match(text, at)
        if scalar is None:
            raise _fault(text, at)
        return _Node(at, scalar.end())
    closed, members, comma = ("}" if opened == "{" else "]"), dict[str, _Node](), False
    position = _skip(text, at + 1)
    while text[position : position + 1] != closed:
        name = ""
        if opened == "{":
            key = _value(text, position, depth + 1)
            position = _skip(text, key.end)
            if text[key.start] != '"' or text[position : position + 1] != ":":
                raise _fault(text, position)
            name, position = json.loads(text[key.start : key.end]), _skip(text, position + 1)
        member = members[name] = _value(text, position, depth + 1)
        position = _skip(text, member.end)
        comma = text[position : position + 1] == ","
        if comma:
            position = _skip(text, position + 1)
        elif text[position : position + 1] != closed:
            raise _fault(text, position)
    return _Node(at, position + 1, members if opened == "{" else None, comma)

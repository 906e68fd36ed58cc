"""What de-identification took out: each placeholder with the words it stands for.

A placeholder reads ⟦P1⟧: a letter for the kind, the number of the person or thing, and a small letter where the same
one is written in another way (⟦P1⟧ Zhang Wei, ⟦P1b⟧ Mr Zhang). ⟦G1:90+⟧ stands for an age above 89. Nothing in it is of
any language, so that it can pass through a translation.
"""

import re
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["person", "identifier", "telephone", "email", "address", "facility", "birth_date", "date", "age", "web"]
LETTERS: Final[dict[Kind, str]] = {
    "person": "P",
    "identifier": "R",
    "telephone": "T",
    "email": "E",
    "address": "A",
    "facility": "F",
    "birth_date": "B",
    "date": "D",
    "age": "G",
    "web": "W",
}
PLACEHOLDER: Final = re.compile(r"⟦[A-Z]\d{1,6}[a-z]{0,3}(?::90\+)?⟧")
"""Every placeholder that de-identification can make."""


class Options(BaseModel):
    """What is taken out besides names, numbers and addresses, which always are.

    dates: keep them, shift all of one record by the same number of days (intervals stay as they are), or hide them.
    Birth dates are always hidden. ages: hide ages above 89. facilities: hide names of hospitals.
    seed: of the shift; without one it is drawn at random.
    The list of identifiers is that of the HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i), and of China's ID card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dates: Literal["keep", "shift", "hide"] = "keep"
    ages: bool = True
    facilities: bool = True
    seed: int | None = None


class Identity(BaseModel):
    """A placeholder and the words that it stands for."""

    model_config = ConfigDict(frozen=True)

    placeholder: str
    kind: Kind
    text: str


class IdentityMapping(BaseModel):
    """All that was taken out of one record. It is the secret: keep it sealed.

    shift_days: by which dates were moved, 0 for none. dates: each moved date as it now reads, and as it read before.
    """

    model_config = ConfigDict(frozen=True)

    identities: tuple[Identity, ...] = ()
    shift_days: int = 0
    dates: dict[str, str] = {}

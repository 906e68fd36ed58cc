"""Texts that are the same for everybody, read from texts.toml: disclosures and refusals."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tools.suitability.client import Regime
from workflows.financial_advisor.request import Language, Refusal


class Told(BaseModel):
    """A title and a text."""

    model_config = ConfigDict(frozen=True)

    title: str
    text: str


class Texts(BaseModel):
    """disclosures: by the client's regime. refusals: what is said, and what can be done instead."""

    model_config = ConfigDict(frozen=True)

    disclosures: dict[Regime, dict[Language, str]]
    refusals: dict[Refusal, dict[Language, Told]]


@cache
def texts() -> Texts:
    """The texts that come with Consilia."""
    return Texts.model_validate(tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8")))

"""Write the published JSON schemas to docs/schemas/; a test checks that they are current."""

import json
from pathlib import Path

from pydantic import BaseModel

from workflows.contract_review.review import ReviewReport
from workflows.financial_advisor.advice import Advice
from workflows.medical_translation.report import Report

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def schemas() -> dict[str, str]:
    """File name → its text."""
    return {
        "contract_review.json": _schema(ReviewReport),
        "financial_advisor.json": _schema(Advice),
        "medical_translation.json": _schema(Report),
    }


def _schema(model: type[BaseModel]) -> str:
    described = model.model_json_schema(mode="serialization")
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (SCHEMAS / name).write_text(text, "utf-8")

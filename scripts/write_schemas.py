"""Write the published JSON schemas to docs/schemas/; a test checks that they are current."""

import json
from pathlib import Path

from workflows.contract_review.review import ReviewReport

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def schemas() -> dict[str, str]:
    """File name → its text."""
    review = ReviewReport.model_json_schema(mode="serialization")
    review = {"$schema": "https://json-schema.org/draft/2020-12/schema", **review}
    return {"contract_review.json": json.dumps(review, indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (SCHEMAS / name).write_text(text, "utf-8")

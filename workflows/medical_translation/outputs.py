"""The files of a translation: JSON, FHIR, XLIFF, and side by side as HTML and Word."""

import asyncio

import orjson

from tools.documents.document import DOCX
from tools.medicine.extraction.keydata import from_json
from tools.medicine.fhir.writing import to_fhir
from tools.serving import in_parts
from workflows.desk import Desk
from workflows.medical_translation import page, word, xliff
from workflows.medical_translation.report import Report

HTML = "text/html; charset=utf-8"


async def write(desk: Desk, report: Report, stem: str, original: str | None) -> dict[str, str]:
    """Write every file; their ids by kind: json, html, docx, fhir, xliff.LANGUAGE. original: the record's name, None in
    a draft."""
    made = await asyncio.to_thread(_made, report, stem, original)
    return {kind: await desk.files.write(name, media, content) for kind, (name, media, content) in made.items()}


def _made(report: Report, stem: str, original: str | None) -> dict[str, tuple[str, str, bytes]]:
    """Name, media type and content by kind."""
    return {
        "html": (f"{stem}.html", HTML, page.html(report, original).encode()),
        "docx": (f"{stem}.docx", DOCX, word.docx(report, original)),
        **{
            f"xliff.{target}": (
                f"{stem}.{target}.xlf",
                xliff.MEDIA_TYPE,
                xliff.xliff(report, target, original or "record"),
            )
            for target in report.targets
        },
        **_fhir(report, stem),
        "json": (f"{stem}.json", "application/json", orjson.dumps(in_parts(report), option=orjson.OPT_INDENT_2)),
    }


def _fhir(report: Report, stem: str) -> dict[str, tuple[str, str, bytes]]:
    """The key data as a FHIR document. Where names are back in place, offsets no longer hold and are left out."""
    if not report.key_data:
        return {}
    data = from_json(report.key_data)
    bundle = to_fhir(data, report.generated_at, source=report.sha256, placed=not report.identified)
    return {"fhir": (f"{stem}.fhir.json", "application/fhir+json", orjson.dumps(bundle, option=orjson.OPT_INDENT_2))}

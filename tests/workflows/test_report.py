"""The HTML report: one safe file whose links hold, and a schema that is current."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools.contracts import judging, playbook
from tools.contracts.contract import Party, Profile
from tools.contracts.structure import split_clauses
from tools.documents.document import Document, Page
from workflows.contract_review import report
from workflows.contract_review.review import ReviewReport, assemble_report

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = """AGREEMENT <script>alert(1)</script>

1. LIABILITY "><img src=x onerror=alert(1)>
1.1 In no event shall Evil be liable for <a href="javascript:alert(1)">anything</a>, and see Section 99.
1.2 http://evil.example/ ![x](http://evil.example/x.png) \u202egnp.exe
"""


class Reader(HTMLParser):
    """Tags, ids and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")


def reviewed(text: str, language: str = "en") -> tuple[ReviewReport, Document]:
    parties = (
        Party(name="Evil <b>Corp</b>", alias="Evil", role=None, start=0, end=0),
        Party(name="Good & Co", alias="Good", role=None, start=0, end=0),
    )
    profile = Profile(
        title=None, kind="services", parties=parties, agreement_date=None, effective_date=None, expiration_date=None,
        governing_law=None, passages=(),
    )  # fmt: skip
    structure = split_clauses(text, language)
    findings = judging.check_playbook(text, language, [], structure, profile, playbook.load(), "Good")
    document = Document(
        name="<i>x</i>.txt", media_type="text/plain", sha256="0" * 64, language=language, text=text,
        pages=(Page(number=1, start=0, end=len(text)),), blocks=(),
    )  # fmt: skip
    state = {
        "document": document, "structure": structure, "profile": profile, "passages": [], "findings": findings,
        "playbook": "commercial", "rules": playbook.load(), "party": "Good", "said_by": ["embedded"],
    }  # fmt: skip
    return assemble_report(state, datetime(2026, 11, 24, tzinfo=UTC)), document  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("languages", [["en"], ["zh"], ["en", "zh"]])
def test_a_hostile_contract_stays_text(languages: list[str]):
    page = report.html(*reviewed(HOSTILE), languages)
    reader = Reader()
    reader.feed(page)
    assert reader.tags.isdisjoint({"script", "img", "iframe", "object", "link", "form", "base"})
    assert not any(name.startswith("on") for name in reader.attributes)
    assert all(link.startswith("#") for link in reader.links)
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_every_link_leads_somewhere_and_ids_are_unique():
    reader = Reader()
    reader.feed(report.html(*reviewed(HOSTILE)))
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links} <= set(reader.ids)


def test_the_chart_is_told_in_words_and_nothing_is_loaded():
    page = report.html(*reviewed(HOSTILE))
    assert re.search(r'<svg[^>]*role="img"[^>]*aria-labelledby', page)
    assert "Cap on Liability: 1 High" in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_a_review_survives_its_json():
    review, _ = reviewed(HOSTILE)
    assert ReviewReport.model_validate_json(review.model_dump_json()) == review

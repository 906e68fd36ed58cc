"""The files of a translation: XLIFF 2.0 as the standard asks for, HTML and Word that show hostile text as text."""

import io
import re
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tools.documents.document import Block, Page
from tools.medicine.alarms import Span
from tools.medicine.identity.mapping import Identity, IdentityMapping
from workflows.medical_translation import page, word, xliff
from workflows.medical_translation.intake import identified
from workflows.medical_translation.report import Report, assemble_report
from workflows.medical_translation.state import Raised, Record, Segment, Translated, TranslationState, key

NS = "{urn:oasis:names:tc:xliff:document:2.0}"
HOSTILE = '<script>alert(1)</script> & "\u202e\x00\x1b⟦P1⟧ ]]> 无发热'
TEXT = st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip()))


def _report(pairs: list[tuple[str, str]], target: str = "ar", source: str = "zh") -> Report:
    """A report of segments and their translations, each a paragraph of its own, the first with an alarm."""
    text = "\n".join(one for one, _ in pairs)
    segments: list[Segment] = []
    blocks: list[Block] = []
    at = 0
    for number, (one, _) in enumerate(pairs):
        end = at + len(one)
        blocks.append(Block(start=at, end=end, page=1))
        fields = {"id": f"s{number + 1}", "start": at, "end": end, "text": one, "language": source, "page": 1}
        segments.append(Segment.model_validate({**fields, "block": number}))
        at = end + 1
    translations = {
        key(each.id, target): Translated(segment=each.id, language=target, text=said, done="translated", said_by="m")
        for each, (_, said) in zip(segments, pairs, strict=True)
    }
    first, said = pairs[0]
    alarm = Raised(
        id=f"s1.{target}.1",
        segment="s1",
        language=target,
        kind="dose",
        severity="critical",
        source=Span(start=0, end=1, text=first[:1]),
        target=Span(start=0, end=1, text=said[:1]),
        why=f"“{first[:1]}” became “{said[:1]}”",
    )
    pages = (Page(number=1, start=0, end=len(text)),)
    record = Record(form="text", sha256="0" * 64, language=source, text=text, pages=pages, blocks=tuple(blocks))
    state: TranslationState = {
        "file_id": "f", "targets": [target], "source": None, "sign_off": "always", "second_opinion": False,
        "deidentify": True, "dates": "keep", "record": record, "segments": segments, "key_data": {},
        "translations": translations, "alarms": [alarm], "cautions": [], "opinions": [], "advice": [],
        "decisions": [], "problem": None,
    }  # fmt: skip
    return assemble_report(state, datetime(2026, 3, 12, tzinfo=UTC), "released")


def _said(element: etree._Element) -> str:
    """The text of a source or target, its codes and forbidden characters written out."""
    pieces = [element.text or ""]
    for child in element:
        pieces.append(child.get("equiv") if child.tag == f"{NS}ph" else chr(int(child.get("hex"), 16)))
        pieces.append(child.tail or "")
    return "".join(pieces)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_xliff_gives_every_text_back_whatever_its_characters(pairs: list[tuple[str, str]]):
    root = etree.fromstring(xliff.xliff(_report(pairs), "ar", "r.txt"))
    for unit, (source, target) in zip(root.iter(f"{NS}unit"), pairs, strict=True):
        assert _same(_said(unit.find(f"{NS}segment/{NS}source")), source)
        assert _same(_said(unit.find(f"{NS}segment/{NS}target")), target)


def _same(one: str, other: str) -> bool:
    """Equal but for line ends, which XML folds (section 2.11)."""
    return re.sub("\r\n?", "\n", one) == re.sub("\r\n?", "\n", other)


def test_xliff_has_what_the_core_requires():
    """OASIS XLIFF 2.0, section 4: elements in order, required attributes, unique ids, states, codes that match."""
    pairs = [("⟦P1⟧ 无发热 ⟦P1⟧", "⟦P1⟧: no fever ⟦P1⟧"), (HOSTILE, HOSTILE)]
    root = etree.fromstring(xliff.xliff(_report(pairs, "en"), "en", "r.txt"))
    assert root.tag == f"{NS}xliff"
    assert dict(root.attrib) == {"version": "2.0", "srcLang": "zh", "trgLang": "en"}
    [file] = root
    assert file.get("id")
    units = list(root.iter(f"{NS}unit"))
    assert len({unit.get("id") for unit in units}) == len(units)
    for unit in units:
        assert re.fullmatch(r"[\w.:-]+", unit.get("id"))
        names = [etree.QName(child).localname for child in unit]
        assert names in (["segment"], ["notes", "segment"])
        [segment] = unit.findall(f"{NS}segment")
        assert segment.get("state") == "final"
        assert [etree.QName(child).localname for child in segment] == ["source", "target"]
        source, target = ([code.get("id") for code in side.iter(f"{NS}ph")] for side in segment)
        assert len(set(source)) == len(source)
        assert set(target) <= set(source), "a code of the target is one of the source's"
    for note in root.iter(f"{NS}note"):
        assert len(note) == 0
        assert note.get("priority") in (None, *"12345678910")


def test_a_hostile_text_is_shown_and_runs_nothing():
    report = _report([(HOSTILE, HOSTILE)])
    shown = page.html(report, HOSTILE)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert "default-src 'none'" in shown
    document = word.docx(report, "r.txt")
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        for name in archive.namelist():
            if name.endswith(".xml"):
                etree.fromstring(archive.read(name))


@pytest.mark.parametrize(("target", "direction"), [("ar", "rtl"), ("he", "rtl"), ("ur", "rtl"), ("en", "ltr")])
def test_each_text_names_its_language_and_its_direction(target: str, direction: str):
    report = _report([("无发热", "x y z")], target)
    assert f'lang="{target}" dir="{direction}"' in page.html(report, "r")
    with zipfile.ZipFile(io.BytesIO(word.docx(report, "r"))) as archive:
        body = archive.read("word/document.xml").decode()
    assert ("<w:bidi/>" in body) == (direction == "rtl")
    assert (f'w:bidi="{target}"' in body) == (direction == "rtl")


def test_the_gravest_alarm_stands_before_the_translation():
    shown = page.html(_report([("无发热", "fever")]), "r")
    assert shown.index('id="check"') < shown.index("“无” became “f”") < shown.index('id="side-ar"')


def test_people_come_back_into_every_text_and_the_spans_of_alarms_still_fit():
    report = _report([("⟦P1⟧咳嗽3天", "⟦P1⟧ has coughed for 3 days")], "en")
    alarm = report.alarms[0].model_copy(
        update={"source": Span(start=6, end=7, text="3"), "target": Span(start=21, end=22, text="3")}
    )
    noted = {"problems": [{"start": 4, "end": 6, "quote": "咳嗽"}], "sections": [{"start": 0, "end": 4, "body_end": 8}]}
    report = report.model_copy(update={"alarms": (alarm,), "key_data": noted})
    who = IdentityMapping(identities=(Identity(placeholder="⟦P1⟧", kind="person", text="沈若岚"),))
    named = identified(report, who.model_dump_json().encode())
    segment = named.segments[0]
    assert (segment.text, segment.renderings["en"].text) == ("沈若岚咳嗽3天", "沈若岚 has coughed for 3 days")
    assert named.identified
    for span, text in ((named.alarms[0].source, segment.text), (named.alarms[0].target, segment.renderings["en"].text)):
        assert span is not None
        assert text[span.start : span.end] == span.text == "3"
    [problem] = named.key_data["problems"]
    assert named.text[problem["start"] : problem["end"]] == problem["quote"] == "咳嗽"
    assert named.key_data["sections"][0]["body_end"] == len(named.text.split("\n")[0])
    assert identified(report, None) == report


@pytest.mark.parametrize(
    ("target", "heading", "said"),
    [
        ("fr", "À vérifier", "« 十 » est devenu « D »"),
        ("ja", "最初に確認すること", "「十」が「D」になっている"),
        ("ar", "To check first", "“十” became “D”"),
    ],
)
def test_the_reason_of_an_alarm_is_in_the_language_of_the_report_in_every_file(target: str, heading: str, said: str):
    report = _report([("十毫克", "Dix")], target)
    shown = page.html(report, "r")
    assert heading in shown
    assert said in shown.replace("&#34;", '"')
    with zipfile.ZipFile(io.BytesIO(word.docx(report, "r"))) as archive:
        assert said in archive.read("word/document.xml").decode()
    assert said in xliff.xliff(report, target, "r").decode()

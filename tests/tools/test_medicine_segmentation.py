"""Records cut into segments, de-identified in place, and read from HL7 CDA."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.records_made import CLINICAL_DOCUMENT
from tools.documents.document import Block
from tools.documents.reading import read
from tools.medicine import segmentation, term_base
from tools.medicine.clinical_document import InvalidClinicalDocument, is_clinical_document, read_clinical_document
from tools.medicine.identity.deidentification import deidentify
from tools.medicine.identity.mapping import Options
from tools.medicine.translation import translate

TEXTS = st.text(
    alphabet=st.sampled_from("无发热，。咳嗽 \n\t\u3000.;:abc 12,姓名：Dr"), min_size=1, max_size=400
).filter(lambda text: text.strip() != "")


@given(TEXTS)
def test_the_segments_hold_every_character_but_white_space_once_and_in_order(text: str):
    blocks = [Block(start=0, end=len(text), page=1)]
    cuts = segmentation.cut(text, blocks, "zh")
    assert "".join("".join(text[each.start : each.end].split()) for each in cuts) == "".join(text.split())
    ends = [0, *(each.end for each in cuts)]
    assert all(end <= each.start < each.end for end, each in zip(ends, cuts, strict=False))
    assert all(text[each.start : each.end].strip() == text[each.start : each.end] for each in cuts)


def test_a_sentence_without_an_end_is_cut_where_a_reader_would_pause():
    text = "患者反复咳嗽，" * 400
    cuts = segmentation.cut(text, [Block(start=0, end=len(text), page=1)], "zh")
    assert max(each.end - each.start for each in cuts) <= segmentation.LONGEST
    assert "".join(text[each.start : each.end] for each in cuts) == text


@pytest.mark.parametrize(
    ("text", "main", "language"),
    [
        ("无发热，无咳嗽。", "zh", "zh"),
        ("The patient has no fever and was discharged.", "zh", "en"),
        ("Aspirin 100 mg qd", "zh", "zh"),
        ("无发热。", "en", "zh"),
        ("Le patient est sorti avec une ordonnance pour la douleur.", "en", "fr"),
        ("頭痛とめまいがあります。", "en", "ja"),
        ("Боль в груди", "en", "ru"),
        ("38.5", "fr", "fr"),
    ],
)
def test_the_language_of_a_segment_is_told_by_script_and_words(text: str, main: str, language: str):
    assert segmentation.language_of_segment(text, main) == language


@pytest.mark.parametrize("dates", ["keep", "shift", "hide"])
def test_blocks_keep_their_places_when_people_are_taken_out(dates: str):
    text = (
        "姓名：沈若岚　　性别：女\n\n电话：13805710000\n\n主治医师：顾明远\n\n"
        "入院日期：2026年3月9日。沈若岚女士于2026年3月10日复查。\n\n无发热。\n"
    )
    record = segmentation.of_document(read(text.encode(), "r.txt"))
    hidden, mapping = deidentify(text, Options.model_validate({"dates": dates, "seed": 7}))
    moved = segmentation.moved(record, hidden, mapping)
    assert moved.text == hidden != text
    assert len(moved.blocks) == len(record.blocks)
    for before, after in zip(record.blocks, moved.blocks, strict=True):
        old, new = text[before.start : before.end], hidden[after.start : after.end]
        assert new.split("：")[0] == old.split("：")[0]
        assert new[-1] in (old[-1], "⟧")
    assert moved.pages[-1].end == len(hidden)


def test_a_clinical_document_becomes_text_with_headings_items_and_cells():
    assert is_clinical_document(CLINICAL_DOCUMENT.encode())
    text, blocks, language = read_clinical_document(CLINICAL_DOCUMENT.encode())
    found = [(block.kind, text[block.start : block.end]) for block in blocks]
    assert language == "en-US"
    assert found == [
        ("heading", "Discharge summary"),
        ("paragraph", "Name: Harriet Osgood"),
        ("paragraph", "Sex: Female"),
        ("paragraph", "Date of birth: 1948-05-21"),
        ("paragraph", "Record number: MRN-5520917"),
        ("heading", "Allergies"),
        ("list_item", "No known allergies"),
        ("heading", "Medications"),
        ("table_cell", "Metformin"),
        ("table_cell", "500 mg"),
        ("table_cell", "twice daily"),
        ("heading", "Stopped"),
        ("paragraph", "Aspirin was stopped."),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<ClinicalDocument xmlns='urn:hl7-org:v3'></ClinicalDocument>",
        b"<ClinicalDocument xmlns='urn:hl7-org:v3'>",
        b"<Patient xmlns='http://hl7.org/fhir'/>",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>"
        b"<ClinicalDocument xmlns='urn:hl7-org:v3'><title>&a;</title></ClinicalDocument>",
    ],
)
def test_xml_that_is_no_clinical_document_with_text_is_refused(content: bytes):
    with pytest.raises(InvalidClinicalDocument):
        read_clinical_document(content)


def test_many_threads_translate_as_one_does():
    texts = [f"无胸痛，无晕厥，无咯血{n % 7}天。" for n in range(40)] + [
        "无胸痛，无晕厥，无咯血。",
        "否认冠心病史。",
    ] * 20
    base = term_base.load()

    def made(text: str) -> str:
        return translate(text, "zh", "en", base).text

    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(made, texts))
    assert at_once == [made(text) for text in texts]
    assert "No chest pain, no syncope, no hemoptysis." in at_once

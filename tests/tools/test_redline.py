"""Redlines of Word documents: small edits, formatting kept, comments in place, all else untouched."""

import io
import re
import zipfile

import docx as python_docx
import pytest
from docx.shared import RGBColor

from tests.tools.redline_made import (
    DATE,
    W,
    amended,
    assert_sound,
    bare,
    built,
    change,
    insertion,
    part,
    read,
    run,
    saved,
    struck_and_inserted,
)
from tools.contracts.contract import Amendment
from tools.contracts.redline import (
    AmendmentMismatch,
    AmendmentsOverlap,
    BrokenDocx,
    RedlineError,
    accept_all,
    plain_text,
    redline,
    reject_all,
)


def redlined(docx: bytes, *amendments: Amendment) -> bytes:
    """The redline, after checking that it is sound and that both ways back give the right text."""
    document = read(docx)
    result = redline(docx, document, amendments, "Consilia", DATE)
    assert_sound(result)
    assert read(reject_all(result)).text == read(reject_all(docx)).text
    before = read(accept_all(docx)).text
    if before == document.text:
        assert read(accept_all(result)).text == amended(before, amendments)
    return result


def test_only_the_words_that_differ_are_struck() -> None:
    docx = built("The Supplier shall pay within thirty (30) days of the invoice.")
    text = read(docx).text
    result = redlined(
        docx,
        change(text, text[:-1], "The Supplier shall pay within sixty (60) days of receipt of the invoice.", "Longer."),
    )
    assert struck_and_inserted(result) == (["thirty (30"], ["sixty (60", " of receipt"])


def test_chinese_is_compared_by_characters() -> None:
    docx = built("违约金为合同总价款的百分之三十。")
    text = read(docx).text
    result = redlined(docx, change(text, "合同总价款的百分之三十", "合同总价款的百分之十"))
    assert struck_and_inserted(result) == (["三"], [])


def test_texts_with_little_in_common_are_exchanged_whole() -> None:
    docx = built("Either party may terminate this Agreement for convenience at any time.")
    text = read(docx).text
    result = redlined(docx, change(text, text[:-1], "Neither side is entitled to leave before the end of the term."))
    struck, inserted = struck_and_inserted(result)
    assert len(struck) == len(inserted) == 1


def test_bold_and_italic_stay_where_they_were() -> None:
    docx = python_docx.Document()
    paragraph = docx.add_paragraph("Plain ")
    paragraph.add_run("bold text").bold = True
    coloured = paragraph.add_run(" red")
    coloured.italic, coloured.font.color.rgb = True, RGBColor(255, 0, 0)
    source = saved(docx)
    result = redlined(source, change(read(source).text, "text red", "words blue"))
    after = python_docx.Document(io.BytesIO(accept_all(result))).paragraphs[0]
    assert [(r.text, r.bold, r.italic) for r in after.runs][:3] == [
        ("Plain ", None, None),
        ("bold ", True, None),
        ("words blue", True, None),
    ]
    back = python_docx.Document(io.BytesIO(reject_all(result))).paragraphs[0]
    assert "".join(r.text for r in back.runs if r.bold) == "bold text"
    assert "".join(r.text for r in back.runs if r.italic) == " red"


def test_words_in_a_link_are_replaced_in_the_link() -> None:
    docx = bare(f'<w:p>{run("See ")}<w:hyperlink w:anchor="x">{run("our terms")}</w:hyperlink>{run(" here.")}</w:p>')
    text = read(docx).text
    result = redlined(docx, change(text, "terms", "policy"), insertion(text.index(" here"), " (attached)"))
    root = part(result)
    link = root.find(f".//{W}hyperlink")
    assert "".join(t.text for t in link.iter(W + "t")) == "our policy"


def test_a_field_goes_with_the_whole_of_its_result_and_else_stays() -> None:
    def field(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    code = '<w:r><w:instrText xml:space="preserve"> REF _Ref1 </w:instrText></w:r>'
    result_run = run("14.3")
    docx = bare(
        f"<w:p>{run('see ')}{field('begin')}{code}{field('separate')}{result_run}{field('end')}{run('.')}</w:p>"
    )
    result = redlined(docx, change(read(docx).text, "14.3", "14.2"))
    deleted = part(result).findall(f".//{W}del")
    assert [len(list(d.iter(W + "fldChar"))) for d in deleted] == [3]
    assert len(part(result).findall(f".//{W}delInstrText")) == 1
    assert len(part(reject_all(result)).findall(f".//{W}instrText")) == 1
    partly = redlined(docx, change(read(docx).text, "see ", "cf. "))
    assert not part(partly).findall(f".//{W}delInstrText")


def test_a_table_cell_is_amended_and_its_border_is_kept() -> None:
    docx = python_docx.Document()
    docx.add_paragraph("Fees")
    table = docx.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Monthly fee", "EUR 1,000"
    docx.add_paragraph("End")
    source = saved(docx)
    text = read(source).text
    result = redlined(source, change(text, "1,000", "900", "Too dear."))
    cell = python_docx.Document(io.BytesIO(accept_all(result))).tables[0].cell(0, 1)
    assert cell.text == "EUR 900"
    with pytest.raises(RedlineError, match="border"):
        redlined(source, change(text, "fee\nEUR", "price"))


def test_a_numbered_paragraph_is_deleted_with_its_mark_and_one_is_added() -> None:
    docx = python_docx.Document()
    for line in ("Payment in advance.", "No refunds.", "No set-off."):
        docx.add_paragraph(line, style="List Number")
    source = saved(docx)
    text = read(source).text
    result = redlined(
        source, change(text, "No refunds.\n", ""), insertion(text.index("No set-off.") + 11, "\nInterest at 3%.")
    )
    after = python_docx.Document(io.BytesIO(accept_all(result)))
    assert [p.text for p in after.paragraphs] == ["Payment in advance.", "No set-off.", "Interest at 3%."]
    assert {p.style.name for p in after.paragraphs} == {"List Number"}


def test_striking_the_mark_before_a_paragraph_and_the_paragraph_strikes_that_paragraph() -> None:
    docx = built("One.", "Two.", "Three.")
    result = redlined(docx, change(read(docx).text, "\nTwo.", ""))
    marked = [p for p in part(result).iter(W + "p") if p.find(f"{W}pPr/{W}rPr/{W}del") is not None]
    assert ["".join(t.text for t in p.iter(W + "delText")) for p in marked] == ["Two."]


def test_tracked_changes_of_others_stay() -> None:
    mark = 'w:id="4" w:author="Other" w:date="2026-01-01T00:00:00Z"'
    other = mark.replace("4", "5")
    docx = bare(
        f"<w:p>{run('The fee is ')}<w:ins {mark}>{run('about one hundred')}</w:ins>"
        f"<w:del {other}><w:r><w:delText>fifty</w:delText></w:r></w:del>{run(' euros.')}</w:p>"
    )
    text = read(docx).text
    assert text == "The fee is about one hundred euros.\n"
    result = redlined(docx, change(text, "one hundred euros", "two hundred dollars", "More."))
    assert read(accept_all(result)).text == "The fee is about two hundred dollars.\n"
    assert read(reject_all(result)).text == "The fee is fifty euros.\n"
    inserts = [i for i in part(result).iter(W + "ins") if i.get(W + "author") == "Consilia"]
    assert inserts
    assert not any(i.getparent().tag == W + "ins" for i in inserts)


def test_an_empty_document_takes_text() -> None:
    docx = saved(python_docx.Document())
    document = read(built("")).model_copy(update={"text": "", "blocks": ()})
    result = redline(docx, document, [insertion(0, "New clause.\nSecond.", "Missing.")], "Consilia", DATE)
    assert_sound(result)
    assert plain_text(accept_all(result)) == "New clause.\nSecond.\n"
    assert plain_text(reject_all(result)) == "\n"


@pytest.mark.parametrize(("new", "expected"), [("\nLast.\n", "One.\n\nLast.\n"), ("Last.\n", "One.\nLast.\n")])
def test_an_insertion_after_the_last_mark_is_a_new_last_paragraph(new: str, expected: str) -> None:
    docx = built("One.")
    result = redline(docx, read(docx), [insertion(5, new)], "Consilia", DATE)
    assert plain_text(accept_all(result)) == expected
    assert plain_text(reject_all(result)) == "One.\n"


def test_a_section_break_stays_with_the_last_of_the_split_paragraphs() -> None:
    section = '<w:pPr><w:sectPr><w:type w:val="nextPage"/></w:sectPr></w:pPr>'
    docx = bare(f"<w:p>{section}{run('One.')}</w:p><w:p>{run('Two.')}</w:p>")
    result = redlined(docx, insertion(4, "\nMore."))
    assert len(part(result).findall(f".//{W}pPr/{W}sectPr")) == 1


def test_comments_stand_in_their_part_and_on_their_words() -> None:
    docx = built("The Supplier is not liable.", "Governing law is that of Mars.")
    text = read(docx).text
    result = redlined(
        docx,
        change(text, "not liable", "liable", "Unlimited exclusion.\nSee playbook."),
        change(text, "Supplier is not liable.\nGoverning", "Supplier is not liable.\nGoverning", "Both."),
    )
    comments = list(python_docx.Document(io.BytesIO(result)).comments)
    assert [(c.author, c.initials, c.text) for c in comments] == [
        ("Consilia", "C", "Both."),
        ("Consilia", "C", "Unlimited exclusion.\nSee playbook."),
    ]
    assert comments[0].timestamp == DATE


def test_comments_join_those_that_are_there() -> None:
    docx = python_docx.Document()
    paragraph = docx.add_paragraph("The law of Mars governs.")
    docx.add_comment(paragraph.runs[0], text="Really?", author="Other")
    source = saved(docx)
    result = redlined(source, change(read(source).text, "Mars", "France", "Ours."))
    assert [c.text for c in python_docx.Document(io.BytesIO(result)).comments] == ["Really?", "Ours."]


def test_what_is_not_touched_stays_byte_for_byte() -> None:
    docx = built("One.", [("Two ", False), ("three.", True)])
    result = redlined(docx, change(read(docx).text, "One", "Four"))
    with zipfile.ZipFile(io.BytesIO(docx)) as before, zipfile.ZipFile(io.BytesIO(result)) as after:
        assert before.namelist() == after.namelist()
        for name in set(before.namelist()) - {"word/document.xml"}:
            assert before.read(name) == after.read(name)
        second = re.search(rb"<w:p>(?:(?!</w:p>).)*Two .*?</w:p>", before.read("word/document.xml"))
        assert second is not None
        assert second.group() in after.read("word/document.xml")


def test_overlapping_amendments_are_refused() -> None:
    docx = built("One two three.")
    text = read(docx).text
    with pytest.raises(AmendmentsOverlap, match=r"\[0, 7\)"):
        redlined(docx, change(text, "One two", "A"), change(text, "two three", "B"))
    redlined(docx, change(text, "One two", "A"), change(text, "two three", "two three", "only a comment"))


@pytest.mark.parametrize(
    ("start", "end", "old", "error"),
    [(0, 3, "Two", AmendmentMismatch), (0, 99, "One", AmendmentMismatch), (3, 1, "", AmendmentMismatch)],
)
def test_an_amendment_of_other_text_is_refused(start: int, end: int, old: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        redlined(built("One."), Amendment(start=start, end=end, old=old, new="x"))


def test_text_that_word_cannot_hold_is_refused_and_in_a_comment_blanked() -> None:
    docx = built("One.")
    with pytest.raises(RedlineError, match="cannot hold"):
        redlined(docx, insertion(0, "\x07"))
    redlined(docx, insertion(0, "x", "bell \x07"))


def test_another_file_is_refused() -> None:
    with pytest.raises(AmendmentMismatch, match="another file"):
        redline(built("Two."), read(built("One.")), [], "Consilia", DATE)
    for broken in (b"", b"PK", built("x")[:500]):
        with pytest.raises(BrokenDocx):
            redline(broken, read(built("One.")), [], "Consilia", DATE)


def test_entities_are_refused() -> None:
    docx = bare(f"<w:p>{run('x')}</w:p>")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            prolog = b'<!DOCTYPE x [<!ENTITY a "b">]>' if name == "word/document.xml" else b""
            target.writestr(name, prolog + source.read(name))
    with pytest.raises(BrokenDocx, match="DTD"):
        redline(buffer.getvalue(), read(docx), [], "Consilia", DATE)


def test_moves_rows_and_formatting_changes_are_resolved() -> None:
    mark = 'w:id="4" w:author="O"'
    docx = bare(
        f"<w:p><w:moveFrom {mark}>{run('old place')}</w:moveFrom><w:moveTo {mark}>{run('new place')}</w:moveTo>"
        f"<w:r><w:rPr><w:b/><w:rPrChange {mark}><w:rPr><w:i/></w:rPr></w:rPrChange></w:rPr><w:t>x</w:t></w:r></w:p>"
        f"<w:tbl><w:tr><w:trPr><w:ins {mark}/></w:trPr><w:tc><w:p>{run('row')}</w:p></w:tc></w:tr></w:tbl>"
    )
    assert plain_text(accept_all(docx)) == "new placex\nrow\n"
    assert plain_text(reject_all(docx)) == "old placex\n"
    assert part(reject_all(docx)).find(f".//{W}r/{W}rPr/{W}i") is not None
    assert part(accept_all(docx)).find(f".//{W}r/{W}rPr/{W}b") is not None

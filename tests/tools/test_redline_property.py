"""Rejecting every change gives the original text, accepting gives the amended one, for random documents and edits."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.redline_made import DATE, amended, assert_sound, bare, read, run
from tools.contracts.contract import Amendment
from tools.contracts.redline import accept_all, plain_text, redline, reject_all

LETTERS = "ab c1.é，甲乙\t\n"
FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
WRAPPERS = {
    "plain": lambda run: run,
    "link": lambda run: f'<w:hyperlink w:anchor="a">{run}</w:hyperlink>',
    "field": lambda run: (
        f"{FIELD.format('begin')}<w:r><w:instrText>REF a</w:instrText></w:r>"
        f"{FIELD.format('separate')}{run}{FIELD.format('end')}"
    ),
    "bookmark": lambda run: f'<w:bookmarkStart w:id="7" w:name="b"/>{run}<w:bookmarkEnd w:id="7"/>',
    "note": lambda run: f'{run}<w:r><w:footnoteReference w:id="2"/></w:r>',
    "mixed": lambda run: run.replace("</w:r>", '<w:sym w:font="Symbol" w:char="F0B7"/></w:r>'),
}
RUNS = st.lists(st.tuples(st.text(LETTERS, max_size=12), st.booleans(), st.sampled_from(sorted(WRAPPERS))), max_size=4)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RUNS, min_size=1, max_size=5), st.data())
def test_rejecting_gives_the_original_and_accepting_the_amended_text(
    paragraphs: list[list[tuple[str, bool, str]]], data: st.DataObject
) -> None:
    docx = bare(
        "".join(
            f"<w:p>{''.join(WRAPPERS[kind](run(text, bold)) for text, bold, kind in runs)}</w:p>" for runs in paragraphs
        )
    )
    document = read(docx)
    text = document.text
    assert plain_text(docx) == text
    places = sorted(data.draw(st.lists(st.integers(0, len(text) - 1), max_size=8)))
    amendments = [
        Amendment(
            start=start,
            end=end,
            old=text[start:end],
            new=data.draw(st.text(LETTERS, max_size=20)),
            comment=data.draw(st.sampled_from(["", "why"])),
        )
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    result = redline(docx, document, amendments, "Consilia", DATE)
    assert_sound(result)
    assert read(reject_all(result)).text == text
    assert read(accept_all(result)).text == amended(text, amendments)

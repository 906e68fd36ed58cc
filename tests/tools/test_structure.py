"""Contracts of our own invention, read for their clauses, definitions, references and faults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.contracts.contract import Structure
from tools.contracts.structure import split_clauses

ENGLISH = """SUPPLY AGREEMENT

This Agreement is made on 5 March 2024 between Alder Mills Ltd (the "Supplier") and Brook Foods Ltd (the “Buyer”).

TABLE OF CONTENTS

1. Definitions ........ 1
2. Supply ........ 2
3. Price ......... 3

1. Definitions

1.1 "Goods" means the flour listed in Schedule A.
1.2 "Delivery Date" means the date agreed under Section 2.3. “Rejected Lot” means a lot refused.

2. Supply

2.1 Orders. The Buyer shall order the Goods from the Supplier within
5. days after each month, and no later than
3.1 months after the Delivery Date.
2.3 Delivery. The Supplier shall deliver the Goods:
(a) on the Delivery Date;
(b) at the place named in Section 14.3; and
(c) as Section 409A of the Code and Article 9 of the UCC allow.

- 2 -

3. Price

The price is set out in Schedule B. The Quality Plan applies. The Quality Plan governs. No change to the Quality Plan is
valid. The fee is [●].

SCHEDULE A
Goods

1. Wheat flour
2. Rye flour
"""
CHINESE = """采购合同

目 录
第一章 总则........1
第二章 价款........2

甲方：青松面粉厂（以下简称“甲方”）
乙方：河湾食品公司（以下简称“乙方”）

第一章 总则

第一条 定义
1.1 本合同所称“货物”是指附件一所列的面粉。
1.2 “交货日”指本合同第五条约定的日期。
（一）甲方应当交付货物；
（二）乙方应当验收货物。

第二条 质量
货物质量按照《民法典》第五百八十五条和本合同第九条的约定执行。

第二章 价款

第三条 价款：人民币【 】元。
一、首付款；
二、尾款。见附件二。
第五条 交付
（1）按期交付；
（2）验收入库：①点数；②过磅。

附件一 货物清单
1、小麦粉
2、黑麦粉
"""


def faults(structure: Structure) -> set[tuple[str, str]]:
    return {(problem.kind, problem.quote) for problem in structure.problems}


def paths(text: str, language: str = "en") -> list[str | None]:
    return [clause.path for clause in split_clauses(text, language).clauses]


def test_an_english_contract_is_read_whole():
    read = split_clauses(ENGLISH, "en")
    assert [clause.path for clause in read.clauses] == [
        "1", "1.1", "1.2", "2", "2.1", "2.3", "2.3(a)", "2.3(b)", "2.3(c)", "3", "SCHEDULE A", "1", "2",
    ]  # fmt: skip
    assert {clause.title for clause in read.clauses} >= {
        "Definitions",
        "Supply",
        "Orders",
        "Delivery",
        "Price",
        "Goods",
    }
    assert [definition.term for definition in read.definitions] == [
        "Supplier", "Buyer", "Goods", "Delivery Date", "Rejected Lot",
    ]  # fmt: skip
    assert faults(read) == {
        ("unused_definition", "Rejected Lot"),
        ("numbering_gap", "2.3"),
        ("broken_reference", "Section 14.3"),
        ("broken_reference", "Schedule B"),
        ("undefined_term", "Quality Plan"),
        ("blank", "[●]"),
    }


def test_a_chinese_contract_is_read_whole():
    read = split_clauses(CHINESE, "zh")
    assert [clause.number for clause in read.clauses] == [
        "第一章", "第一条", "1.1", "1.2", "（一）", "（二）", "第二条", "第二章", "第三条", "一", "二",
        "第五条", "（1）", "（2）", "①", "②",
        "附件一", "1", "2",
    ]  # fmt: skip
    assert [definition.term for definition in read.definitions] == ["甲方", "乙方", "货物", "交货日"]
    assert faults(read) == {
        ("unused_definition", "交货日"),
        ("broken_reference", "本合同第九条"),
        ("broken_reference", "附件二"),
        ("numbering_gap", "第五条"),
        ("blank", "【 】"),
    }


@pytest.mark.parametrize(
    ("numbers", "language"),
    [
        (["1.", "2.", "3."], "en"),
        (["1)", "2)", "3)"], "en"),
        (["(1)", "(2)", "(3)"], "en"),
        (["(a)", "(b)", "(c)"], "en"),
        (["(i)", "(ii)", "(iii)"], "en"),
        (["(A)", "(B)", "(C)"], "en"),
        (["A.", "B.", "C."], "en"),
        (["Article I", "Article II", "Article III"], "en"),
        (["ARTICLE 1", "ARTICLE 2", "ARTICLE 3"], "en"),
        (["Section 1.1", "Section 1.2", "Section 1.3"], "en"),
        (["§ 1", "§ 2", "§ 3"], "en"),
        (["第一条", "第二条", "第三条"], "zh"),
        (["第一章", "第二章", "第三章"], "zh"),
        (["第一节", "第二节", "第三节"], "zh"),
        (["一、", "二、", "三、"], "zh"),
        (["（一）", "（二）", "（三）"], "zh"),
        (["(一)", "(二)", "(三)"], "zh"),
        (["1、", "2、", "3、"], "zh"),
        (["（1）", "（2）", "（3）"], "zh"),
        (["①", "②", "③"], "zh"),
        (["1.1", "1.2", "1.3"], "zh"),
    ],
)
def test_every_numbering_style_makes_its_clauses(numbers: list[str], language: str):
    bodies = ["Payment", "Delivery", "Notices"] if language == "en" else ["付款方式", "货物交付", "通知送达"]
    text = "\n\n".join(f"{number} {body}\n\nx" for number, body in zip(numbers, bodies, strict=True))
    read = split_clauses(text, language)
    assert [clause.title for clause in read.clauses] == bodies
    assert {clause.level for clause in read.clauses} == {0}


def test_i_is_a_letter_after_h_and_a_numeral_before_ii():
    letters = "1. List\n\n" + "\n".join(f"({letter}) one thing;" for letter in "abcdefghij")
    assert paths(letters)[-2:] == ["1(i)", "1(j)"]
    numerals = "1. List\n\n" + "\n".join(f"({letter}) one thing;" for letter in "abcdefgh") + "\n(i) sub;\n(ii) sub;"
    assert paths(numerals)[-2:] == ["1(h)(i)", "1(h)(ii)"]


def test_automatic_numbers_of_a_word_document_count():
    text = "Payment\nThe Buyer pays.\nNotices\nSee Sections 2.1 and 2.7."
    labels = {0: "1.", text.index("The"): "1.1", text.index("Notices"): "2.", text.index("See"): "2.1"}
    read = split_clauses(text + "\n3. End\n", "en", labels)
    assert [clause.path for clause in read.clauses] == ["1", "1.1", "2", "2.1", "3"]
    assert faults(read) == {("broken_reference", "2.7")}


@pytest.mark.parametrize(
    "sentence",
    [
        "as provided in Section 409A of the Code",
        "under Article 9 of the UCC",
        "pursuant to Section 15 of the Securities Act",
        "within the meaning of Rule 12b-2 and Section 12.4 of the Lease",
        "in Section 2 hereof",
        "filed on Schedule 13D",
    ],
)
def test_a_reference_to_something_else_is_not_broken(sentence: str):
    text = f"1. One\n\nWords {sentence}, as agreed.\n\n2. Two\n\nWords.\n\n3. Three\n\nWords.\n"
    assert not [problem for problem in split_clauses(text, "en").problems if problem.kind == "broken_reference"]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ('The "Widget" means a thing.', "Widget"),
        ("“Widget” shall mean a thing.", "Widget"),
        ('a thing (the "Widget") and more', "Widget"),
        ('a thing (hereinafter referred to as the "Widget")', "Widget"),
        ('a thing hereinafter called "Widget"', "Widget"),
        ("Widget means a thing.", "Widget"),
        ("设备（以下简称“设备”）", "设备"),
        ("设备，以下简称‘设备’。", "设备"),
        ("本合同所称设备是指机床。", "设备"),
        ("“设备”指机床。", "设备"),
    ],
)
def test_every_way_to_define_is_known(text: str, term: str):
    language = "en" if text.isascii() or "“Widget" in text else "zh"
    assert [definition.term for definition in split_clauses(text, language).definitions] == [term]


def test_plurals_count_as_uses_and_parts_of_words_do_not():
    read = split_clauses('1. "Part" means a piece. Parts and the Part, not Partner or party.', "en")
    assert read.definitions[0].uses == 2


def test_a_term_defined_twice_is_a_fault():
    text = '1. "Part" means a piece.\n\n2. The Part is new. ' + "Words. " * 12 + '\n\n3. "Part" means another piece.\n'
    assert ("duplicate_definition", "Part") in faults(split_clauses(text, "en"))


def test_signature_lines_are_no_blanks():
    assert not split_clauses("1. Term\n\nIt ends.\n\nBy: ________\nName: ______\n\n签字：____\n", "en").problems


PIECES = [
    "1. Terms\n", "1.1 Price. ", "(a) one; ", "(i) two; ", "\n\n", "第一条 价款\n", "（一）甲方", "SCHEDULE A\n",
    "“X” means y. ", "Section 9.9 ", "12 March 2024 ", "____", "[●]", "\n3\n", "EXHIBIT B\n\n",
    "words ", "  ", "(", '"', "、",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.sampled_from(["en", "zh"]))
def test_spans_nest_and_quotes_are_literal(text: str, language: str):
    read = split_clauses(text, language)
    by_id = {clause.id: clause for clause in read.clauses}
    assert [clause.start for clause in read.clauses] == sorted(clause.start for clause in read.clauses)
    for clause in read.clauses:
        assert 0 <= clause.start <= clause.end <= len(text)
        if clause.parent:
            parent = by_id[clause.parent]
            assert parent.start <= clause.start
            assert clause.end <= parent.end
            assert clause.level == parent.level + 1
    for definition in read.definitions:
        assert text[definition.start : definition.end] == definition.term
    for quoted in (*read.references, *read.problems):
        assert text[quoted.start : quoted.end] == quoted.quote
    assert all(reference.resolves_to in {*by_id, None} for reference in read.references)

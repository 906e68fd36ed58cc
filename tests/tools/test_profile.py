"""What a contract is: kind, parties, dates and law, read from its own words."""

import pytest

from tools.contracts import sentences
from tools.contracts.chinese.facts import find_facts
from tools.contracts.contract import Passage, Profile
from tools.contracts.profile import iso, profile

CHINESE = """设备维护服务合同

甲方（委托方）：云岭精工（成都）有限公司
住所：成都市高新区示例路1号
乙方（受托方）：北塔机电服务有限公司　　法定代表人：张三
签订日期：2025年3月1日

第一条 合同期限
1.1 本合同有效期自2025年3月1日起至2027年2月28日止。
1.2 本合同自双方签字盖章之日起生效。
第二条 质量
2.1 维修部件的质保期限为十二个月。
第三条 争议解决
3.1 本合同的订立、效力和履行适用中华人民共和国法律。
"""

ENGLISH = (
    "SUPPLY AGREEMENT\n\nThis Supply Agreement is made on 4 May 2025 between Greyfell Castings Ltd, a company (the "
    '"Supplier"), and Oakmere Pumps Inc. (the "Buyer").\n\n1. Term. This Agreement has a term of three years.\n\n'
    "2. Law. This Agreement is governed by the laws of the State of Oregon, without regard to conflicts of law.\n"
)


def _passage(text: str, category: str, quote: str) -> Passage:
    start = text.index(quote)
    return Passage(category=category, quote=quote, start=start, end=start + len(quote), confidence=0.8, rule="test")


def _english(**quotes: str) -> Profile:
    facts = [_passage(ENGLISH, "parties", name) for name in ("Greyfell Castings Ltd", "Supplier", "Oakmere Pumps Inc.")]
    facts += [_passage(ENGLISH, category, quote) for category, quote in quotes.items() if category != "governing_law"]
    law = [_passage(ENGLISH, "governing_law", quotes["governing_law"])] if "governing_law" in quotes else []
    return profile(sentences.read(ENGLISH, "en"), facts, law)


def test_facts_of_a_chinese_contract_are_quoted_literally() -> None:
    facts = find_facts(sentences.read(CHINESE, "zh"))
    assert [(fact.category, fact.quote) for fact in facts] == [
        ("document_name", "设备维护服务合同"),
        ("parties", "云岭精工（成都）有限公司"),
        ("parties", "北塔机电服务有限公司"),
        ("agreement_date", "2025年3月1日"),
        ("expiration_date", "1.1 本合同有效期自2025年3月1日起至2027年2月28日止。"),
        ("effective_date", "本合同自双方签字盖章之日起生效"),
    ]
    assert all(CHINESE[fact.start : fact.end] == fact.quote for fact in facts)


def test_a_chinese_contract_is_profiled() -> None:
    contract = sentences.read(CHINESE, "zh")
    law = _passage(CHINESE, "governing_law", "3.1 本合同的订立、效力和履行适用中华人民共和国法律。")
    found = profile(contract, find_facts(contract), [law])
    assert [(party.name, party.alias, party.role) for party in found.parties] == [
        ("云岭精工（成都）有限公司", "甲方", "委托方"),
        ("北塔机电服务有限公司", "乙方", "受托方"),
    ]
    assert (found.title, found.kind) == ("设备维护服务合同", "services")
    assert (found.agreement_date, found.expiration_date) == ("2025-03-01", "2027-02-28")
    assert found.governing_law == "中华人民共和国"


def test_parties_named_in_prose_keep_what_the_contract_calls_them() -> None:
    text = (
        "采购合同\n本合同由青田贸易有限公司（以下简称“买方”）与白溪制造有限公司（以下简称“卖方”）于2024年7月9日签订。\n"
    )
    contract = sentences.read(text, "zh")
    found = profile(contract, find_facts(contract), [])
    assert [(party.alias, party.role) for party in found.parties] == [("买方", "买方"), ("卖方", "卖方")]
    assert found.agreement_date == "2024-07-09"


def test_a_party_left_blank_is_no_party() -> None:
    text = "租赁合同\n出租方：____________\n承租方：青田贸易有限公司\n"
    facts = find_facts(sentences.read(text, "zh"))
    assert [fact.quote for fact in facts if fact.category == "parties"] == ["青田贸易有限公司"]


def test_an_english_contract_is_profiled() -> None:
    found = _english(
        document_name="SUPPLY AGREEMENT",
        agreement_date="4 May 2025",
        expiration_date="This Agreement has a term of three years.",
        governing_law="This Agreement is governed by the laws of the State of Oregon",
    )
    assert [(party.name, party.alias, party.role) for party in found.parties] == [
        ("Greyfell Castings Ltd", "Supplier", "supplier"),
        ("Oakmere Pumps Inc.", "Buyer", "buyer"),
    ]
    assert (found.kind, found.agreement_date, found.expiration_date) == ("supply", "2025-05-04", "three years")
    assert found.governing_law == "State of Oregon"


def test_what_is_not_stated_stays_empty() -> None:
    found = _english()
    assert (found.title, found.agreement_date, found.expiration_date, found.governing_law) == (None, None, None, None)


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("March 1, 2025", "2025-03-01"),
        ("1st day of March, 2025", "2025-03-01"),
        ("12 September 2024", "2024-09-12"),
        ("2025年3月1日", "2025-03-01"),
        ("2025/3/1", "2025-03-01"),
        ("二〇二五年十二月二十一日", "2025-12-21"),
        ("February 30, 2025", None),
        ("____ 2025", None),
    ],
)
def test_only_a_full_date_becomes_iso(printed: str, day: str | None) -> None:
    assert iso(printed) == day


def test_the_signature_block_names_no_new_party() -> None:
    text = CHINESE + "\n| 甲方（盖章）：云岭精工（成都）有限公司 | 乙方（盖章）：北塔机电服务有限公司 |\n"
    facts = find_facts(sentences.read(text, "zh"))
    assert sum(fact.category == "parties" for fact in facts) == 2

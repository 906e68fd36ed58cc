"""Playbooks: the shipped ones hold, and a bad one says where and what is allowed."""

from pathlib import Path

import pytest

from tools.contracts import phrases, playbook
from tools.contracts.quantities import MEASURES, comparison, han_number, quantities

SMALL = """\
name = "mine"
languages = ["en"]
title = { en = "Mine" }
description.en = "A test."

[category.payment_terms]
position.en = "Thirty days."

[[category.payment_terms.rules]]
id = "long"
severity = "high"
when = { number = "payment_days > 60" }
why.en = "Too long."
suggest.en = "thirty (30) days"
edit = "phrase"
"""


@pytest.mark.parametrize("name", ["commercial", "nda", "chinese"])
def test_a_shipped_playbook_loads_in_both_languages(name: str):
    book = playbook.load(name)
    assert book.name == name
    assert set(book.languages) == {"en", "zh"}
    assert book.rule_count() > 15


def test_the_commercial_playbook_covers_the_field():
    book = playbook.load()
    assert book.default
    assert len(book.category) >= 25
    assert sum(position.missing is not None for position in book.category.values()) >= 12


def test_one_of_our_own_is_loaded_by_its_path(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL, "utf-8")
    assert playbook.load(path).category["payment_terms"].rules[0].id == "long"


@pytest.mark.parametrize("name", ["nonesuch", "../secrets", "/etc/passwd", "missing.toml"])
def test_an_unknown_playbook_lists_the_known_ones(name: str):
    with pytest.raises(playbook.UnknownPlaybook, match="commercial, chinese, nda") as caught:
        playbook.load(name)
    assert (caught.value.code, caught.value.status) == ("unknown_playbook", 404)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('severity = "high"', 'severity = "hgih"', 11, "'critical', 'high', 'medium' or 'low'"),
        ('severity = "high"', 'severty = "high"', 11, "unknown key 'severty'; allowed here: id, severity"),
        ("payment_days > 60", "paymnt_days > 60", 12, "payment_days"),
        ("payment_days > 60", "payment_days about 60", 12, "one of < <= > >= =="),
        ("number =", "nmber =", 12, "unknown key 'nmber'; allowed here: contains"),
        ("category.payment_terms]\np", "category.payment_trems]\np", 6, "did you mean payment_terms"),
        ('why.en = "Too long."', 'why.zh = "过长。"', 6, "no 'en' text"),
        ('edit = "phrase"', 'edit = "scribble"', 15, "'replace'"),
        ('name = "mine"', "name = mine", 1, "line 1"),
    ],
)
def test_a_bad_playbook_names_the_line_and_what_is_allowed(old: str, new: str, line: int, says: str):
    assert old in SMALL
    with pytest.raises(playbook.InvalidPlaybook) as caught:
        playbook.parse(SMALL.replace(old, new), "mine.toml")
    assert "mine.toml" in caught.value.message
    assert f"line {line}" in caught.value.message
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("phrase", "text", "stated"),
    [
        ("liability * not exceed", "Its total liability under this Agreement shall not exceed 10", True),
        ("liability * not exceed", "liability ends. It shall not exceed", False),
        ("assign*", "may be assigned", True),
        ("assign", "may be assigned", False),
        ("terminate", "may not terminate", False),
        ("fees|rates", "the rates apply", True),
        ("单方*解除", "甲方有权单方面随时解除本合同", True),
        ("解除", "不得解除", False),
    ],
)
def test_a_phrase_is_found_where_it_is_stated(phrase: str, text: str, stated: bool):
    assert (phrases.find([phrase], text) is not None) is stated


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("notice_days < 30", "upon ten (10) days' prior written notice", "ten (10) days"),
        ("notice_days < 30", "upon sixty days' written notice", None),
        ("payment_days > 60", "shall pay each invoice within ninety days of receipt", "ninety days"),
        ("payment_days > 60", "may pay; ninety days' notice ends it", None),
        ("payment_days > 60", "应于收到发票后九十日内付款", "九十日"),
        ("daily_rate > 0.0005", "每逾期一日，按合同总价的千分之五支付违约金", "千分之五"),
        ("daily_rate > 0.0005", "按日万分之五支付违约金", None),
        ("penalty_percent >= 30", "应按合同总价的60%支付违约金", "60%"),
        ("monthly_rate > 0.01", "interest at 2% per month", "2%"),
        ("cap_multiple > 1", "twice the annual fees", "twice"),
        ("renewal_months > 12", "two years, then renewed for successive terms of three (3) years", "three (3) years"),
    ],
)
def test_a_number_is_compared_under_its_measure(expression: str, text: str, found: str | None):
    quantity = comparison(expression).first(text)
    assert (text[quantity.start : quantity.end] if quantity else None) == found


def test_chinese_numbers_are_read():
    assert [han_number(text) for text in ("十", "三十", "一百二十", "两", "零点五", "45")] == [10, 30, 120, 2, 0.5, 45]
    assert "notice_days" in MEASURES
    assert quantities("2026年3月18日签订") == []

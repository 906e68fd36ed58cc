"""The embedded judgement: who is bound, what is missing, and amendments that can all be made."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.contracts import judging, playbook
from tools.contracts.contract import SEVERITIES, Finding, Party, Profile
from tools.contracts.sides import UnknownParty, sides
from tools.contracts.structure import split_clauses

ENGLISH = """SERVICES AGREEMENT

This Agreement is made between Acme Widgets Inc. ("Customer") and Bolt Systems Ltd. ("Supplier").

1. PAYMENT
1.1 Customer shall pay each invoice within thirty (30) days of receipt.
1.2 Supplier may increase its fees at any time in its sole discretion.

2. TERM
2.1 This Agreement renews automatically for successive periods of three (3) years unless a party gives 120 days' notice.
2.2 Supplier may terminate this Agreement for convenience upon ten (10) days' notice.

3. LIABILITY
3.1 In no event shall Supplier be liable for any damages exceeding USD 100.
3.2 Customer shall indemnify and hold harmless Supplier from any and all losses.

4. GENERAL
4.1 This Agreement is governed by the laws of England. See Section 9.9.

IN WITNESS WHEREOF, the parties have signed.
"""
CHINESE = """设备采购合同

甲方（采购方）：青禾精密有限公司
乙方（供应方）：启衡设备有限公司

第一条 付款
甲方应于收到发票后九十日内付款。
第二条 违约责任
甲方逾期付款的，每逾期一日，应按合同总价的千分之五向乙方支付违约金。
第三条 争议解决
因本合同引起的争议，可提交仲裁委员会仲裁或向人民法院起诉。
第四条 其他
本合同的最终解释权归乙方所有。

（以下无正文）
甲方（盖章）：
"""


def profile(language: str = "en", kind: str = "services") -> Profile:
    names = [("Acme Widgets Inc.", "Customer", None), ("Bolt Systems Ltd.", "Supplier", None)]
    if language == "zh":
        names = [("青禾精密有限公司", "甲方", "采购方"), ("启衡设备有限公司", "乙方", "供应方")]
    parties = tuple(Party(name=name, alias=alias, role=role, start=0, end=0) for name, alias, role in names)
    return Profile(
        title=None, kind=kind, parties=parties, agreement_date=None, effective_date=None, expiration_date=None,
        governing_law=None, passages=(),
    )  # fmt: skip


def review(text: str, party: str | None, book: str = "commercial", language: str = "en") -> list[Finding]:
    structure = split_clauses(text, language)
    return judging.check_playbook(text, language, [], structure, profile(language), playbook.load(book), party)


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


def amended(text: str, findings: list[Finding]) -> str:
    changes = [finding.amendment for finding in findings if finding.amendment]
    for change in sorted(changes, key=lambda change: change.start, reverse=True):
        if change.old != change.new and change.old:
            text = text[: change.start] + change.new + text[change.end :]
    return text


def test_the_risks_of_the_party_we_act_for_are_found():
    found = rules(review(ENGLISH, "Customer"))
    assert {
        "commercial.price_restrictions.price_at_will",
        "commercial.renewal_term.long_renewal",
        "commercial.renewal_term.early_notice",
        "commercial.termination_for_convenience.only_them",
        "commercial.cap_on_liability.one_sided_cap",
        "commercial.indemnification.one_sided",
        "structure.broken_reference",
    } <= found


def test_the_other_side_has_other_risks():
    found = rules(review(ENGLISH, "Supplier"))
    assert "commercial.indemnification.one_sided" not in found
    assert "commercial.cap_on_liability.one_sided_cap" not in found
    assert "commercial.price_restrictions.price_at_will" not in found


def test_a_mirrored_right_is_not_one_sided():
    text = ENGLISH.replace(
        "2.2 Supplier may", "2.3 Customer may terminate this Agreement for convenience.\n2.2 Supplier may"
    )
    assert "commercial.termination_for_convenience.only_them" not in rules(review(text, "Customer"))


def test_a_number_is_changed_and_nothing_around_it():
    finding = next(each for each in review(ENGLISH, "Customer") if each.rule.endswith("long_renewal"))
    assert finding.amendment is not None
    assert (finding.amendment.old, finding.amendment.new) == ("three (3) years", "one (1) year")


def test_missing_clauses_go_before_the_signatures_numbered_on():
    missing = [finding for finding in review(ENGLISH, "Customer") if finding.kind == "missing"]
    inserted = [finding.amendment for finding in missing if finding.amendment]
    assert "commercial.confidentiality.missing" in rules(missing)
    assert len({change.start for change in inserted}) == 1
    assert ENGLISH[inserted[0].start :].strip().startswith("IN WITNESS")
    assert [re.findall(r"^\s*(\d+)\.", change.new)[0] for change in inserted] == [
        str(5 + n) for n in range(len(inserted))
    ]


def test_chinese_risks_name_their_law():
    findings = review(CHINESE, "甲方", "chinese", "zh")
    by_rule = {finding.rule: finding for finding in findings}
    assert by_rule["chinese.dispute_resolution.court_or_arbitration"].severity == "critical"
    assert "第五百八十五条" in by_rule["chinese.liquidated_damages.daily_rate_too_high"].reason["zh"]
    assert "chinese.standard_terms.final_interpretation" in by_rule
    inserted = [each.amendment for each in findings if each.kind == "missing" and each.amendment]
    assert inserted[0].new.strip().startswith("第五条")
    assert CHINESE[inserted[0].start :].strip().startswith("（以下无正文）")
    assert "万分之五" in amended(CHINESE, findings)


def test_an_unknown_party_lists_those_found():
    with pytest.raises(UnknownParty, match="Acme Widgets Inc") as caught:
        review(ENGLISH, "Zenith")
    assert caught.value.status == 422
    assert caught.value.details["parties"] == ["Acme Widgets Inc. (Customer)", "Bolt Systems Ltd. (Supplier)"]


@pytest.mark.parametrize("party", ["Customer", "the customer", "ACME WIDGETS INC.", "Acme"])
def test_a_party_is_known_by_name_or_alias(party: str):
    assert sides(profile(), party).us[0] == "Customer"


@pytest.mark.parametrize(
    ("sentence", "obliges", "entitles"),
    [
        ("Customer shall pay.", {"us"}, set()),
        ("Neither party may assign.", set(), {"us", "them"}),
        ("In no event shall Supplier be liable for loss.", set(), {"them"}),
        ("Supplier's total liability shall not exceed USD 5.", set(), {"them"}),
        ("The deliverables shall remain the property of Supplier.", set(), {"them"}),
        ("Each party shall keep it secret.", {"us", "them"}, set()),
    ],
)
def test_a_sentence_is_known_by_whom_it_binds(sentence: str, obliges: set[str], entitles: set[str]):
    bearing = sides(profile(), "Customer").bearing(sentence)
    assert bearing.entitles == entitles
    assert obliges <= bearing.obliges


def check_invariants(text: str, findings: list[Finding]) -> None:
    assert [finding.id for finding in findings] == [f"F{n}" for n in range(1, len(findings) + 1)]
    ranks = [SEVERITIES.index(finding.severity) for finding in findings]
    assert ranks == sorted(ranks)
    for finding in findings:
        if finding.start is not None and finding.end is not None:
            assert text[finding.start : finding.end] == finding.quote
        if finding.amendment:
            assert text[finding.amendment.start : finding.amendment.end] == finding.amendment.old
        assert {"en", "zh"} <= finding.reason.keys()
        assert finding.rule in finding.reason["en"]
        assert "{we}" not in str(finding)
        assert "{they}" not in str(finding)
    changes = sorted(
        (
            finding.amendment
            for finding in findings
            if finding.amendment and finding.amendment.old != finding.amendment.new
        ),
        key=lambda change: (change.start, change.end),
    )
    for before, after in pairwise(changes):
        assert before.end <= after.start


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([line for line in (ENGLISH + CHINESE).split("\n") if line]), min_size=1, max_size=30),
    st.sampled_from(["commercial", "nda", "chinese"]),
    st.sampled_from([None, "Customer", "Supplier"]),
)
def test_quotes_are_literal_and_changes_never_overlap(lines: list[str], book: str, party: str | None):
    text = "\n".join(lines)
    check_invariants(text, review(text, party, book))


def test_the_same_contract_gets_the_same_findings():
    assert review(ENGLISH, "Customer") == review(ENGLISH, "Customer")

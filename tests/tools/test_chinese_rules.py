"""Chinese clauses are found by their operative words, in simplified and traditional characters."""

import pytest

from tools.contracts.categories import BY_KEY
from tools.contracts.chinese.rules import RULES
from tools.contracts.finding import find


def _categories(text: str) -> set[str]:
    return {passage.category for passage in find(text, "zh", RULES)}


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("任何一方违反本合同约定的，应当承担违约责任，并赔偿守约方因此遭受的全部损失。", "liability_for_breach"),
        ("买方逾期付款的，每逾期一日按应付未付金额的万分之五支付违约金。", "liquidated_damages"),
        ("卖方拒绝交货的，应向买方支付合同总价30%的违约金。", "liquidated_damages"),
        ("上述违约金累计不超过合同总价的百分之十。", "liquidated_damages_cap"),
        ("任何情况下，服务方的赔偿责任总额不超过客户已支付的服务费。", "cap_on_liability"),
        ("服务方不对任何间接损失或利润损失承担责任。", "cap_on_liability"),
        ("前述责任上限不适用于因故意或者重大过失造成的损失。", "uncapped_liability"),
        ("供方应使需方免受第三方因侵犯知识产权提出的任何索赔。", "indemnification"),
        ("因不可抗力不能履行合同的，遭遇方应及时通知对方，并在合理期限内提供证明。", "force_majeure"),
        ("设备的质保期为验收合格之日起24个月。", "warranty_duration"),
        ("承运人应当为货物投保运输一切险，并承担保险费。", "insurance"),
        ("需方应于收到发票后三十日内支付货款。", "payment_terms"),
        ("合同期内，乙方不得单方上调价格，单价不得调整。", "price_restrictions"),
        ("经销商每年采购的产品不少于五千台。", "minimum_commitment"),
        ("软件的并发用户数量不得超过二百个。", "volume_restriction"),
        ("双方按净利润的40%与60%的比例进行分成。", "revenue_profit_sharing"),
        ("许可方有权委托会计师事务所对被许可方的账簿进行审计。", "audit_rights"),
        ("乙方给予甲方的价格不得高于其给予其他客户的价格。", "most_favored_nation"),
        ("甲方授权乙方为华东地区的独家代理商。", "exclusivity"),
        ("合作期内，乙方不得从事与甲方业务相同或者类似的经营活动。", "non_compete"),
        ("一方不得招揽对方的客户。", "no_solicit_of_customers"),
        ("合同终止后一年内，任何一方不得聘用对方的员工。", "no_solicit_of_employees"),
        ("双方不得发表贬损对方声誉的言论。", "non_disparagement"),
        ("在同等条件下，承租人享有优先购买权。", "rofr_rofo_rofn"),
        ("受托人完成的开发成果的知识产权归委托人所有。", "ip_ownership_assignment"),
        ("共同研发形成的专利由双方共有。", "joint_ip_ownership"),
        ("许可方授予被许可方在中国境内使用该商标的普通许可。", "license_grant"),
        ("该软件许可不可转让，被许可方不得再许可第三人。", "non_transferable_license"),
        ("许可方授予被许可方永久、不可撤销的软件使用权。", "irrevocable_or_perpetual_license"),
        ("开发方应将软件的源代码交由双方认可的机构托管。", "source_code_escrow"),
        ("合同期满，双方均未提出异议的，本合同自动顺延一年。", "renewal_term"),
        ("任何一方不续约的，应在合同期限届满前六十日书面通知对方。", "notice_period_to_terminate_renewal"),
        ("甲方有权提前三十日书面通知乙方解除本合同，无需说明理由。", "termination_for_convenience"),
        ("乙方实际控制人发生变更的，甲方有权解除本合同。", "change_of_control"),
        ("未经对方书面同意，任何一方不得将本合同项下的权利义务转让给第三方。", "anti_assignment"),
        ("合同终止后，乙方应当协助甲方完成资料移交。", "post_termination_services"),
        ("接收方不得向任何第三方披露保密信息。", "confidentiality"),
        ("乙方处理个人信息应当遵守个人信息保护法，并采取安全措施。", "data_protection"),
        ("本合同的订立、履行和解释均适用中华人民共和国法律。", "governing_law"),
        ("因本合同发生的争议，双方应协商解决；协商不成的，提交仲裁。", "dispute_resolution"),
        ("协商不成的，任何一方可向原告住所地人民法院提起诉讼。", "jurisdiction"),
        ("本活动的最终解释权归主办方所有。", "standard_terms"),
    ],
)
def test_a_chinese_clause_is_found(sentence: str, category: str) -> None:
    assert category in _categories(sentence)


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("乙方不得以任何理由单方解除本合同，也不得提前终止本合同。", "termination_for_convenience"),
        ("用人单位应当依法为劳动者办理社会保险，缴纳社会保险费。", "insurance"),
        ("甲方授予乙方在本地区的非独家经销权。", "exclusivity"),
        ("未经许可方书面许可，被许可方不得使用该商标。", "license_grant"),
        ("设备的所有权自验收合格之日起转移给买方。", "anti_assignment"),
        ("交货期相应顺延，且工期顺延十日。", "renewal_term"),
        ("双方不得进行不正当竞争，应当维护市场秩序。", "non_compete"),
    ],
)
def test_words_alone_make_no_clause(sentence: str, category: str) -> None:
    assert category not in _categories(sentence)


def test_traditional_characters_are_read_too() -> None:
    text = (
        "買方逾期付款的，每逾期一日按應付金額的萬分之五支付違約金。\n本合約的訂立、履行和解釋均適用中華人民共和國法律。"
    )
    assert {"liquidated_damages", "governing_law"} <= _categories(text)


def test_headings_contents_and_table_rows_are_no_clauses() -> None:
    text = "目录\n第八条 违约责任……12\n第九条 不可抗力\n| 违约金 | 30% | 每日 | 万分之五 |\n"
    assert _categories(text) == set()


def test_a_heading_helps_the_sentences_under_it_and_the_quote_is_literal() -> None:
    text = "第六条 保密\n6.1 双方对合作内容负有保密义务。\n第七条 其他\n7.1 本合同一式两份。\n"
    passages = find(text, "zh", RULES)
    assert [(passage.category, passage.quote) for passage in passages] == [
        ("confidentiality", "6.1 双方对合作内容负有保密义务。")
    ]
    assert all(text[passage.start : passage.end] == passage.quote for passage in passages)


def test_each_rule_is_for_a_known_category_and_none_comes_twice() -> None:
    keys = [rule.category for rule in RULES]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(BY_KEY)

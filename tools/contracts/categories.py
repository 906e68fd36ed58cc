"""The clause categories: CUAD's 41 with their Chinese counterparts, and what commercial practice adds.

Source of the 41: The Atticus Project, Contract Understanding Atticus Dataset v1 (CC BY 4.0), category names only. The
additions for Chinese practice follow the Civil Code of the PRC, Book Three (Contracts): arts. 496 to 498 (standard
terms), 562 to 566 (rescission), 577 and 585 (liability for breach, liquidated damages), 590 (force majeure).
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["facts", "term", "money", "liability", "restriction", "intellectual_property", "other"]


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of clause. key: ours, snake_case. cuad: CUAD's name, None for an addition."""

    key: str
    cuad: str | None
    en: str
    zh: str
    group: Group


def _cuad(key: str, cuad: str, zh: str, group: Group) -> Category:
    return Category(key, cuad, cuad, zh, group)


CATEGORIES: tuple[Category, ...] = (
    _cuad("document_name", "Document Name", "合同名称", "facts"),
    _cuad("parties", "Parties", "合同主体", "facts"),
    _cuad("agreement_date", "Agreement Date", "签订日期", "facts"),
    _cuad("effective_date", "Effective Date", "生效日期", "facts"),
    _cuad("expiration_date", "Expiration Date", "到期日", "facts"),
    _cuad("renewal_term", "Renewal Term", "自动续期", "term"),
    _cuad("notice_period_to_terminate_renewal", "Notice Period to Terminate Renewal", "不续期通知期", "term"),
    _cuad("governing_law", "Governing Law", "适用法律", "other"),
    _cuad("most_favored_nation", "Most Favored Nation", "最惠待遇", "restriction"),
    _cuad("non_compete", "Non-Compete", "竞业限制", "restriction"),
    _cuad("exclusivity", "Exclusivity", "排他", "restriction"),
    _cuad("no_solicit_of_customers", "No-Solicit of Customers", "不得招揽客户", "restriction"),
    _cuad("competitive_restriction_exception", "Competitive Restriction Exception", "竞争限制例外", "restriction"),
    _cuad("no_solicit_of_employees", "No-Solicit of Employees", "不得招揽员工", "restriction"),
    _cuad("non_disparagement", "Non-Disparagement", "不得贬损", "restriction"),
    _cuad("termination_for_convenience", "Termination for Convenience", "单方解除权", "term"),
    _cuad("rofr_rofo_rofn", "Rofr/Rofo/Rofn", "优先权", "restriction"),
    _cuad("change_of_control", "Change of Control", "控制权变更", "other"),
    _cuad("anti_assignment", "Anti-Assignment", "禁止转让", "other"),
    _cuad("revenue_profit_sharing", "Revenue/Profit Sharing", "收入或利润分成", "money"),
    _cuad("price_restrictions", "Price Restrictions", "价格限制", "money"),
    _cuad("minimum_commitment", "Minimum Commitment", "最低承诺", "money"),
    _cuad("volume_restriction", "Volume Restriction", "数量限制", "money"),
    _cuad("ip_ownership_assignment", "IP Ownership Assignment", "知识产权归属", "intellectual_property"),
    _cuad("joint_ip_ownership", "Joint IP Ownership", "知识产权共有", "intellectual_property"),
    _cuad("license_grant", "License Grant", "许可授权", "intellectual_property"),
    _cuad("non_transferable_license", "Non-Transferable License", "不可转让许可", "intellectual_property"),
    _cuad("affiliate_license_licensor", "Affiliate License-Licensor", "许可方关联方许可", "intellectual_property"),
    _cuad("affiliate_license_licensee", "Affiliate License-Licensee", "被许可方关联方许可", "intellectual_property"),
    _cuad("unlimited_license", "Unlimited/All-You-Can-Eat-License", "不限量许可", "intellectual_property"),
    _cuad(
        "irrevocable_or_perpetual_license",
        "Irrevocable or Perpetual License",
        "不可撤销或永久许可",
        "intellectual_property",
    ),
    _cuad("source_code_escrow", "Source Code Escrow", "源代码托管", "intellectual_property"),
    _cuad("post_termination_services", "Post-Termination Services", "终止后服务", "term"),
    _cuad("audit_rights", "Audit Rights", "审计权", "money"),
    _cuad("uncapped_liability", "Uncapped Liability", "无限责任", "liability"),
    _cuad("cap_on_liability", "Cap on Liability", "责任上限", "liability"),
    _cuad("liquidated_damages", "Liquidated Damages", "违约金", "liability"),
    _cuad("warranty_duration", "Warranty Duration", "质保期", "liability"),
    _cuad("insurance", "Insurance", "保险", "liability"),
    _cuad("covenant_not_to_sue", "Covenant Not to Sue", "不起诉承诺", "liability"),
    _cuad("third_party_beneficiary", "Third Party Beneficiary", "第三方受益人", "other"),
    Category("confidentiality", None, "Confidentiality", "保密", "other"),
    Category("force_majeure", None, "Force Majeure", "不可抗力", "liability"),
    Category("dispute_resolution", None, "Dispute Resolution", "争议解决", "other"),
    Category("jurisdiction", None, "Jurisdiction", "管辖", "other"),
    Category("liability_for_breach", None, "Liability for Breach", "违约责任", "liability"),
    Category("liquidated_damages_cap", None, "Cap on Liquidated Damages", "违约金上限", "liability"),
    Category("standard_terms", None, "Standard Terms", "格式条款", "other"),
    Category("indemnification", None, "Indemnification", "赔偿", "liability"),
    Category("payment_terms", None, "Payment Terms", "付款", "money"),
    Category("data_protection", None, "Data Protection", "个人信息与数据保护", "other"),
)

BY_KEY: dict[str, Category] = {category.key: category for category in CATEGORIES}
BY_CUAD: dict[str, Category] = {category.cuad: category for category in CATEGORIES if category.cuad}

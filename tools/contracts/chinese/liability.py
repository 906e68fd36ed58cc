"""违约责任、违约金、责任限制、赔偿、质保与保险: liability in Chinese contracts.

Source: Civil Code of the PRC (民法典), Book Three, arts. 506 (void exclusions), 577 to 588 (liability for breach,
damages, liquidated damages, deposit), 590 (force majeure), 615 to 621 (quality and its warranty).
"""

from tools.contracts.chinese.wording import clause, says
from tools.contracts.rules import Rule

_RATE = r"万分之|千分之|百分之|[\d.]+\s*[%％‰]|\d\s*元|万元|倍|LPR|报价利率|【\s*】|_{2,}"
_PENALTY = r"违约金|滞纳金|罚金|罚款|违约赔偿金|逾期利息|赔偿金"

RULES: tuple[Rule, ...] = (
    # 违约责任, arts. 577, 582 to 584: who fails to perform performs, remedies or pays damages.
    clause(
        "liability_for_breach",
        r"违约|违反|逾期|不履行|未按|赔偿|责任",
        says(
            r"(?:违约|违反|不履行|未履行|未按|未能|逾期|延迟|迟延|拒绝|不符合|瑕疵|擅自|解除)~50~(?:承担|赔偿|支付|负)~25~(?:责任|损失|违约金|费用)",
            0.9,
        ),
        says(r"(?:承担|负)~8~违约责任|(?:赔偿|弥补)~20~(?:全部|实际|一切|直接|经济|所受|因此)~8~损失|损失赔偿", 0.5),
        says(r"继续履行|采取补救措施|可得利益|修理、重作、更换|减少价款", 0.4),
        says(r"(?:不|无须|无需|免于|免除)~4~(?:承担|负)~10~责任", -0.5),
        says(r"不可抗力|竞业", -0.4),
        title=r"违约|赔偿责任",
        threshold=1.2,
        limit=6,
    ),
    # 违约金, art. 585(1) and (3): a sum or a way to reckon it, agreed for breach or delay; 定金, arts. 586 and 587.
    clause(
        "liquidated_damages",
        rf"{_PENALTY}|双倍返还",
        says(r"违约金|滞纳金|罚金|违约赔偿金|逾期利息", 0.6),
        says(_RATE, 0.5),
        says(r"每(?:逾期|延迟|迟延|超过)?[一1]?[日天周]|按日|逾期[一1]?[日天]|每逾期", 0.3),
        says(r"(?:支付|承担|扣除|扣减|偿付|计收)~30~(?:违约金|滞纳金|罚金)|(?:违约金|滞纳金)~20~(?:为|按|相当于)", 0.3),
        says(r"定金~20~双倍返还|双倍返还~6~定金", 1.2),
        says(r"劳动|行政罚款", -0.6),
        title=r"违约|逾期|赔偿",
        title_weight=0.2,
        threshold=1.1,
        limit=6,
    ),
    # 违约金上限: the penalty stops at a share of the price. Courts may reduce an excessive one (585(2)).
    clause(
        "liquidated_damages_cap",
        r"违约金|滞纳金|罚金",
        says(r"(?:违约金|滞纳金|罚金)~50~(?:不超过|不得超过|上限|最高|为限|封顶)", 1.0),
        says(r"(?:累计|总额|总计|合计|最高)~12~(?:不超过|不得超过|以~20~为限)", 0.4),
        says(r"(?:上限|最高限额|限额)~10~(?:为|是)", 0.2),
        says(r"(?:赔偿|全部)责任~20~不超过", -0.3),
        threshold=1.0,
    ),
    # 责任上限与间接损失免责: total liability is held to an amount, or heads of loss are excluded (cf. art. 584).
    clause(
        "cap_on_liability",
        r"责任|赔偿|补偿|损失",
        says(
            r"(?:责任|赔偿|损失)~40~(?:不超过|不得超过|不应超过|上限|为限|最高~6~不)|(?:以|在)~30~(?:为限|范围内|为上限)~10~(?:承担|赔偿|补偿)",
            0.8,
        ),
        says(r"(?:全部|累计|总|任何情况|无论何种)~12~(?:赔偿)?责任|责任(?:总额|限额|上限)|赔偿(?:总额|限额|上限)", 0.4),
        says(
            r"(?:不承担|不负|不对|不包括|不就|无须|无需|概不|不赔偿)~25~(?:间接|可得利益|预期利润|利润损失|利润|停产|附带|惩罚性|特殊|后果性)",
            1.0,
        ),
        says(r"(?:间接|可得利益|预期利益|附带|惩罚性|利润)~12~(?:损失|损害)~20~(?:不承担|不负|不予|免责|除外)", 1.0),
        says(r"[\d一二三四五六七八九十]+\s*[%％]|百分之|元|合同总价|已支付|已收取|服务费", 0.2),
        says(r"违约金~30~(?:不超过|上限|为限)", -0.4),
        says(r"不受~12~限制|无限|连带", -0.4),
        title=r"责任限制|责任上限|责任限额|赔偿限额|免责|违约",
        title_weight=0.2,
        threshold=1.0,
    ),
    # 无限责任: liability without a ceiling, or what the ceiling does not cover (art. 506: injury, intent, gross fault).
    clause(
        "uncapped_liability",
        r"责任|赔偿|限制|上限",
        says(
            r"(?:责任|赔偿)~20~(?:不受~15~(?:限制|限额)|不设~4~(?:上限|限额)|无上限|没有上限|无限|不适用~12~上限)", 1.0
        ),
        says(r"承担~6~无限~4~责任|无限连带", 1.0),
        says(r"(?:责任)?(?:限制|上限|限额)~25~(?:不适用于|不适用)", 1.0),
        says(r"(?:故意|重大过失|人身(?:损害|伤害)|保密|知识产权)~40~(?:不受~10~限|不适用~10~(?:限|上限))", 0.6),
    ),
    # 赔偿, 使对方免受损失: one party bears the other's loss from third parties' claims or from a stated risk.
    clause(
        "indemnification",
        r"赔偿|补偿|免受|免遭|免于|使.{1,6}不受|承担",
        says(r"(?:使|确保|保证|保障|并使)~20~(?:免受|免遭|免于|不受)~25~(?:损失|损害|索赔|追究|责任|影响)", 1.1),
        says(r"第三[方人]~50~(?:索赔|主张|起诉|诉讼|请求|追究|侵权)", 0.5),
        says(r"(?:赔偿|补偿|承担)~25~(?:全部|一切|由此|因此|所有|任何|直接)?~10~(?:损失|损害|费用|责任|赔偿)", 0.5),
        says(r"律师费|诉讼费|和解|应诉|抗辩", 0.2),
        says(r"第三[方人]~30~(?:损害|损失|伤亡|侵害)", 0.2),
        title=r"赔偿|侵权|补偿|知识产权",
        title_weight=0.2,
        limit=5,
    ),
    # 不可抗力, arts. 180 and 590: what it is, notice and proof, and what performance it excuses.
    clause(
        "force_majeure",
        r"不可抗力|不能预见",
        says(r"不可抗力", 0.5),
        says(r"不能预见、?不能避免|无法预见|自然灾害|地震|台风|战争|疫情|政府行为|罢工", 0.5),
        says(r"(?:不能履行|迟延履行|免除|免责|不承担|不视为违约|部分或者?全部|延期履行|顺延|解除|终止)", 0.3),
        says(r"通知|证明|减轻~8~损失|视为", 0.2),
        title=r"不可抗力|免责",
        threshold=0.9,
    ),
    # 质保期, arts. 615 to 617, 621: how long the seller answers for quality.
    clause(
        "warranty_duration",
        r"质保|保修|保质|质量保证|缺陷责任期|质量担保|维保",
        says(r"(?:质保期|保修期|质量保证期|质量保修期|保质期|缺陷责任期|免费维护期|免费维保期|质量担保期)", 0.5),
        says(r"(?:期)?(?:为|是|自|从|至|共|：|:)~30~(?:年|个?月|日|天|起)", 0.3),
        says(
            r"(?:质保|保修|保质|质量保证|缺陷责任)期?~40~(?:[\d一二两三四五六七八九十【】_]+\s*(?:个?月|年|日|天))", 0.4
        ),
        says(r"提供~10~(?:年|个?月)~6~(?:质保|保修|质量保证|免费)", 0.8),
        says(r"质保金|质量保证金|保证金", -0.4),
        title=r"质保|质量|保修|售后",
        title_weight=0.2,
        threshold=1.0,
        limit=3,
    ),
    # 保险: a party must take out or keep insurance. Social insurance of employees is another matter.
    clause(
        "insurance",
        r"保险|投保",
        says(r"(?:应|须|负责|应当|由)~20~(?:投保|购买|办理|持有|维持|缴纳)~25~(?:保险|险)", 1.0),
        says(r"保险~8~由~8~(?:安排|办理|购买|投保|负担|承担)", 0.8),
        says(r"投保|保险(?:金额|单|费|公司|责任)|被保险人|责任险|财产险|一切险|运输险|意外伤害险", 0.4),
        says(r"社会保险|社保|医疗保险|养老保险|五险|失业保险", -1.0),
        title=r"保险",
        threshold=1.0,
    ),
)

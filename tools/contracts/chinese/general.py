"""期限、解除、转让、保密、法律适用与争议解决: term, change and disputes in Chinese contracts.

Source: Civil Code of the PRC, arts. 496 to 498 (standard terms), 501 and 509 (confidence), 522 (third party), 545 to
556 (assignment), 557 to 567 (termination and rescission), 563(2), 787 and 933 (rescission at will); Civil Procedure
Law art. 35 (agreed court); Arbitration Law (agreement to arbitrate); Law on Choice of Law for Foreign-related Civil
Relations art. 41; Personal Information Protection Law, Data Security Law, Cybersecurity Law.
"""

from tools.contracts.chinese.wording import clause, says
from tools.contracts.rules import Rule

_PERIOD = r"[\d一二两三四五六七八九十百【】_（()）\s]+(?:个)?(?:工作日|自然日|日|天|月|年|周)"

RULES: tuple[Rule, ...] = (
    # 自动续期: the term goes on unless a party objects.
    clause(
        "renewal_term",
        r"续|顺延|延长|展期",
        says(r"自动(?:续期|续约|续签|续展|顺延|延长|展期|延续|续订)", 1.0),
        says(r"(?:届满|期满|到期)~60~(?:续签|续期|续约|顺延|展期|续展|延续|续订|延长)", 0.7),
        says(rf"(?:续签|续期|续约|顺延|展期|续展|延长)~10~{_PERIOD}", 0.3),
        says(r"(?:本合同|本协议|合同|协议)(?:有效)?期|有效期|租赁期", 0.2),
        says(r"(?:工期|交货期|交付期|付款期|交货|履行期)~12~(?:顺延|延长)|视生产情况", -0.9),
        title=r"期限|续|有效期",
        title_weight=0.2,
    ),
    # 不续期通知期: how long before the end a party must say that it will not renew.
    clause(
        "notice_period_to_terminate_renewal",
        r"前",
        says(rf"(?:届满|到期|期满|终止)(?:之日|日|之)?前{_PERIOD}", 0.5),
        says(rf"提前{_PERIOD}", 0.3),
        says(r"(?:不再?|未|无|异议|终止|停止)~30~(?:续|顺延|延长)|(?:不续|终止|异议|反对)", 0.4),
        says(r"(?:续期|续约|续签|顺延|续展|延长|展期)", 0.3),
        says(r"通知|提出|书面", 0.1),
        threshold=1.1,
    ),
    # 单方解除权: a party may end the contract at will, on notice or on its own grounds (arts. 562, 563(2)).
    clause(
        "termination_for_convenience",
        r"解除|终止",
        says(
            r"(?:有权|可以|可|得|均可)(?!能)~40~(?:随时|单方|单方面|任意|任何时候|自行|无理由|无条件|提前)~20~(?:解除|终止)",
            1.0,
        ),
        says(rf"提前{_PERIOD}~20~(?:通知|告知)~30~(?:解除|终止)|(?:解除|终止)~30~提前{_PERIOD}~12~(?:通知|告知)", 0.9),
        says(r"(?:无需|无须|不需|不必|无论)~8~(?:理由|原因|同意|承担~8~责任)|任何(?:理由|原因)", 0.3),
        says(r"单方(?:面)?~4~(?:解除|终止)", 0.3),
        says(r"(?:不得|无权|不可|不能|不应)~30~(?:解除|终止)", -1.2),
        says(r"(?:不续|续期|续约|届满前)", -0.4),
        title=r"解除|终止",
        title_weight=0.1,
    ),
    # 控制权变更.
    clause(
        "change_of_control",
        r"控制|股权|合并|收购|股东",
        says(
            r"(?:控制权|实际控制人|控股股东|股权结构|控股权|股权|管理层)~20~(?:变更|变化|变动|转移|改变|转让)|(?:变更|改变)~6~(?:实际控制人|控股股东)",
            0.7,
        ),
        says(r"(?:被收购|合并|分立|重组|兼并)", 0.3),
        says(r"(?:解除|终止|通知|同意|视为|有权)", 0.3),
        says(r"股权转让(?:价款|协议|款)|目标公司|标的股权", -0.6),
        title=r"控制权|解除|终止|转让",
        title_weight=0.3,
    ),
    # 转让: whether rights, duties or the contract may be passed on, and with whose consent (arts. 545, 551, 555).
    clause(
        "anti_assignment",
        r"转让|让与|转移|转包|转委托",
        says(r"(?:未经|没有|非经|未取得|未获|除非)~25~(?:同意|许可|批准|认可)~60~(?:转让|让与|转移|转包|转委托)", 0.7),
        says(r"(?:不得|不可|无权|不能|禁止)~50~(?:转让|让与|转移|转包|转委托)", 0.4),
        says(r"(?:合同|协议|权利|义务|债权|债务|项下)~25~(?:转让|让与|转移|转包|转委托)", 0.4),
        says(r"(?:有权|可以|可|得)将?~30~(?:权利|义务|本合同|本协议)~20~转让", 0.6),
        says(r"所有权~12~(?:转移|转让)|风险~12~转移|许可~10~(?:不可|不得)转让|技术转让|股权|商标|专利权转让", -0.7),
        title=r"转让|分包",
        title_weight=0.3,
    ),
    # 终止后服务: what is still to be done once the contract has ended (art. 558).
    clause(
        "post_termination_services",
        r"终止|解除|届满|期满|到期",
        says(
            r"(?:终止|解除|届满|期满|到期)(?:后|之后|之日起|时|的|之日)~50~(?:继续提供|协助|配合|移交|交接|过渡|清仓|库存|回购|维持服务|善后)",
            0.9,
        ),
        says(r"过渡期|交接|移交|继续(?:销售|提供|履行)~10~(?:服务|库存|订单)", 0.3),
        says(r"(?:应|应当|须|有权)", 0.1),
        title=r"终止|解除|交接|过渡",
        title_weight=0.1,
    ),
    # 第三方受益人, art. 522: whether a stranger to the contract may claim under it.
    clause(
        "third_party_beneficiary",
        r"第三[方人]|受益",
        says(r"第三(?:方|人)~16~(?:可以|有权|可)~12~(?:直接)~8~(?:请求|要求|主张)|第三方受益人|受益第三人", 1.1),
        says(r"(?:不|未|非|均不)~12~(?:赋予|给予|授予|为|使)~12~第三(?:方|人)~25~(?:权利|利益|受益)", 1.0),
    ),
    # 保密, arts. 501 and 509, Anti-Unfair Competition Law (trade secrets).
    clause(
        "confidentiality",
        r"保密|秘密|机密|泄露|披露|透露",
        says(
            r"(?:不得|不应|不|未经)~40~(?:披露|泄露|透露|泄漏|公开|提供给?|告知)~20~(?:第三|他人|任何|外|其他|其)?", 0.5
        ),
        says(r"保密(?:信息|义务|责任|资料|期限|期)|商业秘密|机密信息|技术秘密|严格保密|予以保密", 0.5),
        says(r"保密~30~(?:终止后|解除后|持续有效|年|永久|长期)", 0.3),
        says(r"争议解决条款|违约金", -0.3),
        title=r"保密|商业秘密",
        threshold=0.9,
        limit=5,
    ),
    # 个人信息与数据保护.
    clause(
        "data_protection",
        r"个人信息|数据|隐私|网络安全",
        says(r"个人信息(?:保护法)?|数据安全法?|网络安全法|隐私|敏感(?:个人)?信息|数据出境|跨境(?:传输|提供)", 0.6),
        says(
            r"(?:处理|收集|存储|使用|传输|提供|加工|采集|分析|删除|委托处理|共享)~30~(?:个人信息|数据)|(?:个人信息|数据)~30~(?:处理|收集|存储|使用|传输|采集|分析|删除|泄露|共享"
            r"|用于)",
            0.6,
        ),
        says(r"(?:安全措施|安全事件|泄露~16~通知|告知同意|匿名化|去标识化|最小必要|等级保护)", 0.4),
        says(
            r"数据~60~(?:有权|可以?)~30~(?:采集|分析|使用|处理)|(?:有权|可以?)~25~(?:采集|分析|使用|处理)~25~数据", 0.5
        ),
        says(r"技术数据|数据表|性能参数", -0.3),
        title=r"数据|个人信息|隐私|信息安全",
    ),
    # 适用法律.
    clause(
        "governing_law",
        r"适用|管辖法律|依据|受",
        says(r"(?:适用|受)~25~(?:法律|法例|法规|法)(?:的)?(?:管辖|解释|约束)?(?=[。；，,、]|$|管辖|并|及|解释)", 0.6),
        says(
            r"(?:中华人民共和国|中国|香港|澳门|台湾|大陆|内地|英国|英格兰|新加坡|美国|纽约州|日本|[一-鿿]{2,4}国)~10~法(?:律|例)?",
            0.3,
        ),
        says(r"(?:订立|成立|效力|解释|履行|签订|执行|变更|终止)~25~(?:适用|受|依据|均)", 0.3),
        says(r"(?:根据|依照|按照)《?~20~(?:订立|签订|达成|制定)|格式|税|招标", -0.7),
        title=r"适用法律|法律适用|争议|管辖",
        title_weight=0.2,
        threshold=0.9,
        limit=2,
    ),
    # 争议解决: negotiation, mediation, arbitration or court.
    clause(
        "dispute_resolution",
        r"争议|纠纷|争端|仲裁",
        says(r"(?:争议|纠纷|争端|异议)~80~(?:协商|调解|仲裁|诉讼|起诉|法院|裁决)", 1.0),
        says(r"仲裁~30~(?:终局|裁决|约束力|规则|委员会)|仲裁委员会~20~仲裁", 0.7),
        says(r"协商不成|提起诉讼|提交~30~仲裁|人民法院", 0.3),
        title=r"争议|纠纷|仲裁|管辖",
        title_weight=0.3,
    ),
    # 管辖: which court or arbitral body decides (Civil Procedure Law art. 35).
    clause(
        "jurisdiction",
        r"法院|仲裁|管辖",
        says(
            r"(?:所在地|住所地|签订地|履行地|有管辖权|标的物|原告|被告|注册地|经营地|[一-鿿]{1,6}[市区县省])~14~(?:人民)?法院",
            0.8,
        ),
        says(
            r"(?:法院|仲裁委员会|仲裁院|仲裁中心|仲裁机构)~30~(?:管辖|起诉|诉讼|仲裁|裁决|申请)|(?:提起诉讼|起诉|诉讼|提交|申请)~30~(?:法院|仲裁委员会|仲裁院|仲裁中心)|专属管辖"
            r"|管辖法院",
            0.5,
        ),
        says(r"仲裁(?:委员会|院|中心)", 0.5),
        says(r"适用~12~法律~6~管辖|执行~10~法院|法院~10~(?:强制执行|查封|要求|冻结)", -0.4),
        title=r"争议|管辖|仲裁|诉讼",
        title_weight=0.2,
        limit=2,
    ),
    # 格式条款, arts. 496 to 498: pre-drafted terms, how attention is drawn to them, who may construe them.
    clause(
        "standard_terms",
        r"格式|标准文本|标准合同|标准条款|解释权|充分阅读|提示|示范文本",
        says(r"格式(?:条款|合同)|标准(?:文本|条款|合同)|示范文本", 0.7),
        says(r"(?:最终)?解释权~8~(?:归|属|由)|保留~6~解释权", 1.1),
        says(
            r"(?:充分|仔细|认真|完整)~4~(?:阅读|理解|知悉|知晓)|(?:提示|说明|提请注意)~20~(?:义务|条款|责任)|加粗|免除或者?减轻",
            0.5,
        ),
        says(r"(?:不得|放弃)~20~(?:主张|提出)|无效|不成为合同(?:的)?内容|单方(?:面)?修[改订]", 0.3),
        says(r"(?:技术|服务|验收|质量)标准(?:文本)?", -0.3),
    ),
)

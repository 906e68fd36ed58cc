"""知识产权归属、许可与源代码托管: intellectual property in Chinese contracts.

Source: Civil Code of the PRC, arts. 859 to 861 (who owns what is developed under commission or together), 862 to 876
(technology licences); Copyright Law arts. 19 and 26 (commissioned works, licences); Patent Law arts. 8 and 12;
Trade Mark Law art. 43.
"""

from tools.contracts.chinese.wording import clause, says
from tools.contracts.rules import Rule

_RIGHT = r"(?:知识产权|著作权|专利|版权|商标|技术秘密|专有技术|软件|技术成果|作品|成果|源代码|技术|域名|发明)"
_LICENCE = r"(?:许可|授权|授予|准许|允许)"
_NOT_A_LICENCE = r"授权代表|授权委托|授权人|行政许可|经营许可证|生产许可证|许可证|营业执照|授权书"

RULES: tuple[Rule, ...] = (
    # 知识产权归属: what is made under the contract belongs to a party or is transferred to it.
    clause(
        "ip_ownership_assignment",
        r"知识产权|著作权|专利|版权|成果|商标|技术秘密|作品|源代码",
        says(
            r"(?:知识产权|著作权|专利|版权|权利|所有权|成果|商标|权益)~70~(?:归|属于|归属于?|由)~25~(?:所有|享有|拥有|独有|单独|全部|甲方|乙方|双方)",
            0.8,
        ),
        says(rf"{_RIGHT}~40~(?:转让给|让与|移转给|转移给|转移至)", 0.9),
        says(
            r"(?:委托|开发|履行|工作|交付|定制|研发|形成|产生|完成|设计|创作|改进|职务)~25~(?:成果|作品|软件|知识产权|著作权|技术|资料|发明|物)",
            0.4,
        ),
        says(r"知识产权|著作权|专利(?:申请)?权", 0.2),
        says(r"(?:权利|义务)~8~转让给第三|侵犯|侵权", -0.4),
        title=r"知识产权|成果|著作权|权利归属",
        title_weight=0.3,
        threshold=1.2,
    ),
    # 知识产权共有: arts. 860 and 861.
    clause(
        "joint_ip_ownership",
        r"共有|共同",
        says(
            r"(?:归|由|属于|为)~10~(?:双方|各方|甲乙双方)~6~(?:共有|共同(?:所有|享有|拥有))|双方共有|共同(?:享有|拥有|所有)",
            0.7,
        ),
        says(_RIGHT, 0.4),
        says(r"共同(?:开发|研发|完成|创作)", 0.1),
    ),
    # 许可: a right to use or exploit is given.
    clause(
        "license_grant",
        r"许可|授权|授予|有权使用|使用权",
        says(rf"{_LICENCE}~30~(?:使用|实施|复制|销售|传播|安装|改编|发行|利用|制造)", 0.6),
        says(r"(?:授予|给予|许可|授权)~25~(?:独占|独家|排他|普通|非独占|非排他|非独家|不可转让|免费|永久|全球)", 0.6),
        says(_RIGHT, 0.4),
        says(r"(?:授予|许可|授权)[甲乙丙对被客用许][方户可]", 0.2),
        says(r"(?:未经|非经|未取得|没有|事先)~30~(?:许可|授权|同意|批准)~12~(?:不得|不可|不能|任何)", -1.0),
        says(rf"{_NOT_A_LICENCE}|有管辖权", -0.8),
        title=r"许可|授权|知识产权|使用权",
        title_weight=0.2,
    ),
    # 不可转让许可: the licensee may neither transfer the licence nor sublicense.
    clause(
        "non_transferable_license",
        r"不可转让|不得转让|不可再|不得再|转授权|转许可|分许可|再许可|再授权",
        says(r"(?:不可|不得|不能|无权|不允许)~14~(?:转让|转授权|转许可|再许可|分许可|再授权|从属许可|转授)", 0.6),
        says(r"(?:许可|授权|软件|使用权|商标|专利)", 0.4),
        says(r"转授权|转许可|再许可|分许可|再授权", 0.2),
        says(r"本合同(?:项下)?~8~(?:权利|义务)|债权|股权", -0.6),
    ),
    # 许可方关联方许可: the licensor's affiliates license too, or what they own is licensed.
    clause(
        "affiliate_license_licensor",
        r"关联|子公司|母公司",
        says(
            r"(?:及其|或其|和其|与其|促使其)~4~(?:关联(?:方|公司|企业)|子公司|母公司)~25~(?:授予|许可|授权)~30~(?:使用|实施|许可)",
            1.0,
        ),
    ),
    # 被许可方关联方许可: the licensee's affiliates may use it too.
    clause(
        "affiliate_license_licensee",
        r"关联|子公司|分公司|母公司",
        says(
            r"(?:授予|许可|授权|允许)~20~(?:及其|和其|或其|与其|以及其)~6~(?:关联(?:方|公司|企业)|子公司|分公司)~40~(?:使用|实施|许可|权利|安装)",
            1.1,
        ),
        says(
            r"(?:关联(?:方|公司|企业)|子公司|分公司)~20~(?:均可|均有权|有权|可以|可)~16~(?:使用|实施)~20~(?:软件|商标|专利|技术|系统|许可)",
            1.1,
        ),
        says(r"(?:再许可|转授权|分许可|转许可)~12~(?:其)?(?:关联|子公司)", 1.0),
    ),
    # 不限量许可.
    clause(
        "unlimited_license",
        r"不限|无限|不受",
        says(
            r"(?:不限(?:制|定)?|无限(?:制)?|不受~4~限制)~6~(?:用户|数量|次数|终端|站点|安装|使用|并发|人数|地域)", 0.7
        ),
        says(r"(?:许可|授权|软件|系统)", 0.4),
        says(r"责任|赔偿|续期", -0.8),
    ),
    # 不可撤销或永久许可.
    clause(
        "irrevocable_or_perpetual_license",
        r"不可撤销|永久|无限期|不可撤回",
        says(r"不可撤销|不可撤回|永久|无限期", 0.4),
        says(r"(?:许可|授权|使用权)", 0.4),
        says(_RIGHT, 0.2),
        says(r"永久(?:性)?(?:删除|销毁|基本|居民|保密)|不可撤销~8~(?:担保|保函|信用证|连带)|单方解除", -0.9),
    ),
    # 源代码托管.
    clause(
        "source_code_escrow",
        r"源代码|源程序|源码",
        says(
            r"(?:源代码|源程序|源码)~30~(?:托管|提存|第三方保管|存放于|交存)|(?:托管|提存|交存)~20~(?:源代码|源程序|源码)",
            1.1,
        ),
    ),
    # 不起诉承诺: not to sue, or not to contest title or validity.
    clause(
        "covenant_not_to_sue",
        r"不|放弃",
        says(
            r"(?:不得|不会|承诺不|不再|放弃|不对|无权)~20~(?:起诉|提起~8~(?:诉讼|仲裁)|追究|索赔|主张~8~(?:侵权|无效))~16~",
            0.7,
        ),
        says(
            r"(?:不得|不会|承诺不|不)~16~(?:质疑|挑战|异议|请求宣告|主张)~20~(?:有效性|无效|所有权|专利|商标|著作权|归属)",
            1.0,
        ),
        says(
            r"(?:承诺|同意|保证|确认)~12~(?:不|放弃)~16~(?:起诉|诉讼|追究|索赔)|放弃~12~(?:诉讼|起诉|追诉|索赔)~6~(?:权|权利)",
            0.5,
        ),
        says(r"协商|争议解决|管辖|保密|不能解决|格式条款|任何条款", -0.8),
        limit=2,
    ),
)

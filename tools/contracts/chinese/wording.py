"""How Chinese rules are written: patterns in simplified characters that also match traditional ones, and titles.

Chinese is written without spaces, so a cue is a run of characters with bounded gaps; a gap never leaves its sentence.
"""

import re
from functools import cache
from typing import Literal

from tools.contracts.rules import Cue, Rule
from tools.contracts.sentences import ContractText, Sentence

_PAIRS = (
    "违違约約责責赔賠偿償损損额額总總价價权權单單终終间間届屆满滿续續动動转轉让讓许許销銷专專产產归歸属屬发發开開业業竞競争爭独獨优優"
    "质質证證检檢验驗审審计計账賬帐帳据據个個护護隐隱险險讼訟诉訴员員会會华華国國区區门門贸貿经經济濟预預见見战戰灾災条條释釋规規则則"
    "应應当當负負担擔书書议議协協创創术術软軟码碼关關联聯买買卖賣购購营營东東变變实實际際亏虧润潤税稅缴繳结結给給从從为為与與并並无無资資"
    "讯訊诺諾对對于於义義务務双雙万萬数數级級网網络絡处處罚罰职職离離揽攬贬貶声聲誉譽顾顧户戶备備领領报報补補时時后後订訂签簽执執须須"
    "费費达達类類过過长長论論请請认認维維调調减減选選团團凭憑录錄复複传傳滞滯纳納迟遲货貨项項进進设設术術记記适適劳勞两兩银銀汇匯证證独獨属屬"
)
_TRADITIONAL = {_PAIRS[index]: _PAIRS[index + 1] for index in range(0, len(_PAIRS), 2)}
_PROSE = re.compile(r"[，,。；;：:]|[一-鿿]{16}")
_LEADER = re.compile(r"(?:…|\.{4}|·{3})[\s.…·]*\d+\s*$")

_WITHIN = "[^。；]"
"""A character of the same sentence; `~n~` in a pattern is a gap of up to n of them."""


@cache
def written(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: `~n~` is a gap of up to n characters; each simplified character also matches its old form."""
    expanded = re.sub(r"~(\d+)~", lambda gap: f"{_WITHIN}{{0,{gap[1]}}}?", pattern)
    parts: list[str] = []
    in_class = False
    for index, character in enumerate(expanded):
        if character in "[]" and (index == 0 or expanded[index - 1] != "\\"):
            in_class = character == "["
        old = _TRADITIONAL.get(character)
        if old is None:
            parts.append(character)
        else:
            parts.append(character + old if in_class else f"[{character}{old}]")
    return re.compile("".join(parts))


def says(pattern: str, weight: float) -> Cue:
    """A cue in Chinese."""
    return Cue(pattern, weight, written)


def is_prose(sentence: Sentence, index: int, contract: ContractText) -> float:
    """A heading, a row of a table, a line of the table of contents or a label is no clause."""
    bare = sentence.text.strip()
    is_row = bare.count("|") + bare.count("\t") >= 3
    return -9.0 if is_row or not _PROSE.search(bare) or _LEADER.search(bare) else 0.0


def clause(
    category: str,
    gate: str,
    *cues: Cue,
    title: str = "",
    title_weight: float = 0.4,
    threshold: float = 1.0,
    span: Literal["sentence", "joined", "paragraph"] = "sentence",
    limit: int = 4,
) -> Rule:
    """A rule whose title pattern is looked for in the heading above and in a title run into the sentence itself."""
    run_in = f"^[\\s\\d.、第一二三四五六七八九十百条款（()）]{{0,12}}(?:{title})[：:\\s]"
    placed = (says(title, title_weight),) if title else ()
    opened = (says(run_in, title_weight),) if title else ()
    return Rule(category, says(gate, 0), (*cues, *opened), placed, threshold, 0.0, span, limit, is_prose, 0)

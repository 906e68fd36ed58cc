"""Licences and the ownership of intellectual property in English contracts.

A grant is read by its operative words ("hereby grants … a licence", "shall have the right to use", "is licensed"), as
distinct from talk about a grant: a warranty of the power to grant it, the end of "the licence granted herein", or the
reservation that none is implied. The qualities of a licence (non-transferable, perpetual, reaching affiliates, without
limit) count only in a sentence that grants or limits one. Categories: CUAD v1 (The Atticus Project).
"""

import re

from tools.contracts.rules import Rule, cue, rule
from tools.contracts.sentences import ContractText, Sentence


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE)


_PROTECTED = (
    r"(?:intellectual property|trade[-\s]?marks?|service marks?|trade names?|\bmarks?\b|\blogos?\b|patents?"
    r"|copyrights?|know-?how"
    r"|software|technolog(?:y|ies)|\bcontent\b|source code|object code|documentation|inventions?|likeness|web\s?site"
    r"|\bnames?\b|materials?|\bdata\b|information|work product|\bimages?\b|photographs?|propert(?:y|ies)|platform"
    r"|system)"
)
_GROUP = (
    r"(?:affiliates|subsidiaries|affiliated companies|related companies"
    r"|(?:the )?(?:\w+ )?members? of (?:the|its|their) [\w.]+(?: [\w.]+)? group)"
)
_GROUP_OF = rf"(?:(?:(?:its|their|each) (?:[\w-]+ )?)?{_GROUP})"
_EXPLOIT = (
    r"(?:use|utili[sz]e|reproduce|copy|distribute|market|promote|sell|resell|re-sell|display|publish|manufacture|make"
    r"|practi[cs]e"
    r"|modify|develop|commerciali[sz]e|exploit|access|incorporate|offer|broadcast|exhibit|operate|perform|import"
    r"|sublicense|produce"
    r"|solicit|advertise|install|research|adopt)"
)
_QUALITY = (
    r"(?:non[-\s]*exclusive|exclusive|sole|limited|royalty[-\s]*free|royalty[-\s]*bearing|world[-\s]*wide|perpetual"
    r"|irrevocable|revocable"
    r"|non[-\s]*transferr?able|non[-\s]*assignable|fully[- ]paid|paid[- ]up|co-exclusive|"
    r"(?:non[-\s]*)?sub[-\s]*licens[ae]+ble)"
)
_GRANT_VERB = (
    r"(?:\b(?:hereby|does|shall|will|agrees? to|do hereby) (?:\w+ )?(?:grants?|licenses?|extends?|gives?)\b"
    r"|\bgrants?\b(?! of| back| date)|\b(?:is|are|be) (?:\w+ )?(?:granted|(?:authori[sz]ed and )?licensed)\b)"
)
_OPERATIVE_GRANT = _words(
    rf"{_GRANT_VERB}[^;]{{0,260}}?(?:\blicen[sc]es?\b|\bsub-?licen[sc]es?\b|\brights? to {_EXPLOIT}\b|\bthe use of\b"
    rf"|\bpermission to {_EXPLOIT}\b"
    rf"|\b{_QUALITY}\b[^;]{{0,80}}\brights?\b|\brights? (?:to|in|under|and))"
)
_MAY_USE = _words(
    rf"\b(?:shall (?:also )?have|has|have|retains?|is entitled to|will have) (?:the|a|an)\b[^;]{{0,60}}\b(?:rights?"
    rf"|licen[sc]e)\b[^;]{{0,40}}"
    rf"\bto {_EXPLOIT}\b[^;]{{0,120}}{_PROTECTED}"
)
_NO_GRANT = _words(
    r"\bno (?:other )?(?:\w+,? ){0,5}(?:rights?|licen[sc]es?)\b|nothing (?:contained )?(?:in|herein)|shall not (?:be"
    r" construed|constitute|grant)"
    r"|(?:does|do) not (?:\w+ )?grant|not (?:be )?(?:deemed|construed)|by implication|neither party grants|\bnot (?:to"
    r" )?grant|in no event|desires? to grant|wish(?:es)? to grant|\bnot been granted"
)
_POWER_TO_GRANT = _words(
    r"(?:represents?|warrants?|warranty|warranties)\b[^;]{0,200}\b(?:right|power|authority|authori[sz]ed"
    r"|free)\b[^;]{0,80}\bto (?:\w+ ){0,3}grant"
    r"|(?:right|power|authority) (?:and \w+ )?to grant (?:the|such|all)?\s*(?:\w+ )?(?:rights?|licen[sc]es?)"
)
_TALK_OF_GRANT = _words(
    r"\b(?:licen[sc]es?|rights?)(?: and licen[sc]es?)? (?:\w+ )?(?:granted|grants) (?:\w+ )?(?:herein|hereunder|hereby"
    r"|under|pursuant|in this|in section|by|to|in)"
)
_OTHER_GRANT = _words(
    r"security interest|\blien\b|options? to purchase|stock options?|\bshares? of|injuncti|equitable relief"
    r"|\bconsent\b[^;]{0,40}\bgranted"
    r"|grant[^;]{0,20}\b(?:consent|approval|waiver|extension|relief|access to (?:its )?(?:books|premises|facilit))"
    r"|right of first|rights of first|right to terminate|governmental|\bgovernment licen[sc]e|business licen[sc]e"
    r"|liquor licen"
)


def is_grant(text: str) -> float:
    """How surely a sentence itself grants a licence: 1 by operative words, 0.75 by a right of use, below 0 against."""
    strength = 0.0
    if _OPERATIVE_GRANT.search(text):
        strength = 1.0
    elif _MAY_USE.search(text):
        strength = 0.75
    if _NO_GRANT.search(text):
        strength -= 0.8
    if _POWER_TO_GRANT.search(text):
        strength -= 0.8
    if _OTHER_GRANT.search(text):
        strength -= 0.6
    return strength


def _grant(sentence: Sentence, index: int, contract: ContractText) -> float:
    return is_grant(sentence.text)


def _half_grant(sentence: Sentence, index: int, contract: ContractText) -> float:
    return 0.5 * max(0.0, is_grant(sentence.text))


def _software_escrow(sentence: Sentence, index: int, contract: ContractText) -> float:
    """Escrow is of source code when the code is named in the sentences around it; else it may be of money."""
    around = " ".join(near.text for near in contract.sentences[max(0, index - 4) : index + 5])
    return 0.4 if re.search(r"source\s+code", around, re.IGNORECASE) and "escrow" in around.lower() else -0.5


_ASSIGNS = (
    r"\b(?:hereby|shall|will|agrees? to|does hereby|do hereby|must|to)\b[^;]{0,60}\b(?:assign|transfer|convey)s?\b(?!"
    r" this agreement)[^;]{0,200}"
    r"\b(?:rights?|title|ownership|interests?|patents?|copyrights?|inventions?|trade\s?marks?)\b"
    r"|\b(?:is|are|be) (?:hereby )?(?:\w+ )?assigned (?:and \w+ )?to\b"
)
_LICENCE_HEADING = (cue(r"licen[sc]e|grant|intellectual property|trade\s?marks?|proprietary", 0.3),)

RULES: tuple[Rule, ...] = (
    # A licence, or a right to use or exploit, given by one party to another.
    rule(
        "license_grant",
        r"licen[sc]|grant|rights? to",
        cue(r"\bhereby (?:grants?|licenses?|is granted)", 0.3),
        cue(rf"\b{_QUALITY}\b[^.;]{{0,120}}\b(?:licen[sc]e|right)", 0.3),
        cue(_PROTECTED, 0.2),
        cue(
            r"\b(?:upon|after|following) (?:the )?(?:\w+ )?(?:expiration|termination)[^.;]{0,60}(?:licen[sc]es?"
            r"|rights?) granted",
            -0.5,
        ),
        heading=(*_LICENCE_HEADING, cue(r"represent|warrant|definition|indemn|terminat", -0.3)),
        threshold=1.2,
        judge=_grant,
        limit=6,
    ),
    # The licensee may not pass the licence on: it is non-transferable, or may not be assigned or sublicensed.
    rule(
        "non_transferable_license",
        r"transferr?able|assignable|sub-?licen[sc]|transfer|personal to",
        cue(r"non[-\s]*transferr?able|non[-\s]*assignable|not (?:be )?(?:transferr?able|assignable)", 1.0),
        cue(r"non[-\s]*sub-?licen[sc]e?able|not (?:otherwise )?(?:be )?sub-?licen[sc]e?able", 0.8),
        cue(r"(?:no|without)(?: the| any)? rights? (?:to|of) (?:sub-?licen[sc]|assign|transfer)", 0.8),
        cue(
            r"\b(?:may|shall|will|must|do|does|to) not[^;]{0,100}\b(?:sub-?licen[sc]e|(?:transfer|assign)[^;]{0,60}\b"
            r"(?:licen[sc]e|rights? granted|software|marks))",
            0.9,
        ),
        cue(r"licen[sc]e[^;]{0,60}\b(?:is|are) personal to", 0.9),
        cue(r"licen[sc]", 0.3),
        cue(r"\b(?:software|marks?|trade\s?marks?|content|technology|patents?|intellectual property)\b", 0.2),
        cue(r"this agreement (?:is|shall be|shall) (?:not |non)", -0.6),
        cue(
            r"security interest|shares|warrants? (?:is|are|to purchase)|equity|\bstock\b|warranty|deposit|letter of"
            r" credit",
            -0.8,
        ),
        judge=_half_grant,
        threshold=1.3,
        limit=6,
    ),
    # The licensor's affiliates grant too, or their property is licensed.
    rule(
        "affiliate_license_licensor",
        r"affiliate|subsidiar|related compan|members? of",
        cue(
            rf"on behalf of (?:itself and )?its {_GROUP}|cause (?:each of )?(?:(?:its|their|each|the) )?(?:other )?"
            r"(?:affiliates|subsidiaries|members? of the [\w.]+(?: [\w.]+)? group) to (?:\w+ )?grant"
            rf"|and (?:each of )?{_GROUP_OF} (?:\w+ )?(?:hereby )?(?:\w+ )?grants?\b",
            0.8,
        ),
        cue(
            rf"grants?[^;]{{0,400}}\b(?:owned|controlled|held|licensable)[^;]{{0,30}} by [^;]{{0,60}}\b(?:or|and"
            rf"|and/or) (?:any of )?{_GROUP_OF}",
            0.6,
        ),
        judge=_grant,
        threshold=1.5,
    ),
    # The licence reaches the licensee's affiliates, or they may be sublicensed.
    rule(
        "affiliate_license_licensee",
        r"affiliate|subsidiar|related compan|members? of",
        cue(
            rf"grants?(?: \w+)? (?:to )?(?:the )?[\w.]+(?: [\w.]+){{0,3}},? and (?:to )?(?:any of )?{_GROUP_OF}"
            r"|to the other party and its affiliates",
            0.8,
        ),
        cue(
            rf"(?:sub-?licen[sc]e\w*|licen[sc]es?|rights?)\b[^;]{{0,80}}\b(?:to|by|through)\b[^;]{{0,40}}\b(?:its|their"
            rf"|such \w+['’]s|\w+['’]s) (?:[\w-]+ )?{_GROUP}",
            0.5,
        ),
        cue(
            rf"\b(?:may|right to|rights? of|entitled to|permitted to)\b[^;]{{0,40}}\bsub-?licen[sc]e[^;]{{0,140}}\b"
            rf"(?:its|their|\w+['’]s) (?:[\w-]+ )?{_GROUP}",
            0.7,
        ),
        cue(
            rf"rights?\b[^;]{{0,60}}\b(?:exercised|extends?|extended)\b[^;]{{0,60}}\b(?:its|their|\w+['’]s) {_GROUP}",
            1.5,
        ),
        cue(r"agrees? to negotiate", -0.8),
        judge=_grant,
        threshold=1.5,
    ),
    # Use without limit of number, users, sites or volume.
    rule(
        "unlimited_license",
        r"unlimited|enterprise-?wide|without limitation as to|unrestricted",
        cue(r"unlimited (?:\w+ )?(?:number|use|users?|right|copies|access|licen[sc]e|seats|distribution)", 0.6),
        cue(
            r"enterprise-?wide (?:\w+ )?(?:licen[sc]e|use|right)|unrestricted (?:\w+ )?(?:licen[sc]e|right|use)"
            r"|unlimited",
            0.4,
        ),
        judge=_grant,
        threshold=1.5,
    ),
    # The licence cannot be taken back or has no end.
    rule(
        "irrevocable_or_perpetual_license",
        r"irrevocabl|perpetual|in perpetuity",
        cue(
            r"(?:irrevocabl|perpetual|in perpetuity)[^;]{0,160}(?:licen[sc]e|right)|(?:licen[sc]e|right)[^;]{0,200}"
            r"(?:irrevocabl|perpetual|in perpetuity)",
            0.4,
        ),
        cue(
            r"(?:licen[sc]es?|term)\b[^;]{0,80}\b(?:shall be|is|are|become) (?:deemed )?(?:\w+[ ,]+)?(?:and )?"
            r"(?:irrevocable|perpetual)",
            0.6,
        ),
        cue(_PROTECTED, 0.2),
        judge=_grant,
        threshold=1.2,
    ),
    # Source code is held by an escrow agent for release to the licensee.
    rule(
        "source_code_escrow",
        r"escrow|source code",
        cue(r"escrow", 0.5),
        cue(r"source code|source material", 0.5),
        cue(r"escrow (?:agent|agreement|account)", 0.3),
        cue(r"source code[^;]{0,60}\b(?:escrow|release|access conditions?)|release of (?:the )?source code", 0.4),
        heading=(cue(r"source code|escrow", 0.4),),
        threshold=1.2,
        presence=1.3,
        judge=_software_escrow,
        limit=6,
    ),
    # Intellectual property made under the contract, or brought to it, becomes the other party's by assignment, as work
    # made for hire (17 U.S.C. §§ 101, 201(b)), or as its stated property.
    rule(
        "ip_ownership_assignment",
        r"assign|own|vest|convey|transfer|for hire|property of",
        cue(_ASSIGNS, 0.8),
        cue(r"(?:hereby|does hereby|and hereby)[^;]{0,40}\b(?:assigns?|transfers?|conveys?)", 0.3),
        cue(r"works?[- ](?:made[- ])?for[- ]hire", 0.9),
        cue(r"right,? ?title,?(?: and| or|,)? (?:and )?interests?", 0.3),
        cue(
            r"\b(?:shall|will|to) (?:\w+ )?(?:be|become|remain|vest|constitute)\b[^;]{0,60}\b(?:property of|property"
            r" and|owned (?:\w+ )?by|vest in)",
            0.5,
        ),
        cue(r"(?:sole|exclusive)(?: and \w+)? (?:property|owner)|shall (?:\w+ )?own\b", 0.4),
        cue(
            r"\b(?:inventions?|discover|improvements?|developments?|work product|works\b|deliverables?|derivative"
            r" works?|modifications?|enhancements?|results)",
            0.3,
        ),
        cue(
            r"\b(?:conceived|created|developed|authored|prepared|made|discovered|reduced to practice"
            r"|generated)\b[^;]{0,120}\bby\b",
            0.3,
        ),
        cue(
            r"intellectual property|patents?|copyrights?|trade\s?marks?|know-?how|\bmarks?\b|domain names?|trade"
            r" secrets?|goodwill|inventions?|software|\bdata\b|moral rights",
            0.3,
        ),
        cue(
            r"assign\w*[^;]{0,60}\b(?:this agreement|rights (?:or|and) (?:obligations|duties)|its rights hereunder"
            r"|under this agreement)",
            -0.9,
        ),
        cue(r"\b(?:retains?|reserves?|shall remain|remains|continue to)\b", -0.4),
        cue(r"jointly|joint\b", -0.3),
        cue(r"represents? and warrants?|shall mean|\bmeans\b|\bconsent\b|licensed to", -0.4),
        cue(
            r"accounts? receivable|shares|real property|\blease\b|inventory|risk of loss|title to (?:the )?"
            r"(?:products?|goods)",
            -0.6,
        ),
        heading=(
            cue(r"owner|intellectual property|invention|proprietary|work product|works|assignment of", 0.3),
            cue(r"definition|confidentiality|confidential information", -0.3),
        ),
        threshold=1.4,
        presence=1.4,
        limit=5,
    ),
    # Both parties own it together.
    rule(
        "joint_ip_ownership",
        r"joint|co-?own|undivided",
        cue(
            r"(?:jointly|co-?)\s?own(?:ed|s)?\b|own(?:ed|s)? (?:\w+ )?(?:jointly|in common)|joint(?:ly)? (?:and \w+ )?"
            r"(?:owner|propert)",
            0.6,
        ),
        cue(
            r"(?:shall|will|be|is|are) (?:\w+ )?(?:jointly own(?:ed)?|owned jointly|co-?own(?:ed)?|the joint (?:\w+"
            r" )?property)|joint owners?",
            0.4,
        ),
        cue(r"undivided[^;]{0,30} interest|duty (?:to|of) account", 0.5),
        cue(
            r"\bjoint (?:intellectual property|inventions?|works?|patents?|know-how|technology|ip|developments?"
            r"|results)\b",
            0.5,
        ),
        cue(
            r"(?:develop|creat|conceiv|invent|ma[dk]e|discover|author|generat)\w*[^;]{0,60}\bjointly|jointly (?:\w+"
            r" ){0,3}(?:develop|conceiv|creat|invent|ma[dk]e|discover|author)",
            0.2,
        ),
        cue(_PROTECTED, 0.4),
        cue(
            r"joint venture|joint and several|jointly and severally|joint stock|joint steering|taxable|partnership",
            -0.6,
        ),
        threshold=1.2,
        judge=None,
        limit=5,
    ),
)

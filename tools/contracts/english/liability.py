"""Liability, insurance and warranty in English contracts.

The categories follow the questions CUAD's lawyers answered (The Atticus Project, CUAD v1, CC BY 4.0); the cues are the
words in which common-law drafting says these things.
"""

import re

from tools.contracts.rules import Rule, cue, rule
from tools.contracts.sentences import ContractText, Sentence

_LOSS = r"consequential|incidental|indirect|punitive|exemplary|special.{0,30}damages|lost profits"
r"|loss of (profit|revenue|business)"

_LIABILITY_HEADING = (
    r"limitation|limits? (of|on) (liab|damages|remed)|exclusion of|consequential|no liability|liability cap"
)


_CARVES_OUT = re.compile(
    r"except|exclu(des|ding)|other\s+than|save\s|nothing\s+in|not\s+apply|unlimited|without\s+limit\b"
    r"|not\s+(limit|restrict)|none\s+of\s+the"
    r"|subject\s+to\s+(section|article|paragraph|clause)|neither\s+\(",
    re.IGNORECASE,
)
_LIMITS = re.compile(
    rf"{_LOSS}|liab\w*\b.{{0,260}}\b(exceed|limited\s+to|greater\s+than|in\s+excess)|limitations?\s+(of"
    rf"|on)\s+liab",
    re.IGNORECASE | re.DOTALL,
)


def _carved_out_of_a_limit(sentence: Sentence, index: int, contract: ContractText) -> float:
    """A carve-out leaves liability open only where liability is limited: here, just before, or by the heading."""
    if not _CARVES_OUT.search(sentence.text):
        return -1.0
    if _LIMITS.search(sentence.text):
        return 0.2
    before = contract.sentences[max(0, index - 3) : index]
    near = any(_LIMITS.search(neighbour.text) and "liab" in neighbour.text.lower() for neighbour in before)
    return 0.4 if near or re.search(_LIABILITY_HEADING, sentence.heading) else -0.4


_INSURES = re.compile(r"\b(insurance|insured|insurer)\b", re.IGNORECASE)


def _beside_insurance(sentence: Sentence, index: int, contract: ContractText) -> float:
    """Insurance clauses come together: proof, rating and cancellation stand beside the duty to insure."""
    beside = contract.sentences[max(0, index - 2) : index] + contract.sentences[index + 1 : index + 3]
    return min(0.5, 0.25 * sum(bool(_INSURES.search(neighbour.text)) for neighbour in beside))


RULES: tuple[Rule, ...] = (
    # A cap on liability, an exclusion of kinds of loss, a sole remedy in money, a time limit for bringing claims.
    rule(
        "cap_on_liability",
        r"liab|damages|(action|claim|suit)s?\b.{0,120}\b(year|month)s?|responsible for",
        cue(r"(aggregate|total|maximum|cumulative|entire|overall)( \w+){0,2} liabilit", 0.6),
        cue(r"liabilit(y|ies)\b.{0,260}\b(exceed|limited to|greater than|in excess of|capped)", 0.8),
        cue(r"\bliab(le|ility)\b.{0,300}\bin excess of", 0.5),
        cue(r"(in no event|under no circumstances|in no case)\b.{0,150}\b(liab|responsible|exceed)", 0.5),
        cue(r"(neither|no) (of )?(the )?(party|parties|\w+ nor)\b.{0,120}\b(liab|responsible|recover)", 0.5),
        cue(r"(shall|will|is|are) not be (held )?(liable|responsible)|not liable|without liability|no liability", 0.4),
        cue(r"\b(consequential|incidental|indirect|punitive|exemplary)\b.{0,120}\b(damages?|loss)", 0.5),
        cue(
            r"(waive|disclaim|exclude|not (be )?(entitled|seek|recover))\w*\b.{0,120}\b(consequential|punitive"
            r"|indirect)",
            0.5,
        ),
        cue(r"(lost|loss of) (profit|revenue|business|data|use)", 0.2),
        cue(r"liab\w*\b.{0,120}\b(amounts?|fees) (actually )?(paid|payable|received)", 0.4),
        # A contractual limitation period.
        cue(
            r"\b(no|neither|any|all)\b.{0,60}\b(action|claim|suit|proceeding)s?\b.{0,220}\b(more than|within|after"
            r"|unless)\b.{0,60}"
            r"\b(year|month)s?\b.{0,60}\b(after|from|of)\b.{0,60}\b(cause of action|accru|aris|occur|date)",
            1.1,
        ),
        cue(r"advised of the possibility|whether in contract|theory of liability|essential purpose", 0.3),
        cue(r"(shall|will|agrees? to|hereby) (defend,? )?(and )?(indemnify|hold harmless|reimburse)|insurance", -0.6),
        cue(r"\bmeans\b|shall mean|no provision of this", -0.4),
        cue(r"(sole|exclusive|only)( and (exclusive|sole))? remed(y|ies)|remed(y|ies)\b.{0,40}\blimited to", 0.6),
        heading=(cue(_LIABILITY_HEADING, 0.4), cue(r"definition", -0.3)),
        threshold=0.75,
        limit=6,
    ),
    # Liability left unlimited for some breaches: the carve-outs of a limitation clause, or "without limit".
    rule(
        "uncapped_liability",
        r"liab|limit|damages",
        cue(
            r"\b(consequential|incidental|indirect|punitive)\b|liabilit(y|ies)\b.{0,260}\b(exceed|limited to|greater)",
            0.5,
        ),
        cue(
            r"(except|exception|other than|excluding|save)\b.{0,200}\b(indemnif|indemnit|confidential|nondisclosure)",
            0.6,
        ),
        cue(
            r"(except|exception|other than|excluding|save)\b.{0,200}\b(willful|wilful|gross(ly)? negligen|fraud"
            r"|misconduct)",
            0.5,
        ),
        cue(r"except\b.{0,60}\b(section|article|paragraph|clause)s? \d", 0.6),
        cue(
            r"(limitation|limit|exclusion|cap|foregoing|sentence|section [\d.]+)s?\b.{0,80}\b(shall|will|do"
            r"|does) not (apply|limit)",
            0.7,
        ),
        cue(r"nothing in this (section|article|agreement|clause)\b.{0,80}\b(limit|exclude)s?\b.{0,60}\bliab", 0.7),
        cue(r"nothing in this (section|article|clause)\b.{0,80}\b(limit|restrict)\b.{0,60}\bindemn", 0.7),
        cue(r"\b(unlimited|without limit(ation)?)\b.{0,20}\bliab|liab\w*\b.{0,30}\b(unlimited|without limit\b)", 0.9),
        cue(r"indemnif|confidential|willful|gross negligence|fraud", 0.2),
        cue(
            r"(shall|will|agrees? to|hereby) (defend,? )?(and )?(indemnify|hold harmless|reimburse)|arbitrat"
            r"|insurance",
            -0.9,
        ),
        heading=(cue(_LIABILITY_HEADING, 0.3), cue(r"definition|force majeure", -0.5)),
        judge=_carved_out_of_a_limit,
        threshold=1.2,
        presence=1.2,
        limit=3,
    ),
    # A sum agreed beforehand for a breach, or a fee for ending early.
    rule(
        "liquidated_damages",
        r"liquidated damages|penalt|termination (fee|payment)|per day|each day|genuine pre-?estimate",
        cue(r"liquidated damages", 1.0),
        cue(r"not as a penalty|not (be )?(deemed )?a penalty|genuine pre-?estimate", 0.6),
        cue(r"(early|a|the) termination (fee|payment)", 0.8),
        cue(r"\bpay\b|\$", 0.2),
        cue(r"(each|per|every) (day|week)\b.{0,60}\b(delay|late|fail)|penalty of", 0.8),
        cue(r"without (the )?(payment of )?(any )?penalt|no penalt", -1.5),
        cue(r"(claims?|losses|liabilities|judgments?)\b.{0,60}\bpenalties", -1.0),
        cue(r"consequential|punitive|not be liable", -0.6),
        threshold=0.65,
        limit=3,
    ),
    # How long the goods, software or services are warranted.
    rule(
        "warranty_duration",
        r"warrant|defect",
        cue(
            r"warrant\w*\b.{0,250}\b(period|for|within|remainder)\b.{0,60}(\b(days?|months?|years?|warranty)\b|\[)", 0.6
        ),
        cue(r"warranty (period|term)", 0.7),
        cue(
            r"\b(days?|months?|years?)\b.{0,60}\b(from|after|of|following)\b.{0,60}\b(delivery|acceptance|shipment"
            r"|installation|receipt|purchase|invoice)",
            0.5,
        ),
        cue(
            r"free (from|of) (any )?(material )?(defect|error)|substantially (in accordance|conform|perform)"
            r"|materially conform|workmanship",
            0.4,
        ),
        cue(r"(repair|replace|correct)\b.{0,80}\b(defect|product|software)", 0.2),
        cue(r"insurance|indemnif|confidential|audit|invoice|terminat", -0.5),
        heading=(cue(r"warrant", 0.2),),
        threshold=0.85,
        limit=3,
    ),
    # A duty to insure: taking out, proof, named insureds, cover and its cancellation.
    rule(
        "insurance",
        r"insur|\bpolic(y|ies)\b|coverage",
        cue(
            r"(maintain(ing|ed)?|carry|carries|carried|obtain|procure|secure|keep|purchase|take out|sufficiently"
            r"|adequate(ly)?)s?\b.{0,160}\binsur",
            0.8,
        ),
        cue(r"certificates? of insurance|evidence of (such )?(insurance|polic)|proof of insurance", 0.9),
        cue(r"additional(ly)? (named )?insured|named insured|loss payee|waiver of subrogation", 0.9),
        cue(
            r"(liability|workers'?’? compensation|property|casualty|automobile) insurance|insurance (polic"
            r"|coverage|carrier)",
            0.5,
        ),
        cue(r"such (insurance|polic(y|ies))|insurer", 0.4),
        cue(
            r"(polic(y|ies)|insurance|coverage)\b.{0,160}\b(cancel|modif|terminat|chang|primary|non-?contributory)", 0.5
        ),
        cue(r"self-?insur", 0.5),
        cue(r"each occurrence|per occurrence|aggregate|best('s|’s)? rating|\$", 0.3),
        cue(
            r"employee (benefit|welfare)|health insurance|life insurance|medical insurance|taxes|premiums? taxes", -0.7
        ),
        cue(
            r"insurance (company|product|agent|business|commission)|\bmeans\b|polic(y|ies) and procedures"
            r"|privacy polic",
            -0.5,
        ),
        heading=(cue(r"insurance", 0.6), cue(r"definition|tax|benefit|compensation", -0.4)),
        judge=_beside_insurance,
        threshold=1.1,
        presence=1.2,
        limit=10,
    ),
    # No challenge to the other side's rights in its marks or other property, no claims beyond the contract.
    rule(
        "covenant_not_to_sue",
        r"contest|challenge|attack|sue\b|covenant not|dispute|claim|impair|detriment|interest|release",
        cue(
            r"(not|never|neither|nor|refrain)\b.{0,200}\b(contest|challenge|attack|dispute|oppose|question|impugn)", 0.6
        ),
        cue(
            r"(contest|challenge|attack|dispute|oppose|question|impugn)\w*\b.{0,120}\b(validity|ownership|title"
            r"|right|interest|registra|enforceab"
            r"|trade ?mark|marks?\b|patent|copyright)",
            0.6,
        ),
        cue(
            r"covenants? not to sue|(agrees?|shall|will|covenants?) not (to )?(\w+ ){0,4}(sue|bring|institute"
            r"|commence|assert)\b.{0,60}",
            0.9,
        ),
        cue(
            r"(not|nor|never)\b.{0,260}\b(impair|adverse|detriment|inconsistent|diminish|jeopardi|detrimental"
            r"|infringe|injure)\w*\b.{0,120}\b(right|title|owner|mark|copyright|validity|goodwill)",
            0.7,
        ),
        cue(r"not\b.{0,80}\b(represent|claim|assert)\b.{0,60}\b(owner|title|right|interest)", 0.6),
        cue(r"covenants? not to sue|(agrees?|covenants?|undertakes?|shall|will) (\w+ )?not (to )?sue\b", 0.3),
        cue(r"good faith|arbitrat|invoice|audit|resolution|jurisdiction|jury|\bcourts?\b|venue", -0.8),
        heading=(cue(r"trade ?mark|intellectual|proprietary|ownership|license|release", 0.2),),
        threshold=0.8,
        limit=3,
    ),
)

"""What a party may not do in business, and what it must offer first, in English contracts."""

import re

from tools.contracts.rules import Rule, cue, rule
from tools.contracts.sentences import ContractText, Sentence

# "shall not", "may not", "agrees not to", "neither party will", "will refrain from": a promise to leave something be.
_PROHIBITION = (
    r"(\b(shall|will|may|must|can)( \w+){0,4} not\b|\bagrees?( \w+){0,4} not to\b|\b(covenants?|undertakes?)( "
    r"\w+){0,6} not to\b"
    r"|\bneither\b|\b(shall|will) refrain|\bno (party|member)\b|\bnor (shall|will)\b|\bin no event (shall|will)\b"
    r"|\bprohibited from\b|\bshall not,)"
)
_COMPETING = r"(compet(e|es|ed|ing|itive|itor|itors|ition)\b)"

# Most favoured nation: one customer must get what any other gets.
_MOST_FAVOURED = rule(
    "most_favored_nation",
    r"favou?r|preferred|lower|lowest|better|less than|higher|same (terms|price)|comparable|advantageous",
    cue(r"most[- ]favou?red[- ](nation|customer|party|licensee|client)", 1.2),
    cue(
        r"\b(no|not( be)?) (less|worse) (favou?rable|advantageous|beneficial)\b[^.;]{0,140}"
        r"\b(other|third) (customers?|clients?|part(y|ies)|person|licensees?|purchasers?|distributors?|"
        r"resellers?|members?)",
        0.9,
    ),
    cue(
        r"\b(more|as) (favou?rable|advantageous|beneficial)\b[^.;]{0,160}"
        r"\b(any|other|third|another)\b[^.;]{0,20}\b(customers?|clients?|part(y|ies)|person|licensees?|"
        r"purchasers?|buyers?|distributors?)",
        0.7,
    ),
    cue(
        r"\b(lower|lowest|better|preferred|best|higher|less|greater)\b[^.;]{0,40}\b(price|prices|pricing|rate|"
        r"rates|fees?|terms|discount|royalt\w+)\b"
        r"[^.;]{0,140}\b(any|other|third|another|similar\w*)\b",
        0.6,
    ),
    cue(r"\b(price|prices|pricing|rate|rates|fees?|terms|royalt\w+|discounts?)\b", 0.2),
    cue(
        r"\b(similar|comparable|equivalent|same)\b[^.;]{0,60}\b(quantit(y|ies)|volumes?|services|products?|"
        r"circumstances|terms)\b",
        0.25,
    ),
    cue(rf"{_PROHIBITION}|\b(guarantees?|warrants?|represents?|entitled)\b", 0.2),
    cue(
        r"\bsuccessor|assign(ee|ment)|insur|alternative (supplier|source)|cover\b|sublease|transition|merger|"
        r"stockholders?|holders of",
        -0.6,
    ),
    heading=(cue(r"most favou?red|\bmfn\b|best pric|favou?red", 0.7),),
    threshold=0.8,
    limit=2,
)

# Non-compete: a party keeps out of a line of business, a product, a place, or away from the other's competitors.
_NON_COMPETE = rule(
    "non_compete",
    r"compet|circumvent|introduced|similar (to|products?|business|services)|business|substantially similar|other than",
    cue(rf"{_PROHIBITION}[^.;]{{0,260}}\b{_COMPETING}", 0.7),
    cue(
        rf"{_PROHIBITION}[^.;]{{0,140}}\b(engage[sd]?|be engaged|own|operate|manage|invest|participate|be "
        rf"employed|carry on|"
        r"assist|conduct|perform services|have any( direct or indirect| financial| ownership)? interest)\b[^.;]{0,160}"
        r"\b(compet\w+|similar (business|to)|same business)",
        0.5,
    ),
    cue(
        rf"{_PROHIBITION}[^.;]{{0,160}}\b(manufacture|market|sell|distribute|promote|develop|commerciali[sz]e|"
        rf"produce|represent|"
        r"license|offer)\b[^.;]{0,160}\b(compet\w+|similar to|same as|substantially (similar|the same))",
        0.4,
    ),
    cue(
        r"\b(competing|competitive|competitor'?s?'?) (products?|business(es)?|services?|goods|activit(y|ies)|"
        r"compan(y|ies)|programs?|sites?)",
        0.3,
    ),
    cue(r"\bcovenants? not to compete|non-?competition|not (to )?compete\b|in competition with", 0.6),
    # Non-circumvention: the other party's introductions are not to be dealt with past it.
    cue(
        rf"\bnon-?circumvent|{_PROHIBITION}[^.;]{{0,120}}\b(circumvent\w*|engage|deal|work|contract)\b[^.;]{{0,120}}"
        r"\bintroduced\b",
        0.7,
    ),
    cue(r"\bdirectly or indirectly|either directly|indirectly\b", 0.25),
    cue(
        r"\b(for a period of|during the term|miles?|radius|within the territory|years? (after|following|thereafter))\b",
        0.2,
    ),
    # Not a promise: competitive bids and conditions, disclosures to competitors, remedies, open competition.
    cue(
        r"competitive (bid|price|pricing|position|disadvantage|advantage|terms|rates|harm|market|conditions|"
        r"process|information)",
        -0.6,
    ),
    cue(r"\bconfidential information\b|trade secrets?|disclos", -0.45),
    cue(r"unfair competition|injunct|irreparabl|anti-?competitive|competition (law|act|authorit)|antitrust", -0.7),
    cue(r"\b(nothing|not) (\w+ ){0,6}(prevent|restrict|prohibit|preclude|limit)\b", -0.6),
    cue(r"\b(assign|transfer|assignment)\b[^.;]{0,120}\bcompetitor", -0.4),
    cue(r"\bwarrants?\b|\brepresents?\b", -0.25),
    cue(r"\b(means|shall mean)\b", -0.35),
    heading=(
        cue(r"non-?compet|not to compete|competi|restrictive covenant|restriction on|conflict of interest", 0.5),
        cue(r"exclusiv", 0.2),
        cue(r"confiden|definition|assign|remed|represent|indemn|governing", -0.4),
    ),
    threshold=0.29,
    limit=3,
)

_NON_EXCLUSIVE = re.compile(r"non[-\s\xad]*exclusiv|not[\s]+(?:be[\s]+)?exclusive|nonexclusiv", re.IGNORECASE)
_EXCLUSIVE = re.compile(r"(?<!non)(?<!non\W)\bexclusiv(?:e|ely|ity)\b", re.IGNORECASE)


def _only_non_exclusive(sentence: Sentence, _index: int, _contract: ContractText) -> float:
    """Against a sentence that speaks of "non-exclusive" rights alone."""
    if _NON_EXCLUSIVE.search(sentence.text) and not _EXCLUSIVE.search(_NON_EXCLUSIVE.sub("", sentence.text)):
        return -1.0
    return 0.0


# Exclusivity: one party deals with the other alone, as supplier, customer, distributor, sponsor or licensee.
_EXCLUSIVITY = rule(
    "exclusivity",
    r"exclusiv|\bsole(ly)?\b|\bonly\b|other than|any (other|third)|anyone else|another",
    cue(r"(?<!non)(?<!non\W)\bexclusive(ly)?\b[^.;]{0,60}\b(right|rights|licen[cs]e|licensee|sub-?license)\b", 0.45),
    cue(
        r"(?<!non)(?<!non\W)\bexclusive(ly)?\b[^.;]{0,50}\b(distribut\w+|supplier|provider|sponsor\w*|partner|"
        r"agent|manufacturer|"
        r"representative|reseller|source|vendor|dealer|retailer|marketing|advertiser|franchisee|promot\w+|"
        r"access|basis|territory)\b",
        0.7,
    ),
    cue(r"\b(grants?|granted|appoints?|engages?|authori[sz]es?)\b[^.;]{0,200}(?<!non)(?<!non\W)\bexclusive\b", 0.65),
    cue(
        r"\b(shall|will|agrees? to|must)\b[^.;]{0,60}\b(purchase|buy|obtain|source|use|sell|procure|work|deal|"
        r"offer)\b[^.;]{0,80}"
        r"\b(exclusively|solely|only) (from|with|to|through|by|via)\b|\bexclusively (purchase|buy|sell|obtain|"
        r"use|through|from|with|by)\b",
        0.9,
    ),
    cue(
        rf"{_PROHIBITION}[^.;]{{0,160}}\b(grant|appoint|license|authori[sz]e|engage|permit|enter into|sell|"
        rf"supply|offer|provide|"
        r"distribute|purchase|contract|collaborate|use|promote)\b[^.;]{0,160}\b(any (other|third)|third part(y|"
        r"ies)|anyone|other than|"
        r"another|other (person|entity|part(y|ies)|compan\w+|supplier|distributor))\b",
        0.45,
    ),
    cue(r"\b(all|100%|one hundred percent)( of)? (its|their|the|your) (\w+ ){0,3}(requirements|needs)\b", 0.7),
    cue(r"(?<!non)(?<!non\W)\bexclusivity\b", 0.6),
    cue(r"\bsole(ly)? and exclusive(ly)? (right|licen|distribut|supplier|agent|provider|source)", 0.3),
    cue(r"\bduring the term|\bin the (territory|field)|throughout the (territory|world)|worldwide\b", 0.2),
    # "exclusive" also speaks of property, remedies, courts, control of a suit, and what a price does not include.
    cue(
        r"\b(exclusive|sole) (and (exclusive|sole) )?(jurisdiction|venue|remed\w+|property|owner\w*|forum|"
        r"control|discretion|obligation|liability|expense|responsib\w+|means)\b",
        -0.8,
    ),
    cue(
        r"\b(owns?|owned|ownership|belongs?|title)\b[^.;]{0,60}\bexclusiv|"
        r"\bexclusive(ly)?\b[^.;]{0,30}\b(own\w*|property|title)\b",
        -0.6,
    ),
    cue(r"\bexclusive of\b|mutually exclusive|cumulative|warranties", -0.6),
    cue(r"\bconfidential|trade secret|disclos|use (it|such|the) [^.;]{0,40}(solely|only) for", -0.5),
    cue(r"\bindemnif|\bliab|defen[cs]e of|litigation|\bcourts?\b", -0.5),
    cue(r"\b(means|shall mean)\b", -0.3),
    cue(r"\bassign(ed|ment)?\b|\bmerger|change of control", -0.25),
    heading=(
        cue(r"(?<!non)(?<!non\W)exclusiv", 0.5),
        cue(r"appointment|grant|licen[cs]e|distribut|territory", 0.15),
        cue(
            r"definition|remed|jurisdiction|governing|confiden|indemn|liabilit|warrant|dispute|infring|enforce|"
            r"ownership|assign",
            -0.45,
        ),
    ),
    threshold=0.55,
    limit=4,
    judge=_only_non_exclusive,
)

# Exceptions: what a non-compete, an exclusivity or a no-solicit leaves free, or when it falls away.
_RESTRICTION = re.compile(
    r"(?<!non)(?<!non\W)exclusiv|non-?compet|\bcompet(?:e|es|ing|itive|itors?)\b|solicit|"
    r"(?:shall|will)\s+not\b[^.;]{0,200}\b(?:any\s+other|third\s+part|other\s+than)",
    re.IGNORECASE,
)
_NOT_A_RESTRICTION = re.compile(r"confidential|indemnif|liabilit|jurisdiction|remed(?:y|ies)|warrant", re.IGNORECASE)


def _after_a_restriction(sentence: Sentence, index: int, contract: ContractText) -> float:
    """For an exception that follows a restriction of business; against one that speaks of something else."""
    if _NOT_A_RESTRICTION.search(sentence.text) and not _RESTRICTION.search(sentence.text):
        return -0.5
    if _RESTRICTION.search(sentence.text):
        return 0.4
    before = contract.sentences[max(0, index - 2) : index]
    return 0.3 if any(_RESTRICTION.search(other.text) for other in before) else -0.3


_EXCEPTION = rule(
    "competitive_restriction_exception",
    r"notwithstanding|nothing|except|exclu|provided|not (be )?(prevent|preclude|prohibit|restrict|apply|deemed)|"
    r"shall not|"
    r"will not|may\b|no longer|lose|percent|%",
    cue(
        r"\b(nothing|foregoing|restrictions?|this (section|paragraph|agreement|article)|exclusivity)\b[^.;]{0,100}"
        r"\b(shall|will|does|do|is|be deemed to)\b[^.;]{0,30}(not )?\b(prevent|preclude|prohibit|restrict|limit|"
        r"apply)\b",
        0.6,
    ),
    cue(r"\b(not|nothing)\b[^.;]{0,60}\b(prevent|preclude|prohibit|restrict)\b[^.;]{0,100}\b(from|the|any)\b", 0.2),
    cue(
        r"\b(prevent|preclude|prohibit|restrict)\b[^.;]{0,100}\bfrom (\w+ ){0,6}(sell|market|engag|provid|"
        r"distribut|advertis|hir|enter|"
        r"own|promot|offer|display|licens|manufactur|develop|perform|solicit|conduct|working)\w*",
        0.35,
    ),
    cue(r"\bnotwithstanding (the foregoing|anything|the above|section|any)\b", 0.2),
    cue(
        r"\b(lose|loses|losing|lost|no longer|cease|revert|convert(ed)?|cancel|terminate|revoke)\b[^.;]{0,80}"
        r"(?<!non)(?<!non\W)\bexclusiv(e|ity)\b",
        0.6,
    ),
    cue(r"\bbecome[s]? (a )?non-?exclusive|convert\w*[^.;]{0,60}non-?exclusive", 0.6),
    cue(
        r"\bexclusiv(e|ity)\b[^.;]{0,160}\b(except|other than|excluding|provided(,)? (however|that)|subject to|"
        r"unless|does not apply)\b",
        0.35,
    ),
    cue(
        r"\bcompet\w+\b[^.;]{0,200}\b(except|other than|excluding|provided(,)? (however|that)|unless)\b",
        0.3,
    ),
    cue(
        r"\b(ownership|owning|own|holding|hold)\b[^.;]{0,60}\b(%|per ?cent)[^.;]{0,100}\b(publicly|securities|"
        r"stock|exchange|shares)",
        0.7,
    ),
    cue(
        r"\b(general (advertis|solicitation)|advertisements?|not (specifically )?(targeted|directed))\w*[^.;]{0,100}",
        0.15,
    ),
    cue(
        r"\b(may|free to|right to|entitled to)\b[^.;]{0,100}\b(sell|market|appoint|distribute|license|engage|"
        r"other (part|compan|third)\w*|third part)",
        0.2,
    ),
    cue(r"\bexclusive (jurisdiction|remed|property|venue)|injunct|equitable|waiver|bankruptcy", -0.7),
    heading=(
        cue(r"exclusiv|compet|solicit|restrict", 0.3),
        cue(r"confiden|liabilit|indemn|warrant|definition|miscell|force majeure|remed|terminat", -0.4),
    ),
    threshold=1.2,
    limit=2,
    judge=_after_a_restriction,
)

# No-solicit of customers: hands off the other party's customers.
_CUSTOMERS = rule(
    "no_solicit_of_customers",
    r"solicit|entice|divert|induce|customers?|clients?",
    cue(
        rf"{_PROHIBITION}[^.;]{{0,200}}\b(solicit|entice|divert|induce|call (up)?on|canvass|"
        rf"persuade)\w*\b[^.;]{{0,160}}"
        r"\b(customers?|clients?|patrons?|accounts)\b",
        1.0,
    ),
    cue(r"\bdirectly or indirectly|indirectly\b", 0.15),
    cue(r"\b(away from|interfere with|terminate or reduce|cease doing business|business of|existing)\b", 0.15),
    cue(r"\b(employees?|personnel|staff)\b", -0.1),
    cue(r"outside (of )?(the|its) territory|\bproxies|\borders\b", -0.4),
    heading=(cue(r"solicit|compet|restrictive", 0.3),),
    threshold=1.1,
    limit=2,
)

# No-solicit of employees: hands off the other party's people.
_PEOPLE = r"\b(employees?|personnel|staff|workers|consultants?|contractors?|officers|agents|person (who|employed))\b"
_EMPLOYEES = rule(
    "no_solicit_of_employees",
    r"solicit|hire|hiring|employ|entice|recruit",
    cue(
        rf"{_PROHIBITION}[^.;]{{0,260}}\b(solicit|hire|entice|recruit|induce|offer employment|employ|"
        rf"engage)\w*\b[^.;]{{0,200}}{_PEOPLE}",
        0.7,
    ),
    cue(r"\b(solicit\w*|entice|recruit|hire|hiring|induce)\b", 0.3),
    cue(r"\b(other party'?s?|of the other|its employ|their employ|employ of|away from|leave)\b", 0.2),
    cue(r"\b(for a period of|months?|years?|during the term)\b", 0.1),
    cue(r"\bdirectly or indirectly|indirectly\b", 0.1),
    cue(
        r"\b(insurance|benefits?|wages|taxes|workers'? compensation|discriminat|background check|independent "
        r"contractor status)\b",
        -0.6,
    ),
    cue(r"\b(proxy|proxies|takeover|tender offer|bids?|proposals?|orders|acquisition)\b", -0.5),
    cue(r"\bas agents?\b|agency|\blaws?\b|harass", -0.3),
    heading=(cue(r"solicit|hire|hiring|employees|recruit", 0.3), cue(r"compet|restrictive", 0.15)),
    threshold=0.95,
    limit=2,
)

# Non-disparagement: no harm by word or conduct to the other's name, marks or reputation.
_DISPARAGEMENT = rule(
    "non_disparagement",
    r"disparag|defam|disrepute|tarnish|reputation|goodwill|derogat|denigrat|ridicule|scandal|dilut|image|libel|slander",
    cue(
        r"\bdisparag\w*|\btarnish\w*|\bdenigrat\w*|\bdisrepute|\bderogat(e|ory|es)|\bridicule|\bdefam(e|es|ing|"
        r"atory|ation)\b",
        0.6,
    ),
    cue(rf"{_PROHIBITION}[^.;]{{0,200}}\b(disparag|tarnish|denigrat|disrepute|derogat|defam|ridicule|scandal)\w*", 0.5),
    cue(
        r"\b(harm(ful)?|damages?|injur(e|es|ious)|adverse(ly)?|detriment(al|ally)?|impairs?|jeopardi[sz]e|"
        r"diminish|reflects? (adversely|unfavou?rably))"
        r"\b[^.;]{0,80}\b(reputation|goodwill|good name|image|integrity)\b",
        0.4,
    ),
    cue(rf"{_PROHIBITION}|\brefrain from\b", 0.25),
    cue(r"\b(statements?|comments?|remarks?|conduct|act|action|practice|behaviou?r|activity)\b", 0.15),
    # Content rules list "defamatory" beside "obscene": they protect the public, not the other party.
    cue(r"\b(obscene|pornograph\w*|hate|libel\w*|infring\w*|unlawful|illegal|privacy|viruses)\b", -0.5),
    cue(
        r"\bindemnif|hold harmless|irreparabl|injunct|acknowledge|goodwill (associated|of the business) "
        r"[^.;]{0,40}inure",
        -0.6,
    ),
    cue(r"\brepresent(s|ed)? (and|that)|\bwarrant", -0.2),
    heading=(
        cue(r"disparag|reputation|conduct|moral|goodwill|publicity", 0.3),
        cue(r"indemn|represent|warrant|confiden", -0.3),
    ),
    threshold=1.0,
    limit=2,
)

# First refusal, first offer, first negotiation: one party must be asked before anybody else.
_FIRST = (
    r"\b(right|option|opportunity|offer|notice)s? of (first|last|exclusive|prior)|\bfirst (right|option|"
    r"refusal|offer|opportunity|negotiation)s?"
)
_FIRST_REFUSAL = rule(
    "rofr_rofo_rofn",
    r"first|refusal|negotiat|option|third party offer|right of|offer|elect|match",
    cue(
        r"\bright of first (refusal|offer|negotiation|opportunity)|\bfirst right of (refusal|offer|negotiation)|"
        r"\bROF[ROIN]\b",
        1.1,
    ),
    cue(
        r"\bright of (last|prior|exclusive) (refusal|negotiation|offer)|\bright of negotiation|\bright of "
        r"refusal|\bfirst refusal\b",
        0.9,
    ),
    cue(
        r"\bfirst (right|option|opportunity|priority|offer)\b[^.;]{0,100}\b(to|of)\b[^.;]{0,60}"
        r"\b(negotiat|purchase|acquire|licen[cs]e|match|obtain|buy|lease|participate|develop|commerciali[sz]e|"
        r"exploit|provide|enter)\w*",
        0.9,
    ),
    cue(
        r"\b(first|prior to)\b[^.;]{0,60}\b(offer|notify|give notice|provide( written)? notice|"
        r"negotiat\w+)\b[^.;]{0,200}\bthird part(y|ies)\b",
        0.45,
    ),
    cue(
        r"\b(bona fide|third party) (third party )?(written )?(offer|proposal)|\boffer notice|offered (shares|"
        r"interest|terms)",
        0.5,
    ),
    cue(r"\b(negotiate|negotiations?)\b[^.;]{0,40}\b(exclusively|in good faith)\b", 0.2),
    cue(
        r"\b(exclusive|first) (negotiat\w+|option)|negotiation period|option period|exercise(s)? (its|the|such) "
        r"(option|right)",
        0.4,
    ),
    cue(r"\bmatch\b[^.;]{0,80}\b(offer|terms)\b|\bsame terms( and conditions)?\b[^.;]{0,80}\b(third part|offer)", 0.5),
    cue(r"\b(days?|months)\b", 0.1),
    cue(r"\bterms (no|not) (less|more) favou?rable", 0.3),
    cue(r"\bdispute|arbitrat|mediat|resolve|controvers", -0.8),
    cue(
        r"\bstock options?\b|option plan|employee options?|warrants\b|tender offer|renew(al)?\b[^.;]{0,40}\bterm\b",
        -0.4,
    ),
    cue(r"\bnot subject to\b|\bfree (and clear|from)\b|pre-?emptive|no (right|option)|\bmeans\b", -0.5),
    heading=(
        cue(r"first (refusal|offer|negotiation|option|right|opportunity)|right of first|refusal|\brof", 0.7),
        cue(r"dispute|arbitrat|definition|represent|govern", -0.5),
    ),
    threshold=0.9,
    limit=8,
)

RULES: tuple[Rule, ...] = (
    _MOST_FAVOURED,
    _NON_COMPETE,
    _EXCLUSIVITY,
    _CUSTOMERS,
    _EXCEPTION,
    _EMPLOYEES,
    _DISPARAGEMENT,
    _FIRST_REFUSAL,
)

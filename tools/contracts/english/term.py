"""Term, renewal, ending and general clauses in English contracts.

The categories follow the questions CUAD's lawyers answered (The Atticus Project, CUAD v1, CC BY 4.0).
"""

import re

from tools.contracts.rules import Rule, cue, rule
from tools.contracts.sentences import ContractText, Sentence

_CONTROL = (
    r"change (of|in) (\w+ ){0,3}(control|ownership)|(ownership|control) change|changes? control|(sale"
    r"|transfer|acqui\w+|disposition) of (all|substantially|a (majority|controlling)"
    r"|control|more than)|merge[rsd]?\b|consolidat|(acquired|controlled) by|controlling interest"
    r"|voting (stock|securities|shares|power)"
)
_CAUSE = (
    r"\bbreach|default|insolven|bankrupt|fails? to|failure|force majeure|cure[ds]?\b|remed(y|ied)|violat"
    r"|death|disab|for cause"
    r"|if (any|such|the|either)"
)

_END = re.compile(r"(terminat|expir)[^.]{0,200}:\s*$", re.IGNORECASE)


def _under_an_end(sentence: Sentence, index: int, contract: ContractText) -> float:
    """An item of the list that "upon termination:" opens."""
    before = contract.sentences[max(0, index - 8) : index]
    return 0.5 if any(_END.search(lead.text) for lead in before) else 0.0


RULES: tuple[Rule, ...] = (
    # Which law governs the contract.
    rule(
        "governing_law",
        r"\blaws?\b",
        cue(r"govern(ed|ing)|constru(ed|ction)|constructed|interpret(ed|ation)|enforced", 0.5),
        cue(
            r"\b(the )?(internal |substantive |domestic )?laws?( and judicial decisions)? (of|in force in"
            r"|in effect in) |\b(english|german|french|swiss|dutch|delaware|california|new york) law",
            0.5,
        ),
        cue(
            r"this \w*\s?(agreement|contract|license|lease|amendment|addendum|assignment|joinder|guarantee"
            r"|guaranty|power of attorney)|hereof|hereunder|herein",
            0.3,
        ),
        cue(r"(govern|constru|interpret)\w*\b.{0,120}\blaws? (of|in)|law of .{0,60}\bapplies", 0.3),
        cue(r"conflicts? (of|-of-) ?laws?|choice of laws?", 0.4),
        cue(
            r"organi[sz]ed|existing under|incorporated under|duly|good standing|comply|compliance|licensed|violat|tax",
            -0.7,
        ),
        cue(r"arbitrat\w+ act|antitrust|securities law|bankruptcy", -0.3),
        heading=(cue(r"govern|applicable law|choice of law|\blaws?\b", 0.3), cue(r"definition", -0.4)),
        threshold=1.2,
        limit=1,
    ),
    # Assignment or transfer of the contract needs consent or notice, or is forbidden.
    rule(
        "anti_assignment",
        r"assign|transfer|delegat|personal to",
        cue(r"(not|no party|neither|nor|no)\b.{0,160}\b(assign|transfer)", 0.5),
        cue(r"(assign|transfer)\w*\b.{0,250}\bwithout\b.{0,80}\b(consent|approval|permission|agreement)", 0.6),
        cue(r"without\b.{0,80}\b(consent|approval)\b.{0,160}\b(assign|transfer)", 0.6),
        cue(
            r"(assign|transfer|delegat)\w*\b.{0,80}\b(this \w*\s?(agreement|contract|lease|license)|its rights"
            r"|(any|all) (of )?(its|their|the) (right|interest|obligation|dut))",
            0.4,
        ),
        cue(
            r"(this \w*\s?(agreement|contract|license)|rights?|obligations?)\b.{0,160}\b(be )?(assign(ed|able)"
            r"|transferr?(ed|able))",
            0.4,
        ),
        cue(r"(assign\w*|transfer\w*|delegation)\b.{0,160}\b(null|void|no force|no effect|invalid)\b", 0.8),
        cue(r"may (not )?(freely )?assign (this|its)|right to assign", 0.4),
        cue(r"except (that|to|in)|provided,? (however|that)|notwithstanding", 0.1),
        cue(r"(bound|binding)\b.{0,60}\bsuccessors|inure", 0.1),
        cue(r"(with|requires?|subject to|upon|only)\b.{0,60}\b(prior|written) (\w+ )?(consent|approval|notice)", 0.4),
        cue(r"does hereby|hereby (\w+ )?(assign|transfer|sell)|shares|securities", -0.7),
        cue(r"personal (to|in nature)", 0.3),
        cue(
            r"benefit of creditors|right,? title,? and interest|inventions?|copyrights?|patents?|work product"
            r"|assigned to (the )?(project|perform)|personnel",
            -0.7,
        ),
        cue(r"non-?transferable|data transfer|transfer of (title|data|technology)|sublicens", -0.3),
        cue(r"confidential|insolven|bankrupt|technology transfer|wire transfer|risk of loss", -0.5),
        heading=(
            cue(r"assign|transfer|successors|delegation", 0.5),
            cue(r"definition|intellectual|ownership", -0.3),
        ),
        threshold=1.1,
        presence=1.2,
        limit=3,
    ),
    # A change of control gives the other party a right: to end the contract, to consent, to be told.
    rule(
        "change_of_control",
        _CONTROL,
        cue(
            r"change (of|in) (\w+ ){0,3}(control|ownership|majority)|(ownership|control) change|changes? control"
            r"|controlling interest",
            0.6,
        ),
        cue(r"terminat\w*", 0.3),
        cue(r"assign\w*", 0.25),
        cue(r"(consent|approval|notice|notify)", 0.25),
        cue(
            r"(deemed|constitute)\b.{0,60}\b(assign|transfer)|assign\w*\b.{0,60}\b(by )?(operation of law|merger"
            r"|change)",
            0.5,
        ),
        cue(
            r"merge[rsd]?|consolidat|sale of (all|substantially)|voting (stock|securit|share|power)|acqui(red|sition)",
            0.25,
        ),
        cue(r"\bmeans\b|shall mean|defined", -0.5),
        cue(
            r"without (the )?(prior )?(written )?(consent|approval)|without such consent|entire agreement|supersede",
            -0.1,
        ),
        cue(r"good standing|organi[sz]ed|\bmerged? (herein|into this)|indemnif|confidential", -0.5),
        heading=(cue(r"assign|change (of|in) control|terminat|transfer", 0.3), cue(r"definition", -0.6)),
        threshold=0.85,
        limit=3,
    ),
    # A party may end the contract without a reason, by notice.
    rule(
        "termination_for_convenience",
        r"terminat|cancel",
        cue(
            r"without (any )?(cause|reason|giving)|(for|with) (any|no)( or no)?( \w+)? reason"
            r"|for (its )?convenience|at (its|their) (sole )?(discretion|convenience|will)|in its sole discretion"
            r"|with or without",
            0.8,
        ),
        cue(r"(terminat|cancel)\w*\b.{0,100}\bat any time|at any time\b.{0,80}\b(terminat|cancel)", 0.5),
        cue(
            r"(may|right to|option to|entitled to|can be|may be|be) (\w+ ){0,3}(terminated?|cancel(led)?)"
            r"|(terminated|cancelled) by (either|any|the)",
            0.4,
        ),
        cue(
            r"(upon|by|on|with|giving|least|than)\b.{0,60}\b(days?|months?|year|weeks?)['’]?\b.{0,60}\bnotice"
            r"|\bnotice\b.{0,80}\b(days?|months?)\b",
            0.4,
        ),
        cue(r"this \w*\s?(agreement|contract|appointment)", 0.1),
        cue(
            r"(either|any|each|both|the) part(y|ies)\b.{0,60}\bterminat\w*\b.{0,120}\bnotice|wish(ing"
            r"|es) to terminate|absolute right",
            0.3,
        ),
        cue(r"until (\w+ ){0,2}(terminated|cancelled) by\b.{0,80}\bnotice", 0.6),
        cue(r"not less than|least|prior|advance", 0.1),
        # What follows from an end, or an end on a condition, is no right to end at will.
        cue(
            r"terminat\w*( or expiration)?( of this \w+)?,? for any reason|(no|upon|after|on"
            r"|the) (\w+ )?termination",
            -0.5,
        ),
        cue(
            r"change (of|in) (\w+ )?control|mutual|\brecall\b|loses|cease[sd]?\b|\bin the event\b|(^|[,;:.] "
            r"|and )if |continu",
            -0.6,
        ),
        cue(_CAUSE, -0.5),
        cue(
            r"not (be )?(\w+ )?(terminat|cancel)|employ(ee|ment)|prior to the (end|expir)|renew|insurance|polic(y"
            r"|ies)|survive",
            -0.4,
        ),
        heading=(cue(r"terminat|\bterm\b|cancel", 0.3), cue(r"definition|insurance|confidential|renew", -0.3)),
        threshold=0.85,
        limit=3,
    ),
    # The term prolongs itself, or may be prolonged.
    rule(
        "renewal_term",
        r"renew|extend|extension|successive",
        cue(
            r"(automatically|successive|additional|further|subsequent)\b.{0,60}\b(renew|extend|terms?|periods?"
            r"|year|month)",
            0.5,
        ),
        cue(
            r"(renew|extend|prolong)\w*\b.{0,120}\b(additional|successive|further|consecutive|year|month|term|period)",
            0.4,
        ),
        cue(r"automatic(ally)?( \w+){0,2} (renew|extend)|(renew|extend)\w*( \w+){0,2} automatically", 0.4),
        cue(r"(option|right|may|entitled) to (\w+ )?(renew|extend)|renewal term", 0.4),
        cue(r"(this \w*\s?(agreement|contract)|the term|initial term)", 0.3),
        cue(r"(year|month)s?\b", 0.1),
        cue(r"(may|right to|option to) (\w+ ){0,2}(renew|extend) (this|the) (agreement|contract|term)", 0.4),
        cue(r"insurance|polic(y|ies)|registration|trade ?mark|domain|patent|payment|deliver|lease|cure|time for", -0.5),
        heading=(cue(r"\bterm\b|renew|duration", 0.3), cue(r"definition|insurance|payment", -0.4)),
        threshold=1.15,
        limit=2,
    ),
    # The notice that stops the renewal.
    rule(
        "notice_period_to_terminate_renewal",
        r"renew|extend|extension",
        cue(r"notice|notif", 0.4),
        cue(
            r"\b(days?|months?|years?)\b.{0,80}\b(prior|before|in advance|of)|(prior|before)\b.{0,80}\b(days?"
            r"|months?)|least",
            0.3,
        ),
        cue(r"(unless|provided)\b.{0,160}\b(notice|notif|terminat)", 0.4),
        cue(
            r"non-?renew|not (to )?renew|intent(ion)? (not )?to|prior to the (end|expiration|expiry|renewal)"
            r"|before the (end|expir)",
            0.4,
        ),
        cue(r"automatic", 0.3),
        cue(r"insurance|polic(y|ies)|registration|lease|breach|default", -0.5),
        heading=(cue(r"\bterm\b|renew|duration", 0.3), cue(r"definition|insurance", -0.4)),
        threshold=1.3,
        limit=1,
    ),
    # A person who is not a party may enforce the contract; the usual denial is no such clause.
    rule(
        "third_party_beneficiary",
        r"third[- ]part(y|ies)\b.{0,60}beneficiar|beneficiar\w*\b.{0,40}third part",
        cue(
            r"(is|are|be|as) (\w+ ){0,5}(third[- ]party) (\w+ ){0,2}beneficiar"
            r"|intended\b.{0,30}\bthird[- ]party\b.{0,30}\bbeneficiar|\bbut\b.{0,60}\bbeneficiar",
            1.1,
        ),
        cue(r"except\b.{0,120}\b(indemn|third)|other than\b.{0,80}\bindemn", 0.9),
        cue(r"\b(no|not|nor|nothing|neither|none|any)\b.{0,160}\bbeneficiar", -1.0),
    ),
    # What a party must still do, or may still do, once the contract has ended.
    rule(
        "post_termination_services",
        r"terminat|expir|transition|inventor|wind|cooperat|continue|remain",
        cue(r"(upon|after|following|on|event of|date of|effect of|subsequent to)\b.{0,60}\b(terminat|expir)", 0.5),
        cue(r"(days|months|years?|period)\b.{0,60}\b(after|following|from)\b.{0,60}\b(terminat|expir)", 0.4),
        cue(
            r"sell[- ]off|wind(ing)?[- ](up|down)|phase[- ]out|transition|(sell|dispose of|exhaust|deplete"
            r"|liquidate|purchase|repurchase|buy ?back)\b.{0,100}\b(inventor|stock|product)",
            0.7,
        ),
        cue(
            r"(continue|cooperate|assist|complete|fulfil|fill|honor)\b.{0,120}\b(service|perform|provid|transfer"
            r"|transition|order|support|customer|provide|supply)",
            0.5,
        ),
        cue(r"(maintain|keep|retain|preserve)\b.{0,120}\b(records|books|insurance)", 0.4),
        cue(
            r"(right|option|period of time) to (remove|purchase|sell|use)|grants? to|royalt"
            r"|negotiate in good faith|return\b.{0,60}\b(inventor|stock|equipment|sample)",
            0.4,
        ),
        cue(r"shall|will|must|may", 0.1),
        cue(r"surviv|confidential|compete|solicit|return or destroy|accrued|cure|breach|notice of termination", -0.4),
        heading=(
            cue(
                r"(effect|consequence|obligation|right|after|upon|post).{0,30}(terminat|expir)|transition|wind|sell",
                0.4,
            ),
            cue(r"definition|confidential|compet|solicit|surviv", -0.4),
        ),
        threshold=1.15,
        judge=_under_an_end,
        limit=2,
    ),
)

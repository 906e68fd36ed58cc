"""Clauses that commercial practice looks for beyond CUAD's list, in English contracts."""

from tools.contracts.rules import Rule, cue, rule

RULES: tuple[Rule, ...] = (
    # Payment terms: when, how and in which currency money falls due, and what lateness costs.
    rule(
        "payment_terms",
        r"\b(pay|paid|payable|payments?|invoices?|invoiced)\b",
        cue(r"\b(within|no later than)\b[^.;]{0,30}\bdays?\b[^.;]{0,60}\b(receipt|date) of\b[^.;]{0,20}\binvoice", 0.8),
        cue(
            r"\b(invoices?|fees|price|amounts?|payments?|sums?)\b[^.;]{0,100}\b(due|payable|paid|"
            r"pay)\b[^.;]{0,60}\b(days?|upon|monthly|advance)\b",
            0.7,
        ),
        cue(r"\b(shall|will|must|agrees? to) pay\b[^.;]{0,120}\b(within|no later than|on or before)\b", 0.6),
        cue(r"\bnet (\w+ )?\(?(15|30|45|60|90)\)?( days?)?\b", 0.7),
        cue(r"\b(late|overdue|past due|unpaid) (payments?|amounts?|invoices?|sums?)\b[^.;]{0,100}\binterest\b", 0.7),
        cue(r"\bpayments?\b[^.;]{0,60}\b(in (US|U\.S\.|United States) dollars|wire transfer|bank account)\b", 0.5),
        cue(r"\b(insurance|indemnif|liabilit|premium|dividend)", -0.5),
        heading=(cue(r"payment|invoic|fees|price|compensation", 0.3), cue(r"terminat|insurance|indemn|liabilit", -0.5)),
        threshold=0.9,
        limit=3,
    ),
    # Confidentiality: the duty itself, not every mention of confidential information.
    rule(
        "confidentiality",
        r"confiden|non-?disclos|proprietary information|secret",
        cue(
            r"\b(shall|will|must|agrees? to|undertakes to)\b[^.;]{0,60}\b(keep|hold|maintain|treat|preserve|"
            r"protect)\b[^.;]{0,100}\bconfiden",
            0.9,
        ),
        cue(
            r"\b(shall|will|may) not\b[^.;]{0,60}\b(disclose|reveal|divulge|use)\b[^.;]{0,100}\b(confidential|"
            r"proprietary)",
            0.9,
        ),
        cue(r"\bneither party (shall|will)\b[^.;]{0,60}\b(disclose|use|reveal)\b", 0.5),
        cue(
            r"\bconfidential information\b[^.;]{0,60}\b(means|shall mean|includes|does not include|shall not "
            r"include)\b",
            0.6,
        ),
        cue(r"\bduty of confidence|in (strict|the strictest) confidence|same degree of care\b", 0.5),
        heading=(cue(r"confiden|non-?disclosure|secrecy", 0.4), cue(r"surviv|terminat|remed|counterpart", -0.4)),
        threshold=0.9,
        limit=3,
    ),
    # Force majeure: relief for events beyond a party's control.
    rule(
        "force_majeure",
        r"force majeure|acts? of god|beyond (\S+ )?(\S+ )?(reasonable )?control|unavoidable|unforeseeable",
        cue(
            r"\b(not be|no party|neither party|excused|relieved|suspended)\b[^.;]{0,120}\b(liable|responsible|"
            r"delay|failure|perform|"
            r"default|breach|obligations?)\b",
            0.6,
        ),
        cue(r"\bforce majeure\b", 0.4),
        cue(r"\bacts? of god\b|\b(war|strikes?|flood|earthquake|fire|epidemic|pandemic|embargo)\b", 0.4),
        cue(r"\bbeyond (the|its|their|such|that|his)\b[^.;]{0,40}\bcontrol\b", 0.4),
        heading=(cue(r"force majeure|excus|acts? of god", 0.4),),
        threshold=1.0,
        limit=3,
    ),
    # Indemnification: one party makes good the other's loss, usually from third-party claims.
    rule(
        "indemnification",
        r"indemni|hold harmless|save harmless",
        cue(
            r"\b(shall|will|agrees? to|must|hereby)\b[^.;]{0,60}\b(indemnify|indemnifies|hold harmless|save "
            r"harmless)\b",
            1.0,
        ),
        cue(
            r"\bindemnif\w+\b[^.;]{0,100}\b(from|against)\b[^.;]{0,100}\b(claims?|loss(es)?|liabilit\w+|damages|"
            r"costs)\b",
            0.5,
        ),
        cue(r"\bindemnif(ied|ying) party\b[^.;]{0,120}\b(notice|notify|control|defen[cs]e|settle)", 0.5),
        cue(r"\b(no obligation|not be (obligated|required)|shall not) (to )?indemnif", -0.6),
        heading=(cue(r"indemn|hold harmless", 0.4), cue(r"insurance|surviv|definition", -0.4)),
        threshold=0.9,
        limit=4,
    ),
    # Data protection: the handling of personal data, its security, and notice of a breach.
    rule(
        "data_protection",
        r"personal (data|information)|personally identifiable|data (protection|privacy|controller|processor|"
        r"subject|breach)|GDPR|"
        r"privacy|HIPAA|CCPA|protected health information",
        cue(
            r"\b(GDPR|General Data Protection Regulation|CCPA|HIPAA)\b|\bdata protection (law|legislation|act|"
            r"requirement)s?",
            0.6,
        ),
        cue(
            r"\b(process|processing|collect|transfer|store|handle|protect|safeguard)\w*\b[^.;]{0,80}\b(personal "
            r"(data|information)|personally identifiable)",
            0.6,
        ),
        cue(
            r"\bpersonal (data|information)\b[^.;]{0,120}\b(security|safeguard|protect|process|disclos|collect|"
            r"consent|comply)\w*",
            0.5,
        ),
        cue(r"\b(privacy|data protection) (laws?|polic(y|ies)|legislation|regulations?|requirements)\b", 0.4),
        cue(
            r"\b(personal data|security) (breach|incident)\b|\bdata (controller|processor|subject)s?\b|"
            r"unauthori[sz]ed access",
            0.4,
        ),
        cue(r"\b(shall|will|must|agrees? to)\b", 0.2),
        heading=(cue(r"privacy|data (protection|security)|personal", 0.4),),
        threshold=0.9,
        limit=4,
    ),
    # Dispute resolution: the ladder of negotiation, mediation and arbitration.
    rule(
        "dispute_resolution",
        r"arbitrat|mediat|disputes?|controvers",
        cue(r"\b(dispute|controvers|claim|difference)\w*\b[^.;]{0,200}\b(arbitrat|mediat)\w*", 0.8),
        cue(
            r"\b(settled|resolved|determined|decided|submitted|referred)\b[^.;]{0,60}\b(arbitration|mediation|"
            r"arbitrators?|mediator)\b",
            0.5,
        ),
        cue(
            r"\bdisputes?\b[^.;]{0,160}\b(negotiat\w+|good faith|amicabl\w+|escalat\w+|senior (executives?|"
            r"management|officers?))\b",
            0.7,
        ),
        cue(
            r"\b(American Arbitration Association|International Chamber of Commerce|JAMS|UNCITRAL|LCIA|SIAC|"
            r"HKIAC|CIETAC)\b",
            0.5,
        ),
        cue(r"\b(invoices?|disputed amounts?)\b", -0.4),
        heading=(cue(r"dispute|arbitrat|mediat|resolution", 0.4), cue(r"payment|invoic|indemn", -0.4)),
        threshold=0.9,
        limit=3,
    ),
    # Jurisdiction: the court or place where a suit must or may be brought; the governing law alone is not enough.
    rule(
        "jurisdiction",
        r"jurisdiction|venue|\bcourts?\b|forum",
        cue(r"\b(exclusive|non-exclusive|personal|sole)( \w+){0,2} jurisdiction\b", 0.6),
        cue(r"\b(submits?|consents?|agrees?|irrevocably|attorns?)\b[^.;]{0,80}\b(jurisdiction|venue)\b", 0.6),
        cue(
            r"\b(federal|state|competent|district|high)( \w+){0,3} courts?\b|\bcourts? (of|in|located in|sitting in)\b",
            0.3,
        ),
        cue(r"\bvenue\b[^.;]{0,80}\b(shall|will|is|lies|be)\b|\bforum non conveniens|inconvenient forum", 0.6),
        cue(
            r"\b(action|suit|proceeding|litigation|dispute)s?\b[^.;]{0,100}\b(brought|commenced|instituted|"
            r"filed|heard|tried)\b[^.;]{0,60}\bcourts?",
            0.7,
        ),
        cue(
            r"\b(severab|unenforceable|invalid|held by a court|order of a court|bankruptcy|laws of any (other "
            r")?jurisdiction)",
            -0.7,
        ),
        heading=(
            cue(r"jurisdiction|venue|forum|governing law|applicable law|choice of law", 0.3),
            cue(r"severab|confiden", -0.4),
        ),
        threshold=0.9,
        limit=2,
    ),
)

"""What is paid, what must be bought, and who may look into the books, in English contracts."""

from tools.contracts.rules import Rule, cue, rule

# A quantity as contracts print it: digits, a currency, "fifty", or a number blacked out in a public filing ("[***]").
_AMOUNT = (
    r"(\$|US\$|€|£|\d|\[?\*{2,}|\[[\s*]+\]|(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty"
    r"|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)\b)"
)
# What revenue is called when it is shared.
_REVENUE = (
    r"((net|gross) (sales?|revenues?|profits?|receipts|income|margins?|proceeds|selling price|sales price)|revenues?"
    r"|profits?|gross margins?|net company income|sales price|sale proceeds)"
)
_SHARED = (
    r"(royalt(y|ies)|commissions?|revenue shar\w+|profit shar\w+|share of|profit split|promotion fee|participation)"
)
_PERCENTAGE = r"(%|per ?cent\b|percentage)"

# Sharing revenue: one party owes the other a part of what it earns, whatever the part is called.
_REVENUE_SHARING = rule(
    "revenue_profit_sharing",
    r"royalt|commission|percent|%|revenue|profit|proceeds|share[sd]?\b|net sales",
    cue(rf"{_PERCENTAGE}[^.;]{{0,60}}\bof\b[^.;]{{0,60}}\b{_REVENUE}\b", 0.9),
    cue(rf"\b{_REVENUE}\b[^.;]{{0,80}}{_PERCENTAGE}", 0.3),
    cue(
        rf"\b(pay|paid|pays|remit|entitled to|receive|receives|earn|owe|payable|compensate|contribute)\b[^.;]{{0,160}}"
        rf"\b{_SHARED}",
        0.5,
    ),
    cue(
        r"royalt(y|ies) (on|of|equal|based|calculated|at|in the amount|rates? (shall|will|is|of))|royalty payments? ",
        0.4,
    ),
    cue(rf"commissions? (of|on|equal|at|based)|commission rates?|{_PERCENTAGE} commission", 0.5),
    cue(
        rf"\b(share|shares|shared|sharing|split|divided?|distributed?|allocated?)\b[^.;]{{0,60}}"
        rf"\b{_REVENUE}|\b{_REVENUE}\b[^.;]{{0,60}}\b(shall|will|is|are|to) (be )?(shared|split|divided|"
        rf"distributed|allocated)",
        0.8,
    ),
    # The percentage may be blacked out, and the base may be a sale, a fee or a price.
    cue(
        rf"(\*\]?|X\]|{_PERCENTAGE}\)?) (of|on) (the |all |any |such |each |our |your |its |annual "
        r"|effective |aggregate |total )*"
        rf"({_REVENUE}|sales?|fees|amounts? (received|collected|paid)|purchase price)\b",
        0.6,
    ),
    cue(r"\b(50/50|fifty-fifty|pro rata share of the (profits|revenues?))\b", 0.5),
    cue(r"\b(shall|will|agrees? to|must)\b( \w+){0,3} (pay|contribute|remit|share)\b", 0.3),
    cue(rf"\b(pay|paid|receive|receives|entitled to|retain)\b[^.;]{{0,100}}{_PERCENTAGE}[^.;]{{0,80}}\bof\b", 0.3),
    # Not a share: interest, tax, price discounts, the tolerance of an audit, ownership of a company.
    cue(r"\binterest (at|on|rate|of)\b|per annum|late (fee|charge|payment)|prime rate|past due", -0.9),
    cue(r"\baudit|inspection|underpa(id|y)|underreport|discrepanc|deficien", -0.7),
    cue(r"royalty[- ]free|free of (any )?royalt|without (any )?royalt|no royalt", -0.8),
    cue(r"withh(old|eld)|\btax(es)?\b|value[- ]added", -0.5),
    cue(r"\b(voting|equity|shares of (common )?stock|outstanding|securities|ownership interest)\b", -0.7),
    cue(r"\blost (profits?|revenues?)|loss of (profits?|revenues?)|consequential", -1.2),
    cue(r"\b(sublicens\w+|license)\b[^.;]{0,80}royalty[- ]bearing", -0.3),
    cue(r"\bmeans\b|\bis defined as\b|\bshall mean\b", -0.5),
    cue(r"\b(report|statement|records?)\b[^.;]{0,80}\b(showing|setting forth|detailing|calculation)\b", -0.5),
    heading=(
        cue(r"royalt|revenue|profit|commission", 0.35),
        cue(r"compensation|payment|fees?\b|consideration|remuneration", 0.15),
        cue(r"definition|audit|record|report|liabilit|indemn|\btax|warrant", -0.4),
    ),
    threshold=0.75,
    limit=4,
)

# Price restrictions: what a party may do to its prices, and how far.
_PRICE_RESTRICTIONS = rule(
    "price_restrictions",
    r"\b(price|pricing|prices|fees?|rates?|charges?)\b",
    cue(
        r"\b(increase|raise|reduce|decrease|adjust)[sd]?\b[^.;]{0,60}\b(price|prices|pricing|fees|rates|"
        r"charges)\b[^.;]{0,120}"
        r"\b(more than|exceed|greater than|in excess of|no more|not? (more|greater))\b",
        0.7,
    ),
    cue(
        r"\b(prices?|pricing|fees|rates|charges)\b[^.;]{0,120}\b(increase[sd]?|raised?|adjust(ed|ment)?s?)\b[^.;]{0,60}"
        r"\b(not (to )?exceed|more than|no more than|greater than|in excess of|once (per|each|in any))\b",
        0.7,
    ),
    cue(
        r"\b(shall|may|will) not( \w+){0,3} (increase|raise|reduce|lower|change|adjust)[^.;]{0,40}"
        r"\b(price|prices|pricing|fees?|rates?)\b",
        0.8,
    ),
    cue(
        r"\b(price|prices|pricing|fees|rates)\b[^.;]{0,60}\b(fixed|firm|held|remain)\b[^.;]{0,60}\b(term|period|"
        r"year|months)\b",
        0.6,
    ),
    cue(r"%|per ?cent|consumer price index|\bCPI\b", 0.35),
    cue(r"\b(resale|minimum|maximum) (selling |retail )?price", 0.3),
    cue(r"\binterest|royalt|insurance|purchase price|stock|shares\b|offer price", -0.8),
    heading=(cue(r"\bpric(e|es|ing)\b", 0.25),),
    threshold=0.75,
    limit=1,
)

# Minimum commitment: the least that one party must buy, sell, pay or deliver in a period.
_MINIMUM = rule(
    "minimum_commitment",
    r"minimum|at least|not? (be )?less than|no fewer|shortfall|quota|take[- ]or[- ]pay|binding commitment|"
    r"guarantee[ds]?\b|"
    r"firm (order|purchase)|commitment|binding",
    cue(
        r"\bminimum (\w+ ){0,3}(purchase|purchases|order|orders|quantit(y|ies)|volumes?|commitments?|royalt(y|"
        r"ies)|guarantees?"
        r"|amounts?|payments?|sales|fees?|requirements?|spend|billings?|revenues?|throughput|performance|number)\b",
        0.8,
    ),
    cue(r"\bminimum\b|\bminima\b", 0.2),
    cue(
        rf"\b(contain|include|provide|maintain|participate|offer|produce|employ|supply|ship|make available|"
        rf"carry|stock|perform)s?\b"
        rf"[^.;]{{0,80}}\b(at least|no(t)? (be )?(less|fewer) than|a minimum of)\b[^.;]{{0,20}}{_AMOUNT}",
        0.5,
    ),
    cue(
        r"\b(annual|monthly|quarterly|guaranteed) minimum|\bminimums?\b[^.;]{0,30}\b(per|each|every|annual|"
        r"monthly|quarterly)\b",
        0.5,
    ),
    cue(rf"\b(a )?minimum (of|aggregate of)\b[^.;]{{0,20}}{_AMOUNT}", 0.5),
    cue(
        rf"\b(purchase|buy|order|orders|sell|spend|expend|acquire|generate|deliver|pay)s?\b[^.;]{{0,100}}"
        rf"\b(at least|no(t)? (be )?(less|fewer) than|a minimum of)\b[^.;]{{0,20}}{_AMOUNT}",
        0.8,
    ),
    cue(r"\b(purchase|volume|quarterly|annual|minimum|binding|sales|spending) commitments?\b", 0.4),
    cue(r"\bshortfall|deficiency payment|take[- ]or[- ]pay|\bquotas?\b|make[- ]good", 0.5),
    cue(
        r"\b(binding|firm)\b[^.;]{0,60}\b(forecast|purchase|order|commitment)|"
        r"\bforecast\b[^.;]{0,120}\b(binding|firm|committed)\b",
        0.5,
    ),
    cue(
        r"\bfail(s|ed|ure)? to (purchase|order|meet|achieve|satisfy|sell|deliver)\b[^.;]{0,80}\b(minimum|"
        r"commitment|quota|guaranteed)",
        0.6,
    ),
    cue(r"\b(shall|must|will|agrees? to|required to|commits? to|guarantees?)\b", 0.25),
    cue(
        r"\b(per|each|every|any|during the|in the) (calendar |contract |fiscal )?(year|quarter|month|period)\b|"
        r"annual(ly)?\b|monthly",
        0.2,
    ),
    cue(r"\b(products?|units|goods|services|impressions|quantit(y|ies)|volumes?|orders?)\b", 0.15),
    # "At least thirty days" measures time, not business; insurance limits have their own category.
    cue(r"\bat least \S+( \(\S+\))?( business| calendar)? (days?|months?|hours?|weeks?|years?)\b", -0.6),
    cue(r"\b(not|no) less than \S+( \(\S+\))?( business| calendar)? (days?|months?|hours?|weeks?)\b", -0.6),
    cue(r"\binsurance|insured|coverage|per occurrence|policy|policies\b", -1.2),
    cue(
        r"\bnon-binding|not (be )?(a )?binding|no (obligation|commitment|minimum)|not (be )?(obligated|required|"
        r"committed)",
        -0.7,
    ),
    cue(r"\bnotice\b|\bwritten notice|confidential|arbitrat", -0.3),
    cue(r"\b(voting|equity|capital stock|net worth|outstanding shares|majority)\b", -0.6),
    cue(
        r"\bminimum (standards?|wage|specifications?|qualifications?|extent|age)\b|standard of care|degree of care",
        -0.6,
    ),
    cue(r"\bbinding (upon|on|arbitration|effect|agreement|obligation)", -0.5),
    cue(r"liabilit|indemnif|warrant", -0.4),
    heading=(
        cue(r"minimum|commitment|quota|guarantee|forecast|purchase|shortfall", 0.4),
        cue(r"insurance|notice|confidential|definition|liabilit|indemn|warrant|terminat|assign", -0.5),
    ),
    threshold=0.9,
    limit=4,
)

# Volume restriction: use above a threshold costs more, needs consent, or is not allowed.
_VOLUME = rule(
    "volume_restriction",
    r"exceed|in excess of|more than|maximum|up to|limit",
    cue(
        r"\b(exceed|exceeds|exceeding|in excess of|more than|greater than)\b[^.;]{0,80}"
        r"\b(units|users|seats|copies|transactions|quantit(y|ies)|volumes?|capacity|impressions|orders?|servers|"
        r"downloads|hours|"
        r"pages|subscribers|licenses|forecast)\b",
        0.6,
    ),
    cue(
        r"\b(quantit(y|ies)|volumes?|number of|capacity|usage|orders?|deliveries|hours)\b[^.;]{0,120}"
        r"\b(shall|will|may) not exceed\b|\bmaximum (number|quantity|volume|capacity|amount) of\b",
        0.6,
    ),
    cue(
        r"\b(additional|excess|overage|incremental|extra) (fees?|charges?|payments?|units|volumes?|services|"
        r"hours|quantit)",
        0.5,
    ),
    cue(r"\b(pay|charged?|fees?|surcharge)\b", 0.25),
    cue(r"\bexceed|in excess of\b", 0.2),
    cue(
        r"\bno (obligation|duty) to (supply|accept|deliver|provide)|not (be )?(obligated|required) to (supply|"
        r"accept|deliver|provide)",
        0.3,
    ),
    cue(r"\bliab|damages|indemni|insurance|interest|royalt|net sales|audit|employees|penalt|lost\b|revenue|tax", -0.9),
    cue(r"\b(days|months) (after|prior|from|of)\b", -0.2),
    heading=(cue(r"volume|capacity|limit|overage|forecast|quantit|excess|restriction", 0.25), cue(r"liabilit", -1.0)),
    threshold=0.95,
    limit=3,
)

# Audit: a right to examine books and records, or to inspect the places where the contract is performed.
_AUDIT = rule(
    "audit_rights",
    r"audit|inspect|examin|books|records|access to",
    cue(
        r"\b(right|rights|entitled|permit|permits|permitted|allow|allows|may|afford|reserves?)\b[^.;]{0,140}"
        r"\b(audit|inspect|inspection|examine|examination|review)",
        0.6,
    ),
    cue(
        r"\b(audit|inspect|examine|review|copy)\b[^.;]{0,100}\b(books|records|accounts|ledgers|facilit(y|ies)|"
        r"premises|locations?)\b",
        0.6,
    ),
    cue(
        r"\b(books|records|accounts|facilit(y|ies)|premises)\b[^.;]{0,160}\b(audit(ed)?|inspect(ed|ion)?|"
        r"examin(ed|ation)|"
        r"available (for|to|upon|at)|open (to|for)|reviewed)",
        0.6,
    ),
    cue(
        r"\b(normal|regular|reasonable|usual|ordinary) (business|working|office)? ?hours|during (normal|"
        r"regular) business",
        0.4,
    ),
    cue(
        r"\bindependent (certified )?(public )?(accounting|accountant|auditor|third[- ]party)|certified public "
        r"account|auditors?\b",
        0.4,
    ),
    cue(r"\b(reasonable|prior|advance)( \w+){0,2} notice|written request|days'? (prior )?(written )?notice", 0.2),
    cue(
        r"\baudit|inspection\b[^.;]{0,200}\b(underpayment|under-?pa(y|id)\w*|discrepanc\w+|shortfall|"
        r"deficienc\w+|error|"
        r"understate\w*|overcharge)",
        0.3,
    ),
    cue(
        r"\b(underpayment|under-?pa(y|id)\w*|discrepanc\w+|shortfall|deficienc\w+|understate\w*|"
        r"overcharge\w*)[^.;]{0,200}"
        r"\b(cost|expense|fees?)\b",
        0.3,
    ),
    cue(r"\bsuch (audit|inspection|examination|records|books)|(any|each|the) audit\b|audits?\b", 0.35),
    cue(r"\b(cost|costs|expense|expenses) of (the|such|any) (audit|inspection|examination)", 0.3),
    cue(r"\b(visit|enter|access)\b[^.;]{0,80}\b(facilit(y|ies)|premises|plants?|sites?|locations?)\b", 0.4),
    cue(r"\b(keep|maintain|retain|preserve)\b[^.;]{0,80}\b(books|records)\b", 0.15),
    # Inspecting goods on delivery is acceptance; audited statements are reporting.
    cue(
        r"\binspect(ion)?\b[^.;]{0,60}\b(products?|goods|shipments?|deliver(y|ed)|articles|merchandise|samples|"
        r"equipment)\b|"
        r"\baccept(ance)? or reject",
        -0.4,
    ),
    cue(r"\baudited (financial|annual|balance|consolidated|net)|financial statements|\bSEC\b|securities", -0.5),
    cue(r"audit committee|patent|invention|court|laborator|examination of (the )?(title|patent)|medical", -0.4),
    cue(r"confidential information|return or destroy|destroy", -0.3),
    heading=(
        cue(r"audit|inspection|records?\b|books|access|examin", 0.4),
        cue(r"accept|warrant|definition|confiden|represent|deliver|indemn", -0.3),
    ),
    threshold=0.85,
    limit=3,
)

RULES: tuple[Rule, ...] = (_REVENUE_SHARING, _PRICE_RESTRICTIONS, _MINIMUM, _VOLUME, _AUDIT)

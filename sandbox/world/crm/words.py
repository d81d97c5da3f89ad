"""The vocabulary of the accounts. Invented names; every address is at example.test."""

STAGES = (
    "Lead", "Attempted Contact", "Nurture", "Hot Prospect", "Active Client", "Under Contract",
    "Closed", "Past Client", "Unresponsive",
)  # fmt: skip
SOURCES = (
    "Website",
    "Open House",
    "Sphere",
    "Referral",
    "Zillow-like Portal",
    "Imported",
    "Sign Call",
)
TAGS = ("past client", "VIP", "Seller", "investor", "café", "2024-import", "relocation")
EVENT_TYPES = (
    "Registration", "Inquiry", "Seller Inquiry", "Property Inquiry", "General Inquiry",
    "Viewed Property", "Saved Property", "Visited Website", "Incoming Call", "Unsubscribed",
    "Property Search", "Saved Property Search", "Visited Open House", "Viewed Page",
    "Virtually Toured Property",
)  # fmt: skip
OUTCOMES = ("No Answer", "Left Message", "Interested", "Not Interested", "Bad Number", None, None)
MASKED = "* Recording hidden: ask the account owner for access *"
ODD_NAMES = (
    ("Zoë", "Núñez-Example"),
    ("Łukasz", "Śample"),
    ("李", "示例"),
    ("محمد", "مثال"),
    ("🏡 Lead", "Sunny ☀️"),
    ("Maeve", "O'Sample"),
    ("  Trim ", "Spaced"),
    ("", ""),
    ("", "Onlylast"),
    ("NULL", "Null"),
    ("Tab\there", 'Quote "and" \\ slash'),
    ("Line\nbreak", "Under_score%"),
)
WORDS = (
    "prefers", "evenings", "looking", "for", "three", "bedrooms", "near", "the", "park", "a",
    "budget", "moving", "in", "spring", "has", "dog", "wants", "garage", "quiet", "street",
)  # fmt: skip

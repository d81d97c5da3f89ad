"""The vocabulary of the accounts: stages, sources, roles, tags, fields. All of it is invented."""

from __future__ import annotations

STAGES = (
    (9, "New Lead"), (10, "Attempted Contact"), (11, "Working"), (12, "Appointment Set"),
    (13, "Met With"), (14, "Showing Homes"), (15, "Under Contract"), (16, "Closed"),
    (17, "Sphere"), (18, "Nurture"), (19, "Archived"), (20, "Do Not Contact"),
)  # fmt: skip
SOURCES = (
    (14, "Open House"), (15, "Website"), (16, "Zillow-like Portal"), (17, "Referral"),
    (18, "Sign Call"), (19, "Paid Search"), (20, "Import 2024 (CSV)"),
)  # fmt: skip
# role id, name: every lead carries the whole catalogue
ROLES = ((1, "Agent"), (2, "ISA"), (3, "Assistant"), (4, "Lender"), (5, "Transaction Coordinator"))
TAGS = ("Spring", "VIP", "Past client", "Investor", "café", "Relocation", "2024-import")
OFFICES = ((31, "North"), (32, "South"))
# type, (id, name) of its stages; the first is the default one
PIPELINES: tuple[tuple[str, tuple[tuple[int, str], ...]], ...] = (
    ("Purchase", ((101, "Pre-contract"), (102, "Under Contract"), (103, "Closing"),
                  (104, "Closed"), (105, "Lost"))),
    ("Listing", ((201, "Pre-listing"), (202, "Active"), (203, "Under Contract"),
                 (204, "Closed"), (205, "Withdrawn"))),
    ("Lease", ((301, "Searching"), (302, "Application"), (304, "Leased"), (305, "Lost"))),
    ("Other", ((101, "Open"), (104, "Done"), (105, "Dropped"))),
)  # fmt: skip
# name, type, params as the vendor keeps it, values that occur
CUSTOM_FIELDS: tuple[tuple[str, str, str | None, tuple[str, ...]], ...] = (
    ("Pet", "text", None, ("cat", "dog", "Ara 🦜", "")),
    ("Household", "number", None, ("2", "5", "0")),
    ("Move by", "date", None, ("2026-09-01", "2026-12-31")),
    ("Home anniversary", "anniversary_date", None, ("2019-05-04", "2020-02-29")),
    ("Priority", "single_select", '["High","Low"]', ("High", "Low")),
    ("Wishes", "multi_select", '["Pool","Garage","View"]',
     ('["Pool","View"]', '["Garage"]', "[]")),
    ("Down payment", "percentage", None, ("20", "3.5")),
    ("Budget", "currency", None, ("450000", "325000.50")),
)  # fmt: skip
# id, name, type, params, values that occur
TRANSACTION_FIELDS: tuple[tuple[int, str, str, str | None, tuple[str, ...]], ...] = (
    (1001, "Title company", "TEXT", None, ("Demo Title Co", "")),
    (1002, "Walk-through", "DATE", None, ("1769000000000",)),
    (1003, "Units", "NUMBER", None, ("1", "2")),
    (1004, "Referral fee", "PERCENTAGE", None, ("25", "0")),
    (1005, "Financing", "Single-Select", '["Cash","Loan"]', ("Cash", "Loan")),
    (1006, "Extras", "Multi-Select", '["Warranty","Staging"]', ('["Warranty"]',)),
    (1007, "Earnest money", "CURRENCY", None, ("5000", "7500.50")),
    (1008, "Remarks", "HTML", None, ("<p>Keys at the desk</p>",)),
)
OPPORTUNITIES = ("High Interest", "Sell", "Back to Site", "Back on Market")
BUYING = ("1-3", "3-6", "6-12", "12+", "Just Looking", "Refinancing")
LEAD_TYPES = (-1, 1, 2, 5, 6, 7, 8, 9)
YES_NO = (
    "preQual", "houseToSell", "fthb", "withBuyerAgent", "withListingAgent", "mortgage", "buyHouse",
)  # fmt: skip
PROPERTY_TYPES = (
    "Single Family Home", "Multi-Family", "Condo", "Townhouse", "Mobile Home", "Manufactured Home",
    "Vacant Land", "Commercial",
)  # fmt: skip
SITE_TYPES = ("Search", "Browse", "Favorite", "Request", "Submission")
CALL_STATUSES = ("Completed", "Missed", "Failed", "Busy", "NoAnswer", "VoiceMail")
CALL_OUTCOMES = ("Talked", "VoiceMessage", "NoAnswer", "BadNumber", "DNCNumber", "DNCContact")
NOTES = ("Prefers evenings", "Wants a garage", "Line one\nline two", "Ruft später an ☎", "")
ODD_NAMES = (
    ("Zoë", "Núñez-Example"),
    ("李", "示例"),
    ("🏡 Lead", "Sunny ☀️"),
    ("Maeve", "O'Sample"),
    ("  Trim ", "Spaced"),
    ("", ""),
    ("", "Onlylast"),
    ("NULL", "Null"),
    ("Tab\there", 'Quote "and" \\ slash'),
    ("Abcdefghijklmnopqrstuvwxyzabcd", "Longest Name The Vendor Allows"),
)

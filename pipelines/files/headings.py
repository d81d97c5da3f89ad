"""What columns are called: the headings of each field, and those whose cells are never stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_ADDRESS: Mapping[str, tuple[str, ...]] = {
    "street": (
        "street", "street address", "property address", "address", "address 1", "address line 1",
        "property", "home street",
    ),
    "unit": ("unit", "unit number", "apt", "apartment", "suite", "address 2", "address line 2"),
    "city": ("city", "property city", "town", "home city"),
    "county": ("county", "property county"),
    "state": ("state", "property state", "province", "state province", "home state"),
    "postal_code": (
        "postal code", "zip", "zip code", "zipcode", "property zip", "postcode",
        "home postal code",
    ),
    "country": ("country", "property country"),
}  # fmt: skip
_AGENT: Mapping[str, tuple[str, ...]] = {
    "agent_name": ("agent", "agent name", "primary agent", "listing agent", "assigned to"),
    "agent_email": ("agent email", "agent e mail", "listing agent email"),
}

HEADINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "transactions": {
        "transaction_id": (
            "transaction id", "deal id", "transaction number", "deal number", "file number",
            "transaction code", "id",
        ),
        "mls_number": ("mls number", "mls", "mls id", "mlsnumber"),
        "status": ("status", "transaction status", "deal status", "stage"),
        "transaction_type": ("transaction type", "deal type", "type"),
        "side": ("side", "representation", "represented", "buyer or seller", "represents"),
        "property_type": ("property type", "property class"),
        "lead_source": ("lead source", "source"),
        **_ADDRESS,
        "buyer_name": ("buyer", "buyer name", "buyers", "buyer names", "tenant"),
        "seller_name": ("seller", "seller name", "sellers", "seller names", "landlord"),
        **_AGENT,
        "list_price": ("list price", "listing price", "asking price"),
        "price": (
            "sale price", "sales price", "sold price", "closing price", "close price",
            "closed price", "contract price", "purchase price", "price",
        ),
        "gross_commission": (
            "gci", "gross commission", "gross commission income", "total commission",
            "commission amount", "commission",
        ),
        "net_commission": (
            "net commission", "agent net", "net to agent", "agent commission", "net payout",
        ),
        "commission_percent": (
            "commission percent", "commission percentage", "commission rate", "commission pct",
        ),
        "listing_date": ("listing date", "list date", "listed", "listed on"),
        "contract_date": (
            "contract date", "under contract date", "pending date", "acceptance date",
            "contract acceptance date",
        ),
        "expected_closing_date": (
            "expected closing date", "expected close date", "estimated closing date",
            "estimated close date", "scheduled closing date", "projected close date",
        ),
        "closing_date": (
            "closing date", "close date", "closed date", "actual closing date", "date closed",
            "sold date", "settlement date", "closed", "closed on",
        ),
        "cancelled_date": (
            "cancelled date", "canceled date", "cancellation date", "terminated date",
            "fell through date",
        ),
    },
    "listings": {
        "listing_id": ("listing id", "listing number", "file number", "id"),
        "mls_number": ("mls number", "mls", "mls id", "mlsnumber"),
        "status": ("status", "listing status", "stage"),
        "listing_type": ("listing type", "type"),
        "property_type": ("property type", "property class"),
        "lead_source": ("lead source", "source"),
        **_ADDRESS,
        "seller_name": ("seller", "seller name", "sellers", "seller names", "landlord", "owner"),
        **_AGENT,
        "list_price": ("list price", "listing price", "asking price", "price"),
        "commission_percent": (
            "commission percent", "commission percentage", "commission rate", "commission pct",
        ),
        "listing_date": ("listing date", "list date", "listed", "listed on", "start date"),
        "expiration_date": ("expiration date", "expiry date", "expires", "expire date"),
        "cancelled_date": ("cancelled date", "canceled date", "withdrawn date"),
    },
    "contacts": {
        "contact_id": ("contact id", "person id", "lead id", "id"),
        "name": ("name", "full name", "contact name", "contact"),
        "first_name": ("first name", "firstname", "first", "given name"),
        "last_name": ("last name", "lastname", "last", "surname", "family name"),
        "email": ("email", "e mail", "email address", "primary email", "email 1"),
        "phone": (
            "phone", "phone number", "mobile", "mobile phone", "cell", "cell phone",
            "primary phone", "phone 1",
        ),
        "company": ("company", "company name", "organization"),
        "stage": ("stage", "status", "contact stage", "lead stage"),
        "lead_source": ("lead source", "source"),
        "tags": ("tags", "tag", "groups", "labels"),
        "agent_name": ("agent", "agent name", "assigned to", "owner"),
        **{name: words for name, words in _ADDRESS.items() if name != "county"},
        "budget": ("budget", "max price", "price"),
        "created_date": ("created date", "created", "date added", "date created", "created at"),
        "last_contact_date": (
            "last contact date", "last contact", "last contacted", "last activity",
        ),
    },
}  # fmt: skip
"""By entity and field, the best heading first, as `plain` writes it."""

CURRENCY_HEADINGS = ("currency", "currency code", "ccy")

_DENIED_WORDS = ("ssn", "sin number", "itin", "tin", "ein", "dob", "iban", "cvv", "cvc", "secret")
_DENIED_PARTS = (
    "socialsecurity", "socialinsurance", "taxid", "taxpayerid", "dateofbirth", "birthdate",
    "birthday", "bankaccount", "routingnumber", "creditcard", "debitcard", "cardnumber",
    "passport", "driverlicense", "driverslicense", "driverlicence", "driverslicence", "password",
    "passcode", "apikey", "privatekey", "token",
)  # fmt: skip
"""What names a denied column: a whole word, or anywhere in a heading that is written as one."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def plain(heading: str) -> str:
    """A heading without case, accents, signs and spacing: `MLS #`, `mls_no` → `mls number`."""
    text = unicodedata.normalize("NFKD", heading).casefold()
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    text = text.replace("#", " number ").replace("%", " percent ")
    text = " ".join(re.sub(r"[^\w]+|_", " ", text).split())
    return re.sub(r"\b(?:no|nr|num)$", "number", text)


def is_denied(heading: str) -> bool:
    """True if a column of this name holds tax, bank or birth data or a secret."""
    words = plain(_CAMEL.sub(" ", heading))
    glued = words.replace(" ", "")
    return any(f" {word} " in f" {words} " for word in _DENIED_WORDS) or any(
        part in glued for part in _DENIED_PARTS
    )

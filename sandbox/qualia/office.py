"""The title company itself: its people, its branches, its address book."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from sandbox.qualia.model import Agency, Company, Person, Row, new_id
from sandbox.world.names import COMPANIES, FIRST, LAST, PLACES

BROKERAGE = "Real Broker LLC"
OTHER_AGENCIES = ("Invented Realty LLC", "Sample Homes Group", "Fixture & Sons Realtors")
LENDERS = ("Placeholder Lending", "First Example Bank", "Sample Credit Union")
ROLES = ("Escrow Officer", "Escrow Assistant", "Closer", "Title Examiner", "Funder")
# contacts of an order → (type, names to choose from)
TRADES: dict[str, tuple[str, tuple[str, ...]]] = {
    "agencies": ("REAL_ESTATE_AGENCY", (BROKERAGE, *OTHER_AGENCIES)),
    "lenders": ("LENDER", LENDERS),
    "mortgageBrokerages": ("MORTGAGE_BROKERAGE", ("Template Mortgage Brokers",)),
    "settlementAgencies": ("SETTLEMENT_AGENCY", COMPANIES[:2]),
    "titleCompanies": ("TITLE_COMPANY", ("Example Title LLC",)),
    "titleAbstractors": ("TITLE_ABSTRACTOR", ("Specimen Abstracts",)),
    "underwriters": ("UNDERWRITER", ("Model Title Insurance",)),
    "surveyingFirms": ("SURVEYING_FIRM", ("Mock Surveying",)),
    "recordingOffices": ("RECORDING_OFFICE", ("County Recorder",)),
    "taxAuthorities": ("TAX_AUTHORITY", ("County Treasurer",)),
    "otherContacts": ("OTHER", ("Example Appraisals", "Sample Insurance Group", "Warranty Co")),
}


def county(name: str) -> str:
    """A county's name as the title company writes it."""
    return name.removesuffix(" COUNTY").title()


def address(street: str | None, place: int, *, unit: str | None = None) -> Row:
    """An address in one of the world's places."""
    city, _, state, zip_code, region, _ = PLACES[place % len(PLACES)]
    return {
        "address1": street,
        "address2": unit,
        "city": city,
        "state": state,
        "zipcode": zip_code,
        "county": county(region),
    }


STAFF = 9


class Office:
    """See the module's text. `people`, `agencies` and `companies` by id."""

    def __init__(self, seed: str, rng: Random, opened: datetime) -> None:
        self._seed = seed
        self.people: dict[str, Person] = {}
        self.agencies: dict[str, Agency] = {}
        self.companies: dict[str, Company] = {}
        self._by_name: dict[str, str] = {}
        for number in range(STAFF):
            first, last = rng.choice(FIRST), rng.choice(LAST)
            role = ROLES[number % len(ROLES)]
            person = Person(
                id=new_id(f"{seed}:user:{number}"),
                first_name=first,
                last_name=last,
                email=None if number == 8 else f"{first}.{last}{number}@title.example.com".lower(),
                phone=f"555-01{number:02d}" if number % 3 else None,
                role=role,
                role_id=f"rl{number % len(ROLES)}",
            )
            self.people[person.id] = person
        for number, name in enumerate((*COMPANIES, None)):
            agency = Agency(
                id=new_id(f"{seed}:agency:{number}"),
                name=name,
                branch_name=("Downtown", "North", None)[number % 3] if name else None,
                email=f"branch{number}@title.example.com" if name else None,
                phone=f"555-02{number:02d}" if name else None,
                fax=f"555-03{number:02d}" if number % 2 else None,
                addresses=[address(f"{100 + number} Branch Street", number)] if name else [],
            )
            self.agencies[agency.id] = agency
        for kind, names in TRADES.values():
            for name in names:
                self.add_company(name, kind, opened + timedelta(days=7 * len(self.companies)))

    def add_company(self, name: str, kind: str | None, at: datetime) -> Company:
        """A new entry of the address book."""
        number = len(self.companies)
        company = Company(
            id=new_id(f"{self._seed}:company:{number}"),
            name=name,
            type=kind,
            email=f"desk{number}@example.com" if number % 5 else None,
            phone=f"555-04{number:02d}",
            fax=f"555-05{number:02d}" if number % 4 == 0 else None,
            national_license=f"{700000 + number}" if kind in ("LENDER", None) else None,
            state_licenses=[{"id": f"SL-{number}", "state": "UT"}] if number % 3 == 0 else [],
            address=address(f"{10 + number} Business Park", number),
            mailing_address=address("PO Box 7", number) if number % 4 == 1 else None,
            touched=at,
        )
        self.companies[company.id] = company
        self._by_name[name] = company.id
        return company

    def company(self, name: str) -> Company:
        """A company by the name under which it came."""
        return self.companies[self._by_name[name]]

    def agency_of(self, name: str | None) -> Agency:
        """The branch of that name, else the first."""
        agencies = list(self.agencies.values())
        return next((a for a in agencies if a.name == name), agencies[0])

    def staff(self, rng: Random) -> list[Person]:
        """Who works on an order: those of the first day, so that nobody new changes an old one."""
        return rng.sample(list(self.people.values())[:STAFF], k=rng.choice((2, 3, 3)))

    def company_row(self, it: Company, associates: list[Row] | None = None) -> Row:
        """A company as an order's contact, or with no associates as an entry of the book."""
        row: dict[str, Any] = {
            "__typename": "OrderCompany",
            "id": it.id,
            "name": it.name,
            "phone": it.phone,
            "fax": it.fax,
            "email": it.email,
            "type": it.type,
            "nationalLicenseID": it.national_license,
            "stateLicenseIDs": it.state_licenses,
            "primaryAddress": it.address,
            "mailingAddress": it.mailing_address,
            "associates": associates or [],
        }
        return row

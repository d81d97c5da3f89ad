"""The odd people of the contract (§10.9), each at a known place of every account."""

from __future__ import annotations

from sandbox.world.crm.account import Account
from sandbox.world.crm.model import LENDER, Person
from sandbox.world.crm.shapes import email_of, phone_of


def make_odd(account: Account, person: Person, number: int) -> None:
    """Oddities by position, so that every account with 60 people has each of them at a known
    place.
    """
    match number:
        case 12:
            person.emails = []
        case 13:
            person.emails, person.last_name, person.first_name = [], "", ""
        case 14:
            person.emails, person.phones = [], []
        case 15:
            person.phones = []
        case 16:
            person.social_data = []
        case 17:
            person.social_data = {}
        case 18:
            person.social_data = {"linkedin": "https://social.example.test/x"}
        case 19:
            person.assigned_user_id, person.assigned_pond_id = None, 5
            person.extra = {"pondMembers": [{"id": account.owner.id, "name": account.owner.name}]}
        case 20:
            person.assigned_user_id, person.assigned_pond_id = None, 6
        case 21 | 22:
            person.claimed, person.assigned_user_id = False, None
        case 23:
            person.claimed = None
        case 24 | 25 | 26:
            person.stage_id = account.trash_id
        case 27:
            person.emails.append(
                {"value": "", "type": "other", "status": "Not Validated", "isPrimary": 0}
            )
            person.emails.append(email_of(f"second.{person.id}@example.test", "work", primary=0))
        case 28:
            person.phones.append(
                {**phone_of(person.id), "type": "home", "isPrimary": 0, "isLandline": True}
            )
        case 29:
            person.addresses = [
                {"type": "", "street": "", "city": "", "state": "", "code": "", "country": ""}
            ]
        case 30:
            person.collaborator_ids = [u.id for u in account.users.values() if u.kind == LENDER] + [
                1
            ]
            person.assigned_lender_id = person.collaborator_ids[0]
        case 31:
            person.background = "x" * 10_240
        case 32:
            person.relationships = [
                {
                    "id": 61,
                    "name": "Pat Sample",
                    "firstName": "Pat",
                    "lastName": "Sample",
                    "type": "Spouse",
                }
            ]
        case 33:
            person.source = person.source_id = None
            person.created_via = None
        case 34:
            person.picture = {"small": "https://img.example.test/1.png"}
        case 35:
            person.custom["customOrder"] = 'select; "quoted" -- text'
        case 36:
            person.price = 9_000_000_000
        case 37:
            person.tags = ["UPPER", "upper", "emoji 🏠", ""]
        case 38:
            # somebody whose user was removed and whose id nobody knows any more
            person.assigned_user_id = 999
        case 39:
            person.lead_flow_id, person.timeframe_id = 8, 2
            person.extra = {
                "timeframeUpdated": "2026-05-01T00:00:00Z",
                "timeframeStatus": "Active",
                "timeframeDateRange": {"start": "2026-07-01", "end": "2026-09-30"},
            }
        case 40:
            person.extra = {"teamLeaders": [{"id": account.owner.id, "name": account.owner.name}]}
        case _:
            pass

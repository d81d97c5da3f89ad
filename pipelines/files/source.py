"""CSV files as a vendor: its entities, and the check of an account.

What a person imports for an agent lies in a folder; a sync reads it like any vendor's lists. There
is no request, no credential and no plain dlt source: `brokerage import` brings files in.
"""

from __future__ import annotations

from pipelines.common.account import Identity
from pipelines.common.entity import Entity, Vendor
from pipelines.common.http import Api, VendorSettings
from pipelines.files import models
from pipelines.files.client import DIALECT, FilesSettings
from pipelines.files.mapping import KEY_FIELD
from pipelines.files.reader import read_imports

_EVIDENCE = "the headings of the file, by the mapping that was kept with it"
_CONTRACT = "docs/vendors/files.md"


def _imported(name: str, title: str, what: str, model: type[models.FilesModel]) -> Entity:
    return Entity(
        name=name,
        title=title,
        description=f"{what} out of imported files; of each key the latest import's row.",
        model=model,
        key=(KEY_FIELD,),
        read=read_imports,
        strategy="sweep",
        contract=_CONTRACT,
        evidence=_EVIDENCE,
    )


ENTITIES = (
    _imported("transactions", "Transactions", "Sales and leases", models.Transaction),
    _imported("listings", "Listings", "Listings", models.Listing),
    _imported("contacts", "Contacts", "Contacts", models.Contact),
)


def check(api: Api, _settings: VendorSettings) -> Identity:
    """The account is the agent: nobody has to be asked."""
    return Identity(account_source_id=api.account.agent_key, label="CSV files")


FILES = Vendor(
    name="files",
    title="CSV files",
    dialect=DIALECT,
    entities=ENTITIES,
    settings_type=FilesSettings,
    check=check,
    credential_names=(),
    docs="docs/vendors/files.md",
)

"""Check that the token keys of an edge are those of its installation. Each machine has its own key file.

An edge with different keys would issue ids that all other edges answer with 404. The first edge stores a digest of
its keys in the warehouse, from which no key can be derived; every later edge compares.
"""

import secrets

from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import Fact
from schemas.values.click_id import TokenKeys
from warehouse.port import Warehouse, rows_of

NAME = "token_keys"


def are_of_installation(warehouse: Warehouse, keys: TokenKeys, now_us: int) -> bool:
    """True when the keys are those that the installation began with; they are from now on if it has none.

    Raises WarehouseError.
    """
    known = _known(warehouse)
    if known is None:
        fact = to_arrow("facts", [(Fact(NAME, keys.installation, now_us),)])
        warehouse.insert("facts", fact, f"{NAME}:{secrets.token_hex(8)}")
        known = _known(warehouse)  # of two that were first at once, one is
    return known == keys.installation


def _known(warehouse: Warehouse) -> str | None:
    found = rows_of(
        warehouse.query(
            f"SELECT value FROM {DATABASE}.facts WHERE name = {{name:String}} ORDER BY ts, value LIMIT 1",
            {"name": NAME},
        )
    )
    return found[0]["value"] if found else None

"""Rename database `analyst` in a checked statement, for an installation that uses another name. Pure."""

from typing import Any

from reporting.sql.functions import IN_FUNCTIONS
from schemas.ddl import ANALYST


def in_database(node: Any, database: str) -> Any:
    """Return the parsed statement with tables of `analyst` in another database. Aliases of the user stay unchanged."""
    if isinstance(node, list):
        return [in_database(part, database) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: in_database(value, database) for key, value in node.items()}
    match node.get("type"):
        case "TableIdentifier":
            return _renamed(made, 2, database)
        case "Identifier":  # analyst.table.column; a two-part name may be a column of an alias named "analyst"
            return _renamed(made, 3, database)
        case "Function" if str(node["name"]).lower() in IN_FUNCTIONS:
            first, *others = made["arguments"]["children"]
            made["arguments"]["children"] = [first, *(_renamed(other, 2, database) for other in others)]
        case "QualifiedAsterisk" | "QualifiedColumnsListMatcher" | "QualifiedColumnsRegexpMatcher":
            made["qualifier"] = _renamed(made["qualifier"], 2, database)
        case "ShowTablesQuery" if "from" in node:
            made["from"] = {**made["from"], "name": database}
        case "ShowColumnsQuery":
            made["database"] = database
    return made


def _renamed(node: Any, words_min: int, database: str) -> Any:
    parts = node.get("name_parts") if isinstance(node, dict) else None
    if not parts or len(parts) < words_min or parts[0] != ANALYST:
        return node
    renamed = [database, *parts[1:]]
    return {**node, "name_parts": renamed, "name": ".".join(renamed)}

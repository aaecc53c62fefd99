"""Check SQL of `clew sql`: only syntax, functions and tables on the lists below may run.

The user's text is only ever a bound parameter of the engine's parser, which returns the parsed statement as a tree.
The guard checks every node, and the engine formats the checked tree into the statement that runs. So guard and engine
see the same statement, comments and quoting have no effect, and new syntax of a later engine is refused until it is
added here. Names without a database must mean `analyst`; the caller sets the setting `database` for that.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from reporting.sql.functions import IN_FUNCTIONS, is_allowed
from reporting.sql.rename import in_database
from schemas.ddl import ANALYST
from warehouse.port import WarehouseError

Node = dict[str, Any]
Ask = Callable[[str, str], str]
"""Calls parseQueryToJSON, formatQueryFromJSON or formatQuerySingleLine of the engine on a text."""

QUERY_BYTES_MAX = 100_000
"""Maximum length of a statement."""


class SqlRefused(ValueError):
    """The statement was not run; the message names the part and what to write instead."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A checked statement as the engine writes it."""

    text: str
    kind: Literal["select", "explain", "explain ast", "show", "describe"]


_OUTPUT = {
    "is_outfile_append",
    "is_outfile_truncate",
    "is_into_outfile_with_stdout",
}  # in every tree; false unless written

_KEYS: dict[str, set[str]] = {
    "ArrayJoin": {"kind", "expression_list"},
    "Asterisk": {"transformers"},
    "ColumnsApplyTransformer": {"func_name", "lambda", "lambda_arg", "parameters"},
    "ColumnsExceptTransformer": {"children", "pattern", "is_strict"},
    "ColumnsListMatcher": {"column_list", "transformers"},
    "ColumnsRegexpMatcher": {"pattern", "transformers"},
    "ColumnsReplaceTransformer": {"children", "is_strict"},
    "ColumnsReplaceTransformerReplacement": {"name", "children"},
    "ColumnsTransformerList": {"children"},
    "ExplainQuery": {"kind", "query", "settings", *_OUTPUT},
    "ExpressionList": {"children"},
    "Function": {
        "name", "alias", "arguments", "parameters", "window_definition", "window_name", "nulls_action", "kind",
        "is_operator", "is_window_function", "is_lambda_function", "is_compound_name",
    },
    "Identifier": {"name", "name_parts", "alias"},
    "InterpolateElement": {"column", "expr"},
    "Literal": {"value", "alias"},
    "OrderByElement": {
        "direction", "nulls_direction", "nulls_direction_was_explicitly_specified", "expression", "collation",
        "with_fill", "fill_from", "fill_to", "fill_step", "fill_staleness",
    },
    "QualifiedAsterisk": {"qualifier", "transformers"},
    "QualifiedColumnsListMatcher": {"qualifier", "column_list", "transformers"},
    "QualifiedColumnsRegexpMatcher": {"qualifier", "pattern", "transformers"},
    "SampleRatio": {"numerator", "denominator"},
    "SelectQuery": {
        "with", "recursive_with", "select", "distinct", "tables", "prewhere", "where", "group_by", "group_by_all",
        "group_by_with_totals", "group_by_with_rollup", "group_by_with_cube", "group_by_with_grouping_sets",
        "having", "window", "qualify", "order_by", "order_by_all", "interpolate", "limit_by", "limit_by_length",
        "limit_by_offset", "limit_by_all", "limit_offset", "limit_length", "limit_with_ties", "cte_aliases",
    },
    "SelectWithUnionQuery": {"union_mode", "list_of_modes", "list_of_selects", *_OUTPUT},
    "ShowColumnsQuery": {"database", "table", "like", "not_like", "case_insensitive_like", "limit_length", "full",
                         "extended", *_OUTPUT},
    "ShowTablesQuery": {"from", "like", "not_like", "case_insensitive_like", "limit_length", "full", *_OUTPUT},
    "Subquery": {"children", "alias", "cte_name"},
    "TableExpression": {"database_and_table_name", "table_function", "subquery", "final", "sample_size",
                        "sample_offset", "column_aliases"},
    "TableIdentifier": {"name", "name_parts", "alias"},
    "TableJoin": {"kind", "strictness", "locality", "using_expression_list", "on_expression", "is_natural"},
    "TablesInSelectQuery": {"children"},
    "TablesInSelectQueryElement": {"table_expression", "table_join", "array_join"},
    "WindowDefinition": {
        "parent_window_name", "partition_by", "order_by", "frame_is_default", "frame_type", "frame_begin_type",
        "frame_begin_offset", "frame_begin_preceding", "frame_end_type", "frame_end_offset", "frame_end_preceding",
    },
    "WindowListElement": {"name", "definition"},
    "WithElement": {"name", "subquery", "aliases", "is_materialized"},
}  # fmt: skip
"""Kinds of tree nodes that a statement may contain, with the keys that each may have."""

_SETTINGS = "SETTINGS is not allowed: the limits of a query are settings of Clew (CLEW_API__…); leave it out"
_REASONS = {
    "settings": _SETTINGS,
    "settings_ast": _SETTINGS,
    "SetQuery": _SETTINGS,
    "ShowTablesQuery settings": "SHOW SETTINGS is not allowed: use SHOW TABLES, SHOW COLUMNS or SHOW CREATE TABLE",
    "format_ast": "FORMAT is not allowed: leave it out and use --json or --csv",
    "out_file": "INTO OUTFILE is not allowed: leave it out and redirect the output of --csv or --json",
    "databases": f"SHOW DATABASES is not allowed: there is one database, {ANALYST}; SHOW TABLES lists its tables",
    "where_expression": "SHOW with WHERE is not allowed: use LIKE",
    "QueryParameter": "parameters as {name:Type} are not allowed: write the value",
}
_EXPLAINS = {"EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN QUERY TREE", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE"}
_EXPLAIN_SETTINGS = {
    "header", "description", "indexes", "projections", "actions", "json", "sorting", "keep_logical_steps", "optimize",
    "graph", "compact", "oneline", "run_query_tree_passes", "query_tree_passes", "run_passes", "passes", "dump_passes",
    "dump_tree", "dump_ast",
}  # fmt: skip
_READS_ONLY = "clew sql only reads: write one SELECT, WITH, EXPLAIN, SHOW or DESCRIBE"
_NAME = r"`?(\w+)`?"
_DESCRIBE = re.compile(rf"DESCRIBE TABLE (?:(?:{ANALYST}\.)?{_NAME}|\((.*)\)(?: AS \w+)?)", re.DOTALL)
_SHOW_CREATE = re.compile(rf"SHOW CREATE (?:TABLE|VIEW) (?:{ANALYST}\.)?{_NAME}")
_BAD_ARGUMENTS, _UNKNOWN_FUNCTION = 36, 46


def check_sql(sql: str, ask: Ask, database: str = ANALYST) -> Statement:
    """Return the checked statement for an installation whose analysts' database has this name. Raises SqlRefused."""
    try:
        size = len(sql.encode())
    except UnicodeEncodeError:
        raise SqlRefused("the statement has characters that are not Unicode text: type them again") from None
    if size > QUERY_BYTES_MAX:
        raise SqlRefused(f"the statement is longer than {QUERY_BYTES_MAX} bytes: shorten it")
    try:
        text = ask("parseQueryToJSON", sql)
    except WarehouseError as error:
        if error.code == _UNKNOWN_FUNCTION:
            raise SqlRefused(
                "the warehouse cannot show how it parses a query: clew sql needs ClickHouse 26.8"
            ) from None
        if error.code != _BAD_ARGUMENTS:
            raise SqlRefused(short_error(str(error))) from None
        return _check_unparsed(sql, ask, database)
    node = _decoded(text)
    kind: Literal["select", "explain", "explain ast", "show"] = "select"
    match node.get("type"):
        case "SelectWithUnionQuery":
            _check(node)
        case "ExplainQuery":
            kind = "explain ast" if node.get("kind") == "EXPLAIN AST" else "explain"
            _check_explain(node)
        case "ShowTablesQuery" | "ShowColumnsQuery":
            kind = "show"
            _check_show(node)
        case _:
            raise _not_reading(sql, ask)
    if database != ANALYST:
        text = json.dumps(in_database(_decoded(text), database))
    return Statement(ask("formatQueryFromJSON", text), kind)


def _decoded(text: str) -> Node:
    try:
        node: Node = json.loads(text)
    except RecursionError:
        raise SqlRefused("the statement is nested too deeply: split it") from None
    return node


def _check_unparsed(sql: str, ask: Ask, database: str) -> Statement:
    """Check a statement that the engine does not return as a tree: DESCRIBE and SHOW CREATE, matched as text."""
    try:
        written = ask("formatQuerySingleLine", sql)
    except WarehouseError as error:
        raise SqlRefused(short_error(str(error))) from None
    if _SHOW_CREATE.fullmatch(written):
        return Statement(_of_database(written, database), "show")
    described = _DESCRIBE.fullmatch(written)
    if described is None:
        raise _not_reading(sql, ask)
    if described[1]:
        return Statement(_of_database(written, database), "describe")
    inner = check_sql(described[2], ask, database)
    if inner.kind != "select":
        raise SqlRefused(f"DESCRIBE ({inner.kind.upper()} …) is not allowed: describe a table or a SELECT")
    return Statement(f"DESCRIBE TABLE ({inner.text})", "describe")


def _of_database(written: str, database: str) -> str:
    """Replace the database in DESCRIBE or SHOW CREATE of one table, which is the last word."""
    return re.sub(rf" {ANALYST}\.(?=[^ ]+$)", f" {database}.", written)


def _not_reading(sql: str, ask: Ask) -> SqlRefused:
    try:
        written = ask("formatQuerySingleLine", sql)
    except WarehouseError:
        return SqlRefused(_READS_ONLY)
    words = re.match(r"[A-Z]+(?: [A-Z]+)?", written)
    if words is not None and words[0].startswith(("DESCRIBE", "SHOW CREATE")):
        return SqlRefused(f"{words[0]} works on tables of database {ANALYST} only: SHOW TABLES lists them")
    return SqlRefused(f"{words[0]} is not allowed; {_READS_ONLY}" if words is not None else _READS_ONLY)


def _check_explain(node: Node) -> None:
    if node["kind"] not in _EXPLAINS:
        raise SqlRefused(f"{node['kind']} is not allowed: use EXPLAIN, EXPLAIN PIPELINE or EXPLAIN QUERY TREE")
    for change in node.pop("settings", {}).get("changes", ()):
        if change["name"] not in _EXPLAIN_SETTINGS or not re.fullmatch(r"\d{1,9}", str(change["value"].get("value"))):
            raise SqlRefused(f"EXPLAIN {change['name']} is not allowed: leave it out")
    query = node.get("query")
    if not isinstance(query, dict) or query.get("type") != "SelectWithUnionQuery":
        raise SqlRefused("EXPLAIN is for a SELECT only: write EXPLAIN SELECT …")
    _check(node)


def _check_show(node: Node) -> None:
    """Check SHOW. The engine turns it into a SELECT that contains these words, so they must be plain."""
    database = node.get("database") or node.get("from", {}).get("name") or ANALYST
    if database != ANALYST:
        raise SqlRefused(_of_other_database(f"database {database}"))
    if not re.fullmatch(r"\w*", node.get("table", "")):
        raise SqlRefused(_of_other_database(f"table {node['table']}"))
    if not re.fullmatch(r"[\w%. -]*", node.get("like", "")):
        raise SqlRefused("LIKE of SHOW takes letters, digits, _ and % only")
    _check(node)


def _check(root: Node) -> None:
    """Raise SqlRefused unless every node of the tree has a known kind, known keys and allowed names."""
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
            continue
        if not isinstance(node, dict):
            continue
        kind = str(node.get("type"))
        if kind not in _KEYS:
            raise SqlRefused(_REASONS.get(kind) or f"{kind} is not allowed in clew sql: leave that part out")
        for key in node.keys() - _KEYS[kind] - {"type"}:
            if key == "children":
                _check({"type": "ExpressionList", "children": node[key]})  # for an error that names the part
            reason = _REASONS.get(f"{kind} {key}") or _REASONS.get(key)
            raise SqlRefused(reason or f"{key.replace('_', ' ')} is not allowed in clew sql: leave it out")
        todo += _parts(kind, node)


def _parts(kind: str, node: Node) -> list[Any]:
    """Check the names of a node and return the parts to check next."""
    match kind:
        case "Literal":
            return []
        case "TableIdentifier":
            _check_table(node)
        case "Function":
            _check_function(node)
        case "ColumnsApplyTransformer" if "func_name" in node:
            _check_name(node["func_name"])
        case "TableExpression":
            if node.get("database_and_table_name", {}).get("type", "TableIdentifier") != "TableIdentifier":
                raise SqlRefused(_of_other_database("a table without a plain name"))
            if "table_function" in node:
                rest = {key: value for key, value in node.items() if key != "table_function"}
                return [*rest.values(), _arguments_of_numbers(node["table_function"])]
    return list(node.values())


def _arguments_of_numbers(function: Node) -> Any:
    """Return the arguments of `numbers`, the only allowed table function."""
    name = function.get("name")
    if function.get("type") != "Function" or name != "numbers":
        raise SqlRefused(f"table function {name} is not allowed: read tables of database {ANALYST}, or numbers(n)")
    if function.keys() - {"type", "name", "alias", "arguments"}:
        raise SqlRefused("numbers takes one or two plain arguments: write numbers(n) or numbers(from, n)")
    return function.get("arguments")


def _check_table(node: Node) -> None:
    """Check a table name: one word is a table of `analyst` or a name from WITH; two words are database and table."""
    parts = node.get("name_parts") or [node["name"]]
    if len(parts) == 1 and "." not in parts[0]:
        return
    if len(parts) != 2 or parts[0] != ANALYST:
        raise SqlRefused(_of_other_database(f"table {node['name']}"))


def _of_other_database(what: str) -> str:
    return f"{what} is not allowed: clew sql reads database {ANALYST} only; SHOW TABLES lists its tables"


def _check_function(node: Node) -> None:
    name = str(node["name"])
    _check_name(name)
    if name.lower() not in IN_FUNCTIONS:
        return
    for argument in node.get("arguments", {}).get("children", [])[1:]:
        parts = argument.get("name_parts") or [argument.get("name", "")]
        if argument.get("type") == "Identifier" and len(parts) > 1 and parts[0] != ANALYST:
            raise SqlRefused(
                f"IN {argument['name']} is not allowed: write IN (SELECT … FROM {ANALYST}.…), or has(array, value)"
            )


def _check_name(name: str) -> None:
    if not is_allowed(name):
        raise SqlRefused(f"function {name} is not allowed in clew sql: docs/guide/sql.md lists the allowed ones")


def short_error(message: str) -> str:
    """Shorten the engine's message to one sentence without codes, stack or text of the statement."""
    line = message.strip().splitlines()[0] if message.strip() else "the engine gave no reason"
    line = re.sub(r"(Code: \d+\. )?DB::Exception: ", "", line)
    line = re.sub(r"^Code: \d+\. ", "", line)
    line = re.split(
        r"[.:]? In scope |: while executing |: While executing |\. Expected one of|\. Maybe you meant", line
    )[0]
    line = re.sub(r"(\.? \((version [\d.]+|[A-Z_]+)\))+\.?$", "", line)
    return line[:300].rstrip(" .:")

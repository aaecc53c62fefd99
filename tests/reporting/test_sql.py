"""Answers of `clew sql`: JSON values, column names of the engine, limits whose errors name the fix."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from clew.cli.output import cell_text
from reporting.sql.guard import SqlRefused
from reporting.sql.run import SqlAnswer, run_sql
from runtime.settings import ApiSettings
from schemas.columns import to_arrow
from schemas.tables import Enrichment, Source
from tests.conftest import KINDS_OF_WAREHOUSE, empty, warehouse_of
from tests.schemas.samples import conversion, touch
from warehouse.port import Warehouse

Run = Callable[..., SqlAnswer]


@pytest.fixture(params=KINDS_OF_WAREHOUSE)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse_of(request)


@pytest.fixture
def run(warehouse: Warehouse) -> Run:
    return lambda sql, **bounds: run_sql(warehouse, sql, ApiSettings(**bounds))


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("18446744073709551615", "UInt64", 18446744073709551615),
        ("toInt8(-1)", "Int8", -1),
        ("toInt256('-123456789012345678901234567890')", "Int256", -123456789012345678901234567890),
        ("true", "Bool", True),
        ("0.5", "Float64", 0.5),
        ("nan", "Float64", None),
        ("1 / 0", "Float64", None),
        ("toDecimal128('7.50', 4)", "Decimal(38, 4)", "7.5000"),
        ("toDecimal128(0, 12)", "Decimal(38, 12)", "0.000000000000"),
        ("toDecimal64('-0.01', 2)", "Decimal(18, 2)", "-0.01"),
        ("toDate('2017-11-07')", "Date", "2017-11-07"),
        ("toDate32('1920-01-02')", "Date32", "1920-01-02"),
        ("toDateTime('2017-11-07 09:30:00')", "DateTime", "2017-11-07T09:30:00Z"),
        ("toDateTime('2017-11-07 09:30:00', 'Asia/Tokyo')", "DateTime('Asia/Tokyo')", "2017-11-07T00:30:00Z"),
        ("toDateTime64('2017-11-07 09:30:00.1', 6, 'UTC')", "DateTime64(6, 'UTC')", "2017-11-07T09:30:00.100000Z"),
        ("toDateTime64('2017-11-07 09:30:00.1', 3)", "DateTime64(3)", "2017-11-07T09:30:00.100Z"),
        ("toDateTime64('1921-11-07 09:30:00', 0)", "DateTime64(0)", "1921-11-07T09:30:00Z"),
        ("toDateTime64('2017-11-07 09:30:00.123456789', 9)", "DateTime64(9)", "2017-11-07 09:30:00.123456789"),
        ("CAST('a', 'LowCardinality(String)')", "LowCardinality(String)", "a"),
        ("toNullable(toDateTime('2017-11-07 09:30:00'))", "Nullable(DateTime)", "2017-11-07T09:30:00Z"),
        ("NULL", "Nullable(Nothing)", None),
        ("CAST(NULL, 'Nullable(Decimal(9, 2))')", "Nullable(Decimal(9, 2))", None),
        ("CAST(NULL, 'Nullable(IPv4)')", "Nullable(IPv4)", None),
        ("toFixedString('ab', 4)", "FixedString(4)", "ab"),
        ("unhex('ff41')", "String", "\\xffA"),
        ("'żółw \\0 \\n'", "String", "żółw \0 \n"),
        ("[1, 2]", "Array(UInt8)", [1, 2]),
        ("[[toDecimal32(1, 1)], []]", "Array(Array(Decimal(9, 1)))", [["1.0"], []]),
        ("[toDateTime('2017-11-07 09:30:00')]", "Array(DateTime)", ["2017-11-07T09:30:00Z"]),
        ("[1, NULL]", "Array(Nullable(UInt8))", [1, None]),
        ("map('a', 'b')", "Map(String, String)", {"a": "b"}),
        ("CAST(map(), 'Map(String, String)')", "Map(String, String)", {}),
        ("map('a', toDecimal32('1.5', 2))", "Map(String, Decimal(9, 2))", {"a": "1.50"}),
        ("map(1, 'b')", "Map(UInt8, String)", {"1": "b"}),
        ("(1, 'a')", "Tuple(UInt8, String)", [1, "a"]),
        ("CAST((1, 'a'), 'Tuple(n UInt8, s String)')", "Tuple(n UInt8, s String)", {"n": 1, "s": "a"}),
        ("[(1, toDecimal32('1.5', 1))]", "Array(Tuple(UInt8, Decimal(9, 1)))", [[1, "1.5"]]),
        ("CAST('b', 'Enum8(\\'a\\' = 1, \\'b\\' = 2)')", "Enum8('a' = 1, 'b' = 2)", "b"),
        ("toIPv4('1.2.3.4')", "IPv4", "1.2.3.4"),
        ("toIPv6('::1')", "IPv6", "::1"),
        ("toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "UUID", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"),
        ("CAST('{\"a\": {\"b\": 1}}', 'JSON')", "JSON", {"a": {"b": 1}}),
        ("toIntervalDay(3)", "IntervalDay", 3),
        ("'%s %(x)s {a:Int8} 100%'", "String", "%s %(x)s {a:Int8} 100%"),
    ],
)
def test_values_become_json_types(run: Run, sql: str, kind: str, value: Any) -> None:
    answer = run(f"SELECT {sql} AS x, 1 AS y")
    assert answer.columns == [("x", kind), ("y", "UInt8")]
    assert answer.rows == [[value, 1]]
    assert json.loads(json.dumps(answer.to_json()))["rows"] == [{"x": value, "y": 1}]
    if not isinstance(value, int) or value.bit_length() <= 64:
        orjson.dumps(answer.to_json())


def test_ids_amounts_and_times_of_the_views(run: Run, warehouse: Warehouse) -> None:
    empty(warehouse, "clicks", "conversions")
    click = touch(1, subs={"sub1": "a"})
    warehouse.insert("clicks", to_arrow("clicks", [(click, Enrichment(), Source("log", "hits", 1, 0, 0))]), "clicks")
    sale = conversion("o1", click_id=click.touch_id, amount_minor=750)
    warehouse.insert("conversions", to_arrow("conversions", [(sale, Source("log", "conversions", 0, 0, 0))]), "sales")
    answer = run(
        "SELECT c.click_id, c.ts, c.subs, v.conversion_id, v.amount FROM clicks c JOIN conversions v USING click_id"
    )
    assert answer.to_json()["columns"] == [
        {"name": "click_id", "type": "String"},
        {"name": "ts", "type": "DateTime64(6, 'UTC')"},
        {"name": "subs", "type": "Map(LowCardinality(String), String)"},
        {"name": "conversion_id", "type": "String"},
        {"name": "amount", "type": "Decimal(38, 4)"},
    ]
    row = answer.rows[0]
    assert (len(row[0]), row[1], row[2]) == (36, "2026-01-01T00:00:00.000001Z", {"sub1": "a"})
    assert (row[3], row[4]) == (sale.conversion_id.hex(), "7.5000")


def test_no_rows_still_have_columns(run: Run, warehouse: Warehouse) -> None:
    empty(warehouse, "clicks")
    answer = run("SELECT link, ts, toIPv4(ip) AS a FROM clicks")
    assert [name for name, _ in answer.columns] == ["link", "ts", "a"]
    assert answer.rows == []


@pytest.mark.parametrize("column", ["number AS n", "toIPv4(number) AS n"], ids=["as it is", "through JSON"])
def test_row_order_is_kept(run: Run, column: str) -> None:
    rows = run(f"SELECT {column}, number AS k FROM numbers(300000) ORDER BY cityHash64(number)").rows
    ordered = run("SELECT number AS k FROM numbers(300000) ORDER BY cityHash64(number)").rows
    assert [row[1] for row in rows] == [row[0] for row in ordered]


def test_column_names_are_free_but_unique(run: Run) -> None:
    assert run("SELECT toIPv4('1.1.1.1') AS `a``b\\\\c 'd\"`, 1").rows == [["1.1.1.1", 1]]
    with pytest.raises(SqlRefused, match="two columns are named 1: give one of them another name with AS"):
        run("SELECT 1, 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {}",
        "SELECT {} UNION ALL SELECT {}",
        "(SELECT {}) EXCEPT (SELECT 'x')",
        "SELECT {} AS settings",
        "WITH x AS (SELECT {}) SELECT * FROM x",
        "SELECT * FROM (SELECT {} GROUP BY 1 WITH TOTALS)",
        "SELECT {} FROM numbers(1) GROUP BY ALL ORDER BY ALL LIMIT 1 WITH TIES",
    ],
)
def test_limits_apply_to_every_kind_of_statement(run: Run, sql: str) -> None:
    rows = run(sql.replace("{}", "currentDatabase() || timezone()")).rows
    assert {row[0] for row in rows} == {"analystUTC"}


@pytest.mark.parametrize(
    ("sql", "bounds", "said"),
    [
        ("SELECT number FROM numbers(11)", {"query_rows_max": 10}, "more than 10 rows"),
        ("SELECT number FROM numbers(11) UNION ALL SELECT 1", {"query_rows_max": 11}, "more than 11 rows"),
        ("SELECT number, repeat('x', 1000) FROM numbers(20000)", {"query_memory_bytes_max": 80_000_000}, "10000000 b"),
        ("SELECT count() FROM numbers(1000000000000)", {"query_timeout_s": 1}, "ran longer than 1 s"),
        ("SELECT 1 AS a UNION ALL SELECT count() FROM numbers(1000000000000)", {"query_timeout_s": 1}, "than 1 s"),
        ("SELECT length(groupArray(number)) FROM numbers(99999999)", {"query_memory_bytes_max": 5_000_000}, "5000000"),
        ("SELECT throwIf(1, 'no ' || 'way')", {}, "no way"),
        ("SELECT nothing FROM clicks", {}, "Unknown expression identifier `nothing`"),
        ("SELECT 1 FROM nothing", {}, "Unknown table expression identifier 'nothing'"),
        ("SELECT [unhex('ff')]", {}, "column [unhex('ff')] has bytes that are not text: use hex()"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(run: Run, sql: str, bounds: dict[str, int], said: str) -> None:
    with pytest.raises(SqlRefused) as caught:
        run(sql, **bounds)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and "DB::Exception" not in str(caught.value)


def test_the_maximum_number_of_rows_is_allowed(run: Run) -> None:
    assert len(run("SELECT number FROM numbers(10)", query_rows_max=10).rows) == 10


def test_explain_show_and_describe(run: Run) -> None:
    assert run("SHOW TABLES LIKE 'cli%'").to_json() == {
        "columns": [{"name": "name", "type": "String"}],
        "rows": [{"name": "clicks"}],
    }
    assert run("DESCRIBE (SELECT 1 AS x)").rows[0][:2] == ["x", "UInt8"]
    assert run("DESCRIBE clicks").rows[0][:2] == ["click_id", "String"]
    assert run("EXPLAIN AST SELECT 1").rows[0] == ["SelectWithUnionQuery (children 2)"]
    assert [kind for _, kind in run("EXPLAIN ESTIMATE SELECT 1").columns] == [
        "String",
        "String",
        "UInt64",
        "UInt64",
        "UInt64",
    ]
    assert run("SHOW CREATE TABLE clicks").rows[0][0].startswith("CREATE VIEW analyst.clicks")
    assert sorted(row[0] for row in run("SHOW COLUMNS FROM clicks LIKE 'sub_'").rows)[-2:] == ["sub9", "subs"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (1, "1"), ("a,b", "a,b"), ([1, "ż"], '[1, "ż"]'), ({"a": "b"}, '{"a": "b"}')],
)
def test_cells(value: Any, text: str) -> None:
    assert cell_text(value) == text

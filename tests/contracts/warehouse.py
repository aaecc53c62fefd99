"""The contract of every adapter of the warehouse. The test class of an adapter inherits `WarehouseContract`.

Its fixture `warehouse` is migrated and has empty tables.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import TABLES, DeadLetter, Join, Source, Table
from tests.conftest import empty
from tests.schemas.samples import NOW_US, conversion
from tests.schemas.strategies import structs_of
from tests.schemas.test_columns import plain
from warehouse.port import Warehouse, WarehouseError, rows_of, scalar_of

MONTH_US = 31 * 86_400_000_000
BLOCK_ROWS_MAX = 1_000_000


def source(offset: int) -> Source:
    return Source("ab" * 16, "hits", 0, offset, 0)


def joins(count: int, first: int = 0) -> pa.Table:
    """Rows of the narrowest table."""
    rows = [(Join(n, bytes(16), 1, NOW_US, 0), source(n)) for n in range(first, first + count)]
    return to_arrow("joins", rows)


def letter(error: str = "", value: bytes = b"", offset: int = 0) -> pa.Table:
    return to_arrow("dead_letters", [(DeadLetter(error, value), source(offset))])


def count(warehouse: Warehouse, table: str) -> int:
    return int(scalar_of(warehouse.query(f"SELECT count() FROM {DATABASE}.{table}")))


class WarehouseContract:
    """Needs a fixture `warehouse`."""

    def test_the_same_token_twice_is_stored_once(self, warehouse: Warehouse) -> None:
        for _ in range(3):
            warehouse.insert("joins", joins(3), "token")
        assert count(warehouse, "joins") == 3
        warehouse.insert("joins", joins(3, first=3), "another")
        warehouse.insert("joins", joins(3), "token")
        assert count(warehouse, "joins") == 6

    def test_the_token_decides_and_not_the_bytes(self, warehouse: Warehouse) -> None:
        """A retry that lost its rows' order or got other ones is still the same batch; equal rows may be two."""
        warehouse.insert("joins", joins(3), "a")
        warehouse.insert("joins", joins(3, first=7), "a")
        warehouse.insert("joins", joins(3), "b")
        found = warehouse.query(f"SELECT identity FROM {DATABASE}.joins ORDER BY identity").column(0).to_pylist()
        assert found == [0, 0, 1, 1, 2, 2]

    def test_a_token_may_have_any_characters(self, warehouse: Warehouse) -> None:
        for token in ("it's", "it\\'s", 'a "b" `c`', "b'\\x00\\n'", "\n\t", "', max_threads = '1"):
            for _ in range(2):
                warehouse.insert("joins", joins(1), token)
        assert count(warehouse, "joins") == 6

    def test_tokens_are_per_table(self, warehouse: Warehouse) -> None:
        warehouse.insert("joins", joins(1), "token")
        warehouse.insert("dead_letters", letter(), "token")
        assert (count(warehouse, "joins"), count(warehouse, "dead_letters")) == (1, 1)

    def test_no_rows_are_no_insert(self, warehouse: Warehouse) -> None:
        warehouse.insert("joins", joins(0), "token")
        warehouse.insert("joins", joins(1), "token")
        assert count(warehouse, "joins") == 1

    def test_one_token_covers_twelve_months(self, warehouse: Warehouse) -> None:
        sales = [(conversion(f"t{n}", event_ts=NOW_US + n * MONTH_US), source(n)) for n in range(12) for _ in range(2)]
        for _ in range(2):
            warehouse.insert("conversions", to_arrow("conversions", sales), "token")
        assert count(warehouse, "conversions") == 24
        months = warehouse.query(f"SELECT uniqExact(toYYYYMM(event_ts)) FROM {DATABASE}.conversions")
        assert scalar_of(months) == 12

    def test_a_large_insert_is_one_block(self, warehouse: Warehouse) -> None:
        """More rows than the engine's own blocks have, and still one token for all."""
        large = pa.concat_tables([joins(1_000)] * 150).combine_chunks()
        for _ in range(2):
            warehouse.insert("joins", large, "token")
        assert count(warehouse, "joins") == 150_000

    def test_more_than_one_block_is_refused(self, warehouse: Warehouse) -> None:
        row = joins(1)
        columns = [pa.repeat(column[0], BLOCK_ROWS_MAX + 1) for column in row.columns]
        with pytest.raises(ValueError, match="1000001 rows"):
            warehouse.insert("joins", pa.Table.from_arrays(columns, schema=row.schema), "token")
        assert count(warehouse, "joins") == 0

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    @settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_rows_come_back_as_they_went(self, warehouse: Warehouse, table: Table, data: st.DataObject) -> None:
        row = st.tuples(*(structs_of(struct, any_instant=False) for struct in table.structs))
        rows = to_arrow(table.name, data.draw(st.lists(row, min_size=1, max_size=6)))
        empty(warehouse, table.name)
        warehouse.insert(table.name, rows, "token")
        found = warehouse.query(f"SELECT * FROM {DATABASE}.{table.name}")
        assert found.column_names == rows.column_names
        found = found.cast(rows.schema)  # the engine calls bytes and text alike String
        assert sorted(map(repr, plain(found))) == sorted(map(repr, plain(rows)))

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    @settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_a_file_holds_what_the_table_holds(
        self, warehouse: Warehouse, table: Table, data: st.DataObject, tmp_path: Path
    ) -> None:
        row = st.tuples(*(structs_of(struct, any_instant=False) for struct in table.structs))
        rows = to_arrow(table.name, data.draw(st.lists(row, min_size=1, max_size=6)))
        empty(warehouse, table.name)
        warehouse.insert(table.name, rows, "token")
        path = tmp_path / "it's a file.parquet"
        path.unlink(missing_ok=True)
        warehouse.export(f"SELECT * FROM {DATABASE}.{table.name}", path)
        found = pq.read_table(path)
        assert found.column_names == rows.column_names
        assert sorted(map(repr, plain(found.cast(rows.schema)))) == sorted(map(repr, plain(rows)))
        with pytest.raises(FileExistsError):
            warehouse.export("SELECT 1", path)

    @pytest.mark.parametrize("ts", [0, 1, NOW_US + 1, 10_413_791_999_999_999])
    def test_instants_are_exact(self, warehouse: Warehouse, ts: int) -> None:
        rows = [(conversion("t", ts=ts, event_ts=ts), source(1))]
        warehouse.insert("conversions", to_arrow("conversions", rows), "token")
        found = warehouse.query(f"SELECT event_ts, toUnixTimestamp64Micro(ts) AS us FROM {DATABASE}.conversions")
        assert found.column(0).cast(pa.int64()).to_pylist() == found.column(1).to_pylist() == [ts]

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("String", "it's"), ("String", 'a "b" \\ c'), ("String", "{x:String}"), ("String", "%(x)s %s %%"),
            ("String", "line\nline\ttab\r"), ("String", "ﬁ – 日本"), ("String", ""), ("String", "'; DROP TABLE x; --"),
            ("String", "\\N"), ("String", "NULL"), ("String", "a\0b"),
            ("UInt64", 2**64 - 1), ("Int64", -(2**63)), ("UInt8", 0), ("Array(UInt64)", [1, 2**64 - 1]),
            ("Array(String)", ["a'b", "c,d", "]", "\\"]), ("Array(UInt64)", []),
        ],
    )  # fmt: skip
    def test_parameters_are_bound(self, warehouse: Warehouse, kind: str, value: Any) -> None:
        found = warehouse.query(f"SELECT {{value:{kind}}} AS value", {"value": value})
        assert scalar_of(found) == value

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("Array(UInt64)", [2**63 + n for n in range(20_000)]),
            ("Array(String)", [f"it's {n} \\ \n\0'" for n in range(5_000)]),
            ("String", "ﬁ '\\ \n\t" * 50_000),
        ],
        ids=["numbers", "strings", "string"],
    )
    def test_long_parameters_are_bound(self, warehouse: Warehouse, kind: str, value: Any) -> None:
        """Keys and hashes of a whole batch, in one query, beside short ones."""
        sql = f"SELECT {{value:{kind}}} AS value, {{value:{kind}}} = {{value:{kind}}} AS same, {{other:UInt8}} AS other"
        found = rows_of(warehouse.query(sql, {"value": value, "other": 7}))
        assert found == [{"value": value, "same": 1, "other": 7}]

    def test_statements_take_parameters(self, warehouse: Warehouse) -> None:
        warehouse.insert("dead_letters", letter("it's"), "token")
        warehouse.insert("dead_letters", letter("other"), "token2")
        where = "WHERE error = {error:String}"
        warehouse.execute(f"DELETE FROM {DATABASE}.dead_letters {where}", {"error": "it's"})
        assert rows_of(warehouse.query(f"SELECT error FROM {DATABASE}.dead_letters")) == [{"error": "other"}]

    @pytest.mark.parametrize(
        ("sql", "options", "code", "retryable"),
        [
            ("SELEC 1", {}, 62, False),
            ("SELECT * FROM clew.nothing", {}, 60, False),
            ("SELECT nothing FROM clew.joins", {}, 47, False),
            ("SELECT throwIf(1, 'said so')", {}, 395, False),
            ("SELECT groupArray(number) FROM numbers(50000000)", {"max_memory_usage": 10_000_000}, 241, True),
            ("SELECT max(sipHash64(number)) FROM numbers(100000000000)", {"max_execution_time": 0.05}, 159, True),
        ],
    )  # fmt: skip
    def test_errors_have_their_code(
        self, warehouse: Warehouse, sql: str, options: dict[str, Any], code: int, retryable: bool
    ) -> None:
        with pytest.raises(WarehouseError) as caught:
            warehouse.query(sql, settings=options)
        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert scalar_of(warehouse.query("SELECT 1")) == 1

    def test_an_error_of_an_insert_or_a_statement(self, warehouse: Warehouse) -> None:
        with pytest.raises(WarehouseError) as caught:
            warehouse.insert("nothing", joins(1), "token")
        assert (caught.value.code, caught.value.retryable) == (60, False)
        with pytest.raises(WarehouseError) as caught:
            warehouse.execute("DROP TABLE clew.nothing")
        assert caught.value.code == 60

    def test_an_error_with_bytes_in_it(self, warehouse: Warehouse) -> None:
        with pytest.raises(WarehouseError):
            warehouse.query("SELECT throwIf(1, unhex('FF'))")
        assert scalar_of(warehouse.query("SELECT 1")) == 1

    def test_many_threads(self, warehouse: Warehouse) -> None:
        """Each insert once, each query its own answer."""

        def work(n: int) -> int:
            warehouse.insert("joins", joins(10, first=n * 10), f"token{n}")
            warehouse.insert("joins", joins(10, first=n * 10), f"token{n}")
            return int(scalar_of(warehouse.query("SELECT {n:UInt64} * 2", {"n": n})))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(16))) == [n * 2 for n in range(16)]
        found = warehouse.query(f"SELECT count(), uniqExact(identity) FROM {DATABASE}.joins")
        assert list(rows_of(found)[0].values()) == [160, 160]

    def test_answers_without_rows_have_columns(self, warehouse: Warehouse) -> None:
        found = warehouse.query(f"SELECT identity, event_ts FROM {DATABASE}.joins")
        assert (found.num_rows, found.column_names) == (0, ["identity", "event_ts"])

    def test_an_answer_is_whole_after_one_that_failed_half_way(self, warehouse: Warehouse) -> None:
        for _ in range(6):  # more often than there are connections
            with pytest.raises(WarehouseError, match="Limit for result exceeded"):
                warehouse.query(
                    "SELECT number FROM numbers(11) SETTINGS max_result_rows = 10, result_overflow_mode = 'throw'"
                )
            for n in range(5):
                assert warehouse.query(f"SELECT {n} AS n").to_pydict() == {"n": [n]}

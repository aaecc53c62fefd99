"""Path tables and event tables from files: their journeys, and errors of bad input."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from attribution.paths.csv_file import CsvOptions
from attribution.paths.evaluate import answer, parse_asked
from attribution.paths.files import TableOptions, read_table, table_of
from attribution.paths.path_table import BadTable, EventOptions, PathTable, UnusableOption

HEADER = "path,total_conversions,total_conversion_value,total_null\n"
EVENTS = "identity,ts,type,channel,value\n"


def journeys(table: PathTable) -> list[list[str]]:
    return [
        [table.names[code] for code in table.codes[table.offsets[j] : table.offsets[j + 1]]]
        for j in range(len(table.offsets) - 1)
    ]


def read(tmp_path: Path, text: str, options: TableOptions | None = None) -> PathTable:
    file = tmp_path / "table.csv"
    file.write_text(text, "utf-8")
    return read_table(file, options or TableOptions())


# ------------------------------------------------------------------------------------------------- path tables


def test_names_are_trimmed_and_keep_their_case(tmp_path: Path) -> None:
    table = read(
        tmp_path, HEADER + "  Search >\tsearch  > \u00a0Paid  Search ,1,2.5,3\n,4,0,0\n\u00a0 > Search,1,1,0\n"
    )
    assert journeys(table) == [["Search", "search", "Paid  Search"], [], ["Search"]]
    assert table.names == ("Paid  Search", "Search", "search")
    assert table.conversions.tolist() == [1, 4, 1]
    assert table.values.tolist() == [2.5, 0, 1]
    assert table.nulls.tolist() == [3, 0, 0]


def test_a_separator_inside_a_name_stays(tmp_path: Path) -> None:
    assert journeys(read(tmp_path, HEADER + "a>b > c,1,1,0\n")) == [["a>b", "c"]]
    assert journeys(read(tmp_path, HEADER + "a>b > c,1,1,0\n", TableOptions(separator=">"))) == [["a", "b", "c"]]


def test_empty_names_are_left_out_with_a_note(tmp_path: Path) -> None:
    table = read(tmp_path, HEADER + "a > > b > ,1,1,0\n")
    assert journeys(table) == [["a", "b"]]
    assert table.notes == ("2 empty names between separators were left out",)


def test_csv_gzip_parquet_and_arrow_are_one_table(tmp_path: Path) -> None:
    text = HEADER + "".join(f"c{i % 7} > c{i % 3},{i % 4},{(i % 4) * 0.5},{i % 5}\n" for i in range(1_000))
    tables = [read(tmp_path, "\ufeff" + text)]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    tables.append(read_table(tmp_path / "t.csv.gz", TableOptions()))
    from pyarrow import csv

    arrow = csv.read_csv(tmp_path / "t.csv.gz")
    tables.append(table_of(arrow))
    wide = arrow.set_column(0, "path", arrow["path"].dictionary_encode())
    parquet.write_table(wide, tmp_path / "t.parquet", row_group_size=100)
    tables.append(read_table(tmp_path / "t.parquet", TableOptions()))
    views = arrow.set_column(0, "path", arrow["path"].cast(pa.large_string()))
    tables.append(table_of(views.slice(0)))
    for other in tables[1:]:
        assert journeys(other) == journeys(tables[0])
        for column in ("conversions", "values", "nulls"):
            assert getattr(other, column).tolist() == getattr(tables[0], column).tolist()


def test_a_slice_of_an_arrow_table_is_read_alone() -> None:
    arrow = pa.table({"path": ["a", "b", None], "total_conversions": [1, None, 3], "total_null": [1.5, None, 2.0]})
    table = table_of(arrow.slice(1))
    assert journeys(table) == [["b"], []]
    assert table.conversions.tolist() == [0, 3]
    assert table.nulls.tolist() == [0, 2]


def test_columns_of_other_names(tmp_path: Path) -> None:
    options = TableOptions(columns={"path": "way", "total_conversions": "n"})
    table = read(tmp_path, "n,way\n2,a > b\n", options)
    assert journeys(table) == [["a", "b"]]
    assert table.notes == (
        "there is no column total_conversion_value: it counts as 0 in every row",
        "there is no column total_null: it counts as 0 in every row",
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,-1,0,0", "total_conversions is -1 in row 1"),
        ("a,1,1,0\nb,1,1,-0.5", "total_null is -0.5 in row 2"),
        ("a,nan,0,0", "total_conversions is nan in row 1"),
        ("a,1,inf,0", "total_conversion_value is inf in row 1"),
        ("a,1,,0", "total_conversion_value is missing in row 1"),
        ("a,0,5,0", "has a total_conversion_value but no conversions"),
        ("a,9e15,0,0\nb,9e15,0,0", "adds up to more than"),
        ("a,1,1e300,0", "out of range"),
        ("a,one,1,0", "total_conversions is 'one' in row 1"),
        ("a,1,1", "Expected 4 columns, got 3"),
        ("unattributed,1,1,0", "rename it"),
    ],
)
def test_bad_rows_are_refused(rows: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable) as error:
        read(tmp_path, HEADER + rows + "\n")
    assert said in str(error.value)


def test_a_refund_is_a_negative_value(tmp_path: Path) -> None:
    table = read(tmp_path, HEADER + "a > b,1,-10,0\n")
    for found in answer(table, parse_asked("linear,markov,first")):
        assert sum(row.value for row in found.channels) == -10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        (
            "way,total_conversions\na,1\n",
            "there is neither a column path nor identity, only 'way', 'total_conversions'",
        ),
        ("path,conversions\na,1\n", "there is no column total_conversions, only 'path', 'conversions'"),
        ("path,path,total_conversions\na,b,1\n", "two columns path"),
        ("identity,ts,type\na,1,click\n", "there is no column channel"),
    ],
)
def test_missing_columns_are_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable) as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(HEADER.encode() + b"\xff\xfe,1,1,0\n")
    with pytest.raises(BadTable, match="UTF-8"):
        read_table(tmp_path / "t.csv", TableOptions())
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(BadTable, match="Parquet"):
        read_table(tmp_path / "t.parquet", TableOptions())


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    assert journeys(read(tmp_path, HEADER)) == []
    assert journeys(read(tmp_path, EVENTS)) == []


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    file = tmp_path / "t.csv"
    file.write_text(HEADER + "a > b > c,1,1,0\n" * 1_500_000)
    read_table(file, TableOptions(), lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen[-1] == (file.stat().st_size, file.stat().st_size)


# ------------------------------------------------------------------------------------------------ event tables

ROWS = """\
bo,2026-01-03T00:00:00Z,conversion,,20
al,2026-01-02T00:00:00Z,click,Search,
al,2026-01-01T00:00:00Z,impression,Display,
al,2026-01-02T00:00:00Z,conversion,,10
al,2026-01-05T01:00:00+01:00,coupon,Codes,
al,2026-01-06T00:00:00Z,conversion,,5
al,2026-01-07T00:00:00Z,click,Search,
cy,2026-01-07T00:00:00Z,click,Social,
"""


def test_events_become_journeys_in_any_order(tmp_path: Path) -> None:
    for lines in (ROWS.splitlines(), ROWS.splitlines()[::-1]):
        table = read(tmp_path, EVENTS + "\n".join(lines) + "\n")
        found = sorted(
            zip(journeys(table), table.conversions.tolist(), table.values.tolist(), table.nulls.tolist(), strict=True)
        )
        assert found == [
            ([], 1, 20, 0),
            (["Display", "Search"], 1, 10, 0),
            (["Display", "Search", "Codes"], 1, 5, 0),
            (["Search"], 0, 0, 1),
            (["Social"], 0, 0, 1),
        ]


def test_windows_and_resets(tmp_path: Path) -> None:
    day_us = 86_400 * 10**6
    events = EventOptions({"impression": day_us - 1, "click": 4 * day_us, "coupon": day_us})
    table = read(tmp_path, EVENTS + ROWS, TableOptions(events=events))
    assert [j for j, n in zip(journeys(table), table.conversions, strict=True) if n and j] == [
        ["Search"],
        ["Search", "Codes"],
    ]
    table = read(tmp_path, EVENTS + ROWS, TableOptions(events=EventOptions(resets=True)))
    assert [j for j, n in zip(journeys(table), table.conversions, strict=True) if n and j] == [
        ["Display", "Search"], ["Codes"],
    ]  # fmt: skip


def test_precedence_and_time_decay_of_events(tmp_path: Path) -> None:
    table = read(tmp_path, EVENTS + ROWS)
    found = {
        one.model: {row.channel: row.value for row in one.channels}
        for one in answer(table, parse_asked("last_click,coupon_first,last_touch,time_decay(1d)"))
    }
    assert found["last_click"] == {"Codes": 5, "Display": 0, "Search": 10, "Social": 0, "unattributed": 20}
    assert found["coupon_first"] == found["last_touch"] == found["last_click"]
    decay = found["time_decay(1d)"]
    shares = np.array([2.0**-5, 2.0**-4, 2.0**-1])  # ages of 5, 4 and 1 days at the second conversion
    display, search, codes = 5 * shares / shares.sum() + np.array([10 / 3, 20 / 3, 0])
    assert [decay["Display"], decay["Search"], decay["Codes"]] == pytest.approx([display, search, codes])


def test_equal_times_are_ordered_by_precedence_then_event_id(tmp_path: Path) -> None:
    header = "identity,ts,type,channel,value,event_id\n"
    rows = ["a,5,click,Z,,1", "a,5,click,A,,2", "a,5,impression,M,,9", "a,5,conversion,,1,0"]
    for lines in (rows, rows[::-1]):
        assert journeys(read(tmp_path, header + "\n".join(lines) + "\n")) == [["M", "Z", "A"]]


def test_conversions_of_one_time_are_ordered_by_value_not_by_rows(tmp_path: Path) -> None:
    """Only the first one has what came before, so it matters which that is."""
    rows = ["u,5,click,A,", "u,9,conversion,,10", "u,9,conversion,,0", "u,9,conversion,,-3"]
    resets = TableOptions(events=EventOptions(resets=True))
    for lines in itertools.permutations(rows):
        table = read(tmp_path, EVENTS + "\n".join(lines) + "\n", resets)
        assert list(zip(journeys(table), table.values.tolist(), strict=True)) == [(["A"], -3), ([], 0), ([], 10)]


def test_a_repeated_event_counts_once(tmp_path: Path) -> None:
    rows = ["u,5,click,A,,7", "u,5,click,A,,8", "u,9,conversion,,10,7"]
    table = read(tmp_path, "identity,ts,type,channel,value,event_id\n" + "\n".join(2 * rows) + "\n")
    assert (journeys(table), table.values.tolist()) == ([["A", "A"]], [10])
    assert "3 rows repeat an event of the same event_id; each counts once" in table.notes
    table = read(tmp_path, EVENTS + 2 * "u,9,conversion,,10\n")
    assert table.values.tolist() == [10, 10]  # without an id, two sales of one instant are two


@pytest.mark.parametrize(
    "text", ["2020-01-01t01:00:00.000+01:00", " 2020-01-01 00:00:00z ", "2019-12-31T19:00:00-0500", "2020-01-01T00:00Z"]
)
def test_times_of_every_form_are_the_same(text: str, tmp_path: Path) -> None:
    table = read(tmp_path, EVENTS + f"u,2020-01-01T00:00:00Z,conversion,,1\nu,{text},click,A,\n")
    assert table.ages_us is not None
    assert (journeys(table), table.ages_us.tolist()) == ([["A"]], [0])


def test_times_finer_than_microseconds_are_refused() -> None:
    fine = pa.array([1_000, 1_001], pa.timestamp("ns"))
    events = pa.table({"identity": ["u", "u"], "ts": fine, "type": ["click", "click"], "channel": ["A", "A"]})
    with pytest.raises(BadTable, match="ts is finer than a microsecond or out of range in row 2"):
        table_of(events)


def test_timestamps_of_parquet_and_types_of_other_names(tmp_path: Path) -> None:
    when = pa.array([1_000, 2_000], pa.timestamp("ms", "Europe/Berlin"))
    arrow = pa.table(
        {"identity": [7, 7], "ts": when, "type": ["View", "SALE"], "channel": ["A", None], "value": [None, 3]}
    )
    table = table_of(arrow, TableOptions(events=EventOptions(types={"View": "impression", "SALE": "conversion"})))
    assert journeys(table) == [["A"]]
    assert table.ages_us is not None
    assert table.ages_us.tolist() == [1_000_000]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,1,view,A,", "type is 'view' in row 1"),
        ("a,1,click,,", "channel is empty in row 1"),
        (",1,click,A,", "identity is empty in row 1"),
        ("a,yesterday,click,A,", "ts is not a time"),
        (
            "a,2026-01-01T00:00:00Z,click,A,\na,2026-01-01T00:00:00,click,A,",
            "ts has no zone although others have one in row 2",
        ),
        ("a,2026-01-01T00:00:00Z,click,A,\na,7,click,A,", "ts is not a time in row 2: 7; write RFC 3339"),
        ("a,1,click,A,\na,99999999999999999999,click,A,", "ts is not a time in row 2: 99999999999999999999"),
        ("a,2026-01-31,click,A,\na,2026-02-30,click,A,", "ts is not a time in row 2: 2026-02-30"),
        ("a,2026-01-31T00:00:00.0000001Z,click,A,", "ts is not a time in row 1: 2026-01-31T00:00:00.0000001Z"),
        ("a,1,click,A,\na,2,conversion,,1_000", "value is '1_000' in row 2, not a number; give a number"),
        ("a,1,conversion,,", "value is missing in row 1"),
        ("a,1,conversion,,nan", "value is nan in row 1"),
        ("a,9223372036854775807,click,A,", "after the year"),
    ],
)
def test_bad_events_are_refused(rows: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable) as error:
        read(tmp_path, EVENTS + rows + "\n")
    assert said in str(error.value)


def test_real_journeys(shared_data: Path) -> None:
    columns = {"identity": "customer_id", "ts": "time", "type": "interaction", "value": "conversion_value"}
    table = read_table(shared_data / "journeys_2018.csv.gz", TableOptions(columns))
    for found in answer(table, parse_asked("last_touch,linear,markov,shapley")):
        assert sum(row.value for row in found.channels) == pytest.approx(11_423.50)
        assert found.totals["conversions"] == 1_838


@pytest.mark.parametrize("number", ["1e-300", "-1e-200"])
def test_numbers_too_small_for_sums_are_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"total_conversion_value is -?1e-\d+ in row 2; give 0, or at least 1e-100"):
        read(tmp_path, f"path,total_conversions,total_conversion_value\nA,1,1\nA,1,{number}\n")


def test_a_parquet_column_of_empty_paths(tmp_path: Path) -> None:
    table = pa.table({"path": pa.nulls(2), "total_conversions": [1, 2], "total_conversion_value": [3, 4]})
    parquet.write_table(table, tmp_path / "p.parquet")
    [found] = answer(read_table(tmp_path / "p.parquet", TableOptions()), parse_asked("linear"))
    assert [(row.channel, row.conversions, row.value) for row in found.channels] == [("unattributed", 3, 7)]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"path": "way"}, "there is no column way, only 'path'"),
        ({"total_null": "total_conversions"}, "column total_conversions is named for two of ours"),
    ],
)
def test_wrong_columns_are_refused(columns: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=said):
        read(tmp_path, "path,total_conversions\nA,1\n", TableOptions(columns))


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (HEADER, TableOptions(events=EventOptions({"click": 1})), "--windows is for event tables"),
        (HEADER, TableOptions(events=EventOptions(resets=True)), "--reset is for event tables"),
        (HEADER, TableOptions(events=EventOptions(types={"view": "click"})), "--types is for event tables"),
        (HEADER, TableOptions({"value": "v"}), "a path table has no column value"),
        (EVENTS, TableOptions(separator=">"), "--separator is for path tables"),
        (EVENTS, TableOptions({"total_null": "v"}), "an event table has no column total_null"),
    ],
)
def test_options_of_the_other_kind_of_table_are_refused(
    text: str, options: TableOptions, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UnusableOption, match=says):
        read(tmp_path, text, options)


def test_the_named_column_tells_which_table_it_is(tmp_path: Path) -> None:
    text = "identity_of,path,ts,type,channel,value\na,/x,5,click,A,\na,/y,6,conversion,,1\n"
    assert journeys(read(tmp_path, text, TableOptions({"identity": "identity_of"}))) == [["A"]]


@pytest.mark.parametrize("given", [{"delimiter": ";"}, {"encoding": "utf-8"}, {"decimal": ","}, {"thousands": ""}])
def test_options_of_csv_are_refused_for_other_files(given: dict[str, str], tmp_path: Path) -> None:
    table = pa.table({"path": ["a"], "total_conversions": [1]})
    parquet.write_table(table, tmp_path / "p.parquet")
    options = TableOptions(csv=CsvOptions(**given))
    name = next(iter(given))
    with pytest.raises(UnusableOption, match=f"--{name} is for CSV files, and this is a Parquet file"):
        read_table(tmp_path / "p.parquet", options)
    with pytest.raises(UnusableOption, match=f"--{name} is for CSV files, and this is an Arrow table"):
        table_of(table, options)

"""Attacks on the guard, run against the engine: none reveals the secret or writes a file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reporting.sql.functions import AGGREGATES, IN_FUNCTIONS, PLAIN, is_allowed
from reporting.sql.guard import QUERY_BYTES_MAX, SqlRefused, short_error
from reporting.sql.run import run_sql
from runtime.settings import ApiSettings
from schemas.columns import to_arrow
from schemas.ddl import views
from schemas.events import Touch
from schemas.tables import Enrichment, ProgramRow, Source
from tests.conftest import KINDS_OF_WAREHOUSE, empty, warehouse_of
from tests.reporting.sql_attacks import ATTACKS
from tests.schemas.samples import NOW_US, touch
from warehouse.port import Warehouse, WarehouseError, rows_of

SECRET = "the-canary-sings"
_SUSPICIOUS = re.compile(
    "file|host|fqdn|server|setting|macro|user|role|profile|sleep|path|uptime|port|query|handler|zookeeper", re.I
)
API = ApiSettings()


@pytest.fixture(params=KINDS_OF_WAREHOUSE)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse_of(request)


@pytest.fixture
def folder(tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory with a secret file; the same secret is in clew.programs."""
    (tmp_path / "canary.csv").write_text(f"{SECRET}\n1\n")
    monkeypatch.chdir(tmp_path)
    warehouse.insert("programs", to_arrow("programs", [(ProgramRow("hash", NOW_US, SECRET),)]), f"{tmp_path}")
    return tmp_path


@pytest.fixture
def clicks(warehouse: Warehouse, tmp_path: Path) -> Iterator[list[Touch]]:
    """Store ten clicks of two links."""
    empty(warehouse, "clicks")
    made = [touch(n, link=f"link{n % 2}", subs={"sub1": str(n)}) for n in range(10)]
    rows = [(one, Enrichment(), Source("log", "hits", 1, n, 0)) for n, one in enumerate(made)]
    warehouse.insert("clicks", to_arrow("clicks", rows), f"{tmp_path}")
    yield made


@pytest.mark.parametrize(("attack", "refusal"), ATTACKS, ids=range(len(ATTACKS)))
def test_attacks_are_refused(warehouse: Warehouse, folder: Path, attack: str, refusal: str) -> None:
    sql = attack.format(canary=folder / "canary.csv", out=folder / "out.csv")
    with pytest.raises(SqlRefused) as caught:
        run_sql(warehouse, sql, API)
    said = str(caught.value)
    assert refusal in said
    assert SECRET not in said and "\n" not in said and len(said) < 400
    assert [path.name for path in folder.iterdir()] == ["canary.csv"]


def test_there_are_many_attacks() -> None:
    assert len(ATTACKS) > 150
    assert len({attack for attack, _ in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM file('{canary}', 'CSV', 'x String')",
        'SELECT * FROM "{canary}"',
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'x String')",
        "SELECT * FROM programs",
        "SELECT * FROM executable('cat', 'CSV', 'x String')",
    ],
)
def test_the_engine_refuses_attacks_that_bypass_the_guard(
    warehouse: Warehouse, folder: Path, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.sql.guard._check", lambda node: None)
    with pytest.raises(SqlRefused) as caught:
        run_sql(warehouse, attack.format(canary=folder / "canary.csv"), API)
    assert SECRET not in str(caught.value)


def test_refusals_leave_the_connections_as_they_were(warehouse: Warehouse, folder: Path) -> None:
    """readonly must not stick to a pooled connection: there are four, so each is used several times."""
    for _ in range(10):
        run_sql(warehouse, "SELECT 1", API)
        with pytest.raises(SqlRefused):
            run_sql(warehouse, "SELECT * FROM nothing", API)
        warehouse.execute("CREATE OR REPLACE TABLE default.writable ENGINE = Memory AS SELECT 1 AS x")
    changed = warehouse.query(
        "SELECT name FROM system.settings WHERE changed AND name IN ('readonly', 'session_timezone')"
    )
    assert rows_of(changed) == []


ALLOWED = [
    "SELECT count() FROM clicks",
    "SELECT count() FROM analyst.clicks",
    "select COUNT(*), Sum(offer_id) from `analyst`.`clicks` as c;",
    "SELECT link, uniqExact(click_id) AS n FROM clicks GROUP BY link HAVING n > 1 ORDER BY n DESC NULLS LAST LIMIT 5",
    "SELECT * EXCEPT (subs, ip), sub1 || '!' AS s FROM clicks ORDER BY ts LIMIT 1 BY link",
    "SELECT * REPLACE (upper(link) AS link) FROM clicks",
    "SELECT COLUMNS('^sub1$') APPLY(toString), COLUMNS(link, ts) FROM clicks",
    "WITH c AS (SELECT * FROM clicks WHERE is_bot = 0), 5 AS five SELECT count() + five FROM c",
    "WITH clicks AS (SELECT * FROM analyst.clicks WHERE is_bot = 0) SELECT count() FROM clicks",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t",
    "SELECT count() FROM clicks AS c LEFT JOIN conversions AS v ON v.click_id = c.click_id WHERE c.ts < now()",
    "SELECT count() FROM clicks JOIN commissions USING (partner_id) WHERE plan NOT LIKE 'x%'",
    "SELECT count() FROM clicks AS c ASOF JOIN impressions AS i ON c.offer_id = i.offer_id AND c.ts >= i.ts",
    "SELECT count() FROM clicks, (SELECT 1 AS one) AS o CROSS JOIN numbers(3) AS n",
    "SELECT count() FROM clicks WHERE link IN ('a', 'b') OR offer_id IN (SELECT offer_id FROM analyst.credits)",
    "WITH wanted AS (SELECT link FROM clicks) SELECT count() FROM clicks WHERE link IN wanted",
    "SELECT count() FROM clicks WHERE (offer_id, partner_id) IN ((1, 2), (3, 4)) AND EXISTS (SELECT 1)",
    "SELECT arrayMap((x, i) -> x * i, [1, 2], range(2)), arrayJoin([1, 2]), [3, 4][1], (1, 'a').2, map('k', 1)['k']",
    "SELECT n, row_number() OVER (PARTITION BY n % 2 ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r "
    "FROM (SELECT number AS n FROM numbers(10))",
    "SELECT sum(number) OVER w, lagInFrame(number) OVER w FROM numbers(5) WINDOW w AS (ORDER BY number)",
    "SELECT number FROM numbers(3, 4)",
    "SELECT JSONExtractString('{\"a\": \"b\"}', 'a'), toJSONString(map('a', 1)), JSON_VALUE('{\"a\": 1}', '$.a')",
    "SELECT quantiles(0.5, 0.9)(offer_id), uniqIf(link, is_bot), sumIf(1, 1), groupArrayDistinct(link) FROM clicks",
    "SELECT uniqMerge(s) FROM (SELECT uniqState(link) AS s FROM clicks)",
    "SELECT toStartOfHour(ts) AS h, count() FROM clicks GROUP BY h ORDER BY h WITH FILL STEP INTERVAL 1 HOUR",
    "SELECT link, offer_id, count() FROM clicks GROUP BY GROUPING SETS ((link), (offer_id))",
    "SELECT link, count() FROM clicks GROUP BY link WITH TOTALS",
    "SELECT link, grouping(link), count() FROM clicks GROUP BY ROLLUP(link)",
    "SELECT count(DISTINCT link), count() FILTER (WHERE is_bot) FROM clicks",
    "SELECT CASE WHEN is_bot THEN 'bot' ELSE 'human' END AS who, CAST(ts AS Date) AS day, ts::Date AS d FROM clicks",
    "SELECT date_trunc('month', ts), ts + INTERVAL 1 DAY, dateDiff('day', ts, now()), extract(YEAR FROM ts) "
    "FROM clicks",
    "SELECT multiIf(1, 'a', 'b'), coalesce(NULL, 1), ifNull(NULL, 2), 1 IS NOT NULL, NOT 1, -1, 7 DIV 2, 7 % 2",
    "SELECT replaceRegexpAll('aab', 'a+', 'x'), splitByChar(',', 'a,b'), cutToFirstSignificantSubdomain('http://a.b.c/')",
    "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3",
    "(SELECT 1 INTERSECT SELECT 1) EXCEPT SELECT 2",
    "SELECT DISTINCT ON (link) link, ts FROM clicks",
    "SELECT sub1 FROM clicks WHERE subs['sub1'] = '3' AND mapContains(subs, 'sub1')",
    "SELECT s FROM clicks ARRAY JOIN mapKeys(subs) AS s",
    "SELECT 'INTO OUTFILE', 'FORMAT CSV', ';', 'clew.programs', '-- x' AS `SETTINGS a = 1`",
    "SELECT link AS \"file\", ts AS `select` FROM clicks -- file('x')",
    "FROM clicks SELECT link",
    "SELECT * FROM credits, adjustments, rejected, ledger LIMIT 0",
    "EXPLAIN SELECT count() FROM clicks",
    "EXPLAIN PLAN actions = 1, indexes = 1 SELECT count() FROM clicks",
    "EXPLAIN PIPELINE SELECT count() FROM clicks",
    "EXPLAIN QUERY TREE SELECT count() FROM clicks",
    "EXPLAIN SYNTAX SELECT count() FROM clicks",
    "EXPLAIN ESTIMATE SELECT count() FROM clicks",
    "EXPLAIN AST SELECT count() FROM clicks",
    "SHOW TABLES",
    "SHOW FULL TABLES FROM analyst NOT ILIKE 'C%' LIMIT 3",
    "SHOW COLUMNS FROM clicks FROM analyst LIKE 'sub%'",
    "SHOW CREATE TABLE clicks",
    "SHOW CREATE VIEW analyst.clicks",
    "DESCRIBE clicks",
    "DESC TABLE analyst.clicks",
    "DESCRIBE (SELECT link FROM clicks)",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_usual_queries_of_analysts_run(warehouse: Warehouse, clicks: list[Touch], sql: str) -> None:
    run_sql(warehouse, sql, API)


def test_answers_equal_those_of_the_engine(warehouse: Warehouse, clicks: list[Touch]) -> None:
    def rows(sql: str) -> list[list[object]]:
        return run_sql(warehouse, sql, API).rows

    assert rows("SELECT link, count() FROM clicks GROUP BY link ORDER BY link") == [["link0", 5], ["link1", 5]]
    assert rows("WITH clicks AS (SELECT * FROM analyst.clicks WHERE link = 'link0') SELECT count() FROM clicks") == [
        [5]
    ]
    assert rows("SELECT count() FROM clicks WHERE sub1 IN (SELECT toString(number) FROM numbers(3))") == [[3]]
    assert rows("SELECT 'a\\'b\\\\c\\n', $$it's$$, 'żółw'") == [["a'b\\c\n", "it's", "żółw"]]
    assert {row[0] for row in rows("SHOW TABLES")} == set(views())


def test_only_functions_that_the_engine_has_are_listed(warehouse: Warehouse) -> None:
    known = {row["name"].lower() for row in rows_of(warehouse.query("SELECT name FROM system.functions"))}
    # Known to the parser and the analyser, though not in the list of functions.
    known |= {"exists", "grouping", "lambda", "untuple"}
    assert [name for name in (*PLAIN, *AGGREGATES) if name.lower() not in known] == []
    assert len(IN_FUNCTIONS) == 16


def test_no_function_that_reads_more_than_its_arguments_is_listed(warehouse: Warehouse) -> None:
    reading = ("AI", "Dictionary", "Embedded Dictionary", "Introspection", "Internal", "Machine Learning")
    found = rows_of(warehouse.query("SELECT name, categories FROM system.functions"))
    listed = [row["name"] for row in found if row["categories"] in reading and is_allowed(row["name"])]
    assert sorted(listed) == ["_CAST", "caseWithExpression"]
    seen = {row["name"] for row in found if is_allowed(row["name"]) and _SUSPICIOUS.search(row["name"])}
    assert seen == {
        "JSONAllPaths", "JSONAllPathsWithTypes", "JSONDynamicPaths", "JSONDynamicPathsWithTypes", "JSONSharedDataPaths",
        "JSONSharedDataPathsWithTypes", "JSON_QUERY", "URLPathHierarchy", "cutQueryString", "cutQueryStringAndFragment",
        "distinctJSONPaths", "distinctJSONPathsAndTypes", "path", "pathFull", "port", "portRFC", "queryString",
        "queryStringAndFragment",
    }  # fmt: skip


def test_long_and_deep_statements_are_refused_quickly(warehouse: Warehouse) -> None:
    for sql, said in [
        ("SELECT '" + "x" * QUERY_BYTES_MAX + "'", "longer than"),
        ("(" * 5_000, "depth"),
        ("SELECT " + "(" * 900 + "1" + ")" * 900, "depth"),
        ("SELECT " + "NOT " * 20_000 + "1", ""),
        ("SELECT \udcff", "not Unicode text"),
        ("", "Empty query"),
        ("\0", ""),
        ("SELECT 'x", "Syntax error"),
        ("SELECT 1 /*", "Syntax error"),
    ]:
        with pytest.raises(SqlRefused) as caught:
            run_sql(warehouse, sql, API)
        assert said in str(caught.value)


def test_a_server_without_parse_functions_is_refused() -> None:
    class Old:
        analyst = "analyst"

        def query(self, *_: object) -> None:
            raise WarehouseError("Unknown function parseQueryToJSON", 46)

    with pytest.raises(SqlRefused, match=r"needs ClickHouse 26\.8"):
        run_sql(Old(), "SELECT 1", API)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "Code: 60. DB::Exception: Unknown table expression identifier 'x'. Maybe you meant clew.x? "
            "In scope SELECT * FROM x. (UNKNOWN_TABLE)",
            "Unknown table expression identifier 'x'",
        ),
        (
            "Code: 241. DB::Exception: Code: 241. DB::Exception: Query memory limit exceeded. "
            "(MEMORY_LIMIT_EXCEEDED) (version 26.9.2.1). (MEMORY_LIMIT_EXCEEDED)",
            "Query memory limit exceeded",
        ),
        (
            "Code: 62. DB::Exception: Syntax error: failed at position 3 (y): y. Expected one of: a, b",
            "Syntax error: failed at position 3 (y): y",
        ),
        ("", "the engine gave no reason"),
    ],
)
def test_errors_become_one_sentence(message: str, sentence: str) -> None:
    assert short_error(message) == sentence

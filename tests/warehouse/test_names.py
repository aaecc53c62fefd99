"""Clew's SQL under other names of its databases; what stands in quotes is nobody's name."""

import pytest

from schemas.cluster import on_cluster
from schemas.ddl import REPLICATED, Storage, create_tables, create_views
from warehouse.names import analyst_database, with_names
from warehouse.port import Warehouse, scalar_of


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT 1 FROM clew.clicks", "SELECT 1 FROM track.clicks"),
        ("SELECT analyst.clicks.ts FROM analyst.clicks", "SELECT track_analyst.clicks.ts FROM track_analyst.clicks"),
        ("CREATE DATABASE IF NOT EXISTS clew", "CREATE DATABASE IF NOT EXISTS track"),
        ("DROP DATABASE IF EXISTS analyst", "DROP DATABASE IF EXISTS track_analyst"),
        ("SELECT 'clew.clicks', 'it\\'s clew.x'", "SELECT 'clew.clicks', 'it\\'s clew.x'"),
        ("SELECT 'it''s clew.x' FROM clew.x", "SELECT 'it''s clew.x' FROM track.x"),
        ('SELECT `clew.a`, "analyst.b" FROM clew.x', 'SELECT `clew.a`, "analyst.b" FROM track.x'),
        ("SELECT x.clew.y, myclew.z, clew FROM clew_2.x", "SELECT x.clew.y, myclew.z, clew FROM clew_2.x"),
        ("ENGINE = R('/{shard}/{database}/{table}')", "ENGINE = R('/{shard}/{database}/{table}')"),
        ("Distributed('c', clew, x)", "Distributed('c', track, x)"),
    ],
)
def test_names(sql: str, named: str) -> None:
    assert with_names(sql, "track") == named
    assert with_names(sql, "clew") == sql


def test_no_statement_of_ours_names_a_database_otherwise() -> None:
    for statement in [*create_tables(Storage(engine=REPLICATED)), *create_views()]:
        for made in [statement, *on_cluster(statement, "c")]:
            left = with_names(made, "track").replace("track_analyst", "").replace("track", "")
            assert "clew." not in left and "analyst." not in left and "clew," not in left


def test_a_user_who_calls_an_alias_so(warehouse: Warehouse) -> None:
    sql = "SELECT clew.number FROM numbers(3) AS clew ORDER BY 1 DESC LIMIT 1"
    assert scalar_of(warehouse.query(sql, as_written=True)) == 2


def test_the_database_of_analysts() -> None:
    assert (analyst_database("clew"), analyst_database("track")) == ("analyst", "track_analyst")

"""Places of addresses from a real file in MaxMind format."""

from pathlib import Path

import pytest

from ingest.enrich import Enricher
from ingest.geo import MaxMindGeo, open_geo
from tests.schemas.samples import touch

CITY = Path(__file__).resolve().parents[1] / "data" / "GeoLite2-City-Test.mmdb"


def test_a_city_database_names_country_region_and_city() -> None:
    geo = MaxMindGeo(CITY)
    assert geo.place("81.2.69.160") == ("GB", "England", "London")
    assert geo.epoch.startswith("GeoLite2-City-")


@pytest.mark.parametrize("ip", ["127.0.0.1", "87540", "", "::1", "not an address"])
def test_an_unknown_address_has_no_place(ip: str) -> None:
    assert MaxMindGeo(CITY).place(ip) == ("", "", "")


def test_enrichment_has_the_place_and_names_the_database() -> None:
    enricher = Enricher(open_geo(CITY), 10)
    found = enricher.enrich(touch(1, ip="81.2.69.160"), 0)
    assert (found.country, found.city) == ("GB", "London")
    assert "GeoLite2-City" in found._epoch == enricher.epoch
    assert Enricher(open_geo(None), 10).enrich(touch(1, ip="81.2.69.160"), 0).country == ""

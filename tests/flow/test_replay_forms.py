"""Files of spreadsheets and servers through the whole of Clew: who is paid what, and whose address is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import fork
from tests.serving import API_KEY, Serving, serving

SALES = """\
[source]
time_format = "%d.%m.%Y %H:%M"
time_zone = "Europe/Berlin"
encoding = "windows-1252"
decimal = ","

[[event]]
type = "click"
ts = "{Klick}"
offer_id = "101"
partner_id = "7"
visitor_id = "{Käufer}"

[[event]]
type = "conversion"
ts = "{Kauf}"
offer_id = "101"
click_ref = "{@click}"
txn_id = "{Beleg}"
amount = "{Betrag}"
currency = "USD"
"""
EXPORT = """\
sep=;
Käufer;Klick;Kauf;Beleg;Betrag
Jörg;25.10.2026 02:50;25.10.2026 02:10;f-1;100,00
Zoë;29.03.2026 01:50;29.03.2026 02:30;f-2;100,00
Änne;24.10.2026 12:00;24.10.2026 12:10;f-3;"$1.000,00"
Uwe;24.10.2026 13:00;24.10.2026 13:10;f-4;12.34
"""
LOG_MAPPING = """\
[source]
format = "access_log"
mode = "clicks"

[[event]]
type = "click"
link = "bl-shoes"
ip = "{host}"
user_agent = "{user_agent}"
sub1 = "{user}"
sub2 = "{vhost}"
"""
LOG = r'''
shop.example:443 203.0.113.10 - - [17/May/2026:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Agent \"A\" 1"
203.0.113.11, 198.51.100.2 - joe doe [17/May/2026:10:05:03 +0000] "GET /b HTTP/1.1" 200 5 "-" "Agent 2"
"203.0.113.12 - - [17/May/2026:10:05:03 +0000] ""GET /c HTTP/1.1"" 200 5 ""-"" ""Agent 3"""
2001:db8::14 - - [17/May/2026:10:05:03 +0000] "GET /d HTTP/1.1" 304 -
crawler.example.net - - [17/May/2026:10:05:03 +0000] "GET /e HTTP/1.1" 200 5 "-" "Agent 5"
'''.lstrip()


def replay(server: Serving, file: Path, mapping: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (file.parent / "mapping.toml").write_text(mapping, "utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(file.parent / "state"))
    words = ("--mapping", str(file.parent / "mapping.toml"), "--to", server.url, "--api-key", API_KEY, "--json")
    done = fork.clew("replay", str(file), *words)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    server.settle()
    return report


def test_exports_and_access_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as server:
        export = tmp_path / "export.csv"
        export.write_bytes(EXPORT.replace("\n", "\r\n").encode("cp1252"))
        report = replay(server, export, SALES, monkeypatch)
        assert (report["lines"], report["verdicts"], report["problems"]) == (4, {"accepted": 6}, 2)
        problems = {one["line"]: one["problem"] for one in report["problem_lines"]}
        assert problems[4].startswith("conversion: ts '29.03.2026 02:30' never occurred in Europe/Berlin")
        assert problems[6].startswith("conversion: amount '12.34' is not an amount with decimal sign ','")
        again = replay(server, export, SALES, monkeypatch)
        assert again["verdicts"] == {"duplicate": 6}
        paid = server.sql(
            "SELECT c.txn_id AS txn_id, m.amount AS amount FROM conversions AS c "
            "JOIN commissions AS m ON m.conversion_id = c.conversion_id ORDER BY txn_id"
        )
        # 8.5 % and 1.20 a sale: the sale of 02:10 is after its click of 02:50, since both hours are in it twice.
        assert [(row["txn_id"], float(row["amount"])) for row in paid] == [("f-1", 9.70), ("f-3", 86.20)]

        log = tmp_path / "access.log"
        log.write_text(LOG, "utf-8")
        report = replay(server, log, LOG_MAPPING, monkeypatch)
        assert (report["verdicts"], report["problems"]) == ({"accepted": 4}, 1)
        assert "'crawler.example.net' is not an address" in report["problem_lines"][0]["problem"]
        rows = server.sql("SELECT ip, user_agent, sub1, sub2 FROM clicks WHERE ip != '' ORDER BY ip")
        assert [tuple(row.values()) for row in rows] == [
            ("2001:db8::14", "", "", ""),
            ("203.0.113.10", 'Agent "A" 1', "", "shop.example:443"),
            ("203.0.113.11", "Agent 2", "joe doe", ""),
            ("203.0.113.12", "Agent 3", "", ""),
        ]

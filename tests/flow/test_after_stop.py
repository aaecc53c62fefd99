"""Commands on a directory whose server has stopped, run by somebody who has no secret of the program."""

import os
from pathlib import Path

from tests.serving import API_KEY, PROGRAM, SECRET, Serving

SECRETS = {"ACME_API_KEY": API_KEY, "ACME_SECRET": SECRET}


def test_answers_need_no_secret_and_stay_the_same(tmp_path: Path) -> None:
    program = PROGRAM.replace(f'"{API_KEY}"', '"env:ACME_API_KEY"').replace(f'"{SECRET}"', '"env:ACME_SECRET"')
    server = Serving(tmp_path, program=program, environment=SECRETS)
    try:
        server.start()
        server.environment = dict(os.environ)
        questions = (("report", "kpi", "--by", "partner,offer"), ("problems",), ("sql", "SELECT 1 AS one"))
        before = [server.json(*words) for words in questions]
        server.settle()
        assert server.stop() == 0
        assert [server.json(*words) for words in questions] == before
        server.settle()
        assert server.json("audit")["ok"]
    finally:
        server.kill()

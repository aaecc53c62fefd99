"""Made-up histories in the forms of the examples, small enough to be read."""

import gzip
from pathlib import Path

from integrations.files.infer_program import infer
from integrations.files.mapping.mapping import FileMapping, read_mapping
from program.file import read_program
from program.program import Program

EXAMPLES = Path(__file__).parents[2] / "examples"
API_KEY = "key-of-a-made-up-history"

CLICKS = """\
ip,app,device,os,channel,click_time,attributed_time,is_attributed
1001,12,1,13,497,2017-11-07 9:30,,0
1002,12,1,13,497,2017-11-07 13:40,2017-11-08 1:02,1
1003,3,2,0,21,2017-11-09 0:00,,0
1001,12,1,13,497,2017-11-07 9:30,,0
1004,5,1,19,21,2017-11-08 4:57,2017-11-08 4:57,1
"""
JOURNEYS = """\
customer_id,time,interaction,conversion,conversion_value,channel
B1,2018-07-22T20:40:41Z,impression,0,0,Some Display
B1,2018-07-08T21:53:37Z,impression,0,0,Videos
B1,2018-07-28T08:15:09Z,conversion,1,7.5,Videos
B2,2018-07-01T00:00:00Z,impression,0,0,"Search, paid"
B2,2018-07-31T23:59:59Z,conversion,1,6,"Search, paid"
"""
ACCESS_LOG = r"""
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c%20d&e HTTP/1.1" 200 2030 "http://r.test?q=\"x\"" "Mozilla/5 (A)"
2001:db8::1 - joe [17/May/2015:10:05:03 +0000] "HEAD / HTTP/1.0" 304 - "-" "-"
this is no log line
198.51.100.7 - - [20/May/2015:12:05:17 +0000] "GET /x HTTP/1.1" 200 235 "-" "Mozilla/5.0 (compatible; Crawler/2.1; +http://c.example/
203.0.113.9 - - [20/May/2015:12:05:18 +0000] "-" 408 -
""".lstrip("\n")


def mapping_of(name: str) -> FileMapping:
    """One of examples/*.toml."""
    return parsed((EXAMPLES / f"{name}.toml").read_text("utf-8"))


def parsed(text: str) -> FileMapping:
    reading = read_mapping(text)
    assert reading.mapping is not None, reading.mistakes
    return reading.mapping


def written(folder: Path, text: str, *, packed: bool = False) -> Path:
    """The text as a file, CRLF and gz if it is to be packed: that is how such files come."""
    path = folder / ("history.gz" if packed else "history")
    path.write_bytes(gzip.compress(text.replace("\n", "\r\n").encode()) if packed else text.encode())
    return path


def program_of(path: Path, mapping: FileMapping) -> Program:
    """The program that is inferred."""
    reading = read_program(infer(path, mapping, API_KEY).text, lambda name: None)
    assert reading.program is not None, reading.mistakes
    return reading.program

"""Commands, settings, metrics and tables that deploy/ names exist. No test needs docker."""

import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from clew.__main__ import COMMANDS, app_for
from program.file import read_program
from runtime.metrics import COUNTERS, GAUGES, HISTOGRAMS
from runtime.settings import Settings
from warehouse.port import Warehouse

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
METRICS = {*COUNTERS, *GAUGES, *HISTOGRAMS, *(f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "count"))}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifests() -> Iterator[dict[str, Any]]:
    for name in yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]:
        yield from documents(DEPLOY / "kubernetes" / name)


def pod_specs() -> Iterator[dict[str, Any]]:
    for manifest in manifests():
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield spec["template"]["spec"]


def station_words() -> list[list[str]]:
    """The words after `clew` of every container and service that runs one."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    words = [service["command"] for service in compose.values() if "clew" in service.get("image", "")[:5]]
    return words + [container["args"] for spec in pod_specs() for container in spec["containers"]]


def test_every_station_is_started_with_words_that_clew_understands() -> None:
    assert len(station_words()) == 11
    for words in station_words():
        app = typer.main.get_command(app_for(words))
        command = app.commands[words[0]]  # type: ignore[attr-defined]
        command.make_context(words[0], [str(word) for word in words[1:]])


def test_environment_names_are_settings() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    [configured] = [m["data"] for m in manifests() if m["kind"] == "ConfigMap"]
    names = {*compose["x-clew"]["environment"], *configured}
    assert names
    for name in names:
        section, _, part = name.removeprefix("CLEW_").lower().partition("__")
        assert section in Settings.model_fields
        assert not part or part in type(Settings.model_fields[section].default).model_fields


def test_alerts_have_a_page_in_the_runbook_and_metrics_that_exist() -> None:
    [group] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    sections = re.findall(r"^## (Clew\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in group["rules"]] == sections
    for rule in group["rules"]:
        assert set(re.findall(r"\bclew_\w+", rule["expr"])) <= METRICS, rule["alert"]


def test_metrics_and_settings_that_the_runbook_names_exist() -> None:
    text = (DEPLOY / "runbook.md").read_text()
    assert set(re.findall(r"`(clew_\w+)`", text)) <= METRICS
    for section, name in re.findall(r"CLEW_([A-Z]+)__([A-Z_]+)", text):
        default = Settings.model_fields[section.lower()].default
        assert name.lower() in type(default).model_fields


def test_commands_that_the_runbook_names_exist() -> None:
    text = (DEPLOY / "runbook.md").read_text()
    for command in re.findall(r"`clew ([a-z][^`]*)`", text):
        words = [word for word in shlex.split(command) if not word.startswith("-")]
        assert words[0] in COMMANDS or " ".join(words[:2]) in COMMANDS, command


def board_targets(name: str) -> Iterator[dict[str, Any]]:
    for panel in json.loads((DEPLOY / "grafana" / "dashboards" / f"{name}.json").read_text())["panels"]:
        yield from panel["targets"]


def test_the_operations_board_shows_metrics_that_exist() -> None:
    shown = {name for target in board_targets("operations") for name in re.findall(r"\bclew_\w+", target["expr"])}
    assert shown
    assert shown <= METRICS


@pytest.mark.parametrize("sql", [target["rawSql"] for target in board_targets("business")])
def test_the_business_board_asks_what_the_warehouse_can_answer(warehouse: Warehouse, sql: str) -> None:
    filled = sql.replace("$__fromTime", "toDateTime('2026-01-01')").replace("$__toTime", "toDateTime('2027-01-01')")
    assert "$" not in filled
    warehouse.query(filled)


def test_the_image_holds_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "loadtests", "tools"}
    assert set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)) == packages


def test_containers_run_as_nobody_special_and_write_only_where_they_must() -> None:
    specs = list(pod_specs())
    assert len(specs) == 6
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]


def test_files_of_clickhouse_are_xml_and_hold_no_password() -> None:
    for name in ("config.xml", "users.xml"):
        tree = ElementTree.parse(DEPLOY / "clickhouse" / name)
        assert tree.getroot().tag == "clickhouse"
        assert not list(tree.iter("password"))


def test_the_example_program_is_one() -> None:
    text = (DEPLOY / "kubernetes" / "program.toml").read_text()
    assert not read_program(text, lambda _: None).mistakes


def test_topics_are_made_as_the_settings_say() -> None:
    script = (DEPLOY / "kafka" / "topics.sh").read_text()
    kafka = Settings.model_fields["kafka"].default
    assert f"HITS_PARTITIONS:-{kafka.hits_partitions}}}" in script
    assert f"CONVERSIONS_PARTITIONS:-{kafka.conversions_partitions}}}" in script
    assert f"SHARDS:-{kafka.shards}}}" in script

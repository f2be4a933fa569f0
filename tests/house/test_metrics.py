"""The house's metrics: each has help, a base unit where one belongs, and a line in the documents; nobody asks for one that is not there."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mediaserver.observing.families import COUNTED, FAMILIES, SINGLE, Kind, metric, shown_name, unit_of
from tests.house.tree import ROOT, name_of, python_files

PAGE = (ROOT / "docs" / "observing.md").read_text(encoding="utf-8")
DASHBOARD = ROOT / "deploy" / "grafana" / "mediaserver.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "deploy" / "README.md"]
WITHOUT_UNIT = {"leg_mos"}
"""Histograms of plain numbers."""
NO_BASE_UNITS = ("_ms", "_milliseconds", "_minutes", "_hours", "_kb", "_megabytes", "_octets", "_percent", "_time", "_duration")


def samples() -> set[str]:
    """Every name under which a sample is shown."""
    shown = {shown_name(name) for name, family in FAMILIES.items() if family.kind is not Kind.HISTOGRAM}
    histograms = [shown_name(name) for name, family in FAMILIES.items() if family.kind is Kind.HISTOGRAM]
    return shown | {f"{name}{part}" for name in histograms for part in ("_bucket", "_count", "_sum")}


def names_in(query: str) -> set[str]:
    """The metrics that a query names."""
    return set(re.findall(r"\bmediaserver_[a-z_]+", query))


def queries(part: Any) -> Iterator[str]:
    """Every query of a dashboard."""
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key in ("expr", "definition") and isinstance(value, str))
        for value in part.values():
            yield from queries(value)
    elif isinstance(part, list):
        for value in part:
            yield from queries(value)


@cache
def counted() -> list[tuple[str, str, bool]]:
    """Where each counter is added to, its name, and whether it is given a label."""
    found = []
    for file in python_files("mediaserver"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                called = ast.unparse(node.func)
                is_count = called.endswith(("counters.add", ".count")) or called in ("Count", "actions.Count")
                if is_count and node.args[0].value.isidentifier():
                    found.append((name_of(file), node.args[0].value, len(node.args) + len(node.keywords) > 1))
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_in_a_sentence_what_it_counts_here_and_in_the_documents(name: str) -> None:
    family = FAMILIES[name]
    assert family.help[0].isupper() or family.help.split()[0].isupper()
    assert family.help.endswith(".")
    labels = ", ".join(f"`{label}`" for label in family.labels)
    assert f"| `{shown_name(name)}` | {labels} | {family.help} |" in PAGE.splitlines()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_name_ends_with_its_base_unit_and_with_total_where_it_counts(name: str) -> None:
    family, made = FAMILIES[name], metric(name)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert not name.endswith((*NO_BASE_UNITS, "_total"))
    assert family.kind is not Kind.HISTOGRAM or unit_of(name) or name in WITHOUT_UNIT
    assert (made.name, made.documentation, made.unit, made.type) == (f"mediaserver_{name}", family.help, unit_of(name), family.kind)


def test_whatever_is_counted_is_among_the_families() -> None:
    assert len(counted()) > 50
    assert [place for place in counted() if place[1] not in COUNTED] == []


def test_a_counter_is_given_a_label_where_its_family_has_one() -> None:
    assert [place for place in counted() if place[2] is not bool(COUNTED[place[1]].labels)] == []
    assert set(SINGLE) <= {name for _, name, _ in counted()}


def test_every_counter_of_the_table_is_counted_somewhere() -> None:
    source = "\n".join(file.read_text(encoding="utf-8") for file in python_files("mediaserver") if file.name != "families.py")
    made = {"trunk_calls_in", "trunk_calls_out"}  # by direction
    assert [name for name in COUNTED if f'"{name}"' not in source and name not in made] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_metric_that_a_page_names_exists(page: Path) -> None:
    known = samples() | {shown_name(name) for name in FAMILIES}
    named = {name for name in names_in(page.read_text(encoding="utf-8")) if not name.endswith("_")}
    assert named <= known


def test_the_dashboard_asks_for_what_exists_only() -> None:
    asked = list(queries(json.loads(DASHBOARD.read_text(encoding="utf-8"))))
    named = set().union(*map(names_in, asked))
    assert len(named) > 25
    assert named <= samples()
    assert all(names_in(query) for query in asked)


def test_the_dashboards_panels_do_not_overlap_and_each_has_a_title() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        mine = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert panel["title"]
        assert not mine & cells
        assert place["x"] + place["w"] <= 24
        cells |= mine
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_asks_for_what_exists_and_says_what_to_do() -> None:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        assert names_in(rule["expr"]) <= samples()
        assert names_in(rule["expr"]) or rule["expr"] == 'up{job="mediaserver"} == 0'
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")


def test_every_label_that_a_query_names_is_one_that_its_metrics_have() -> None:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    asked = [*queries(json.loads(DASHBOARD.read_text(encoding="utf-8"))), *(rule["expr"] for rule in group["rules"])]
    labels = {shown_name(name): {*family.labels, "instance", "job", "le"} for name, family in FAMILIES.items()}
    for query in asked:
        named = {name if name in labels else name.rpartition("_")[0] for name in names_in(query)}
        for words in re.findall(r"\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", words)) <= {"job"}.union(*(labels[name] for name in named)), query
        for words in re.findall(r"\b(?:by|without) \(([^)]*)\)", query):
            assert set(words.split(", ")) <= set().union(*(labels[name] for name in named)), query


def test_an_alert_sees_the_first_time_that_a_labelled_counter_counts() -> None:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for expression in (rule["expr"] for rule in group["rules"]):
        for name, window in re.findall(r"increase\((\w+)\[(\w+)\]", expression):
            [family] = (family for known, family in FAMILIES.items() if shown_name(known) == name)
            assert not family.labels or f"{name} unless {name} offset {window}" in expression


def test_prometheus_is_told_of_the_rules_that_lie_beside_it() -> None:
    told = yaml.safe_load((ALERTS.parent / "prometheus.yml").read_text(encoding="utf-8"))
    assert told["rule_files"] == [ALERTS.name]
    assert [job["metrics_path"] for job in told["scrape_configs"]] == ["/metrics"]

"""Tables for spreadsheets: no user's text becomes a formula, and a table read back is the same; titles stay text."""

import base64
import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.caselog.diagnosis import Findings
from calibration.caselog.source import Bytes
from calibration.caselog.table import read_csv
from dashboards.charts.base import slug
from dashboards.report.figures import charts
from dashboards.report.gather import gather
from dashboards.report.html import csv_uri
from dashboards.report.write import page
from dashboards.texts import Texts
from scenarios.commands import tables
from scenarios.experiment import Experiment
from scenarios.library import load
from sim.spreadsheet import csv_bytes, neutral, undone

EVIL = Path(__file__).parent / "cases" / "evil-titles" / "scenario.yaml"
FORMULAS = "=+-@\t\r＝＋－＠"


@given(st.text())
def test_a_neutralised_text_begins_no_formula_and_is_undone_exactly(text):
    made = neutral(text)
    assert undone(made) == text
    assert not made or made[0] not in FORMULAS or re.fullmatch(r"[+-][\d.]+([eE][+-]?\d+)?", made)


def test_numbers_stay_and_texts_and_heads_are_neutralised():
    frame = pd.DataFrame({"=HEAD()": ["=1+1", "@x", "-3.5", "plain", "'=kept", None], "value": [-1.5, 2, 3, 4, 5, 6]})
    read = list(csv.reader(io.StringIO(csv_bytes(frame).decode("utf-8-sig"))))
    assert read[0] == ["'=HEAD()", "value"]
    assert [row[0] for row in read[1:]] == ["'=1+1", "'@x", "-3.5", "plain", "''=kept", ""]
    assert read[1][1] == "-1.5"


def test_a_case_log_reads_our_own_table_back(tmp_path):
    frame = pd.DataFrame({"case": ["1", "2"], "=kind": ["=cmd|' /C calc'!A0", "-1+1"]})
    file = tmp_path / "log.csv"
    file.write_bytes(csv_bytes(frame))
    findings = Findings(file, False)
    rows = read_csv(Bytes(file, findings), None, None, findings)
    assert list(rows.columns) == ["case", "=kind"]
    assert list(rows.columns["=kind"].astype(str)) == list(frame["=kind"])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    small = {"city": {"synthetic": {"residents": 3000}}, "horizon_days": 8, "warm_up_days": 1, "cool_down_days": 1}
    return Experiment(load(EVIL).with_changes(small), replications=4).run(store=folder / "results")


def test_no_cell_of_any_table_begins_a_formula(study, tmp_path):
    contents = [file.read_bytes() for file in tables(study, "csv", tmp_path) if file.suffix == ".csv"]
    for lang in ("en", "zh"):
        addresses = [csv_uri(chart.table, Texts(lang, chart.titles)) for chart in charts(gather(study, lang), lang)]
        contents += [base64.b64decode(address.partition(",")[2]) for address in addresses]
    cells = [cell for one in contents for row in csv.reader(io.StringIO(one.decode("utf-8-sig"))) for cell in row]
    assert len(contents) > 15 and any(cell.startswith("'=") for cell in cells)
    wrong = {cell for cell in cells if cell[:1] and cell[0] in FORMULAS and not re.fullmatch(r"-[\d.]+(e-?\d+)?", cell)}
    assert not wrong


def test_titles_are_text_in_every_chart_and_chart_names_stand_in_addresses(study):
    for lang in ("en", "zh"):
        for chart in charts(gather(study, lang), lang):
            assert re.fullmatch(r"[A-Za-z0-9_-]+", chart.name)
            for path, shown in _texts(json.loads(chart.figure.to_json()), ()):
                if not {"meta", "legendgroup", "offsetgroup"} & set(path):  # keys that are drawn nowhere
                    assert not re.search(r"<(?!/?(br|b|i|sub|sup|span|extra)\b)|<b>x</b>", shown), (chart.name, path)
        content = page(gather(study, lang), Texts(lang))
        assert '<a href="https://evil' not in content and "<img src=x" not in content


def _texts(value, path):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value


def test_slugs_differ_where_names_differ():
    assert slug("plain_name") == "plain_name"
    names = ["a/b", "a b", "a-b", "/", "坏", "<b>", ""]
    made = [slug(name) for name in names]
    assert len(set(made)) == len(names) and all(re.fullmatch(r"[A-Za-z0-9_-]*", one) for one in made)

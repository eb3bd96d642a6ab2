"""What the analysis pages are made of: addresses, differences of policies, uploads, the run form, downloads."""

from __future__ import annotations

import csv
import io
import threading

import pytest
from browser_pages import small_study
from hypothesis import given as forall
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboards.lab.address import PAGES, Address
from dashboards.lab.difference import differences, unit_of
from dashboards.lab.uploads import MOST_BYTES, take
from dashboards.server.app import create_app
from dashboards.server.settings import settings
from dashboards.server.weigh import Kept
from dashboards.texts import LANGUAGES
from scenarios.library import load
from sim.errors import InputError

OWN = "name: mine\ntitle: {en: Mine, zh: 我的}\nextends: bare-line\nhorizon_days: 30\n"
FILLED = {
    "scenario": "bare-line", "baseline": "three-desks", "arms": ["three-desks", "four-desks"], "replications": "3",
    "days": "20", "seed": "5", "owner": "li wei",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server with one study; its queue starts nothing that a test does not ask for."""
    root = tmp_path_factory.mktemp("pages")
    study = small_study(tmp_path_factory.getbasetemp())
    (root / "results").mkdir()
    (root / "results" / study.name).symlink_to(study)
    app = create_app(settings(results=root / "results", scenarios=root / "own"))
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        client.study = study.name
        client.own = root / "own"
        yield client


# addresses

_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
_names = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda n: n not in ("lang", "page", "self"))


@forall(st.sampled_from(PAGES), st.sampled_from(LANGUAGES), st.dictionaries(_names, _words, max_size=4))
def test_a_link_brings_back_the_page_it_was_made_from(page, lang, fields):
    made = Address(page, lang, fields)
    path, _, query = made.link(page, **fields).partition("?")
    assert Address.read(path, f"?{query}") == made


def test_nonsense_in_an_address_is_dropped():
    assert Address.read("/lab/../etc", "?lang=xx&a=1&a=2") == Address("library", "en", {"a": "2"})
    assert Address.read(None, None).page == "library"


# differences


def test_the_difference_of_two_policies_is_what_the_file_says():
    (change,) = differences(load("bare-line"), "three-desks", "four-desks")
    assert (change.field, change.baseline, change.policy, change.unit) == ("posts.desk.count", 3, 4, "1")
    name, _, line = change.source.partition(":")
    text = load("bare-line")._tree.origin(("policies", "four-desks", "posts", "desk", "count"))
    assert (name, int(line)) == ("bare-line.yaml", text[1])


def test_a_parameter_that_only_one_arm_sets_is_compared_with_the_registers_default(tmp_path):
    from sim import register

    entry = register.load()["coordination.whistle_level"]
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: p\ntitle: {en: P, zh: P}\nextends: ordinary-district\npolicies:\n"
        f"  other: {{parameters: {{coordination.whistle_level: {entry.high:g}}}}}\n"
    )
    (change,) = differences(load(file), "as-is", "other")
    assert (change.baseline, change.policy, change.unit) == (entry.default, entry.high, entry.unit)
    assert change.source == "p.yaml:5"


def test_equal_policies_differ_in_nothing():
    assert differences(load("staffing-by-night"), "more-night", "more-night") == []


@pytest.mark.parametrize(
    ("path", "unit"),
    [(("horizon_days",), "days"), (("types", "x", "deadlines", "respond_min"), "min"),
     (("types", "x", "rate_per_hour"), "per hour"), (("rules", "coordinate"), "")],
)  # fmt: skip
def test_units_come_from_names(path, unit):
    assert unit_of(path) == unit


# uploads


def test_an_upload_is_kept_as_it_came_and_can_be_run(tmp_path):
    assert take(OWN.encode(), "mine.yaml", tmp_path) == "mine"
    assert (tmp_path / "mine.yaml").read_text() == OWN
    assert load(tmp_path / "mine.yaml").spec("four-desks").horizon_days == 30


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * (MOST_BYTES + 1), "too large"),
        ("\xff\xfe", "not UTF-8"),
        ("- a\n", "does not hold fields"),
        ("name: [", "not readable as YAML"),
        (OWN + "a: !!python/object:os.system {}\n", "tags are not used"),
        (OWN + "sorted: 1\n", r"up\.yaml, line 5, field 'sorted'"),
        (OWN.replace("bare-line", "/etc/passwd"), r"line 3, field 'extends': an uploaded scenario builds on"),
        (OWN.replace("bare-line", "../other.yaml"), "an uploaded scenario builds on"),
        (OWN + "rules: {priority: 'os:system'}\n", r"field 'rules.priority': .*Python rules"),
        (OWN + "policies:\n  x: {rules: {dispatch: my.mod:f}}\n", r"line 6, field 'policies.x.rules.dispatch'"),
        (OWN + "city: {path: /etc}\n", r"field 'city.path': .*files of the server"),
        (OWN + "city: {read: {format: graphml, file: /etc/passwd}}\n", "files of the server"),
        (OWN + "city: {synthetic: {admin_tree: /etc/passwd}}\n", r"field 'city.synthetic.admin_tree'"),
        (OWN.replace("mine", "bare-line"), "a shipped scenario has this name"),
        (OWN.replace("mine", "../../mine"), "field 'name'"),
        (OWN.replace("30", "-3"), "horizon_days"),
    ],
)
def test_a_wrong_upload_is_one_sentence_and_leaves_nothing(tmp_path, text, says):
    folder = tmp_path / "own"
    content = text.encode("latin-1") if "\xff" in text else text.encode()
    with pytest.raises(InputError, match=says) as found:
        take(content, "C:\\papers\\up.yaml", folder)
    assert not folder.exists() or list(folder.iterdir()) == []
    assert ".upload" not in found.value.sentence() and str(tmp_path) not in found.value.sentence()


def test_an_upload_replaces_only_when_asked(tmp_path):
    take(OWN.encode(), "a.yaml", tmp_path)
    with pytest.raises(InputError, match="there already"):
        take(OWN.replace("30", "31").encode(), "b.yaml", tmp_path)
    assert (tmp_path / "mine.yaml").read_text() == OWN
    take(OWN.replace("30", "31").encode(), "b.yaml", tmp_path, replace=True)
    assert "31" in (tmp_path / "mine.yaml").read_text()


def test_the_upload_page_says_what_is_wrong_and_then_takes_it(site):
    wrong = site.post("/lab-files/upload?lang=en", files={"scenario": ("w.yaml", b"name: x\n")})
    assert wrong.status_code == 400 and "w.yaml" in wrong.text and 'role="alert"' in wrong.text
    right = site.post("/lab-files/upload?lang=en", files={"scenario": ("r.yaml", OWN.encode())}, follow_redirects=False)
    assert right.status_code == 303 and right.headers["location"] == "/lab/library?scenario=mine&lang=en"
    assert site.get("/lab-files/scenario/mine.yaml").text == OWN
    evil = site.post("/lab-files/upload?lang=en", files={"scenario": ("<script>alert(1)</script>", b"name: x\n")})
    assert "<script>alert" not in evil.text


# the run form


def test_the_form_says_what_a_request_takes(site):
    answer = site.post("/lab-files/run/check?lang=en", json=FILLED).json()
    assert answer["wrong"] == {} and "2 policies × 3 replications = 6 runs" in answer["plan"]
    assert "gridwhistle compare bare-line --policy three-desks --policy four-desks" in answer["plan"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replications": "0"}, "replications"), ({"replications": "2.5"}, "replications"),
        ({"replications": ""}, "replications"),
        ({"days": "-1"}, "days"), ({"days": "1e9"}, "days"), ({"days": "nan"}, "days"), ({"seed": "x"}, "seed"),
        ({"seed": "-1"}, "seed"), ({"arms": []}, "arms"), ({"arms": ["three-desks"]}, "arms"),
        ({"arms": ["nobody"]}, "arms"), ({"scenario": "../x"}, "scenario"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_field(site, change, field):
    for address in ("check", "submit"):
        answer = site.post(f"/lab-files/run/{address}?lang=en", json=FILLED | change).json()
        assert list(answer["wrong"]) == [field], answer
        assert answer["wrong"][field].endswith(".")
    assert site.app.state.gridwhistle.jobs.list() == []


def test_the_form_is_filled_from_its_address(site):
    text = site.get(
        "/lab-files/run/form?scenario=bare-line&arms=four-desks&baseline=three-desks&replications=9&seed=%22%3E%3Cb&lang=zh"
    ).text
    assert 'name="replications"' in text and 'value="9"' in text and "<b" not in text.replace("<button", "")
    assert 'name="arms" value="four-desks" checked' in text and 'name="arms" value="three-desks">' in text


# downloads


def test_charts_tables_reports_and_csv_of_a_study(site):
    lab = site.app.state.lab_context
    charts = lab.charts(site.study, "en")
    for name, chart in charts.items():
        rows = list(csv.reader(io.StringIO(site.get(f"/lab-files/study/{site.study}/chart/{name}/csv?lang=en").text)))
        assert rows[0][0].lstrip("\ufeff") == chart.table.columns[0] and len(rows) == len(chart.table) + 1
        table = site.get(f"/lab-files/study/{site.study}/chart/{name}/table?lang=zh")
        assert table.text.startswith('<div class="scroll"') or table.status_code == 404  # arms have other names in zh
    report = site.get(f"/lab-files/study/{site.study}/report?lang=zh")
    assert 'lang="zh-CN"' in report.text and "sandbox" in report.headers["content-security-policy"]
    assert "allow-same-origin" not in report.headers["content-security-policy"]


def test_slow_questions_are_answered_once():
    kept, asked, gate = Kept(2**20, 2), [], threading.Event()

    def make() -> str:
        asked.append(1)
        gate.wait(5)
        return "answer"

    threads = [threading.Thread(target=kept.get, args=(("k",), make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert len(asked) == 1 and kept.get(("k",), make) == "answer"
    for key in ("a", "b"):
        kept.get((key,), lambda: 0)
    kept.get(("k",), make)
    assert len(asked) == 2  # the oldest was forgotten

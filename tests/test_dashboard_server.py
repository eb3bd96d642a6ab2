"""The guard of the web server: hosts, origins, sizes, tokens, roles, headers; asked over the ASGI interface."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dashboards.server.app import create_app
from dashboards.server.home import local_path
from dashboards.server.security import MOST_BODY_BYTES, MOST_FORM_BYTES
from dashboards.server.settings import Settings, User, read_tokens, settings
from dashboards.server.static import WEB
from dashboards.server.tries import MOST_FAILURES
from sim.errors import InputError

TOKENS = {"viewer": "v" * 24, "planner": "p" * 24, "trainer": "t" * 24}
HOME = "http://127.0.0.1:8321"
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("server")
    lines = [f"{role} {role}-ann {token}" for role, token in TOKENS.items()]
    (root / "tokens").write_text("# who may enter\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (root / "tokens").chmod(0o600)
    return root


def given(folder: Path, **more) -> Settings:
    return settings(results=folder / "results", scenarios=folder / "own", **more)


@pytest.fixture(scope="module")
def local(folder):
    """A server on loopback without tokens."""
    with TestClient(create_app(given(folder)), base_url=HOME, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def guarded_app(folder):
    app = create_app(given(folder / "guarded", token_file=folder / "tokens", host="0.0.0.0", names=("city.example",)))
    with TestClient(app, base_url=HOME):
        yield app


@pytest.fixture
def guarded(guarded_app):
    """A server that other computers can reach; each test is a new visitor."""
    guarded_app.state.gridwhistle.sessions.tries.clear()
    return TestClient(guarded_app, base_url=HOME, follow_redirects=False)


def bearer(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[role]}"}


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "192.168.1.5:8321", "[::ffff]:80"])
def test_a_local_server_answers_to_no_other_name(local, host):
    assert local.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "[::1]:8321", "127.0.0.9:1"])
def test_a_local_server_answers_to_this_computers_names(local, host):
    assert local.get("/health", headers={"host": host}).status_code == 200


def test_an_open_server_answers_to_addresses_and_to_names_it_was_given(guarded):
    for host, status in (("10.1.2.3", 200), ("city.example", 200), ("evil.example", 421)):
        assert guarded.get("/health", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://127.0.0.1:9999"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"origin": HOME}, False),
        ({}, False),
    ],
)
def test_forms_of_other_sites_are_refused(local, headers, refused):
    status = local.post("/lab-files/run/check?lang=en", json={}, headers=headers).status_code
    assert status == (403 if refused else 200)


def test_sockets_of_other_sites_are_refused(local):
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        local.websocket_connect(
            "/lab/_dash-ws-callback", headers={"origin": "http://evil.example", "host": "127.0.0.1"}
        ),
    ):
        pass
    assert closed.value.code == 4403


def test_a_stranger_gets_no_socket(guarded):
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        guarded.websocket_connect("/lab/_dash-ws-callback", headers={"host": "127.0.0.1"}),
    ):
        pass
    assert closed.value.code == 4401


def test_large_bodies_are_refused_whether_they_say_so_or_not(local):
    large = b"x" * (MOST_BODY_BYTES + 1)
    assert local.post("/lab-files/run/check", content=large).status_code == 413
    pieces = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
    assert local.post("/lab-files/run/check", content=pieces).status_code == 413


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_form_is_bounded_below_a_document_for_it_is_taken_apart_on_the_loop(local, kind):
    large, told = b"%" * (MOST_FORM_BYTES + 1), {"Content-Type": kind}
    assert local.post("/drill/join", content=large, headers=told).status_code == 413
    pieces = (large[i : i + 9000] for i in (0, 9000))
    assert local.post("/drill/join", content=pieces, headers=told).status_code == 413
    assert local.post("/drill/join", content=large[:9000], headers=told).status_code < 500
    upload = local.post("/lab-files/upload", content=large, headers=told).status_code
    assert upload == 413 if "url" in kind else upload in (400, 422), "a file may be larger"


@pytest.mark.parametrize("path", ["/", "/lab/library?lang=en", "/static/base.css", "/nowhere", "/lab-files/upload"])
def test_every_answer_carries_the_security_headers(local, path):
    headers = local.get(path, headers=PAGE).headers
    policy = headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe" not in scripts and "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "http:" not in policy and "https:" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
    assert "server" not in headers


def test_only_dashs_own_inline_scripts_may_run(local):
    answer = local.get("/lab/library?lang=en", headers=PAGE)
    allowed = set(re.findall(r"'sha256-([^']+)'", answer.headers["content-security-policy"]))
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>(.+?)</script>", answer.text, re.S)
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline}
    assert hashes and hashes <= allowed


def test_pages_name_no_other_host(local):
    for path in ("/", "/lab/library?lang=zh", "/lab/run?lang=en", "/login", "/lab-files/upload"):
        text = re.sub(
            r'<script[^>]*type="application/json".*?</script>', "", local.get(path, headers=PAGE).text, flags=re.S
        )
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text), path


def test_no_file_of_the_dashboards_names_another_host_or_a_trace_that_needs_one():
    banned = re.compile(r"cdn\.|unpkg|googleapis|jsdelivr|open-street-map|carto-|px\.choropleth|mapbox")
    found = [
        f"{path.name}: {match[0]}"
        for path in WEB.parent.rglob("*")
        if path.suffix in (".py", ".js", ".mjs", ".css", ".yaml", ".svg")
        for match in [banned.search(path.read_text(encoding="utf-8"))]
        if match
    ]
    assert found == []


def test_static_files_come_compressed_once_and_are_not_sent_twice(local):
    first = local.get("/static/base.css", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip" and first.headers["content-type"].startswith("text/css")
    again = local.get("/static/base.css", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert local.get("/static/base.css", headers={"accept-encoding": "identity"}).text == first.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server/app.py",
        "/static/%2e%2e/server/app.py",
        "/static/..%2f..%2fgridwhistle.py",
        "/lab-files/scenario/..%2f..%2fpyproject.yaml",
        "/lab/_dash-component-suites/os/path.py",
        "/lab/_dash-component-suites/dash/../../secret.js",
        "/lab/elsewhere",
    ],
)
def test_nothing_outside_the_given_folders_can_be_read(local, path):
    assert local.get(path).status_code == 404


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "nothing-here"])
def test_a_study_is_named_by_a_bare_name(local, name):
    status = local.get(f"/lab-files/study/{name.replace('/', '%2f')}/report").status_code
    assert status in (400, 404)


def test_a_stranger_is_led_to_the_door_and_back(guarded):
    led = guarded.get("/lab/run?scenario=bare-line&lang=en", headers=PAGE)
    assert led.status_code == 303
    assert led.headers["location"] == "/login?next=/lab/run%3Fscenario%3Dbare-line%26lang%3Den"
    assert "no-store" in led.headers["cache-control"]
    asked = guarded.get("/lab-files/scenario/bare-line.yaml")
    assert asked.status_code == 401 and asked.json() == {"error": "log in first"}
    assert guarded.get("/health").json() == {"status": "ok"}
    form = {"token": TOKENS["planner"], "next": "/lab/run?scenario=bare-line&lang=en"}
    entered = guarded.post("/login", data=form, headers={"origin": HOME})
    assert entered.status_code == 303 and entered.headers["location"] == form["next"]
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKENS["planner"] not in cookie
    page = guarded.get("/", headers=PAGE)
    assert page.status_code == 200 and "planner-ann" in page.text and TOKENS["planner"] not in page.text
    assert guarded.post("/logout").status_code == 303
    assert guarded.get("/lab-files/scenario/bare-line.yaml").status_code == 401


def test_wrong_tokens_are_slowed_and_the_right_one_always_enters(guarded):
    for _ in range(MOST_FAILURES):
        assert guarded.post("/login", data={"token": "w" * 24}).status_code == 401
    begun = time.monotonic()
    assert [guarded.post("/login", data={"token": "w" * 24}).status_code for _ in range(2)] == [429, 429]
    assert time.monotonic() - begun > 0.25
    assert guarded.post("/login", data={"token": TOKENS["trainer"]}).status_code == 303


def test_every_place_that_takes_a_secret_counts_with_the_others_and_tells_the_log(guarded, caplog):
    asked = [
        lambda: guarded.get("/lab/run", headers={"authorization": "Bearer wrong-wrong-wrong"}),
        lambda: guarded.post("/login", data={"token": "w" * 24}),
        lambda: guarded.get("/drill/ZZZZ00", headers=bearer("viewer")),
        lambda: guarded.post("/drill/join", data={"code": "ZZZZ00"}, headers=bearer("viewer")),
        lambda: guarded.post("/drill/ZZZZ00/controller/close", headers=bearer("viewer")),
    ]
    with caplog.at_level("WARNING", "gridwhistle.access"):
        first = [asked[k % 5]().status_code for k in range(MOST_FAILURES)]
    assert first == [401, 401, 404, 404, 403] * 2 and len(caplog.records) == MOST_FAILURES
    assert {ask().status_code for ask in asked} == {429}
    assert not any(secret in caplog.text for secret in ("wrong-wrong", "www", "ZZZZ00"))
    assert guarded.get("/health", headers=bearer("planner")).status_code == 200


def test_a_seats_address_does_not_tell_whether_a_room_is_open(guarded):
    answers = [guarded.get(f"/drill/{code}/x?lang=en", headers=bearer("viewer")) for code in ("ZZZZ00", "AAAAAA")]
    assert [(a.status_code, a.headers["location"]) for a in answers] == [
        (303, "/drill/ZZZZ00?lang=en"),
        (303, "/drill/AAAAAA?lang=en"),
    ]


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\r\nb", ""]
)
def test_a_login_leads_to_no_other_site(address):
    assert local_path(address) == "/"


def test_roles_are_enforced_on_the_server(guarded):
    filled = {"scenario": "bare-line", "baseline": "three-desks", "arms": ["four-desks"], "replications": "2",
              "days": "7", "seed": "1"}  # fmt: skip
    for role, status in (("viewer", 403), ("planner", 200), ("trainer", 200)):
        assert guarded.post("/lab-files/run/check", json=filled, headers=bearer(role)).status_code == status
        assert guarded.get("/lab-files/upload", headers=bearer(role)).status_code == status
    assert guarded.get("/", headers=bearer("viewer") | PAGE).status_code == 200
    assert guarded.get("/lab-files/run/form", headers=bearer("viewer")).status_code == 403
    assert guarded.get("/lab-files/run/form", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_a_role_covers_those_below_it():
    assert [User("a", "planner").may(role) for role in ("viewer", "planner", "trainer", "keeper")] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"host": "0.0.0.0"}, "needs a token"),
        ({"host": "::"}, "needs a token"),
        ({"host": "city.example"}, "needs a token"),
        ({"host": "not a host"}, "not a host"),
        ({"port": 70_000}, "impossible port"),
        ({"concurrent": 0}, "impossible number"),
        ({"names": ("bad name",)}, "not a host name"),
        ({"proxies": ("my-proxy",)}, "not the address of a proxy"),
        ({"proxies": ("127.0.0.1",)}, "needs a token"),
    ],
)
def test_a_server_that_cannot_be_right_does_not_start(folder, options, says):
    with pytest.raises(InputError, match=says):
        given(folder, **options)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("viewer ann\n", "line 1: not a token line"),
        ("# x\nking ann aaaaaaaaaaaaaaaa\n", "line 2, .*|unknown role"),
        ("viewer ann short\n", "too short"),
        ("viewer ann/ aaaaaaaaaaaaaaaaaaaa\n", "not a name"),
        ("viewer a aaaaaaaaaaaaaaaaaaaa\nplanner b aaaaaaaaaaaaaaaaaaaa\n", "line 2: a token stands twice"),
        ("# nobody\n", "holds no token"),
    ],
)
def test_a_wrong_token_file_is_one_sentence_without_the_token(tmp_path, text, says):
    file = tmp_path / "tokens"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(InputError, match=says) as found:
        read_tokens(file)
    assert "aaaaaaaa" not in found.value.sentence() and "short" not in str(found.value.found)


def test_a_token_file_that_everybody_can_read_is_refused(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("viewer ann " + "a" * 20, encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(InputError, match="everybody on this computer"):
        read_tokens(file)


def test_settings_and_sessions_hold_no_token(guarded_app):
    state = guarded_app.state.gridwhistle
    assert not any(token in repr(vars(state)) + repr(state.settings.users) for token in TOKENS.values())


def test_mistakes_are_pages_for_people_and_json_for_programs(local):
    page = local.get("/nowhere?lang=zh", headers=PAGE)
    assert page.status_code == 404 and "没有这个页面" in page.text and 'lang="zh-CN"' in page.text
    assert local.get("/nowhere").json() == {"error": "Not Found"}
    assert "no results" in local.get("/lab-files/study/nothing/report?lang=en").json()["error"]


def test_the_language_is_kept_and_the_browsers_is_heard(local):
    assert 'lang="zh-CN"' in local.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
    local.cookies.clear()
    local.get("/?lang=zh")
    assert 'lang="zh-CN"' in local.get("/").text
    local.cookies.clear()
    led = local.get("/lab/run?scenario=bare-line")
    assert led.status_code == 307 and led.headers["location"] == "/lab/run?scenario=bare-line&lang=en"


def test_damaged_results_are_told_and_other_kinds_are_not_listed(local, folder):
    results = folder / "results"
    for name, text in (("cut-off", "{"), ("a-design", '{"schema": 1, "kind": "design"}'), (".hidden", "{}")):
        (results / name).mkdir(parents=True)
        (results / name / "manifest.json").write_text(text, encoding="utf-8")
    state = local.app.state.gridwhistle
    assert state.results_names() == ["cut-off"]
    assert "cut off or damaged" in local.get("/lab-files/study/cut-off/report").json()["error"]
    assert "no results of that name" in local.get("/lab-files/study/a-design/report").json()["error"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["--port", "99999"], "0 to 65,535"),
        (["--token-file", "nowhere"], "cannot be read"),
        (["--results", "a-file"], "this is a file"),
    ],
)
def test_the_command_says_in_one_sentence_why_it_does_not_start(tmp_path, monkeypatch, words, says):
    from typer.testing import CliRunner

    from gridwhistle import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    result = CliRunner().invoke(app, ["dashboard", *words])
    assert result.exit_code == 2 and says in result.output and "Traceback" not in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-file"]

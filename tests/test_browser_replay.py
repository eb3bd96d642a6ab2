"""The replay in a real browser: it draws, moves, holds, seeks, follows, in both languages and sizes."""

from __future__ import annotations

import pytest
from browser_pages import LANGUAGES, PHONE, SIZES, WALL, visit

from scenarios.replay import Replay
from scenarios.study import Study

NOON = 3 * 1440 + 10 * 60 + 5  # 10:05 of the fourth day

PIXELS = """(name) => {
  const canvas = document.querySelector(name), c = canvas.getContext("2d");
  const data = c.getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0, hash = 7;
  const colours = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200) continue;
    painted++;
    const key = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    colours.set(key, (colours.get(key) ?? 0) + 1);
    hash = (Math.imul(hash, 31) + key + i) | 0;
  }
  return {painted, hash, colours: [...colours.values()].filter((n) => n > 8).length};
}"""
PLAYER = "document.querySelector('[data-replay]').player"


def _path(site, at=NOON, arm="whistle"):
    return f"/replay?study={site.study}&arm={arm}" + (f"&at={at}" if at is not None else "")


def _ready(seen, timeout_s=60.0):
    seen.ready("[data-replay][data-ready=true][data-minute]", timeout_s)
    seen.page.wait_for_timeout(400)


def _minute(seen):
    return float(seen.page.get_attribute("[data-replay]", "data-minute"))


def _until(seen, condition, timeout_ms=15000):
    """Wait until a condition in Python holds; the page's policy forbids Playwright's own polling by strings."""
    for _ in range(timeout_ms // 50):
        if condition():
            return
        seen.page.wait_for_timeout(50)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_replay_keeps_the_rules(browser, server, lang, size):
    with visit(browser, server, _path(server), lang, size) as seen:
        _ready(seen)
        assert seen.page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
        for section in ("cases", "people", "legend", "show"):
            seen.page.click(f"details.{section} > summary")
        seen.page.wait_for_timeout(700)
        seen.check()
        ground, things = seen.page.evaluate(PIXELS, ".citymap-ground"), seen.page.evaluate(PIXELS, ".citymap-things")
        assert ground["colours"] >= 3, "land and two kinds of road"
        assert things["painted"] > 500
        assert things["colours"] >= 5, "marks in several colours"
        small = seen.page.evaluate(
            "[...document.querySelectorAll('.replay button')].filter(b => b.offsetParent)"
            ".map(b => b.getBoundingClientRect()).filter(r => r.width && (r.width < 44 || r.height < 44)).length"
        )
        assert small == 0, "every button is large enough for a finger"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_of_runs_keeps_the_rules(browser, server, lang):
    with visit(browser, server, "/replay", lang, PHONE) as seen:
        assert seen.page.locator("h1").count() == 1
        assert seen.page.locator(".choice a.button").count() == 2
        seen.check()
        seen.page.click(".choice a.button >> nth=1")
        _ready(seen)
        assert seen.errors == []


def test_it_plays_pauses_and_scrubs(browser, server):
    with visit(browser, server, _path(server, None)) as seen:
        _ready(seen)
        assert seen.page.get_attribute("[data-replay]", "data-playing") == "true"
        seen.page.evaluate(f"{PLAYER}.seek({NOON})")  # when people are about
        _until(seen, lambda: _minute(seen) >= NOON)
        seen.page.select_option("[data-part=speed]", "600")
        first, minute = seen.page.evaluate(PIXELS, ".citymap-things"), _minute(seen)
        seen.page.wait_for_timeout(3000)
        assert _minute(seen) > minute + 5
        assert seen.page.evaluate(PIXELS, ".citymap-things")["hash"] != first["hash"], "things move"

        seen.page.click("[data-part=play]")
        seen.page.wait_for_timeout(400)
        held, picture = _minute(seen), seen.page.evaluate(PIXELS, ".citymap-things")["hash"]
        seen.page.wait_for_timeout(900)
        assert _minute(seen) == held, "pause holds the clock"
        assert seen.page.evaluate(PIXELS, ".citymap-things")["hash"] == picture, "and the picture"

        box = seen.page.locator("[data-part=slider]").bounding_box()
        seen.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 20)
        horizon = float(seen.page.evaluate(f"{PLAYER}.about.horizon_min"))
        _until(seen, lambda: abs(_minute(seen) / horizon - 0.75) < 0.02)
        seen.page.focus("[data-part=slider]")
        there = _minute(seen)
        seen.page.keyboard.press("ArrowRight")
        _until(seen, lambda: 0 < _minute(seen) - there <= 1.01)
        assert seen.errors == []


def test_speed_is_as_said(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.select_option("[data-part=speed]", "600")
        begun, minute = seen.page.evaluate("performance.now()"), _minute(seen)
        seen.page.click("[data-part=play]")
        seen.page.wait_for_timeout(3000)
        seen.page.click("[data-part=play]")
        passed_s = (seen.page.evaluate("performance.now()") - begun) / 1000
        gone = _minute(seen) - minute
        assert 0.5 * passed_s * 10 < gone <= passed_s * 10 + 0.5, "600x is ten minutes a second, less what loading took"


def test_following_a_case_shows_record_beside_truth(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        at = seen.page.evaluate(
            f"""() => {{ const p = {PLAYER}, f = p.stream.at(p.clock.minute), l = p.cases, v = p.map.view;
              const i = [...f.caseState].findIndex((s, i) => s <= 3
                && Math.abs(v.x(f.a.c_x[i]) - v.width / 2) < v.width / 3);
              const {{spread}} = l.look(v), box = p.map.things.getBoundingClientRect();
              p.people.visible = false;
              p.map.layers.filter((x) => x.name === "unknown").forEach((x) => (x.visible = false));
              return [box.x + v.x(f.a.c_x[i]) + f.cdx[i] * spread, box.y + v.y(f.a.c_y[i]) + f.cdy[i] * spread]; }}"""
        )
        seen.page.mouse.click(*at)
        _until(seen, lambda: seen.page.locator("[data-part=card] table").count() == 1)
        followed = seen.page.get_attribute("[data-replay]", "data-following")
        kind, number = followed.split()
        assert kind == "case"
        heads = seen.page.locator("[data-part=card] thead th").all_inner_texts()
        assert heads == ["On record", "True state"]
        life = seen.page.evaluate(f"{PLAYER}.card.life")
        assert life["case"] == int(number)
        shown = seen.page.locator("[data-part=card] .life li").count()
        assert shown == sum(entry["time_min"] <= NOON for entry in life["history"]), "what comes later is not told"
        seen.page.keyboard.press("Escape")
        _until(seen, lambda: seen.page.get_attribute("[data-replay]", "data-following") == "")


def test_following_somebody_keeps_them_in_view(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.select_option("[data-part=group]", "arrive")
        seen.page.click("[data-part=next]")
        _until(seen, lambda: _minute(seen) > NOON)
        seen.page.click("details.people > summary")
        _until(seen, lambda: seen.page.locator("[data-part=people] button").count() > 0)
        seen.page.click("[data-part=people] button >> nth=0")
        _until(seen, lambda: seen.page.get_attribute("[data-replay]", "data-following").startswith("staff"))
        seen.page.select_option("[data-part=speed]", "300")
        seen.page.click("[data-part=play]")
        for _ in range(4):
            seen.page.wait_for_timeout(500)
            inside = seen.page.evaluate(
                f"""() => {{ const p = {PLAYER}, f = p.stream.at(p.clock.minute), v = p.map.view;
                  const s = f?.person(p.following.staff);
                  return !s || (v.x(s.x) > 0 && v.x(s.x) < v.width && v.y(s.y) > 0 && v.y(s.y) < v.height); }}"""
            )
            assert inside
        assert seen.errors == []


def test_jumping_goes_to_events_and_back(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.select_option("[data-part=group]", "close")
        seen.page.click("[data-part=next]")
        _until(seen, lambda: _minute(seen) > NOON)
        first = _minute(seen)
        seen.page.click("[data-part=next]")
        _until(seen, lambda: _minute(seen) > first)
        seen.page.click("[data-part=previous]")
        _until(seen, lambda: abs(_minute(seen) - first) < 0.01)
        assert seen.page.get_attribute("[data-replay]", "data-following").startswith("case")


def test_keys_work_and_can_be_switched_off(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.keyboard.press("l")
        _until(seen, lambda: abs(_minute(seen) - NOON - 60) < 0.1)
        seen.page.focus(".citymap-things")
        scale = seen.page.evaluate(f"{PLAYER}.map.view.scale")
        seen.page.keyboard.press("+")
        assert seen.page.evaluate(f"{PLAYER}.map.view.scale") == pytest.approx(1.4 * scale)
        seen.page.keyboard.press("0")
        assert seen.page.evaluate(f"{PLAYER}.map.view.scale") == pytest.approx(scale)
        seen.page.click("details.show > summary")
        seen.page.uncheck("[data-part=shortcuts]")
        seen.page.focus(".citymap-things")
        there = _minute(seen)
        seen.page.keyboard.press("l")
        seen.page.wait_for_timeout(400)
        assert _minute(seen) == there


def test_the_map_zooms_and_drags(browser, server):
    with visit(browser, server, _path(server), size=WALL) as seen:
        _ready(seen)
        box = seen.page.locator(".citymap-things").bounding_box()
        x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 3
        before = seen.page.evaluate(f"[{PLAYER}.map.view.mx({box['width'] / 3}), {PLAYER}.map.view.scale]")
        seen.page.mouse.move(x, y)
        seen.page.mouse.wheel(0, -200)
        seen.page.wait_for_timeout(300)
        after = seen.page.evaluate(f"[{PLAYER}.map.view.mx({box['width'] / 3}), {PLAYER}.map.view.scale]")
        assert after[1] > before[1] * 1.2
        assert after[0] == pytest.approx(before[0], abs=1.0), "the point under the pointer stays"
        seen.page.mouse.down()
        seen.page.mouse.move(x + 120, y + 30, steps=4)
        seen.page.mouse.up()
        dragged = seen.page.evaluate(f"{PLAYER}.map.view.mx({box['width'] / 3})")
        assert dragged == pytest.approx(after[0] - 120 / after[1], abs=2.0)
        assert seen.page.get_attribute("[data-replay]", "data-following") in (None, ""), "a drag is no click"


def test_another_arm_is_shown_at_the_same_minute(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.evaluate(f"{PLAYER}.seek(6001.5)")
        _until(seen, lambda: abs(_minute(seen) - 6001.5) < 0.1)
        seen.page.select_option(".which select", "referral")
        seen.page.fill(".which input[type=number]", "2")
        seen.page.click(".which button")
        seen.ready("[data-replay][data-arm=referral][data-minute]", 60)
        assert seen.page.get_attribute("[data-replay]", "data-replication") == "2"
        assert _minute(seen) == 6001.0
        assert seen.errors == []


def test_a_lost_connection_comes_back(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        seen.page.evaluate(f"{PLAYER}.stream.socket.close()")
        _until(seen, lambda: seen.page.get_attribute("[data-replay]", "data-link") == "lost")
        _until(seen, lambda: seen.page.get_attribute("[data-replay]", "data-link") == "open")
        got = seen.page.evaluate(f"{PLAYER}.stream.received")
        seen.page.evaluate(f"{PLAYER}.seek(6000)")
        _until(seen, lambda: abs(_minute(seen) - 6000) < 0.1)
        assert seen.page.evaluate(f"{PLAYER}.stream.received") > got


@pytest.mark.slow
def test_memory_of_a_viewer_is_bounded(browser, server):
    with visit(browser, server, _path(server)) as seen:
        _ready(seen)
        for minute in range(0, 11000, 200):
            seen.page.evaluate(f"{PLAYER}.seek({minute})")
            _until(seen, lambda at=minute: abs(_minute(seen) - at) < 0.1)
        assert seen.page.evaluate(f"{PLAYER}.stream.frames.size") <= 40


def test_reduced_motion_starts_still(browser, server):
    with visit(browser, server, _path(server, None), reduced_motion="reduce") as seen:
        _ready(seen)
        assert seen.page.get_attribute("[data-replay]", "data-playing") == "false"
        seen.page.click("[data-part=play]")
        frames = int(seen.page.get_attribute(".citymap-things", "data-frames"))
        seen.page.wait_for_timeout(3000)
        assert int(seen.page.get_attribute(".citymap-things", "data-frames")) - frames <= 5, "few, still pictures"


def test_a_run_that_is_not_there_is_said_on_the_page(browser, server):
    with visit(browser, server, _path(server) + "&replication=77") as seen:
        _until(seen, lambda: "replication" in seen.page.inner_text("[data-part=status]"))
        assert "0 to 2" in seen.page.inner_text("[data-part=status]")


def test_two_instants_are_where_the_model_has_them(browser, server):
    """What the browser interpolates ends at the places that the model names."""
    replay = Replay.of(Study.open(server.folder), "whistle", 0)
    window = next(w for w in map(replay.window, range(48 + 16, replay.windows)) if _whole_trips(w))
    with visit(browser, server, _path(server, window.start_min + 1)) as seen:
        _ready(seen)
        checked = seen.page.evaluate(
            f"""() => {{ const p = {PLAYER}, f = p.stream.at(p.clock.minute), a = f.a, roads = p.roads;
              let n = 0, worst = 0;
              for (let k = 0; k < f.who.length; k++) for (let i = f.first[k]; i < f.first[k + 1]; i++) {{
                if (a.s_way[i] < 0 || a.s_near[i] > 30 || a.s_depart[i] < 0) continue;
                for (const [t, place] of [[a.s_depart[i], a.s_place[i]], [a.s_near[i] - 1e-3, a.s_to[i]]]) {{
                  f.row[k] = i; f._locate(k, i, t);
                  const node = roads.place[place];
                  worst = Math.max(worst, Math.hypot(f.x[k] - roads.x[node], f.y[k] - roads.y[node])); n++;
                }} }}
              return [n, worst]; }}"""
        )
        assert checked[0] == 2 * _whole_trips(window)
        assert checked[1] < 5.0


def _whole_trips(window):
    s = window.segments[window.way >= 0]
    return int(((s["depart_min"] >= window.start_min) & (s["near_min"] <= window.end_min)).sum())

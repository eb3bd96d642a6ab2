"""The drill room in a real browser: a whole drill by hand, and every page in both languages and sizes."""

from __future__ import annotations

import re

import pytest
from browser_pages import LANGUAGES, PHONE, SIZES, WALL, Site, running, visit
from drill_seats import COOKIE, SHIPPED, Seat, join, open_room, varied

from dashboards.server.settings import settings

ANSWER_S = 4.0
COLOURS = """(name) => {
  const canvas = document.querySelector(name), c = canvas.getContext("2d");
  const data = c.getImageData(0, 0, canvas.width, canvas.height).data, colours = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200) continue;
    const key = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    colours.set(key, (colours.get(key) ?? 0) + 1);
  }
  return [...colours.values()].filter((n) => n > 20).length;
}"""
SMALLEST = """() => [...document.querySelectorAll("button, select, summary, a.button, input")]
  .filter((e) => e.offsetParent !== null && !e.closest(".citymap") && e.type !== "checkbox")
  .map((e) => [e.getBoundingClientRect().height, e.outerHTML.slice(0, 90)]).sort((a, b) => a[0] - b[0])[0]"""


def quick(data):
    """Some seconds for every decision, so that a time-out can be waited for."""
    for ask in data["asks"]:
        ask["answer_within_s"] = ANSWER_S


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("room")
    given = settings(port=0, results=root / "results", scenarios=root / "own")
    with running(given) as (url, kept):
        yield Site(url, "", kept)


def until(seen, condition, timeout_ms=60_000):
    """Wait until a condition in Python holds; the page's policy forbids Playwright's own polling by strings."""
    for _ in range(timeout_ms // 50):
        if found := condition():
            return found
        seen.page.wait_for_timeout(50)
    raise AssertionError("it did not happen in time")


def text(seen, selector):
    found = seen.page.query_selector(selector)
    return found.inner_text() if found else ""


def test_a_whole_drill_by_browser(browser, site, tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_bytes(varied(SHIPPED, quick))
    with visit(browser, site, "/drill") as control, visit(browser, site, "/drill", size=PHONE) as player:
        control.page.set_input_files("#file", own)
        control.page.click("form:has(#file) button")
        control.ready("body[data-ready=true] [data-drill]", 90)
        code = control.page.get_attribute("[data-drill]", "data-code")
        player.page.fill("#code", f" {code[:3].lower()} {code[3:]}")
        player.page.click("form[action^='/drill/join'] button")
        player.page.click("button:has-text('Street duty leader')")
        player.ready("body[data-ready=true] [data-drill]")
        assert "EXERCISE 演练" in text(player, ".exercise-banner")
        assert "has not begun" in text(player, "[data-part=state]")
        until(control, lambda: "joined 1, connected 1" in text(control, "[data-part=roles]"))

        control.page.click("[data-act=start]")
        control.page.select_option("#speed", "60")
        until(player, lambda: player.page.query_selector(".decision .option"))
        first = text(player, ".decision .countdown")
        assert "D" in first and 0 < seconds(player) <= ANSWER_S
        assert "the rule would" in text(control, "[data-part=decisions]")
        assert "the rule" not in text(player, ".decision .options")

        control.page.click("[data-act=pause]")
        until(player, lambda: "paused" in text(player, ".decision .left"))
        left = seconds(player)
        assert player.page.is_disabled(".decision .option >> nth=0")
        player.page.wait_for_timeout(2500)
        assert seconds(player) == left, "a pause stops the countdown"
        control.page.click("[data-act=resume]")
        until(player, lambda: not player.page.is_disabled(".decision .option >> nth=0"))
        player.page.fill("#reason", "nearest")
        player.page.click(".decision .option >> nth=0")
        until(control, lambda: "Reason: nearest" in text(control, "[data-part=decided]"))

        answered, found = set(re.findall(r"D\d+", first)), []  # it may be over before it is looked at a second time
        until(player, lambda: found.extend(set(decision(player)) - answered) or found or jumped(control), 90_000)
        second = found[0]
        until(control, lambda: "timed out" in text(control, f"[data-decided={second}]"), 60_000)

        control.page.fill("#adhoc-text", "A drone is over the crowd.")  # click one: the text; two: send
        control.page.click("[data-act=adhoc]")
        until(player, lambda: "A drone is over the crowd." in text(player, "[data-part=messages]"))
        player.page.click(".message.unread:has-text('A drone') button")
        until(player, lambda: "✓" in text(player, ".message:has-text('A drone')"))
        assert "released" in text(control, "[data-inject=A1] .tag")

        control.page.click("details.stop summary")
        control.page.fill("#stop-reason", "seen enough")
        control.page.click("details.stop button")
        until(player, lambda: "stopped" in text(player, "[data-part=state]"))
        until(control, lambda: "It was stopped: seen enough" in text(control, "[data-part=ended]"))
        with control.page.context.expect_page() as opened:
            control.page.click("[data-part=aar]")
        report = opened.value
        report.wait_for_load_state()
        assert "After-action report" in report.title() and "EXERCISE" in report.inner_text("body")
        assert second in report.inner_text("body")
        for seen in (control, player):
            assert (seen.foreign, seen.errors) == ([], [])


def jumped(control):
    """Run to the next event, where that can be done just now."""
    button = control.page.query_selector("[data-act=jump]")
    if not button.is_disabled():
        button.click()


def decision(seen):
    """Return the number of the decision that is shown, in a list; an empty one when there is none."""
    return re.findall(r"D\d+", text(seen, ".decision .countdown"))


def seconds(seen):
    return float(re.search(r"(\d+) s left", text(seen, ".decision .left"))[1])


def test_a_page_comes_back_by_itself_and_loses_nothing(browser, site):
    control = open_room(site.url)
    leader = Seat(control)
    leader.do("start")
    place = join(site.url, control.code, "dispatcher")
    with visit(browser, site, place.path, size=PHONE, storage_state=cookies(place)) as seen:
        seen.ready("body[data-ready=true] [data-link=open]")
        seen.page.evaluate("() => { document.querySelector('[data-drill]').desk.link.socket.close(); }")
        for n in range(3):
            leader.do("adhoc", content={"to": ["dispatcher"], "text": {"en": f"missed {n}", "zh": f"missed {n}"}})
        until(seen, lambda: "missed 2" in text(seen, "[data-part=feed]"), 15_000)
        feed = text(seen, "[data-part=feed]")
        assert [feed.count(f"missed {n}") for n in range(3)] == [1, 1, 1]
        leader.do("stop", reason="enough")
    leader.close()


TAP = """() => document.querySelector(".decision .option, [data-key^=xD]")?.click()"""


def test_a_double_tap_answers_one_decision_only(browser, site, tmp_path):
    own = tmp_path / "slow.yaml"
    own.write_bytes(varied(SHIPPED, lambda data: [ask.update(answer_within_s=60) for ask in data["asks"]]))
    control = open_room(site.url, own.read_bytes())
    leader = Seat(control)
    roles = {role: join(site.url, control.code, role) for role in ("dispatcher", "street_leader")}
    leader.do("start")
    while not leader.decision:
        leader.ask("jump")
    place = roles[leader.decision["role"]]
    with visit(browser, site, place.path, size=PHONE, storage_state=cookies(place)) as seen:
        seen.ready("body[data-ready=true] [data-link=open]")
        for _ in range(2):
            first = until(seen, lambda: decision(seen))
            seen.page.wait_for_timeout(1000)
            seen.page.evaluate(TAP)
            tapped = 0
            while tapped < 60 and decision(seen) == first:  # taps while the answer is on its way
                seen.page.evaluate(TAP)
                tapped += 1
                seen.page.wait_for_timeout(20)
            until(seen, lambda one=first: decision(seen) != one)
            leader.until(lambda one=first: not leader.decision or leader.decision["id"] != one[0])  # else it jumps not
            before = leader.parts["decided"]
            jumped_on(leader, place.role)
            until(seen, lambda one=first: decision(seen) and decision(seen) != one)
            second = decision(seen)
            seen.page.evaluate(TAP)  # the second tap of a pair, on what has just come
            seen.page.wait_for_timeout(400)
            assert decision(seen) == second and leader.decision and leader.decision["id"] == second[0]
            assert len(leader.parts["decided"]) == len(before)
        assert (seen.foreign, seen.errors) == ([], [])
    leader.do("stop", reason="enough")
    leader.close()


def jumped_on(leader, role):
    """Run on until the next decision of a role; others are left to the rule."""
    for _ in range(200):
        if leader.decision and leader.decision["role"] == role:
            return
        if leader.decision:
            one = leader.decision["id"]
            leader.do("expire", decision=one)
            leader.until(lambda o=one: not leader.decision or leader.decision["id"] != o)
        else:
            leader.ask("jump")
            leader.until(lambda: leader.decision or not leader.parts["clock"]["held"])
    raise AssertionError("no further decision of this role")


def test_a_wrong_code_keeps_the_page_the_code_and_the_cursor(browser, site):
    for lang, size in (("en", WALL), ("zh", PHONE)):
        with visit(browser, site, "/drill", lang, size) as seen:
            seen.page.fill("#code", "NOSUCH")
            seen.page.click("form[action^='/drill/join'] button")
            seen.ready("[data-wrong]")
            assert seen.page.input_value("#code") == "NOSUCH"
            until(seen, lambda: seen.page.evaluate("() => document.activeElement.id") == "code")
            assert ("No room has this code" if lang == "en" else "没有使用该代码的演练室") in text(seen, "#code-wrong")
            assert seen.foreign == [] and seen.serious() == []


@pytest.mark.slow
def test_a_lost_controller_comes_back_in_the_same_browser_and_on_another_device(browser, site):
    with visit(browser, site, "/drill") as first:
        first.page.click("form:has(input[name=exercise]) button")
        first.ready("body[data-ready=true] [data-drill]", 90)
        code = first.page.get_attribute("[data-drill]", "data-code")
        address = f"/drill/{code}/controller"
        first.page.click(".codes details summary")
        until(first, lambda: text(first, "[data-part=control-code]"))
        secret = text(first, "[data-part=control-code]")
        assert "Only this computer can join" in text(first, "[data-part=join-at]")
        tab = first.page.context.new_page()
        first.page.close()  # the tab is gone; its browser is not
        tab.goto(f"{site.url}/drill")
        tab.click(f"a[href^='{address}']")
        tab.wait_for_selector("body[data-ready=true] [data-kind=controller]", state="attached")
        with visit(browser, site, "/drill", "zh", PHONE) as other:  # another device knows no cookie
            other.page.fill("#code", code)
            other.page.click("form[action^='/drill/join'] button")
            other.page.click("details summary")
            other.page.fill("#control", secret.lower())
            other.page.click("details button")
            other.ready("body[data-ready=true] [data-kind=controller]")
            other.page.click("[data-act=start]")
            until(other, lambda: other.page.get_attribute("[data-drill]", "data-status") == "running")
            other.page.select_option("#note-kind", "evaluator")
            other.page.fill("#note-text", "took over")
            other.page.click("[data-part=notes] form button")
            until(other, lambda: "took over" in text(other, "[data-notes=evaluator]"))
            assert other.errors == []
        tab.click("[data-act=pause]")
        tab.wait_for_selector("[data-drill][data-status=paused]", state="attached")


def cookies(*places):
    """Return a browser's memory with the seats of these places."""
    made = [
        {"name": COOKIE, "value": p.key, "domain": "127.0.0.1", "path": p.path, "expires": -1, "httpOnly": True,
         "secure": False, "sameSite": "Strict"}
        for p in places
    ]  # fmt: skip
    return {"cookies": made, "origins": []}


@pytest.fixture(scope="module")
def rooms(site):
    """A drill that is paused at a decision, and one that is over with a branch."""
    open_one, over = open_room(site.url), open_room(site.url)
    made = {}
    for name, control in (("open", open_one), ("over", over)):
        made[name] = {role: join(site.url, control.code, role) for role in ("street_leader", "dispatcher", "observer")}
        made[name]["controller"] = control
        seat = Seat(control)
        seat.do("start")
        while not seat.decision:
            seat.ask("jump")
        if name == "open":
            seat.do("pause")
        else:
            asked = seat.decision
            seat.do("decide", decision=asked["id"], option=asked["options"][0]["id"], reason="nearest")
            seat.do("stop", reason="enough")
            seat.do("branch", decision=asked["id"], option=asked["options"][1]["id"], futures=3, timeout_s=120)
        asker = seat.parts["you"]["decisions"][0]["role"] if name == "open" else "street_leader"
        made[name]["player"] = made[name][asker]
        seat.close()
    return made


CROSSED = [("en", WALL), ("zh", PHONE)]
EVERY = [
    pytest.param(lang, size, id=f"{lang}-{name}", marks=() if (lang, size) in CROSSED else pytest.mark.slow)
    for lang in LANGUAGES
    for name, size in SIZES.items()
]


@pytest.mark.parametrize(("lang", "size"), EVERY)
def test_every_page_keeps_the_rules(browser, site, rooms, lang, size):
    places = [rooms["open"][k] for k in ("controller", "player", "observer")] + [rooms["over"]["controller"]]
    paths = ["/drill", f"/drill/{places[0].code}", *[p.path for p in places]]
    for path in paths:
        with visit(browser, site, path, lang, size, storage_state=cookies(*places)) as seen:
            live = path.count("/") == 3
            if live:
                seen.ready("body[data-ready=true] [data-link=open][data-map=true]")
                seen.page.wait_for_timeout(900)
                for name in ("ground", "things"):
                    assert seen.page.evaluate(COLOURS, f".citymap-{name}") >= 3, f"a blank map on {path}"
            assert seen.page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
            assert "EXERCISE 演练" in text(seen, ".exercise-banner")
            if size == PHONE and path.endswith(("leader", "dispatcher", code_of(path))):
                height, html = seen.page.evaluate(SMALLEST)
                assert height >= 43.5, f"too small for a finger on {path}: {html}"
            seen.check()


def code_of(path):
    return path.rsplit("/", 1)[1] if path.count("/") == 2 else "/drill"


def test_the_projector_is_readable_from_afar(browser, site, rooms):
    place = rooms["open"]["observer"]
    with visit(browser, site, place.path, "zh", WALL, storage_state=cookies(place)) as seen:
        seen.ready("body[data-ready=true] [data-map=true]")
        size = "(e) => parseFloat(getComputedStyle(e).fontSize)"
        for value in seen.page.query_selector_all(".kpi .value, .big-clock .time"):
            assert value.evaluate(size) >= 64
        for node in seen.page.query_selector_all(".live li, .live p:not(.sr), .kpi span, .big-clock span, .live h2"):
            assert node.evaluate(size) >= 24


def test_the_controller_goes_by_keyboard(browser, site):
    control = open_room(site.url)
    with visit(browser, site, control.path, storage_state=cookies(control)) as seen:
        seen.ready("body[data-ready=true] [data-link=open]")
        seen.page.keyboard.press("p")
        until(seen, lambda: seen.page.get_attribute("[data-drill]", "data-status") == "running")
        seen.page.keyboard.press("p")
        until(seen, lambda: seen.page.get_attribute("[data-drill]", "data-status") == "paused")
        seen.page.keyboard.press("i")
        seen.page.keyboard.type("p")
        assert seen.page.input_value("#adhoc-text") == "p"
        assert seen.page.get_attribute("[data-drill]", "data-status") == "paused", "typing is no shortcut"
        seen.page.click("details.keys summary")
        seen.page.uncheck("details.keys input")
        seen.page.keyboard.press("p")
        seen.page.wait_for_timeout(400)
        assert seen.page.get_attribute("[data-drill]", "data-status") == "paused", "shortcuts can be switched off"
        assert (seen.foreign, seen.errors) == ([], [])

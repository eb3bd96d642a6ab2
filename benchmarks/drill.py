"""What a drill computes beside waiting for people: 90 exercise minutes, one tick, playing again, a branch.

The shipped exercise is played by the rule's own answers, so that no time passes but the machine's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Bar, Measured

DRILL = (
    Bar("drill_90_min_s", "90 exercise minutes with all decisions, beside waiting (s)", "at most", 1.0),
    Bar("drill_tick_ms", "longest tick of a tenth of a second at speed 60 (ms)", "at most", 100.0),
    Bar("drill_replay_s", "playing a recording again, tables made (s)", "at most", 2.0),
    Bar("drill_branch_s", "a branch over 30 futures (s)", "at most", 10.0),
)


def measure(quick: bool) -> Measured:
    """Measure the drill; best of several, so that other work on the machine counts little."""
    from scenarios.drill import Drill, Exercise, Ground, branch, replay

    exercise = Exercise.load("evening-wage-fire")
    ground = Ground.of(exercise)
    _play(Drill(exercise, ground=ground))  # whatever is made once
    times = 1 if quick else 5
    made = [Drill(exercise, ground=ground) for _ in range(times)]
    seconds = min(_seconds(lambda d=d: _play(d)) for d in made)  # type: ignore[misc]
    recording = made[0].recording
    futures = 2 if quick else 30
    return {
        "drill_90_min_s": seconds,
        "drill_decisions": sum(p.state == "answered" for p in made[0].prompts),
        "drill_tick_ms": 1000 * min(_longest_tick(Drill(exercise, ground=ground)) for _ in range(times)),
        "drill_replay_s": min(_seconds(lambda: replay(recording, ground)) for _ in range(times)),
        "drill_branch_s": _seconds(lambda: branch(recording, "D2", "escalate", futures, ground=ground)),
    }


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _play(drill: Any) -> None:
    drill.start()
    while not drill.is_over:
        if drill.open_decisions:
            prompt = drill.open_decisions[0]
            drill.decide(prompt.id, prompt.rule_option, "benchmark")
        else:
            drill.jump()


def _longest_tick(drill: Any) -> float:
    """Return the longest time of one tick of a whole drill, decisions answered between ticks."""
    drill.start()
    drill.set_speed(60)
    longest = 0.0
    while not drill.is_over:
        if drill.open_decisions:
            prompt = drill.open_decisions[0]
            drill.decide(prompt.id, prompt.rule_option, "benchmark")
        else:
            longest = max(longest, _seconds(lambda: drill.tick(0.1)))
    return longest

"""Scenario texts that tests build on: a bare queue with two policies; not a test."""

from __future__ import annotations

from pathlib import Path

BARE = """\
name: small-queue
title: {en: A small queue, zh: 小队列}
bare: true
city:
  bare:
    places: [[0, 0]]
    metric: none
horizon_days: 2
types:
  call:
    title: {en: Call, zh: 来电}
    kind: bare
    rate_per_hour: 6.0
    start: grid
    report: {phone: 50.0}
    stages:
      - name: serve
        who: clerk
        where: desk
        touch_min: {exponential: {mean: 8}}
    success: {base: 1.0, floor: 1.0}
channels:
  phone:
    title: {en: Phone, zh: 电话}
posts:
  clerk:
    title: {en: Clerk, zh: 办事员}
    kind: unit
    per: grid
    count: 1
    shift: always
shifts:
  always: {}
ladder: {grid: clerk, community: clerk, street: clerk, district: clerk, city: clerk}
policies:
  one:
    title: {en: One clerk, zh: 一名办事员}
  two:
    title: {en: Two clerks, zh: 两名办事员}
    posts:
      clerk: {count: 2}
experiment:
  arms: [one, two]
  replications: 4
"""


def write(folder: Path, text: str = BARE, name: str = "queue.yaml") -> Path:
    """Write a scenario file and return its path."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def line_of(text: str, piece: str) -> int:
    """Return the 1-based line on which a piece of text first stands."""
    return text[: text.index(piece)].count("\n") + 1

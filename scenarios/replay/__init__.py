"""Replays: runs of a results folder played again, for people who look at them on a map."""

from __future__ import annotations

from scenarios.replay.play import Replay, Window

__all__ = ["Replay", "Window"]

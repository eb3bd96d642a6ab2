"""The hub of a drill room: items without gaps, pictures that replace one another, slow clients cut off."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.drill.hub import MOST_WAITING, Frame, Hub, Outbox, TooSlow


def item(n):
    return Frame("event", f"i{n}")


def run(work):
    return asyncio.run(work())


async def taken(box):
    async with asyncio.timeout(1):
        return await box.take()


def test_items_come_all_and_in_order_and_of_a_picture_only_the_newest():
    async def work():
        hub = Hub()
        box = hub.join("a")
        hub.tell("a", [item(0), Frame("clock", "c1"), item(1), Frame("clock", "c2"), Frame("you", "y")])
        hub.tell("b", [item(9)])
        assert await taken(box) == ["i0", "i1", "c2", "y"]

    run(work)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=30), st.integers(0, 60), st.integers(0, 60))
def test_whoever_leaves_and_comes_back_misses_nothing(bursts, leaves, returns):
    """Whatever is told in whatever portions: before, while away and after, each item comes once and in order."""

    async def work():
        hub, told, got = Hub(), 0, []
        box = hub.join("a")
        for n in bursts:
            if box is not None and told >= leaves:
                if told:
                    got += await taken(box)
                hub.leave("a", box)
                box = None
            if box is None and told >= max(leaves, returns):
                box = hub.join("a", after=len(got) - 1)
            hub.tell("a", [item(told + k) for k in range(n)])
            told += n
        if box is None:
            box = hub.join("a", after=len(got) - 1)
        if told > len(got):
            got += await taken(box)
        assert got == [f"i{k}" for k in range(told)]

    run(work)


def test_a_client_that_takes_nothing_is_cut_off_and_delays_nobody():
    async def work():
        hub = Hub()
        slow, quick = hub.join("a"), hub.join("a")
        got = []
        for n in range(MOST_WAITING + 50):
            hub.tell("a", [item(n), Frame("clock", f"c{n}")])
            got += [t for t in await taken(quick) if t.startswith("i")]
        assert got == [f"i{n}" for n in range(MOST_WAITING + 50)]
        with pytest.raises(TooSlow):
            await taken(slow)
        hub.leave("a", slow)
        again = hub.join("a", after=9)
        texts = await taken(again)
        assert texts[:-1] == [f"i{n}" for n in range(10, MOST_WAITING + 50)] and texts[-1] == f"c{MOST_WAITING + 49}"

    run(work)


def test_a_long_backlog_leaves_the_same_room_for_what_is_new():
    async def work():
        box = Outbox([f"i{n}" for n in range(1000)])
        for n in range(1000, 1000 + MOST_WAITING):
            box.put(item(n))
        assert len(await taken(box)) == 1000 + MOST_WAITING
        for n in range(MOST_WAITING + 1):
            box.put(item(n))
        with pytest.raises(TooSlow):
            await taken(box)

    run(work)

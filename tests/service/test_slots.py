"""Places for executing runs: the limits hold, priorities go first, nobody is held up by another's limit."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from service.runs.slots import Slots

_kinds = st.tuples(st.sampled_from(["review", "translate", "free"]), st.sampled_from(["t1", "t2", "t3"]))


@given(st.lists(st.tuples(_kinds, st.integers(-2, 2), st.integers(0, 3)), max_size=30), st.integers(1, 5))
def test_no_limit_is_ever_passed_and_everybody_gets_a_place(asked: list[tuple[tuple[str, str], int, int]], total: int):
    async def play() -> None:
        slots = Slots(total, {"review": 1, "translate": 2}, 3)
        inside: Counter[str] = Counter()
        done = 0

        async def one(workflow: str, tenant: str, priority: int, turns: int) -> None:
            nonlocal done
            async with slots.taken(workflow, tenant, priority):
                inside.update(["all", workflow, tenant])
                assert inside["all"] <= total
                assert inside["review"] <= 1
                assert inside["translate"] <= 2
                assert inside[tenant] <= 3
                for _ in range(turns):
                    await asyncio.sleep(0)
                inside.subtract(["all", workflow, tenant])
            done += 1

        await asyncio.wait_for(asyncio.gather(*(one(*kind, priority, turns) for kind, priority, turns in asked)), 10)
        assert done == len(asked)

    asyncio.run(play())


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_who_gives_up_waiting_leaves_no_place_taken(gives_up: list[bool]):
    async def play() -> None:
        slots = Slots(1, {}, 0)
        entered = 0

        async def one() -> None:
            nonlocal entered
            async with slots.taken("free", "t1"):
                entered += 1
                await asyncio.sleep(0)

        async with slots.taken("free", "t1"):
            tasks = [asyncio.create_task(one()) for _ in gives_up]
            await asyncio.sleep(0)
            for task, leaves in zip(tasks, gives_up, strict=True):
                if leaves:
                    task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert entered == gives_up.count(False)
        await asyncio.wait_for(one(), 1)

    asyncio.run(play())


async def test_higher_priorities_go_first_and_equal_ones_in_their_order():
    slots, order = Slots(1, {}, 0), list[str]()

    async def one(name: str, priority: int) -> None:
        async with slots.taken("free", "t1", priority):
            order.append(name)

    async with slots.taken("free", "t1"):
        waiting = [asyncio.create_task(one(*each)) for each in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1))]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["b", "d", "a", "c", "e"]


async def test_a_workflow_at_its_limit_does_not_hold_up_others():
    slots = Slots(3, {"review": 1}, 0)
    async with slots.taken("review", "t1"):
        stuck = asyncio.create_task(slots.taken("review", "t1").__aenter__())
        await asyncio.sleep(0)
        async with asyncio.timeout(1), slots.taken("free", "t1"):
            assert not stuck.done()
    await asyncio.wait_for(stuck, 1)

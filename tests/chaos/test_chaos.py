"""A short game of chaos over both databases; `make chaos N=1000` plays a long one."""

from tests.chaos.chaos import chaos, postgresql


async def test_kills_at_any_moment_lose_no_run_and_repeat_no_call_over_sqlite():
    report = await chaos("sqlite", runs=60, seed=11, pause=0.05, stalled=2.0)
    assert report.good, [*report.lost, *report.wrong, *report.repeated]
    assert report.kills["SIGKILL"] >= 5


async def test_kills_at_any_moment_lose_no_run_and_repeat_no_call_over_postgresql():
    async with postgresql() as url:
        report = await chaos(url, runs=60, seed=12, pause=0.05, stalled=2.0)
    assert report.good, [*report.lost, *report.wrong, *report.repeated]
    assert report.kills["SIGKILL"] >= 5

"""How long things are kept: threads by their workflow, and uploaded files, each tenant as it or the settings say."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, cast

import structlog

from service.database import files, tenants, threads
from service.database.engine import Database
from service.runs.erasing import StillRunning, erase_thread

log = structlog.get_logger(__name__)

OTHERS: Final = "*"
"""Stands for every workflow that has no rule of its own, and for uploaded files."""


async def keep_no_longer(database: Database, days: Mapping[str, float], moment: datetime) -> int:
    """Erase what is older than its tenant's rules allow; how many threads. days: the settings' rules by workflow.

    A tenant's rule goes before the settings'. A thread's age is counted from its last change; one with a run under way
    is left.
    """
    erased = 0
    for tenant in await tenants.search(database):
        own = cast("dict[str, float] | None", tenant["retention_days"])
        rules = {**days, **(own or {})}
        named = sorted(rules.keys() - {OTHERS})
        for workflow in named:
            erased += await _erase(database, tenant["tenant_id"], [workflow], moment - timedelta(days=rules[workflow]))
        if OTHERS in rules:
            before = moment - timedelta(days=rules[OTHERS])
            erased += await _erase(database, tenant["tenant_id"], named, before, others=True)
            await files.forget_uploads(database, tenant["tenant_id"], before)
    return erased


async def _erase(
    database: Database, tenant_id: str, workflows: list[str], before: datetime, *, others: bool = False
) -> int:
    erased = 0
    while found := await threads.outdated(database, tenant_id, workflows, before, others=others):
        gone = 0
        for thread_id in found:
            try:
                await erase_thread(database, tenant_id, thread_id)
                gone += 1
            except StillRunning:  # begun a moment ago, so it is no longer old
                continue
        erased += gone
        if not gone:
            break
    if erased:
        log.info("threads are kept no longer", tenant_id=tenant_id, workflows=workflows, others=others, threads=erased)
    return erased

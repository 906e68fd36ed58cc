"""One run: its pages, each a part of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from service.admin import api_run, one_run, revealing, web
from service.admin.access import TheAdmin, TheOperator, TheVisitor
from service.admin.api_run import NoGraph
from service.admin.finding import find_run, sight_of
from service.admin.graph_picture import picture
from service.admin.masking import Sight
from service.admin.revealing import permit_cookie, record_reveal, revealed
from service.admin.roles import Visitor
from service.api.access import TheHouse
from service.api.finding import checked_uuid
from service.database.runs import UNFINISHED
from service.house import House
from service.runs.outcome import CancelAction

router = APIRouter(prefix="/runs/{run_id}", include_in_schema=False)

TABS: Final = (
    ("", "Overview"),
    ("/timeline", "Timeline"),
    ("/calls", "Questions and tools"),
    ("/states", "States"),
    ("/events", "Events"),
)


async def about(request: Request, house: House, visitor: Visitor, run_id: str, tab: str) -> dict[str, Any]:
    """What every part's page shows of the run."""
    row = await find_run(house, visitor, run_id)
    reveal = revealed(request, house, visitor, row["run_id"])
    sight = sight_of(house, visitor, row["graph_id"], reveal)
    run = await one_run.whole(house.database, row, sight)
    return {
        "told": "",
        "fault": "",
        "run": run,
        "row": row,
        "reveal": reveal,
        "sight": sight,
        "tabs": TABS,
        "tab": tab,
        "base": f"/admin/runs/{row['run_id']}",
        "unfinished": row["status"] in UNFINISHED,
        "may_invoke": visitor.may("invoke", row["graph_id"]),
        "may_approve": visitor.may("approve", row["graph_id"]),
        "known": row["graph_id"] in house.registry.names(),
        "models": sorted(house.pool.models),
    }


async def _picture(house: House, known: dict[str, Any]) -> tuple[str, str]:
    """The graph's picture, and why there is none."""
    try:
        return picture(await api_run.path_taken(house, known["row"], known["sight"])), ""
    except NoGraph as error:
        return "", error.message


@router.get("")
async def overview(request: Request, run_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    known = await about(request, house, visitor, run_id, "")
    drawn, why_not = await _picture(house, known)
    return web.page(request, "run.html", visitor, **known, drawn=drawn, why_not=why_not)


@router.get("/now")
async def now(request: Request, run_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    """The parts of the overview that change while the run is executed."""
    known = await about(request, house, visitor, run_id, "")
    drawn, why_not = await _picture(house, known)
    return web.page(request, "run_now.html", visitor, **known, drawn=drawn, why_not=why_not)


@router.get("/timeline")
async def timeline(request: Request, run_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    known = await about(request, house, visitor, run_id, "/timeline")
    told = await api_run.timeline_of(house, known["row"], known["sight"])
    return web.page(request, "run_timeline.html", visitor, **known, timeline=told)


@router.get("/calls")
async def calls(request: Request, run_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    known = await about(request, house, visitor, run_id, "/calls")
    run, sight = known["run"], known["sight"]
    asked = await one_run.questions(house.database, run.run_id, sight)
    called = await one_run.tool_calls(house.database, run.run_id, sight)
    return web.page(request, "run_calls.html", visitor, **known, questions=asked, tool_calls=called)


@router.get("/events")
async def events(
    request: Request, run_id: str, house: TheHouse, visitor: TheVisitor, after: int = 0, kind: str = ""
) -> Response:
    known = await about(request, house, visitor, run_id, "/events")
    limit = house.settings.admin.page_events
    after = max(0, min(after, 2**31 - 1))
    found = await one_run.events(house.database, known["run"].run_id, after, limit, known["sight"], kind[:100] or None)
    return web.page(
        request, "run_events.html", visitor, **known, found=found, after=after, kind=kind[:100], limit=limit
    )


@router.get("/live", response_model=None)
async def live(request: Request, run_id: str, house: TheHouse, visitor: TheVisitor, after: int = 0) -> Response:
    """The run's events as they come; beside the run's own pages, where the cookie is that lets them be seen."""
    row = await find_run(house, visitor, run_id)

    def sight() -> Sight:
        return sight_of(house, visitor, row["graph_id"], revealed(request, house, visitor, row["run_id"]))

    return api_run.tail(request, house, row["run_id"], max(0, min(after, 2**31 - 1)), sight)


@router.post("/cancel")
async def cancel(
    run_id: str, house: TheHouse, visitor: TheOperator, action: Annotated[CancelAction, Form()] = "interrupt"
) -> Response:
    row = await find_run(house, visitor, run_id)
    visitor.caller.require("invoke", row["graph_id"])
    await house.queue.cancel(row["run_id"], action)
    return RedirectResponse(f"/admin/runs/{row['run_id']}", 303)


@router.post("/reveal")
async def reveal(request: Request, run_id: str, house: TheHouse, visitor: TheAdmin) -> Response:
    """Show the run without masks to this session for a while; that is audited."""
    row = await find_run(house, visitor, run_id)
    await record_reveal(request, house, visitor, row)
    answer = RedirectResponse(f"/admin/runs/{row['run_id']}", 303)
    answer.set_cookie(**permit_cookie(house, visitor, row["run_id"]))
    return answer


@router.post("/mask")
async def mask(run_id: str, visitor: TheAdmin) -> Response:
    """Mask the run again."""
    path = f"/admin/runs/{checked_uuid('run', run_id)}"
    answer = RedirectResponse(path, 303)
    answer.delete_cookie(revealing.COOKIE, path=path, httponly=True, samesite="lax")
    return answer

"""Signing in and out, and the colours one likes."""

from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from service.admin import sessions, web
from service.admin.access import TheVisitor, check_origin, signed_in_with
from service.admin.roles import NotPermitted
from service.api.access import TheHouse
from service.auth import Unauthorized
from service.auth.rates import RateLimited

router = APIRouter(include_in_schema=False)

_HOME: Final = "/admin/runs"
_YEAR: Final = 365 * 86_400


def sign_in_address(request: Request) -> str:
    """The sign-in page that leads back to where one was going."""
    if request.method != "GET" or request.headers.get("hx-request"):
        return "/admin/sign-in?over=1"
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    over = "over=1&" if sessions.COOKIE in request.cookies else ""
    return f"/admin/sign-in?{over}next={quote(path, safe='')}"


def _ours(path: str) -> str:
    """A path of these pages to go on to; anything else is not followed."""
    plain = path.startswith("/admin/") and not any(each in path for each in ("\\", "\n", "\r", "//"))
    return path if plain else _HOME


@router.get("/")
async def home() -> Response:
    return RedirectResponse(_HOME, 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "", over: bool = False) -> Response:
    told = "Your session is over. Sign in to go on." if over else ""
    return web.page(request, "sign_in.html", None, next=_ours(next), fault="", told=told)


@router.post("/sign-in")
async def sign_in(
    request: Request, house: TheHouse, key: Annotated[str, Form(max_length=500)], next: Annotated[str, Form()] = ""
) -> Response:
    """Begin a session with a key."""
    check_origin(request)
    try:
        visitor = await signed_in_with(request, house, key)
    except (Unauthorized, NotPermitted, RateLimited) as error:
        return web.page(
            request, "sign_in.html", None, error.status, next=_ours(next), fault=error.message.capitalize(), told=""
        )
    seconds = house.settings.admin.session_hours * 3600
    session = sessions.begin(visitor.caller.key_id, seconds)
    answer = RedirectResponse(_ours(next), 303, {"Cache-Control": "no-store"})
    answer.set_cookie(
        sessions.COOKIE,
        sessions.pack(house.secret, session),
        max_age=int(seconds),
        path="/admin",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/sign-out")
async def sign_out(visitor: TheVisitor) -> Response:
    answer = RedirectResponse("/admin/sign-in", 303)
    answer.delete_cookie(sessions.COOKIE, path="/admin", httponly=True, samesite="lax")
    return answer


@router.post("/theme")
async def theme(
    visitor: TheVisitor,
    theme: Annotated[Literal["auto", "light", "dark"], Form()],
    back: Annotated[str, Form()] = _HOME,
) -> Response:
    answer = RedirectResponse(_ours(back), 303)
    answer.set_cookie("consilia_theme", theme, max_age=_YEAR, path="/admin", httponly=True, samesite="lax")
    return answer

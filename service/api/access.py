"""What every router needs: the house, and who calls."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from service.auth import Caller
from service.house import House

_API_KEY = APIKeyHeader(name="x-api-key", auto_error=False, description="A key `csl_…`; the first start prints one.")


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


async def _caller(house: "TheHouse", key: Annotated[str | None, Depends(_API_KEY)]) -> Caller:
    return await house.keys.caller(key)


TheHouse = Annotated[House, Depends(_house)]
TheCaller = Annotated[Caller, Depends(_caller)]

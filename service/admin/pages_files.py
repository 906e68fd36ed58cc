"""Files of runs, always as a download, so that no page in them runs in a browser."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from service.admin import auditing, web
from service.admin.access import TheVisitor
from service.admin.finding import sight_of
from service.admin.masking import Sight
from service.admin.roles import Role
from service.api.access import TheHouse
from service.api.finding import checked_uuid
from service.database import files
from service.database.tables import File, Run
from service.runs.files import FileNotFound

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}")
async def download(request: Request, file_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    """A file cannot be masked, so it is for admins and for who acts on its workflow, where nothing is kept hidden;
    each download is audited. Raises FileNotFound, NotPermitted."""
    query = (
        select(File.__table__, Run.graph_id)
        .outerjoin(Run, Run.run_id == File.run_id)
        .where(File.file_id == checked_uuid("file", file_id))
    )
    if visitor.tenant is not None:
        query = query.where(File.tenant_id == visitor.tenant)
    async with house.database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise FileNotFound(f"there is no file {file_id}, or it is not yours to see", file_id=file_id)
    if sight_of(house, visitor, row["graph_id"]) is Sight.HIDDEN:
        visitor.need(Role.ADMIN, "to download a file of this workflow, which holds what is hidden here,")
    await auditing.record(request, house, visitor, "file.download", row["tenant_id"], row["file_id"])
    headers = {
        **web.HEADERS,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'])}",
    }
    return Response(await files.content(house.database, row["file_id"]), 200, headers, row["media_type"])

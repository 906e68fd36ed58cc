"""Files of runs, always as a download, so that no page in them runs in a browser."""

from urllib.parse import quote

from fastapi import APIRouter, Response
from sqlalchemy import select

from service.admin import web
from service.admin.access import TheVisitor
from service.api.access import TheHouse
from service.api.finding import checked_uuid
from service.database import files
from service.database.tables import File
from service.runs.files import FileNotFound

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}")
async def download(file_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    query = select(File.__table__).where(File.file_id == checked_uuid("file", file_id))
    if visitor.tenant is not None:
        query = query.where(File.tenant_id == visitor.tenant)
    async with house.database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise FileNotFound(f"there is no file {file_id}, or it is not yours to see", file_id=file_id)
    headers = {
        **web.HEADERS,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'])}",
    }
    return Response(await files.content(house.database, row["file_id"]), 200, headers, row["media_type"])

"""Files: upload what a workflow shall read, download what it made."""

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Response, UploadFile

from service.api.access import TheCaller, TheHouse
from service.api.bodies import UploadTooLarge
from service.api.shapes import FileInfo
from service.api.threads import checked_uuid
from service.auth import Caller
from service.database import files
from service.house import House
from service.runs.files import FileNotFound
from tools.errors import ConsiliaError

router = APIRouter(prefix="/files", tags=["files"])

MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".toml": "application/toml",
    ".csv": "text/csv",
    ".json": "application/json",
    ".xml": "application/xml",
}
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic"})


class UnsupportedFile(ConsiliaError):
    code = "unsupported_document_type"
    status = 415


class EmptyFile(ConsiliaError):
    code = "empty_document"
    status = 422


@router.post("", status_code=201)
async def upload(file: Annotated[UploadFile, File()], house: TheHouse, caller: TheCaller) -> FileInfo:
    """Keep a file; use its `file_id` in a run's input. What it really is is checked when a workflow reads it."""
    return await keep(house, caller, file.filename or "", await file.read(house.settings.limits.upload_bytes + 1))


async def keep(house: House, caller: Caller, named: str, content: bytes) -> FileInfo:
    """Keep a file of the caller's. Raises UnsupportedFile, UploadTooLarge, EmptyFile."""
    name = _safe_name(named)
    suffix = PurePosixPath(name).suffix.lower()
    media_type = MEDIA_TYPES.get(suffix)
    if suffix in PICTURES:
        remedy = "text is needed: run OCR on it and send the PDF or text that OCR gives"
        raise UnsupportedFile(f"{name!r} is a picture of a document, which is not read here; {remedy}", name=name)
    if media_type is None:
        raise UnsupportedFile(f"{name!r} is not one of: {', '.join(MEDIA_TYPES)}", name=name)
    limit = house.settings.limits.upload_bytes
    if len(content) > limit:
        raise UploadTooLarge(f"{name!r} is larger than the limit of {limit} bytes (limits.upload_bytes)", limit=limit)
    if not content:
        raise EmptyFile(f"{name!r} is empty", name=name)
    return FileInfo(**await files.add(house.database, caller.tenant_id, name, media_type, content))


@router.get("/{file_id}/info")
async def info(file_id: str, house: TheHouse, caller: TheCaller) -> FileInfo:
    row = await files.get(house.database, caller.tenant_id, checked_uuid("file", file_id))
    if row is None:
        raise FileNotFound(f"there is no file {file_id!r}", file_id=file_id)
    return FileInfo(**row)


@router.get("/{file_id}", response_class=Response)
async def download(file_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """The file's bytes, always as a download, so that no uploaded page runs in a browser."""
    described = await info(file_id, house, caller)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(described.name)}",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{described.sha256}"',
    }
    return Response(await files.content(house.database, described.file_id), 200, headers, described.media_type)


def _safe_name(name: str) -> str:
    """The last part of a file name without control characters, 200 characters at most."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "", last)[-200:] or "unnamed"

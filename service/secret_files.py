"""Files that hold a secret of this installation: made once, readable by the owner only."""

import os
from collections.abc import Callable
from pathlib import Path


def secret_file(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content; where there is no file it is made with `make`, mode 0600. Two processes make only one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return path.read_bytes()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # the whole file or none: another process never reads half a key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()

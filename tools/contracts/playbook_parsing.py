"""A playbook from outside, parsed: what `tools.documents.confinement` runs in a process of its own."""

from tools.contracts import playbook
from tools.documents.limits import Limits


def parse(content: bytes, name: str, limits: Limits) -> dict[str, object]:
    """The playbook's fields in JSON types. Raises InvalidPlaybook."""
    try:
        source = content.decode()
    except UnicodeDecodeError as error:
        raise playbook.InvalidPlaybook(f"{name} is not UTF-8 text (byte {error.start})", file=name) from None
    return playbook.parse(source, name).model_dump(mode="json")

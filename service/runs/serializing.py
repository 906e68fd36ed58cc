"""What reads and writes LangGraph's checkpoints: sealed where the workflow is sensitive, of no more types than it has.

Msgpack with a list of types that may be made from it again, and no pickle: whoever can write to the database can make
this process build nothing but what a workflow's own state holds. A graph that a factory makes anew for each run has no
list; for it LangGraph's default holds, which warns of each type.
"""

from functools import cache
from typing import Any, Final, cast

from langgraph._internal._serde import build_serde_allowlist
from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from service.database.engine import Database
from service.database.sealed import Seals
from service.database.sealing import CannotUnseal
from workflows.registry import Workflow

CIPHER: Final = "consilia"
"""Stands in a sealed checkpoint's type: `msgpack+consilia`."""

OWNER: Final = "checkpoint"
"""What sealed checkpoints are bound to; not to their thread, since threads are copied."""


class _Cipher(CipherProtocol):
    def __init__(self, seals: Seals | None) -> None:
        self._seals = seals

    def _given(self) -> Seals:
        if self._seals is None:
            raise CannotUnseal("this checkpoint is sealed, and the database was opened without the sealing keys")
        return self._seals

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return CIPHER, self._given().seal(plaintext, OWNER)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return self._given().open(ciphertext, OWNER)


class CheckpointSerializer(EncryptedSerializer):
    """Opens what is sealed; seals what it writes where that is wanted."""

    def __init__(self, cipher: CipherProtocol, serde: SerializerProtocol, sealing: bool) -> None:
        super().__init__(cipher, serde)
        self.sealing = sealing

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return super().dumps_typed(obj) if self.sealing else self.serde.dumps_typed(obj)


def serializer(database: Database, workflow: Workflow | None = None) -> SerializerProtocol:
    """The serializer of one workflow's checkpoints; without one, what reads any and makes plain types alone."""
    sealing = workflow is not None and database.is_sensitive(workflow.name)
    return CheckpointSerializer(_Cipher(database.seals), _plain(workflow), sealing)


@cache
def _plain(workflow: Workflow | None) -> JsonPlusSerializer:
    if workflow is None:
        return JsonPlusSerializer(allowed_msgpack_modules=None)
    if workflow.state_types:
        return JsonPlusSerializer(allowed_msgpack_modules=workflow.state_types)
    if workflow.compiled is None:
        return JsonPlusSerializer()
    graph = workflow.compiled
    builder = graph.builder
    schemas = [builder.state_schema, builder.input_schema, builder.output_schema, builder.context_schema]
    channels = cast(dict[str, Any], graph.channels)  # pyright: ignore[reportUnknownMemberType]
    types = build_serde_allowlist(schemas=cast(list[type[Any]], schemas), channels=channels)
    return JsonPlusSerializer(allowed_msgpack_modules=sorted(types))

"""The GPUs of an installation, from a line such as `8xH100-80G` or `2x8xH100-80G,4xL4-24G`."""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.errors import InvalidInput

MOST: Final = 4096
"""GPUs of one plan: each copy of a model is placed and shown."""

_FILE: Final = Path(__file__).parent / "gpus.toml"
_PART: Final = re.compile(r"(?:(?:(?P<hosts>\d+)x)?(?P<count>\d+)x)?(?P<kind>[A-Za-z][\w-]*)")
_OWN: Final = re.compile(r"[\w-]+-(?P<gib>\d+)G", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind. memory: bytes that the driver reports. capability: CUDA compute capability; 0 when unknown."""

    kind: str
    memory: int
    capability: float

    @property
    def computes_fp8(self) -> bool:
        """From 8.9 on; before, vLLM keeps FP8 weights and computes in 16 bits (its page on FP8 W8A8)."""
        return self.capability >= 8.9

    @property
    def computes_bfloat16(self) -> bool:
        """From 8.0 on (CUDA C++ programming guide, compute capabilities)."""
        return self.capability >= 8.0 or not self.capability


@dataclass(frozen=True, slots=True)
class Host:
    """One machine with GPUs of one kind."""

    name: str
    gpu: Gpu
    count: int


def known_gpus() -> dict[str, Gpu]:
    """The kinds of `gpus.toml`, by name."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {kind: Gpu(kind, facts["memory_mib"] * 1024**2, facts["capability"]) for kind, facts in table.items()}


def read_gpus(line: str) -> tuple[Host, ...]:
    """The hosts of a line: `COUNTxKIND` is one host, `HOSTSxCOUNTxKIND` several alike, a comma separates others.

    A kind that is not in the table is taken when its name ends in its memory (`MYGPU-48G`), without FP8 arithmetic.
    Raises InvalidInput.
    """
    kinds = known_gpus()
    hosts: list[Host] = []
    for part in (piece.strip() for piece in line.split(",")):
        found = _PART.fullmatch(part)
        if found is None:
            raise InvalidInput(f"{part!r} is no list of GPUs; write 8xH100-80G, or 2x8xH100-80G for two such hosts")
        machines, count = int(found["hosts"] or 1), int(found["count"] or 1)
        if not (1 <= machines <= 256 and 1 <= count <= 256):
            raise InvalidInput(f"{part!r}: hosts and GPUs a host must be 1 to 256")
        gpu = _kind(found["kind"], kinds)
        hosts += [Host(f"host{len(hosts) + number + 1}", gpu, count) for number in range(machines)]
        if sum(host.count for host in hosts) > MOST:
            raise InvalidInput(f"{line[:200]!r} has more than {MOST:,} GPUs; plan a part of them")
    return tuple(hosts)


def _kind(name: str, kinds: dict[str, Gpu]) -> Gpu:
    folded = name.casefold()
    matching = [gpu for kind, gpu in kinds.items() if kind.casefold() == folded]
    matching = matching or [gpu for kind, gpu in kinds.items() if kind.casefold().split("-")[0] == folded]
    if len(matching) == 1:
        return matching[0]
    if own := _OWN.fullmatch(name):
        return Gpu(name, int(own["gib"]) * 1024**3 * 97 // 100, 0.0)
    close = [gpu.kind for gpu in matching] or difflib.get_close_matches(name, kinds, n=3, cutoff=0.4) or list(kinds)
    raise InvalidInput(
        f"{name!r} is not a known kind of GPU; write one of {', '.join(close)}, or a name that ends in its memory, "
        "such as MYGPU-48G"
    )

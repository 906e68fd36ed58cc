"""Model servers that `consilia pool up` keeps running, as tests of several kinds of them use them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.pool_settings import PoolSettings
from service.settings import load
from tests.conftest import ENVIRONMENT


@dataclass(frozen=True)
class ModelServers:
    """folder: with consilia.toml and var/."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "consilia.toml"

    @property
    def settings(self) -> PoolSettings:
        return load(self.config).pool

    def consilia(self, *words: str) -> str:
        """What `consilia pool …` prints, in a process of its own; fails with what it printed."""
        command = [sys.executable, "-m", "service.cli", "pool", *words, "--config", str(self.config)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def up(self) -> Iterator[None]:
        """Started and healthy; stopped at the end."""
        try:
            self.consilia("up")
            yield
        finally:
            self.consilia("down")


def look_up(longest: int) -> dict[str, Any]:
    """A tool of two arguments, in OpenAI's form. longest: characters of the term."""
    return {
        "type": "function",
        "function": {
            "name": "look_up",
            "description": "Look a term up.",
            "parameters": {
                "type": "object",
                "properties": {
                    "term": {"type": "string", "maxLength": longest},
                    "page": {"type": "integer", "maximum": 99},
                },
                "required": ["term", "page"],
                "additionalProperties": False,
            },
        },
    }

"""Where a secret is read: never in the configuration itself."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SecretSource(BaseModel):
    """A secret of the environment or of a file: `{ env = "MAIL_TOKEN", prefix = "Bearer " }`."""

    model_config = ConfigDict(extra="forbid")

    env: str | None = Field(default=None, min_length=1, description="Name of an environment variable.")
    file: Path | None = Field(default=None, description="A file that holds the secret and nothing else.")
    prefix: str = Field(default="", description='Put before it, such as "Bearer ".')

    @model_validator(mode="after")
    def _one(self) -> "SecretSource":
        if (self.env is None) == (self.file is None):
            raise ValueError('a secret is { env = "NAME" } or { file = "path" }')
        return self

    def read(self) -> str:
        """Prefix and secret. Raises ValueError where there is none."""
        return self.prefix + self.bare()

    def bare(self) -> str:
        """The secret alone, for masking it where it might be told. Raises ValueError where there is none."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ValueError(f"the environment variable {self.env} is empty or not set")
            return value
        assert self.file is not None, "one of the two is set"
        try:
            value = self.file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"the file {self.file} cannot be read: {error.strerror}") from None
        if not value:
            raise ValueError(f"the file {self.file} is empty")
        return value

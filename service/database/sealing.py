"""Sealing secrets at rest: AES-256-GCM (NIST SP 800-38D) under named keys, of which the newest seals.

A sealed value is: 1 byte format (1), 1 byte length of the key's name, the name, 12 bytes nonce, ciphertext with its
16-byte tag. What the value belongs to (table, tenant, run) is bound to it as associated data, so that a row copied to
another place cannot be opened there. A nonce is 96 random bits: one key is good for 2^32 values (SP 800-38D, 8.3).
"""

import base64
import binascii
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.secret_files import secret_file
from service.settings import Sealing
from tools.errors import ConsiliaError

_FORMAT: Final = 1
_NONCE: Final = 12
_KEY: Final = 32


class InvalidSealingKeys(ConsiliaError):
    """The keys that seal identities cannot be used."""

    code = "invalid_sealing_keys"
    status = 500


class CannotUnseal(ConsiliaError):
    """A sealed value whose key is gone, or that was changed or moved."""

    code = "cannot_unseal"
    status = 500


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens. keys: name to 32 bytes, the newest last."""

    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Sealer(keys={sorted(self.keys)})"

    @property
    def newest(self) -> str:
        """The name of the key that seals."""
        return list(self.keys)[-1]

    def seal(self, value: bytes, *owner: str) -> bytes:
        """The value sealed with the newest key. owner: what it belongs to; the same words open it."""
        name = self.newest.encode()
        header = bytes([_FORMAT, len(name)]) + name
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self.keys[self.newest]).encrypt(nonce, value, _associated(header, owner))
        return header + nonce + sealed

    def open(self, sealed: bytes, *owner: str) -> bytes:
        """The value. Raises CannotUnseal."""
        name = key_name(sealed)
        key = self.keys.get(name)
        if key is None:
            known = ", ".join(sorted(self.keys))
            message = f"sealed with key {name!r}, which the settings no longer have (they have {known}); give it back"
            raise CannotUnseal(message, key=name)
        size = 2 + len(name.encode())
        header, nonce, rest = sealed[:size], sealed[size : size + _NONCE], sealed[size + _NONCE :]
        try:
            return AESGCM(key).decrypt(nonce, rest, _associated(header, owner))
        except (InvalidTag, ValueError):
            message = f"the sealed value was changed, belongs to another row, or key {name!r} is not the one it names"
            raise CannotUnseal(message, key=name) from None


def key_name(sealed: bytes) -> str:
    """The name of the key that sealed the value. Raises CannotUnseal when it is no sealed value."""
    if len(sealed) < 2 or sealed[0] != _FORMAT or len(sealed) < 2 + sealed[1] + _NONCE:
        raise CannotUnseal("this is not a sealed value of a format that this version knows")
    try:
        return sealed[2 : 2 + sealed[1]].decode()
    except UnicodeDecodeError:
        raise CannotUnseal("this is not a sealed value of a format that this version knows") from None


def _associated(header: bytes, owner: tuple[str, ...]) -> bytes:
    return header + b"".join(len(each.encode()).to_bytes(4, "big") + each.encode() for each in owner)


def sealer(settings: Sealing, data_dir: Path) -> Sealer:
    """The sealer of this installation: keys from the environment, a command or a file; a file is made where none is.

    Raises InvalidSealingKeys; a key itself is never in a message.
    """
    if inline := settings.keys.get_secret_value().strip():
        return Sealer(read_keys(inline.replace(",", "\n"), "sealing.keys"))
    if settings.command:
        return Sealer(read_keys(_output(settings.command), "the output of sealing.command"))
    path = settings.file or data_dir / "sealing-keys"
    if settings.file is not None and not path.is_file():
        raise InvalidSealingKeys(f"there is no file {str(path)!r} (sealing.file); make it with lines 'name base64-key'")
    try:
        text = secret_file(path, lambda: new_key("first").encode()).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSealingKeys(f"{path}: {type(error).__name__}; it must hold lines 'name base64-key'") from None
    return Sealer(read_keys(text, str(path)))


def new_key(name: str) -> str:
    """A line for the key file: a fresh random key of 256 bits under a name."""
    return f"{name} {base64.b64encode(secrets.token_bytes(_KEY)).decode()}\n"


def read_keys(text: str, source: str) -> dict[str, bytes]:
    """Lines of "name base64", the newest last; empty lines and lines from # on are skipped."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split()
        fault = f"{source}, line {number}: expected a name and a base64 key of {_KEY} bytes"
        if len(parts) != 2 or not 1 <= len(parts[0].encode()) <= 64:
            raise InvalidSealingKeys(fault)
        try:
            key = base64.b64decode(parts[1], validate=True)
        except binascii.Error:
            raise InvalidSealingKeys(fault) from None
        if len(key) != _KEY:
            raise InvalidSealingKeys(f"{fault}; this one has {len(key)} bytes")
        if parts[0] in keys:
            raise InvalidSealingKeys(f"{source}, line {number}: the name {parts[0]!r} is there twice")
        keys[parts[0]] = key
    if not keys:
        raise InvalidSealingKeys(f"{source} holds no key; a line is a name and a base64 key of {_KEY} bytes")
    return keys


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        return done.stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        message = f"sealing.command ({command[0]!r}) gave no keys: {type(error).__name__}"
        raise InvalidSealingKeys(message) from None

"""The model servers' own environments, installed from locks with hashes. vLLM never shares one with this service."""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from tools.errors import ConsiliaError

Kind = Literal["cpu", "gpu", "router"]
_LOCKS: Final = Path(__file__).parent
_STAMP: Final = "consilia-lock"


class InstallFailed(ConsiliaError):
    """The environment could not be made; the message has pip's reason."""

    code = "install_failed"
    status = 500


def python_of(environment: Path) -> Path:
    """Its interpreter; not resolved, or it would lead out of the environment."""
    return environment.absolute() / "bin" / "python"


def router_of(environment: Path) -> Path:
    """Its vllm-router."""
    return environment.absolute() / "bin" / "vllm-router"


def lock_of(kind: Kind) -> Path:
    """The lock that comes with Consilia."""
    return _LOCKS / f"requirements-vllm-{kind}.lock"


def installed(environment: Path, kind: Kind | None = None) -> bool:
    """Whether the environment was made from the present lock; without a kind: whether it has an interpreter at all."""
    if kind is None:
        return python_of(environment).exists()
    stamp = environment / _STAMP
    return stamp.is_file() and stamp.read_bytes() == lock_of(kind).read_bytes()


def install(environment: Path, kind: Kind, python: str, tell: Callable[[str], None]) -> None:
    """Make the environment. Does nothing where it was made from the same lock. Raises InstallFailed.

    pip reads its own configuration, so mirrors and wheel folders are those of the machine. The CPU's torch carries a
    local version ("+cpu"): pip needs PyTorch's CPU index, or a folder with the wheel, in its configuration.
    """
    if installed(environment, kind):
        tell(f"{environment} is there already, from the same lock")
        return
    if kind != "router" and (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise InstallFailed(
            f"the locks are for Linux on x86-64, this is {platform.system()} on {platform.machine()}; "
            "install vLLM by its own instructions and name the environment by pool.serving.environment"
        )
    tell(f"making {environment}")
    _run([python, "-m", "venv", "--clear", str(environment)])
    tell(f"installing {lock_of(kind).name}: {_count(kind)} packages, by their hashes; minutes, and gigabytes for vLLM")
    words = ["install", "--quiet", "--disable-pip-version-check", "--no-compile", "--require-hashes", "--no-deps"]
    _run([str(python_of(environment)), "-m", "pip", *words, "-r", str(lock_of(kind))])
    check = (
        [str(python_of(environment)), "-c", "import vllm"] if kind != "router" else [str(router_of(environment)), "-h"]
    )
    _run(check)
    (environment / _STAMP).write_bytes(lock_of(kind).read_bytes())
    tell(f"{environment} is ready")


def own_python() -> str:
    """The interpreter that environments are made with when none is named."""
    return sys.executable


def _count(kind: Kind) -> int:
    return sum("==" in line for line in lock_of(kind).read_text(encoding="utf-8").splitlines())


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InstallFailed(f"{command[0]} cannot be run: {error.strerror}; name a Python by --python") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        hint = ""
        if "+cpu" in done.stderr:
            hint = " (torch for the CPU is on PyTorch's own index: name it in pip's configuration as extra-index-url)"
        raise InstallFailed(f"{' '.join(command[:4])} … failed: {' '.join(said[-4:])[:800]}{hint}")

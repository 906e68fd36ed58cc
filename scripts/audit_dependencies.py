"""Ask an advisory database about every locked package: `make audit`.

pip-audit asks the package index's own database, or OSV with --service osv; both need the network. Exit status: 0
nothing known, 1 something is, 3 the database could not be asked (of any package), which is no good news; with
--unreachable ok that counts as 0 and is said all the same, for a gate that may run without a network.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NOT_ASKED = 3


def judged(told: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit status and sentences from what pip-audit found."""
    packages = told.get("dependencies", [])
    unasked = [each["name"] for each in packages if "skip_reason" in each]
    lines: list[str] = []
    for each in packages:
        for fault in each.get("vulns", ()):
            fixed = ", ".join(fault["fix_versions"]) or "no version yet"
            lines.append(f"{each['name']} {each['version']}: {fault['id']}, mended in {fixed}")
    if lines:
        return 1, lines
    if len(unasked) == len(packages):
        return NOT_ASKED, [
            f"none of {len(packages)} packages could be asked about: is the advisory database reachable?"
        ]
    asked = f"{len(packages) - len(unasked)} packages asked about, nothing is known against them"
    return 0, [asked + (f"; not known there: {', '.join(unasked)}" if unasked else "")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi")
    parser.add_argument("--unreachable", choices=["fails", "ok"], default="fails")
    asked = parser.parse_args()
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    command += ["--timeout", "10"]
    command += ["--format", "json", "--vulnerability-service", asked.service, "-r", str(asked.lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        status, lines = judged(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        status, lines = NOT_ASKED, ["the advisory database did not answer within 240 s"]
    except json.JSONDecodeError:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        status, lines = NOT_ASKED, [f"the advisory database could not be asked: {reason[0][:300]}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if status == NOT_ASKED and asked.unreachable == "ok" else status


if __name__ == "__main__":
    sys.exit(main())

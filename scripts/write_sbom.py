"""Write a software bill of materials (CycloneDX 1.6, JSON) from a lock file: every package with its hashes and licence.

    python -m scripts.write_sbom --out out/sbom.cdx.json

Needs no network: versions and hashes are the lock's, licences and dependencies those of the installed packages. The
same lock gives the same bill, but for its time stamp (SOURCE_DATE_EPOCH sets it).
"""

import argparse
import json
import os
import re
import sys
import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+")
_CLASSIFIER = "License :: OSI Approved :: "


def canonical(name: str) -> str:
    """A package's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> list[dict[str, Any]]:
    """The pins of a lock file: name, version, marker, sha256 of each file."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if pin := _PIN.match(line.strip()):
            found.append({**pin.groupdict(), "hashes": []})
        elif found and (digest := _HASH.search(line)):
            found[-1]["hashes"].append(digest[1])
    return found


def component(pin: dict[str, Any]) -> dict[str, Any]:
    """A pin as a component; what is known of its licence comes from the installed package."""
    name = canonical(pin["name"])
    reference = f"pkg:pypi/{name}@{pin['version']}"
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": pin["version"],
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": each} for each in pin["hashes"]],
        "scope": "required" if not pin["marker"] else "optional",
    }
    if pin["marker"]:
        made["properties"] = [{"name": "consilia:marker", "value": pin["marker"].strip()}]
    installed = _installed(name)
    if installed is not None:
        made["licenses"] = licences(installed)
        if summary := installed.metadata.get("Summary"):
            made["description"] = summary
    return made


def licences(installed: Distribution) -> list[dict[str, Any]]:
    """What the package says of its licence: an SPDX expression, else a name; empty where it says nothing."""
    about = installed.metadata
    if expression := about.get("License-Expression"):
        return [{"expression": expression}]
    classes = [each.removeprefix(_CLASSIFIER) for each in about.get_all("Classifier") or () if _CLASSIFIER in each]
    told = classes or [line for line in (about.get("License") or "").splitlines()[:1] if line.strip()]
    return [{"license": {"name": each.strip()[:200]}} for each in told]


def bill(lock: Path) -> dict[str, Any]:
    """The bill of materials of the service as the lock installs it."""
    pins = locked(lock.read_text())
    components = [component(pin) for pin in pins]
    references = {each["name"]: each["bom-ref"] for each in components}
    ours = f"pkg:pypi/consilia@{version('consilia')}"
    moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(UTC).timestamp()), UTC)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock.read_text())}",
        "version": 1,
        "metadata": {
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "consilia",
                "version": version("consilia"),
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": ours, "dependsOn": _wanted("consilia", references)},
            *({"ref": each["bom-ref"], "dependsOn": _wanted(each["name"], references)} for each in components),
        ],
    }


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:  # for another system
        return None


def _wanted(name: str, references: dict[str, str]) -> list[str]:
    """What a package depends on, among what is locked."""
    installed = _installed(name)
    found: set[str] = set()
    for each in (installed.requires or ()) if installed is not None else ():
        named = _REQUIREMENT.match(each)
        if named and "extra ==" not in each and canonical(named[0]) in references:
            found.add(references[canonical(named[0])])
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "sbom.cdx.json")
    asked = parser.parse_args()
    made = bill(asked.lock)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    unknown = [each["name"] for each in made["components"] if not each.get("licenses")]
    sys.stdout.write(f"{asked.out}: {len(made['components'])} components")
    sys.stdout.write(f"; of {len(unknown)} the licence is not known here: {', '.join(unknown)}\n" if unknown else "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The software bill of materials: valid, whole, and from the lock alone."""

import json
import re
from collections import Counter

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.audit_dependencies import judged
from scripts.write_sbom import bill, locked
from tests.conftest import ROOT

LOCK = ROOT / "requirements.lock"
FORBIDDEN = re.compile(r"\b(AGPL|SSPL|BUSL|Commons Clause|proprietary|GPL-[23])", re.IGNORECASE)


@pytest.fixture(scope="module")
def made():
    return bill(LOCK)


def test_it_fits_the_schema_of_cyclonedx(made):
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))
    assert fault is None, fault


def test_every_locked_package_is_in_it_with_the_hashes_of_its_files(made):
    lock = LOCK.read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)
    assert len(made["components"]) == len(pins) > 100
    assert sum(len(each["hashes"]) for each in made["components"]) == lock.count("--hash=sha256:")
    assert all(each["hashes"] for each in made["components"])
    assert max(Counter(each["bom-ref"] for each in made["components"]).values()) == 1


def test_what_we_depend_on_is_told(made):
    ours = next(each for each in made["dependencies"] if each["ref"].startswith("pkg:pypi/consilia@"))
    assert any("/fastapi@" in each for each in ours["dependsOn"])
    fastapi = next(each for each in made["dependencies"] if "/fastapi@" in each["ref"])
    assert any("/starlette@" in each for each in fastapi["dependsOn"])


def test_no_licence_forbids_us_to_pass_it_on(made):
    for each in made["components"]:
        told = json.dumps(each.get("licenses", []))
        assert not FORBIDDEN.search(told.replace("LGPL", "")), f"{each['name']}: {told}"


def test_a_pin_with_a_marker_is_read():
    [pin] = locked('colorama==0.4.6 ; sys_platform == "win32" \\\n    --hash=sha256:' + "a" * 64)
    assert (pin["name"], pin["version"], pin["hashes"]) == ("colorama", "0.4.6", ["a" * 64])
    assert pin["marker"] == 'sys_platform == "win32"'


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "nothing is known"),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}],
            1,
            "a 1: CVE-1, mended in 2",
        ),
        ([{"name": "a", "skip_reason": "not found"}], 3, "could be asked about"),
    ],
)
def test_an_audit_that_asked_nobody_is_no_good_news(told, status, words):
    found, lines = judged({"dependencies": told})
    assert found == status
    assert words in lines[0]

"""Fuzzing: damaged files thrown at every parser of uploads, each in a process as confined as in the service.

    python -m tests.fuzz.fuzz --seconds 60

A parser may refuse a file with a ConsiliaError and nothing else: another exception, a death by signal, and a case that
takes over ten seconds are findings, each kept as a file in out/fuzz. Exit status 1 when there are some.
"""

import argparse
import io
import os
import random
import select
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

from tests.conftest import ROOT, SAMPLES
from tests.service.records_made import CLINICAL_DOCUMENT
from tests.tools.documents_made import WORD, pdf_file, word_file
from tools.contracts import playbook_parsing, redline_parsing
from tools.documents import pdf, table, text, toml, word
from tools.documents.confinement import confine
from tools.documents.limits import MIB, Limits
from tools.documents.parsing import parse
from tools.documents.reading import as_document
from tools.errors import ConsiliaError
from tools.finance import fund_facts
from tools.finance.importing.reading import Options, read
from tools.medicine import record_parsing
from workflows.financial_advisor import holdings

LOADED = (pdf, text, word)
"""What reading imports when it needs it, which a confined process no longer can."""

LIMITS = Limits(max_memory=1536 * MIB, max_seconds=3600)
SLOW = 10.0
BUNDLE = """{"resourceType": "Bundle", "type": "collection", "entry": [
{"resource": {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetDateTime": "2019-03"}},
{"resource": {"resourceType": "MedicationStatement", "dosage": [{"text": "2x"}],
  "medicationCodeableConcept": {"text": "Salbutamol"}}},
{"resource": {"resourceType": "Observation", "valueQuantity": {"value": 7.2, "unit": "mmol/L"},
  "code": {"text": "Glucose"}, "referenceRange": [{"high": {"value": 6.1}}]}}]}"""
DAILY = "date;AAA;BBB\n2024-01-02;100,5;20\n2024-01-03;101,25;20,5\n2024-01-04;;21\n"
FACTS = """
[[fund]]
fund_id = "CN-A"
name_en = "One"
name_zh = "第一"
currency = "CNY"
category = "balanced"
risk_class = "R3"
ongoing_fee = 0.015
lot_size = 100
dealing = "daily"
"""
SHORT = word_file(**WORD)
TOKENS = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"%PDF-1.7", b"PK\x03\x04", b"endstream", b"/Filter /FlateDecode"),
    *(b"<!DOCTYPE d [<!ENTITY a 'b'>]>", b"&a;", b"<![CDATA[", b"]]>", b"<w:p>" * 200, b"w:instrText"),
    *(b"\\ud800", b"1e999", b"-1", b"NaN", b"9" * 400, b"[" * 500, b'{"a":' * 300, b"/Count 999999999"),
    *(b"/Kids [2 0 R]", b'"""', b"'''", b"\r", b"\n" * 50, b",;\t|", b"\xe2\x80\xae"),
    *("零〇一二三亿".encode(), "\U0001f9ec\u0301".encode()),
    b'<w:numPr><w:ilvl w:val="99999999999"/></w:numPr>',
)
"""What parsers stumble over."""


@dataclass(frozen=True)
class Target:
    """A parser, and files that it takes. zipped: whether damage goes into the parts of an archive too."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    zipped: bool = False


def _redline(content: bytes) -> object:
    """A change of the first words and a comment, in the DOCX that was read or, where that is past reading, another."""
    try:
        fields = parse(content, "a.docx", LIMITS)
    except ConsiliaError:
        fields = parse(SHORT, "a.docx", LIMITS)
    document = as_document(fields, content, "a.docx")
    amendments = [{"start": 0, "end": 3, "old": document.text[:3], "new": "All", "comment": "Better.\nSo."}]
    when = datetime(2026, 11, 1, tzinfo=UTC).isoformat()
    return redline_parsing.parse(content, "a.docx", LIMITS, document.model_dump(mode="json"), amendments, "A", when)


def _held(content: bytes) -> object:
    return holdings.from_table(table.parse(content, "a.csv", LIMITS, most=1_000))


def _profile(content: bytes) -> object:
    fields = toml.parse(content, "a.toml", LIMITS)["fields"]
    return holdings.profile(cast(dict[str, object], fields))


def targets() -> Mapping[str, Target]:
    """Every parser of what is uploaded or imported, by name."""
    today = date(2026, 11, 1)
    contract = (SAMPLES / "master-services-agreement.docx").read_bytes()
    return {
        "PDF": Target(
            lambda content: parse(content, "a.pdf", LIMITS), (pdf_file("One\nTwo", "Three"), pdf_file("IMAGE", "text"))
        ),
        "DOCX": Target(lambda content: parse(content, "a.docx", LIMITS), (*[word_file()] * 9, contract), zipped=True),
        "text": Target(
            lambda content: parse(content, "a.md", LIMITS),
            ((SAMPLES / "mutual-nda.md").read_bytes()[:6_000], "# 一\n\n第一条 甲方\n".encode("utf-16")),
        ),
        "CDA": Target(lambda content: record_parsing.parse(content, "a.xml", LIMITS), (CLINICAL_DOCUMENT.encode(),)),
        "FHIR": Target(lambda content: record_parsing.parse(content, "a.json", LIMITS), (BUNDLE.encode(),)),
        "redline": Target(_redline, (*[SHORT] * 9, contract), zipped=True),
        "holdings": Target(
            _held, tuple((SAMPLES / name).read_bytes() for name in ("portfolio.csv", "portfolio-euro.csv"))
        ),
        "profile": Target(_profile, ((SAMPLES / "client.toml").read_bytes(),)),
        "daily values": Target(lambda content: read(content, Options(today=today)), (DAILY.encode(),)),
        "fund facts": Target(lambda content: fund_facts.parse(content, "a.toml"), (FACTS.encode(),)),
        "playbook": Target(
            lambda content: playbook_parsing.parse(content, "a.toml", LIMITS),
            ((ROOT / "tools/contracts/playbooks/nda.toml").read_bytes(),),
        ),
    }


def damaged(dice: random.Random, content: bytes) -> bytes:
    """The content after one to six small accidents."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        span = min(len(data) - at, dice.choice([1, 1, 2, 4, 16, 64, 1024]))
        match dice.randrange(8):
            case 0:
                data[at : at + span] = b""
            case 1:
                data[at:at] = dice.choice(TOKENS)
            case 2:
                data[at : at + span] = bytes(dice.randrange(256) for _ in range(span))
            case 3 if data:
                data[min(at, len(data) - 1)] ^= 1 << dice.randrange(8)
            case 4:
                data[at:at] = data[at : at + span] * dice.choice([1, 2, 20])
            case 5:
                del data[at:]
            case 6:
                other = dice.randrange(len(data) + 1)
                data[at:at] = data[other : other + span]
            case _:
                data[at : at + span] = dice.choice(TOKENS)
    return bytes(data[: 4 * MIB])


def case(dice: random.Random, target: Target) -> bytes:
    seed = dice.choice(target.seeds)
    if not target.zipped or dice.random() < 0.3:
        return damaged(dice, seed)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seed)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        parts = old.namelist()
        hit = dice.choice([each for each in parts if each.endswith((".xml", ".rels"))])
        for name in parts:
            content = old.read(name)
            new.writestr(name, damaged(dice, content) if name == hit else content)
    return made.getvalue()


@dataclass
class Found:
    """What came of one parser. findings: what happened, and the file that made it."""

    name: str
    cases: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[str, bytes]] = field(default_factory=list)


def _work(target: Target, seed: int, seconds: float, tell: int) -> None:
    """In the child: case after case, each told as a byte before it and a line after it."""
    confine(LIMITS)
    number, until = seed, time.monotonic() + seconds
    while time.monotonic() < until:
        content = case(random.Random(number), target)  # noqa: S311 - dice that a seed repeats
        os.write(tell, f"{number} ".encode())
        try:
            target.parse(content)
            said = "read"
        except ConsiliaError as error:
            said = error.code if 400 <= error.status < 500 else f"!status {error.status} {error.code}"
        except MemoryError:
            said = "parser_memory"
        except BaseException as error:
            said = f"!{type(error).__name__}: {error}"[:300].replace("\n", " ")
        os.write(tell, f"{said}\n".encode("utf-8", "replace"))
        number += 1
    os._exit(0)


def fuzz(name: str, target: Target, seed: int, seconds: float) -> Found:
    """Throw damaged files at one parser for so long; a death is a finding, and the next child goes on behind it."""
    found, until, number = Found(name), time.monotonic() + seconds, seed * 1_000_000
    while time.monotonic() < until and len(found.findings) < 200:
        listen, tell = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(listen)
            _work(target, number, until - time.monotonic(), tell)
        os.close(tell)
        number, why = _heard(found, target, listen, number)
        os.close(listen)
        if why:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and not why:
            why = f"died of {signal.Signals(os.WTERMSIG(status)).name}"
        if why:
            found.findings.append((why, case(random.Random(number), target)))  # noqa: S311
            number += 1
    return found


def _heard(found: Found, target: Target, listen: int, number: int) -> tuple[int, str | None]:
    """Take what the child tells until it ends: the case that it was at, and why it must be ended."""
    rest = ""
    while True:
        ready, _, _ = select.select([listen], [], [], SLOW)
        if not ready:
            return number, f"took over {SLOW:g} s"
        told = os.read(listen, 65_536)
        if not told:
            return number, None
        *lines, rest = (rest + told.decode("utf-8", "replace")).split("\n")
        for line in lines:
            at, _, said = line.partition(" ")
            number = int(at)
            found.cases += 1
            if said.startswith("!"):
                found.findings.append((said[1:], case(random.Random(number), target)))  # noqa: S311
            elif said == "read":
                found.read += 1
            else:
                found.refused[said] += 1
            number += 1
        if rest.endswith(" "):
            number = int(rest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each parser (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--only", help="one parser, by its name")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="where files of findings go")
    asked = parser.parse_args()
    bad = 0
    for name, target in targets().items():
        if asked.only not in (None, name):
            continue
        found = fuzz(name, target, asked.seed, asked.seconds)
        refusals = ", ".join(f"{code} {count}" for code, count in found.refused.most_common(6))
        print(f"{name:>13}  {found.cases:>7} files  {found.read:>6} read  {len(found.findings)} findings  {refusals}")
        kinds = Counter(why for why, _ in found.findings)
        first = dict(reversed(found.findings))
        for number, (why, content) in enumerate(first.items()):
            asked.keep.mkdir(parents=True, exist_ok=True)
            kept = asked.keep / f"{name.replace(' ', '-')}-{number}"
            kept.write_bytes(content)
            print(f"{'':>15}{why}  ({kinds[why]} times, {kept})")
        bad += len(found.findings)
    if bad:
        print(f"{bad} findings; what each parser made of its files is above", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

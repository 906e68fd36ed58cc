"""A very long medical record through the real service: how long it takes, and what others notice meanwhile.

    python -m benchmarks.long_record [--pages 500] [--to en] [--json FILE] [--log FILE]

Starts `consilia serve` with SQLite in a folder of its own, uploads a record, has it translated without a model up to
the sign-off and released after it, and asks `GET /ok` twenty times a second all the while. A page is an inpatient's day
in some 730 Chinese characters; numbers, days and findings differ from page to page, so few sentences come twice.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from langgraph_sdk import get_client

SYMPTOMS = "头痛 头晕 咳嗽 咳痰 胸闷 胸痛 气促 心悸 恶心 呕吐 腹痛 腹胀 腹泻 便秘 乏力 纳差 发热 寒战 水肿 皮疹"
DRUGS = "氨氯地平 二甲双胍 阿司匹林 阿托伐他汀 美托洛尔 奥美拉唑 头孢曲松 左氧氟沙星 呋塞米 螺内酯"
TESTS = "白细胞 血红蛋白 血小板 血钾 血钠 血糖 肌酐 尿素 白蛋白 总胆红素"
HISTORIES = "高血压 糖尿病 冠心病 脑梗死 慢性支气管炎 甲状腺功能亢进"


def page(number: int, chance: random.Random) -> str:
    """One day of the course."""
    told: list[str] = [f"第{number}页　病程记录", f"2024年{1 + number // 28 % 12}月{1 + number % 28}日"]
    for round_ in ("上午", "下午", "夜间"):
        yes, no = chance.sample(SYMPTOMS.split(), 3), chance.sample(SYMPTOMS.split(), 3)
        told.append(
            f"{round_}查房：患者诉{yes[0]}{chance.randint(1, 30)}天，伴{yes[1]}、{yes[2]}，"
            f"无{no[0]}，否认{no[1]}、{no[2]}。"
        )
        told.append(
            f"查体：T {chance.uniform(36, 40):.1f}℃，P {chance.randint(50, 130)}次/分，"
            f"R {chance.randint(12, 34)}次/分，"
            f"BP {chance.randint(85, 190)}/{chance.randint(45, 110)}mmHg。双肺呼吸音清，未闻及干湿性啰音。"
        )
        for test in chance.sample(TESTS.split(), 4):
            told.append(f"{test}{chance.uniform(1, 200):.1f}，较前{chance.choice(('升高', '下降', '相仿'))}。")
        for drug in chance.sample(DRUGS.split(), 3):
            often = chance.choice(("每日一次", "每日两次", "每晚一次"))
            told.append(f"{drug}{chance.choice((5, 10, 20, 25, 50, 100))}mg口服，{often}。")
        past, side = chance.sample(HISTORIES.split(), 2), chance.choice("左右")
        told.append(
            f"既往{past[0]}病史{chance.randint(1, 30)}年，{side}下肢轻度水肿，否认{past[1]}病史，继续目前治疗。"
        )
    return "\n".join(told) + "\n\n"


def record(pages: int) -> str:
    """A record of so many pages, the same each time."""
    chance = random.Random(5)
    head = "住院病历\n姓名：沈若岚　性别：女　年龄：63岁　住院号：884201\n过敏史：青霉素过敏。\n\n"
    return head + "".join(page(number, chance) for number in range(1, pages + 1))


async def watch(url: str, seen: list[float], refused: list[str], done: asyncio.Event) -> None:
    """Seconds until each answer of `GET /ok`, and the answers that were none."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        while not done.is_set():
            begun = time.perf_counter()
            answer = await client.get("/ok")
            seen.append(time.perf_counter() - begun)
            if answer.is_error:
                refused.append(answer.text[:300])
            await asyncio.sleep(0.05)


def peak_mib(process: int) -> float:
    """Most memory that the process has held, MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


async def measure(url: str, key: str, process: int, pages: int, targets: list[str]) -> dict[str, Any]:
    text = record(pages)
    seen: list[float] = []
    done = asyncio.Event()
    refused: list[str] = []
    watching = asyncio.create_task(watch(url, seen, refused, done))
    try:
        async with httpx.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=600) as http:
            sent = await http.post("/files", files={"file": ("long.txt", text.encode())})
            file_id = sent.raise_for_status().json()["file_id"]
        async with get_client(url=url, api_key=key, timeout=3600) as sdk:
            thread = (await sdk.threads.create())["thread_id"]
            begun = time.perf_counter()
            given = {"file_id": file_id, "targets": targets}
            asked: Any = await sdk.runs.wait(thread, "medical_translation", input=given)
            waited = time.perf_counter() - begun
            question = asked["__interrupt__"][0]["value"]
            accepted = [each["id"] for each in question["alarms"] if each["severity"] == "critical"]
            begun = time.perf_counter()
            slowest = max(seen)
            decision = {"decision": "approve", "reason": "measured", "accepted": accepted}
            ended: Any = await sdk.runs.wait(thread, "medical_translation", command={"resume": decision})
            released = time.perf_counter() - begun
    finally:
        done.set()
        await watching
    seen_sorted = sorted(seen)
    return {
        "pages": pages,
        "characters": len(text),
        "segments": question["segments_total"],
        "targets": targets,
        "coverage": {each: told["share"] for each, told in question["coverage"].items()},
        "alarms": len(question["alarms"]),
        "to_sign_off_s": round(waited, 1),
        "to_release_s": round(released, 1),
        "outcome": ended["outcome"],
        "ok_p50_ms": round(seen_sorted[len(seen) // 2] * 1000, 1),
        "ok_p99_ms": round(seen_sorted[int(len(seen) * 0.99)] * 1000, 1),
        "ok_slowest_before_sign_off_s": round(slowest, 2),
        "ok_refused": len(refused),
        "ok_slowest_s": round(seen_sorted[-1], 2),
        "memory_mib": round(peak_mib(process)),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--to", default="en", help="target languages, with commas")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--log", type=Path, help="write what the service says there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = asked.log or Path(folder) / "serve.log"
        environment = {**os.environ, "CONSILIA_DATA_DIR": f"{folder}/var", "COLUMNS": "400"}
        command = [sys.executable, "-m", "service.cli", "serve", "--port", "0"]
        with log.open("w") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r"ready at (\S+)(?s:.*)Stop with", log.read_text())):
                if process.poll() is not None:
                    sys.exit(f"the service did not start:\n{log.read_text()}")
                time.sleep(0.05)
            key = (Path(folder) / "var" / "first-key").read_text()
            figures = asyncio.run(measure(found[1], key, process.pid, asked.pages, asked.to.split(",")))
        finally:
            process.terminate()
            process.wait(60)
    print(json.dumps(figures, indent=2))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

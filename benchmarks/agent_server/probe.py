"""How long GET /ok takes, ten times a second, until standard input is closed.

A process of its own, since the load generator is as busy as the server. Usage: probe.py URL; prints the times in
milliseconds as JSON.
"""

import json
import select
import sys
import time

import httpx


def main(url: str) -> None:
    took: list[float] = []
    with httpx.Client(base_url=url, timeout=120) as http:
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            began = time.perf_counter()
            http.get("/ok").raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    print(json.dumps(took))


main(sys.argv[1])

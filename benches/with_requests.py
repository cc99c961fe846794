"""The benchmark's work by means of Python's requests: a Session for each thread.

The same arguments, environment and output as bench.h.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time

import requests


class Worker:
    """One thread's share of the work."""

    def __init__(self, number: int, count: int, paths: list[str]) -> None:
        self.number, self.count, self.paths = number, count, paths
        self.records = self.checksum = 0
        self.session = open_session()

    def take(self, record: dict) -> None:
        self.records += 1
        self.checksum += record["id"]
        if client := record.get("client"):
            self.records += 1
            self.checksum += client["id"]

    def get(self, path: str) -> None:
        reply = self.session.get(url(path))
        reply.raise_for_status()
        data = reply.json()["data"]
        for record in data if isinstance(data, list) else [data]:
            self.take(record)

    def work(self, ready: threading.Barrier, done: threading.Barrier) -> None:
        # Connecting is not part of a request.
        self.get(self.paths[0])
        self.records = self.checksum = 0
        ready.wait()
        for i in range(self.count):
            self.get(self.paths[(self.number + i) % len(self.paths)])
        done.wait()


def open_session() -> requests.Session:
    session = requests.Session()
    session.headers.update({
        "Authorization": f"Bearer {os.environ['BENCH_TOKEN']}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "X-API-VERSION": os.environ["BENCH_API_VERSION"],
    })
    return session


def url(path: str) -> str:
    path, mark, query = path.partition("?")
    return f"{os.environ['BENCH_BASE']}/{path}.json{mark}{query}"


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(field: str) -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def run_requests(threads: int, count: int, paths: list[str]) -> dict:
    ready, done = threading.Barrier(threads + 1), threading.Barrier(threads + 1)
    workers = [Worker(number, count // threads, paths) for number in range(threads)]
    running = [threading.Thread(target=worker.work, args=(ready, done)) for worker in workers]
    for thread in running:
        thread.start()
    ready.wait()
    wall, cpu = time.monotonic(), cpu_seconds()
    done.wait()
    wall, cpu = time.monotonic() - wall, cpu_seconds() - cpu
    for thread in running:
        thread.join()
    return {
        "wall": wall,
        "cpu": cpu,
        "peak_kib": memory("VmHWM"),
        "records": sum(worker.records for worker in workers),
        "checksum": sum(worker.checksum for worker in workers),
    }


def run_download(path: str, file: str) -> dict:
    session = open_session()
    session.get(url("users/who_am_i?fields=id")).raise_for_status()
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = memory("VmRSS")
    wall, cpu = time.monotonic(), cpu_seconds()
    with session.get(url(path), stream=True) as reply, open(file, "wb") as target:
        reply.raise_for_status()
        for piece in reply.iter_content(64 << 10):
            target.write(piece)
    wall, cpu = time.monotonic() - wall, cpu_seconds() - cpu
    return {
        "wall": wall,
        "cpu": cpu,
        "growth_kib": memory("VmHWM") - before,
        "bytes": os.path.getsize(file),
    }


def main() -> None:
    match sys.argv[1:]:
        case ["requests", threads, count, *paths]:
            figures = run_requests(int(threads), int(count), paths)
        case ["download", path, file]:
            figures = run_download(path, file)
        case _:
            sys.exit("usage: see bench.h")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

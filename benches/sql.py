"""Benchmarks of SQL over the sandbox, side by side with curl and with Python's requests and pandas.

    python benches/sql.py --build target/release [--rounds 5] [--only scan,memory,...]
                          [--write docs/performance.md]

`apilink` is the command-line tool. Everyone asks for the same pages, which the sandbox has ready
after the first time. Output is Markdown; --write puts it between the marks of a page.
"""

from __future__ import annotations

import contextlib
import csv
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import run
from run import ROOT, Sandbox, aim

HERE = pathlib.Path(__file__).resolve().parent
MARKS = ("<!-- figures of SQL: written by benches/sql.py -->", "<!-- end of the figures of SQL -->")

# What a matter brings at least, in activities.
ACTIVITIES_A_MATTER = 11
SCAN_ROWS = 200_000
# What a request to a service takes that is not next door, in milliseconds, and rows for it.
LATENCY, FAR_ROWS = 50, 20_000
FEW_ROWS, MANY_ROWS = 10_000, 1_000_000
COLUMNS = ("id, type, date, quantity_in_hours, price, total, note, billed, matter_id, "
           "matter_display_number, user_id, user_name")


class Measured:
    """A program that was run to its end."""

    def __init__(self, command: list, environment: dict) -> None:
        command = [str(part) for part in command]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            begun = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors)
            self.peak = 0.0
            watch = threading.Thread(target=self.watch, args=(process.pid,))
            watch.start()
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.perf_counter() - begun
            process.returncode = status
            watch.join()
            self.cpu = usage.ru_utime + usage.ru_stime
            output.seek(0)
            errors.seek(0)
            self.output, told = output.read().decode(), errors.read().decode()
        if status != 0:
            sys.exit(f"{command[0]} ended with {status}: {told[-400:]}")

    def watch(self, process: int) -> None:
        """Notes the peak of the memory in MiB. (That of wait4 has this program's in it.)"""
        with contextlib.suppress(OSError), open(f"/proc/{process}/status") as status:
            while peak := re.search(r"VmHWM:\s+(\d+) kB", status.read()):
                self.peak = int(peak[1]) / 1024
                time.sleep(0.005)
                status.seek(0)


class SqlBench(run.Report):
    """One run of everything."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, rounds: int) -> None:
        super().__init__()
        self.build_folder, self.folder, self.rounds = build, folder, rounds
        self.tool = build / "apilink"

    def connect(self, sandbox: Sandbox) -> None:
        """Makes the environment for a sandbox."""
        self.sandbox = sandbox
        self.token = sandbox.json("/_sandbox/tokens", {})["access_token"]
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "APILINK_CONNECTION": f"Region={sandbox.url};OAuthAccessToken={self.token}",
            "BENCH_BASE": f"{sandbox.url}/api/v4",
            "BENCH_TOKEN": self.token,
            "BENCH_API_VERSION": run.API_VERSION,
        }

    def query(self, sql: str, *options: object) -> Measured:
        return Measured([self.tool, "query", sql, *options], self.environment)

    def pages(self) -> list[str]:
        """The addresses of the requests that were last made, as they were made."""
        log = self.sandbox.json("/_sandbox/counters")["log"]
        return [f"{self.sandbox.url}{entry['path']}?" + urllib.parse.urlencode(
                    [tuple(parameter) for parameter in entry["query"]])
                for entry in log if entry["path"].startswith("/api/")]

    # ---- scanning --------------------------------------------------------------------------------

    def scan(self) -> None:
        with Sandbox(self.build_folder, SCAN_ROWS // ACTIVITIES_A_MATTER) as sandbox:
            self.connect(sandbox)
            runs = self.race(SCAN_ROWS, self.rounds)
            base = runs["curl, nothing kept"]
            csv, sqlite = runs["apilink, CSV"], runs["apilink, SQLite"]
            self.scan_table(f"A scan of {SCAN_ROWS:,} activities", runs, [
                aim("CSV ÷ curl", compare(csv, base), "≤", 1.3),
                aim("SQLite ÷ curl", compare(sqlite, base), "≤", 1.3),
                aim("times faster than Python, CSV", compare(runs["Python, CSV"], csv), "≥", 5),
                aim("times faster than Python, SQLite",
                    compare(runs["Python, SQLite"], sqlite), "≥", 5),
            ])
            runs = self.race(FAR_ROWS, 1, LATENCY)
            base = runs["curl, nothing kept"]
            self.scan_table(
                f"A scan of {FAR_ROWS:,} activities from a service that takes {LATENCY} ms a page",
                runs, [
                    aim("CSV ÷ curl", compare(runs["apilink, CSV"], base), "≤", 1.3),
                    aim("SQLite ÷ curl", compare(runs["apilink, SQLite"], base), "≤", 1.3),
                ])

    def race(self, count: int, rounds: int, latency: int = 0) -> dict[str, list[Measured]]:
        """Everyone gets the same rows, in turns; each page comes so many milliseconds late."""
        sql = f"SELECT {COLUMNS} FROM activities LIMIT {count}"
        first, addresses = self.walk(sql, count)
        if latency:
            fault = {"path": "/api/v4/activities*", "kind": "latency", "times": 0}
            self.sandbox.open("/_sandbox/faults", fault | {"milliseconds": latency}).close()
        config = self.folder / "curl.txt"
        config.write_text("".join(
            f'url = "{address}"\noutput = "/dev/null"\n' for address in addresses))
        header = f"Authorization: Bearer {self.token}"
        curl = ["curl", "--silent", "--fail", "--compressed", "--globoff", "--noproxy", "*",
                "--user-agent", "bench", "--header", header,
                "--header", f"X-API-VERSION: {run.API_VERSION}", "--config", config]
        file = self.folder / "scan"
        python = [sys.executable, HERE / "scan_with_pandas.py", first, count]
        contestants = {
            "curl, nothing kept": (curl, None),
            "apilink, CSV": ([self.tool, "query", sql, "-o", "csv", "-f", file], count_csv),
            "apilink, SQLite": ([self.tool, "query", sql, "-o", "sqlite", "-f", file],
                                count_sqlite),
            "Python, CSV": ([*python, "csv", file], count_csv),
            "Python, SQLite": ([*python, "sqlite", file], count_sqlite),
        }
        runs: dict[str, list[Measured]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, (command, count_rows) in contestants.items():
                file.unlink(missing_ok=True)
                runs[name].append(Measured(command, self.environment))
                if count_rows and (rows := count_rows(file)) != count:
                    sys.exit(f"{name} has {rows} rows")
        return runs

    def scan_table(self, title: str, runs: dict[str, list[Measured]], aims: list[str]) -> None:
        base = runs["curl, nothing kept"]
        self.table(title, ["", "seconds", "÷ curl", "CPU seconds", "peak MiB"], [[
            name, f"{middle(mine, 'seconds'):.2f}", f"{compare(mine, base):.2f}",
            f"{middle(mine, 'cpu'):.2f}", f"{middle(mine, 'peak'):.0f}",
        ] for name, mine in runs.items()], aims)

    def walk(self, sql: str, count: int) -> tuple[str, list[str]]:
        """The pages of a query: the first, and all, by following them as its requests do."""
        self.sandbox.open("/_sandbox/reset", {}).close()
        self.query(re.sub(r"LIMIT \d+", "LIMIT 1000", sql), "-o", "csv", "-f", self.folder / "warm")
        first = self.pages()[0]
        addresses, records, address = [], 0, first
        while address and records < count:
            addresses.append(address)
            reply = self.sandbox.json(address.removeprefix(self.sandbox.url), token=self.token)
            records += len(reply["data"])
            address = reply["meta"]["paging"].get("next")
        return first, addresses

    # ---- memory ----------------------------------------------------------------------------------

    def memory(self) -> None:
        with Sandbox(self.build_folder, MANY_ROWS // ACTIVITIES_A_MATTER) as sandbox:
            self.connect(sandbox)
            file = self.folder / "rows"
            rows, peaks = [], {}
            for form in ("csv", "sqlite"):
                for count in (FEW_ROWS, MANY_ROWS):
                    sql = f"SELECT {COLUMNS} FROM activities LIMIT {count}"
                    file.unlink(missing_ok=True)
                    done = self.query(sql, "-o", form, "-f", file)
                    found = count_csv(file) if form == "csv" else count_sqlite(file)
                    if found != count:
                        sys.exit(f"{form} has {found} rows, not {count}")
                    peaks[form, count] = done.peak
                    rows.append([form, f"{count:,}", f"{done.peak:.1f}", f"{done.seconds:.1f}"])
            self.table("Memory", ["to", "rows", "peak MiB", "seconds"], rows, [
                aim(f"difference in MiB, {form}",
                    peaks[form, MANY_ROWS] - peaks[form, FEW_ROWS], "≤", 32)
                for form in ("csv", "sqlite")
            ])

    # ---- times to begin --------------------------------------------------------------------------

    def begin(self) -> None:
        with Sandbox(self.build_folder, 20_000) as sandbox:
            self.connect(sandbox)
            sql = f"SELECT {COLUMNS} FROM activities"
            page = f"{sandbox.url}/api/v4/activities.json?fields=id&limit=200&order=id(asc)"
            header = f"Authorization: Bearer {self.token}"
            curl = ["curl", "--silent", "--fail", "--globoff", "--noproxy", "*", "--user-agent",
                    "bench", "--header", header, "--output", "/dev/null", page]
            first = statistics.median(self.first_row(sql) for _ in range(self.rounds * 3))
            one = statistics.median(Measured(curl, self.environment).seconds
                                    for _ in range(self.rounds * 3))
            start = statistics.median(self.first_row("SELECT 1") for _ in range(self.rounds * 10))
            self.table("Times to begin", ["from the start of the process", "ms"], [
                ["to the first row of `SELECT 1`", f"{start * 1e3:.1f}"],
                ["to the first row of a scan of 200,000 activities", f"{first * 1e3:.1f}"],
                ["`curl`: to the end of one page of ids", f"{one * 1e3:.1f}"],
            ], [aim("milliseconds to the first row of SELECT 1", start * 1e3, "<", 10)])

    def first_row(self, sql: str) -> float:
        """Seconds from the start of the process to its first row."""
        begun = time.perf_counter()
        command = [self.tool, "query", sql, "-o", "csv", "--no-header"]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            line = process.stdout.readline()
            seconds = time.perf_counter() - begun
            process.kill()
        if not line:
            sys.exit(f"no row came of {sql}")
        return seconds

    # ---- preparing -------------------------------------------------------------------------------

    def prepare(self) -> None:
        with Sandbox(self.build_folder, 100) as sandbox:
            self.connect(sandbox)
            queries = ROOT / "crates/sql/tests/sql/api_calls/queries.md"
            done = Measured([self.build_folder / "examples" / "prepare", queries, 50],
                            self.environment)
            times = [line.split("\t") for line in done.output.splitlines()]
            times = sorted((float(micros), name) for micros, name in times)
            middle_one = statistics.median(micros for micros, _ in times)
            self.table(f"Preparing {len(times)} queries", ["", "µs"], [
                ["the fastest", f"{times[0][0]:,.0f}"],
                ["median", f"{middle_one:,.0f}"],
                [f"the slowest: {times[-1][1]}", f"{times[-1][0]:,.0f}"],
            ], [aim("median in milliseconds", middle_one / 1e3, "<", 1)])

    # ---- building --------------------------------------------------------------------------------

    def build(self) -> None:
        subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)
        rows, aims = [], []
        for part, limit in (("-p apilink", 120), ("--workspace", 360)):
            command = ["cargo", "build", "--release", "--locked", *part.split()]
            with tempfile.TemporaryDirectory(dir=self.folder) as target:
                begun = time.monotonic()
                subprocess.run([*command, "--quiet"], cwd=ROOT, check=True,
                               env=os.environ | {"CARGO_TARGET_DIR": target})
                seconds = time.monotonic() - begun
            rows.append([f"`{' '.join(command)}`", f"{seconds:.0f} s"])
            aims.append(aim(f"seconds, {part}", seconds, "<", limit))
        tree = subprocess.run(["cargo", "tree", "--locked", "-p", "apilink", "-e", "normal"],
                              cwd=ROOT, check=True, capture_output=True, text=True).stdout
        rows.append(["SQLite in the root package", "yes" if "sqlite" in tree else "no"])
        self.table("Building from nothing", ["", ""], rows, aims)


def count_csv(file: pathlib.Path) -> int:
    with file.open(newline="", encoding="utf-8") as lines:
        return sum(1 for _ in csv.reader(lines)) - 1


def count_sqlite(file: pathlib.Path) -> int:
    connection = sqlite3.connect(file)
    count = connection.execute("SELECT count(*) FROM result").fetchone()[0]
    connection.close()
    return count


def middle(runs: list[Measured], key: str) -> float:
    return statistics.median(getattr(one, key) for one in runs)


def compare(mine: list[Measured], base: list[Measured]) -> float:
    """Runs of the same round were neighbours in time, so it is them that are compared."""
    return statistics.median(one.seconds / other.seconds for one, other in zip(mine, base))


def main() -> None:
    parts = ["scan", "memory", "begin", "prepare", "build"]
    contents = "apilink, clio-sandbox and examples/prepare"
    arguments = run.read_arguments(__doc__.split("\n")[0], parts, contents, 5)
    chosen, build = arguments.chosen, arguments.build
    with tempfile.TemporaryDirectory(prefix="apilink-bench-") as folder:
        bench = SqlBench(build, pathlib.Path(folder), arguments.rounds)
        bench.say(run.machine(["requests", "pandas"]) + "\n")
        for part in chosen:
            getattr(bench, part)()
    if arguments.write:
        run.write_page(arguments.write, MARKS, bench.lines)


if __name__ == "__main__":
    main()

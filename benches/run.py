"""Benchmarks of libapilink against the sandbox, side by side with libcurl and Python's requests.

    python benches/run.py --build target/release [--rounds 7] [--only requests,download,...]
                          [--write docs/performance.md]

Every contestant does the same work in a process of its own, in turns (A B C A B C ...), so that a
busy machine disturbs all of them alike; medians are compared. What came is checked against what
the sandbox holds. Output is Markdown; --write puts it between the marks of a page.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MIB = 1 << 20
MATTERS = 1000
DOWNLOAD = 1 << 30
API_VERSION = "4.0.13"
MARKS = ("<!-- figures: written by benches/run.py -->", "<!-- end of the figures -->")


class Sandbox:
    """A running clio-sandbox without a rate limit."""

    def __init__(self, build: pathlib.Path, matters: int = MATTERS) -> None:
        self.process = subprocess.Popen(
            [build / "clio-sandbox", "--matters", str(matters), "--rate-limit", "0",
             "--token-life", str(30 * 86400), "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            sys.exit(f"the sandbox did not start: {line!r}")
        self.url = line.split()[-1]

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=30)

    def open(self, path: str, body: object = None, token: str | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)
        request.add_header("User-Agent", "bench")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)

    def json(self, path: str, body: object = None, token: str | None = None) -> dict:
        with self.open(path, body, token) as reply:
            return json.load(reply)

    def cpu_seconds(self) -> float:
        """User and system time of the sandbox so far."""
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Contestant:
    """A program that does the work, and the share of the requests that it is given."""

    name: str
    command: list
    share: float = 1.0
    variables: dict = dataclasses.field(default_factory=dict)

    def run(self, environment: dict, *arguments: object) -> dict:
        done = subprocess.run(
            [*self.command, *map(str, arguments)],
            env=environment | self.variables, capture_output=True, text=True,
        )
        if done.returncode != 0:
            sys.exit(f"{self.name} {' '.join(map(str, arguments))[:80]}: {done.stderr}")
        return json.loads(done.stdout)


@dataclasses.dataclass
class Workload:
    """Paths that are asked for in turn, and what each of them brings."""

    title: str
    paths: list[str]
    requests: int
    expected: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def learn(self, sandbox: Sandbox, token: str) -> None:
        for path in self.paths:
            name, mark, query = path.partition("?")
            data = sandbox.json(f"/api/v4/{name}.json{mark}{query}", token=token)["data"]
            ids = list(all_ids(data))
            self.expected.append((len(ids), sum(ids)))

    def check(self, who: str, figures: dict, threads: int, count: int) -> None:
        """Every thread begins with its own number and goes on from there."""
        records = checksum = 0
        for thread in range(threads):
            for i in range(count // threads):
                more, ids = self.expected[(thread + i) % len(self.expected)]
                records, checksum = records + more, checksum + ids
        if (figures["records"], figures["checksum"]) != (records, checksum):
            sys.exit(f"{who} did not read what the sandbox holds: {figures}, expected {records} "
                     f"records with checksum {checksum}")


def all_ids(data: object):
    """Every id in a reply, those of nested records included."""
    if isinstance(data, list):
        for one in data:
            yield from all_ids(one)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key == "id":
                yield value
            else:
                yield from all_ids(value)


def compile_c(folder: pathlib.Path, name: str, *flags: object) -> pathlib.Path:
    program = folder / name
    subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program,
         HERE / f"{name}.c", *flags, "-lpthread"],
        check=True,
    )
    return program


class Report:
    """The lines of the figures, which are printed as they come."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str = "") -> None:
        print(line, flush=True)
        self.lines.append(line)

    def table(self, title: str, head: list[str], rows: list[list[str]],
              aims: list[str] | None = None) -> None:
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        self.say(f"### {title}\n")
        for row in (head, rule, *rows):
            cells = [row[0].ljust(widths[0]),
                     *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
            self.say(f"| {' | '.join(cells)} |")
        self.say()
        for line in aims or []:
            self.say(line)
        if aims:
            self.say()


class Bench(Report):
    """One run of everything."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, sandbox: Sandbox,
                 rounds: int) -> None:
        super().__init__()
        self.folder, self.sandbox, self.rounds = folder, sandbox, rounds
        grant = sandbox.json("/_sandbox/tokens", {})
        self.token = grant["access_token"]
        settings = folder / "tokens.txt"
        settings.write_text(
            f"oauthaccesstoken={self.token}\n"
            f"_persist_oauthaccesstoken={self.token}\n"
            f"_persist_oauthrefreshtoken={grant['refresh_token']}\n"
            f"_persist_oauthexpiresin={grant['expires_in']}\n"
            f"_persist_oauthtokentimestamp={time.time_ns() // 1_000_000}\n"
        )
        string = (
            f"Profile=Clio;ProfileSettings='Region={sandbox.url}';AuthScheme=OAuth;"
            "InitiateOAuth=REFRESH;OAuthClientId=sandbox-client;"
            f"OAuthClientSecret=sandbox-secret;OAuthSettingsLocation={settings};"
        )
        library = folder / "library"
        library.mkdir()
        dynamic = subprocess.run(["readelf", "-d", build / "libapilink.so"], check=True,
                                 capture_output=True, text=True).stdout
        soname = re.search(r"\(SONAME\).*\[(.+)\]", dynamic)[1]
        for name in (soname, "libapilink.so"):
            (library / name).symlink_to(build / "libapilink.so")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LD_LIBRARY_PATH": str(library),
            "BENCH_BASE": f"{sandbox.url}/api/v4",
            "BENCH_TOKEN": self.token,
            "BENCH_STRING": string,
            "BENCH_API_VERSION": API_VERSION,
        }
        apilink = compile_c(folder, "with_apilink", f"-I{ROOT / 'include'}", f"-L{library}",
                            "-lapilink")
        libcurl = compile_c(folder, "with_libcurl", "-lcurl")
        self.apilink = Contestant("apilink", [apilink])
        self.pointer = Contestant("apilink, JSON Pointer", [apilink], variables={"BENCH_JSON": "1"})
        self.libcurl = Contestant("libcurl", [libcurl])
        self.python = Contestant("Python requests", [sys.executable, HERE / "with_requests.py"],
                                 share=0.2)

    # ---- requests --------------------------------------------------------------------------------

    def requests(self) -> None:
        fields = "id,etag,display_number,description,status,open_date,client{id,name}"
        pages = [f"matters?limit=200&offset={offset}&fields={fields}"
                 for offset in range(0, MATTERS, 200)]
        ids = [record["id"] for record in
               self.sandbox.json("/api/v4/matters.json?limit=50", token=self.token)["data"]]
        records = [f"matters/{number}?fields={fields}" for number in ids]
        for workload in (Workload("Pages of 200 matters", pages, 1600),
                         Workload("Single matters", records, 9600)):
            workload.learn(self.sandbox, self.token)
            for threads in (1, 16):
                self.requests_with(workload, threads)

    def requests_with(self, workload: Workload, threads: int) -> None:
        contestants = [self.libcurl, self.apilink, self.pointer, self.python]
        runs: dict[str, list[dict]] = {one.name: [] for one in contestants}
        for _ in range(self.rounds):
            for one in contestants:
                count = int(workload.requests * one.share) // threads * threads
                served = self.sandbox.cpu_seconds()
                figures = one.run(self.environment, "requests", threads, count, *workload.paths)
                served = self.sandbox.cpu_seconds() - served
                workload.check(one.name, figures, threads, count)
                runs[one.name].append({
                    "wall": figures["wall"] / count, "cpu": figures["cpu"] / count,
                    "served": served / count, "peak": figures["peak_kib"] / 1024,
                })
        base = runs[self.libcurl.name]
        rows = []
        for one in contestants:
            mine = runs[one.name]
            rows.append([
                one.name, f"{1 / median(mine, 'wall'):,.0f}", f"{median(mine, 'wall') * 1e6:,.0f}",
                f"{ratio(mine, base, 'wall'):.2f}", f"{median(mine, 'cpu') * 1e6:,.0f}",
                f"{ratio(mine, base, 'cpu'):.2f}", f"{median(mine, 'served') * 1e6:,.0f}",
                f"{median(mine, 'peak'):.1f}",
            ])
        label = "one thread" if threads == 1 else f"{threads} threads"
        mine, python = runs[self.apilink.name], runs[self.python.name]
        self.table(f"{workload.title}, {label}", [
            "client", "requests/s", "µs/request", "÷ libcurl", "CPU µs/request", "÷ libcurl",
            "sandbox CPU µs", "peak MiB",
        ], rows, [
            aim("wall time ÷ libcurl", ratio(mine, base, "wall"), "≤", 1.25),
            aim("CPU time ÷ libcurl", ratio(mine, base, "cpu"), "≤", 1.45),
            aim("times faster than Python", ratio(python, mine, "wall"), "≥", 8),
        ])

    # ---- download --------------------------------------------------------------------------------

    def download(self) -> None:
        document = self.sandbox.json("/_sandbox/documents", {"bytes": DOWNLOAD})["id"]
        with self.sandbox.open(f"/_sandbox/documents/{document}/content") as content:
            block = content.read(64 << 10)
        contestants = [self.libcurl, self.apilink, self.python]
        runs: dict[str, list[dict]] = {one.name: [] for one in contestants}
        file = self.folder / "document"
        for _ in range(min(self.rounds, 3)):
            for one in contestants:
                figures = one.run(self.environment, "download", f"documents/{document}/download",
                                  file)
                check_file(one.name, file, block)
                file.unlink()
                runs[one.name].append(figures | {"growth": figures["growth_kib"] / 1024})
        base = runs[self.libcurl.name]
        self.table("Download of 1 GiB to a file", [
            "client", "seconds", "÷ libcurl", "CPU seconds", "÷ libcurl", "memory growth MiB",
        ], [[
            one.name, f"{median(runs[one.name], 'wall'):.2f}",
            f"{ratio(runs[one.name], base, 'wall'):.2f}",
            f"{median(runs[one.name], 'cpu'):.2f}", f"{ratio(runs[one.name], base, 'cpu'):.2f}",
            f"{median(runs[one.name], 'growth'):.2f}",
        ] for one in contestants], [
            aim("memory growth in MiB, the worst run",
                max(run["growth"] for run in runs[self.apilink.name]), "<", 8),
        ])

    # ---- connecting ------------------------------------------------------------------------------

    def connect(self) -> None:
        runs = [self.apilink.run(self.environment, "connect", 2000) for _ in range(self.rounds)]
        self.table("Connecting with a stored token (no network traffic)", ["", "µs"], [
            ["the first of a process", f"{median(runs, 'first') * 1e6:,.0f}"],
            ["further ones", f"{median(runs, 'median') * 1e6:,.0f}"],
        ])

    def cycles(self) -> None:
        rows, aims = [], []
        for title, warm_up, count, path in (
            ("connect, disconnect", 500, 10_000, ""),
            ("connect, one request, disconnect", 500, 2_000, "users/who_am_i?fields=id"),
        ):
            figures = self.apilink.run(self.environment, "cycles", warm_up, count, path)
            if figures["records"] != (count if path else 0):
                sys.exit(f"the cycles read {figures['records']} records")
            growth = figures["growth_kib"] / 1024
            rows.append([title, f"{count:,}", f"{figures['wall'] / count * 1e6:,.0f}",
                         f"{figures['cpu'] / count * 1e6:,.0f}", f"{growth:.2f}"])
            aims.append(aim(f"memory growth in MiB, {title}", growth, "<", 1))
        self.table("Cycles, after 500 for warming up",
                   ["cycle", "times", "µs", "CPU µs", "memory growth MiB"], rows, aims)

    # ---- building --------------------------------------------------------------------------------

    def build(self) -> None:
        command = ["cargo", "build", "--release", "--locked", "-p", "apilink"]
        variables = os.environ | {"CARGO_TARGET_DIR": str(self.folder / "target")}
        subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)
        begun = time.monotonic()
        subprocess.run([*command, "--quiet"], cwd=ROOT, env=variables, check=True)
        seconds = time.monotonic() - begun
        size = (self.folder / "target" / "release" / "libapilink.so").stat().st_size / MIB
        self.table("Building the library from nothing", ["", ""], [
            [f"`{' '.join(command)}`", f"{seconds:.0f} s"],
            ["`libapilink.so`", f"{size:.2f} MiB"],
        ], [aim("seconds", seconds, "<", 120), aim("size in MiB", size, "<", 8)])


def aim(what: str, figure: float, relation: str, limit: float) -> str:
    is_met = {"≤": figure <= limit, "<": figure < limit, "≥": figure >= limit}[relation]
    verdict = "met" if is_met else "MISSED"
    return f"- {what}: {figure:.2f}; the aim is {relation} {limit:g}: {verdict}"


def median(runs: list[dict], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def ratio(runs: list[dict], base: list[dict], key: str) -> float:
    """Runs of the same round were neighbours in time, so it is them that are compared."""
    return statistics.median(mine[key] / other[key] for mine, other in zip(runs, base))


def check_file(who: str, file: pathlib.Path, block: bytes) -> None:
    """Generated documents repeat one block."""
    length = 0
    with file.open("rb") as content:
        while piece := content.read(len(block)):
            if piece != block[:len(piece)]:
                sys.exit(f"{who}: the file is wrong in the 64 KiB from byte {length} on")
            length += len(piece)
    if length != DOWNLOAD:
        sys.exit(f"{who}: the file has {length} bytes")


def machine(packages: list[str]) -> str:
    """On what it was measured."""
    model = "an unknown processor"
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as info:
        model = next(line.split(":", 1)[1].strip() for line in info if "model name" in line)
    curl = subprocess.run(["curl-config", "--version"], capture_output=True, text=True).stdout
    versions = {name: importlib.metadata.version(name) for name in packages}
    return (
        f"{datetime.date.today()}: {os.cpu_count()} cores of {model}, "
        f"Linux {platform.release()}, load average {os.getloadavg()[0]:.1f} before the run; "
        f"{curl.strip()}; Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."
    )


def write_page(page: pathlib.Path, marks: tuple[str, str], lines: list[str]) -> None:
    before, first, rest = page.read_text().partition(marks[0])
    _, last, after = rest.partition(marks[1])
    if not first or not last:
        sys.exit(f"{page} does not hold the marks {marks[0]} and {marks[1]}")
    figures = "\n".join(lines).strip()
    page.write_text(f"{before}{first}\n\n{figures}\n\n{last}{after}")


def read_arguments(title: str, parts: list[str], build: str, rounds: int) -> argparse.Namespace:
    """The arguments of a benchmark; `chosen` are the parts to run, all but the last by default."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "target" / "release",
                        help=f"where {build} are")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each contestant runs")
    parser.add_argument("--only", default=",".join(parts[:-1]), metavar="PARTS",
                        help=f"some of {','.join(parts)} (default: all but {parts[-1]})")
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE",
                        help="put the figures into a page")
    arguments = parser.parse_args()
    arguments.chosen = arguments.only.split(",")
    if unknown := set(arguments.chosen) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    arguments.build = arguments.build.resolve()
    return arguments


def main() -> None:
    parts = ["requests", "download", "connect", "cycles", "build"]
    arguments = read_arguments(__doc__.split("\n")[0], parts, "libapilink.so and clio-sandbox", 7)
    chosen, build = arguments.chosen, arguments.build
    with tempfile.TemporaryDirectory(prefix="apilink-bench-") as folder, Sandbox(build) as sandbox:
        bench = Bench(build, pathlib.Path(folder), sandbox, arguments.rounds)
        size = (build / "libapilink.so").stat().st_size / MIB
        about = machine(["requests", "urllib3"])
        bench.say(f"{about} libapilink.so has {size:.2f} MiB.\n")
        for part in chosen:
            getattr(bench, part)()
    if arguments.write:
        write_page(arguments.write, MARKS, bench.lines)


if __name__ == "__main__":
    main()

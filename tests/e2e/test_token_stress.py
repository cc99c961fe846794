"""Many threads in two processes, one token file, rotating refresh tokens, and a short life.

APILINK_STRESS_SECONDS shortens the run for a try by hand; the default is the minute that the
library must stand.
"""

from __future__ import annotations

import math
import os
import pathlib
import signal
import subprocess
import time

import pytest
from conftest import Sandbox

HERE = pathlib.Path(__file__).parent
SECONDS = float(os.environ.get("APILINK_STRESS_SECONDS", "60"))
LIFE = 2
# The margin of the profile is larger, so a tenth of the life counts (docs/profiles.md).
MARGIN = LIFE / 10
# Far more than anything here takes, unless it hangs.
PATIENCE = 120


@pytest.fixture
def service(start_sandbox) -> Sandbox:
    """Every token reply comes a moment late, so that all threads meet at the refresh."""
    sandbox = start_sandbox("--rotate-refresh-tokens", "--token-life", str(LIFE))
    sandbox.fault("/oauth/token", "latency", times=0, milliseconds=50)
    return sandbox


@pytest.fixture
def token_file(service, tmp_path) -> pathlib.Path:
    """What a login has left behind."""
    reply = service.token(life=LIFE)
    file = tmp_path / "tokens.txt"
    file.write_text(
        f"oauthaccesstoken={reply['access_token']}\n"
        f"_persist_oauthaccesstoken={reply['access_token']}\n"
        f"_persist_oauthrefreshtoken={reply['refresh_token']}\n"
        f"_persist_oauthexpiresin={LIFE}\n"
        f"_persist_oauthtokentimestamp={time.time_ns() // 1_000_000}\n"
    )
    return file


class Process:
    """A running token_stress."""

    def __init__(self, program, environment, service, token_file, seconds: float) -> None:
        string = service.connection_string(9, OAuthSettingsLocation=token_file)
        self.process = subprocess.Popen(
            [program, str(seconds)],
            # REFRESH: a lost login is an error, not a new login.
            env={
                **environment,
                "APILINK_CONNECTION_STRING": string.replace("GETANDREFRESH", "REFRESH"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_started(self) -> None:
        """Returns after the first reply."""
        line = self.process.stdout.readline()
        assert line == "started\n", line + self.process.stdout.read()

    def kill(self) -> None:
        """Ends it in the middle of what it does; until then, nothing has failed."""
        self.process.kill()
        assert "FAILED" not in self.output()

    def finish(self) -> int:
        """The number of requests it has made, all of them well."""
        output = self.output()
        assert self.process.returncode == 0, output
        return int(output.splitlines()[-1].split()[0])

    def output(self) -> str:
        return self.process.communicate(timeout=SECONDS + PATIENCE)[0]


@pytest.fixture
def start(compile_c, environment, service, token_file):
    """Starts processes for a number of seconds."""
    program = compile_c(HERE / "token_stress.c")
    running: list[Process] = []

    def start_one(seconds: float) -> Process:
        running.append(Process(program, environment, service, token_file, seconds))
        return running[-1]

    yield start_one
    for one in running:
        one.process.kill()
        one.process.wait()


def check_login(service, start, elapsed: float) -> None:
    """The login lives, no refresh was in vain, and there were no more than needed."""
    tokens = service.counters()["tokens"]
    most = math.floor(elapsed / (LIFE - MARGIN)) + 1
    print(f"{tokens['refresh_token']} refreshes in {elapsed:.1f} s; {most} are allowed")
    assert tokens["invalid_refresh"] == 0
    assert tokens["refresh_token"] <= most
    # Who comes later finds it alive, too.
    start(0.01).finish()
    tokens = service.counters()["tokens"]
    assert tokens["invalid_refresh"] == 0
    assert tokens["authorization_code"] == 0


def test_two_processes_of_eight_threads_share_a_rotating_token(service, start):
    begun = time.monotonic()
    processes = [start(SECONDS) for _process in range(2)]
    requests = [process.finish() for process in processes]
    elapsed = time.monotonic() - begun
    print(f"{requests} requests")
    assert all(count > 10 * SECONDS for count in requests), "both were busy all the time"
    tokens = service.counters()["tokens"]
    # Each token is used nearly to its end, so there were many ends in this time.
    assert tokens["refresh_token"] >= SECONDS / LIFE / 2
    check_login(service, start, elapsed)


def test_a_process_that_is_killed_costs_no_login(service, token_file, start):
    """Killed with SIGKILL again and again, each time soon after a refresh was stored: the token is
    then far from its end, so no refresh is under way, and the window that docs/token-store.md
    describes is not open. (The next test kills within it.)"""
    begun = time.monotonic()
    steady = start(3600)
    steady.wait_until_started()
    for _kill in range(5):
        victim = start(3600)
        victim.wait_until_started()
        stop_between_refreshes(victim, token_file)
        victim.kill()
    assert steady.process.poll() is None, steady.output()
    steady.kill()
    check_login(service, start, time.monotonic() - begun)


def stop_between_refreshes(victim: Process, token_file: pathlib.Path) -> None:
    """Stops a process when the next refresh is far away. On a busy machine that takes some tries,
    because it may be late by the time that the process stands still."""
    while True:
        issued_at = wait_for_refresh(token_file)
        victim.process.send_signal(signal.SIGSTOP)
        if time.time() - issued_at < LIFE / 2:
            return
        victim.process.send_signal(signal.SIGCONT)


def wait_for_refresh(token_file: pathlib.Path) -> float:
    """Waits until another token has been stored; returns the Unix time it was asked for at."""
    before = issue_time(token_file)
    end = time.monotonic() + PATIENCE
    while issue_time(token_file) == before:
        assert time.monotonic() < end, "the token is not refreshed any more"
        time.sleep(0.005)
    return issue_time(token_file)


def issue_time(token_file: pathlib.Path) -> float:
    lines = token_file.read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines)
    return int(values["_persist_oauthtokentimestamp"]) / 1000


def test_the_window_that_remains_is_told_as_it_is(service, token_file, start):
    """Killed after the service has replaced the refresh token, and before the reply is there."""
    service.control("DELETE", "faults")
    service.fault("/oauth/token", "drip", times=1, milliseconds=2000)
    before = token_file.read_text()
    victim = start(3600)
    end = time.monotonic() + PATIENCE
    while service.counters()["tokens"]["refresh_token"] == 0:
        assert time.monotonic() < end, "there is no refresh"
        time.sleep(0.005)
    victim.kill()
    assert token_file.read_text() == before, "the file is the old one, not torn"

    late = start(1)
    output = late.output()
    assert late.process.returncode == 1
    assert "[28000] (1003)" in output and "new login is needed" in output, output
    assert service.counters()["tokens"]["invalid_refresh"] >= 1

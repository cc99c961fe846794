"""scripts/test-tools.sh where it may not install: it says what is missing, but for what
APILINK_SKIP names."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT, need

REQUIREMENTS = ROOT / "tests" / "e2e" / "requirements.txt"


@pytest.fixture
def tools(tmp_path):
    """Runs the script as a user who may not install, on a machine without some packages."""
    commands, environment = tmp_path / "bin", tmp_path / "venv"
    commands.mkdir()
    environment.mkdir()
    shutil.copy(REQUIREMENTS, environment)
    for name, script in {
        "id": "echo 1000",
        "dpkg-query": '[[ " $ABSENT " == *" ${@: -1} "* ]] || echo -n installed',
        "cargo-nextest": "exit 0",
        "npm": "exit 0",
        "apt-get": "exit 9",
    }.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (commands / name).chmod(0o755)

    def run(absent: str, skip: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [need("bash"), ROOT / "scripts" / "test-tools.sh", environment],
            env=os.environ
            | {"PATH": f"{commands}:{os.environ['PATH']}", "ABSENT": absent, "APILINK_SKIP": skip},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_what_is_missing_is_said(tools):
    assert tools("", "").returncode == 0
    outcome = tools("valgrind cmake", "")
    assert outcome.returncode == 1
    assert "Missing: cmake valgrind" in outcome.stderr


@pytest.mark.parametrize(
    ("absent", "skip"),
    [
        ("valgrind", "valgrind"),
        ("valgrind cmake", "cmake,valgrind"),
        # By the names of the tools, as the tests ask for them.
        ("clang libclang-rt-dev llvm", "clang"),
        ("mono-mcs mono-runtime", "mcs,mono"),
        ("binutils", "readelf"),
        ("libcurl4-openssl-dev", "libcurl4-openssl-dev"),
    ],
)
def test_what_is_skipped_may_be_missing(tools, absent, skip):
    outcome = tools(absent, skip)
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_only_what_is_skipped_may_be_missing(tools):
    outcome = tools("valgrind cmake gcc", "cmake,valgrindx")
    assert outcome.returncode == 1
    assert "Missing: gcc valgrind\n" in outcome.stderr

"""The programs in README.md are compiled and run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT, need


def program(language: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return code


def run(command, environment) -> str:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clio(sandbox, environment):
    """An environment with a connection string that needs no login."""
    environment["APILINK_CONNECTION_STRING"] = sandbox.string_with_token()
    yield environment
    assert sandbox.counters()["unknown_requests"] == []


@pytest.mark.parametrize(("language", "suffix"), [("c", ".c"), ("cpp", ".cpp")])
def test_c_and_cxx(language, suffix, clio, compile_c, tmp_path):
    source = tmp_path / f"readme_{language}{suffix}"
    source.write_text(program(language))
    assert "00001-" in run([compile_c(source)], clio)


def test_python(clio, tmp_path):
    source = tmp_path / "readme.py"
    source.write_text(program("python"))
    clio["PYTHONPATH"] = str(ROOT / "bindings" / "python")
    assert "00001-" in run([sys.executable, source], clio)


def test_csharp(clio, tmp_path):
    source = tmp_path / "Readme.cs"
    source.write_text(program("csharp"))
    binding = sorted((ROOT / "bindings" / "csharp" / "src").glob("*.cs"))
    assembly = tmp_path / "readme.exe"
    subprocess.run([need("mcs"), f"-out:{assembly}", source, *binding], check=True)
    assert "00001-" in run([need("mono"), assembly], clio)


def test_the_commands_are_those_of_the_makefile():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)", readme))
    assert {"demo", "test"} <= named <= targets


def test_every_page_that_is_named_exists():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} names {link}"
    assert (BUILD / "libapilink.so").exists()

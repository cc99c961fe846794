"""bindings/csharp, compiled and run with Mono against the sandbox."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest
from conftest import BUILD, ROOT, need

BINDING = ROOT / "bindings" / "csharp"
TESTS = BINDING / "tests" / "Tests.cs"

# Those that are about finding the library are run by tests of their own below.
NAMES = [
    name
    for name in re.findall(r"^    static void ([A-Z]\w+)\(\)", TESTS.read_text(), re.M)
    if not name.startswith("Print") and name != "AwaitStalled"
]


def compile_csharp(target: str, output: pathlib.Path, *arguments: object) -> pathlib.Path:
    command = [need("mcs"), "-warnaserror", f"-target:{target}", f"-out:{output}"]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return output


@pytest.fixture(scope="session")
def programs(tmp_path_factory) -> pathlib.Path:
    """The assembly, its documentation, the example and the tests, compiled."""
    folder = tmp_path_factory.mktemp("csharp")
    sources = sorted((BINDING / "src").glob("*.cs"))
    assembly = folder / "Apilink.dll"
    compile_csharp("library", assembly, f"-doc:{folder / 'Apilink.xml'}", *sources)
    compile_csharp("exe", folder / "Tests.exe", f"-r:{assembly}", TESTS)
    for example in (BINDING / "examples").glob("*.cs"):
        compile_csharp("exe", folder / f"{example.stem}.exe", f"-r:{assembly}", example)
    return folder


def run(program: pathlib.Path, *arguments: str, **variables: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [need("mono"), "--debug", program, *arguments],
        env={name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", NAMES)
def test_csharp(name, programs, sandbox, free_port, environment, tmp_path):
    result = run(
        programs / "Tests.exe",
        name,
        **environment,
        SANDBOX_URL=sandbox.url,
        SANDBOX_BROWSER=BUILD / "clio-sandbox-browser",
        STRING_WITH_TOKEN=sandbox.string_with_token(),
        STRING_WITH_LOGIN=sandbox.connection_string(free_port),
        FOLDER=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (result.stdout, result.stderr) == (f"passed {name}\n", "")
    assert sandbox.counters()["unknown_requests"] == []


def test_there_are_tests():
    assert len(NAMES) > 25


def test_matters_example(programs, sandbox, free_port, environment):
    string = sandbox.connection_string(free_port)
    variables = {**environment, "APILINK_CONNECTION_STRING": string}
    first = run(programs / "Matters.exe", **variables)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Logged in as ")
    assert re.search(r"^00250-\S+\t\S", first.stdout, re.M)
    assert len(first.stdout.splitlines()) == 251
    assert run(programs / "Matters.exe", **variables).stdout == first.stdout
    counters = sandbox.counters()
    assert counters["consent"]["approved"] == 1 and counters["unknown_requests"] == []
    wrong = run(programs / "Matters.exe", **{**variables, "APILINK_CONNECTION_STRING": "Regon=EU"})
    assert wrong.returncode == 1 and wrong.stderr.startswith("[HY024]")


def test_the_delegates_are_those_of_the_header():
    header = re.sub(r"//.*", "", (ROOT / "include" / "apilink.h").read_text())
    functions = dict(re.findall(r"^int32_t (apilink_\w+)\(([^;]*)\);", header, re.M))
    source = (BINDING / "src" / "Native.cs").read_text()
    delegates = dict(re.findall(r"delegate int (apilink_\w+)\(([^;]*)\);", source))
    assert delegates.pop("apilink_abi_version") == ""
    assert len(delegates) > 40
    for name, parameters in delegates.items():
        expected = [kind_in_c(one) for one in functions[name].split(",")]
        assert [kind_in_csharp(one) for one in parameters.split(",")] == expected, name
    for name, value in [
        ("AbiVersion", "ABI_VERSION"),
        ("Success", "SUCCESS"),
        ("SuccessWithInfo", "SUCCESS_WITH_INFO"),
        ("NoData", "NO_DATA"),
        ("Error", "ERROR"),
        ("InvalidHandle", "INVALID_HANDLE"),
    ]:
        number = re.search(rf"const int {name} = (-?\d+);", source).group(1)
        assert re.search(rf"^#define APILINK_{value} \(?{number}\)?$", header, re.M), name


def kind_in_c(parameter: str) -> str:
    const, kind, stars = re.match(r"\s*(const )?(\w+) ?(\**)", parameter).groups()
    if stars == "**":
        return "out handle" if kind != "void" else "out pointer"
    if stars == "*" and kind in ("char", "void") and not re.search(r"\W(handle|user_data)$", parameter):
        return "bytes"
    if stars == "*" and kind in ("int32_t", "int64_t", "double"):
        return f"out {kind}"
    if stars == "*":
        return "pointer" if parameter.endswith("user_data") else "handle"
    return kind


def kind_in_csharp(parameter: str) -> str:
    kind, name = parameter.split()[:-1], parameter.split()[-1]
    names = {
        "SafeHandle": "handle",
        "IntPtr": "pointer" if name == "userData" else "handle",
        "byte[]": "bytes",
        "int": "int32_t",
        "long": "int64_t",
        "out int": "out int32_t",
        "out long": "out int64_t",
        "out double": "out double",
        "out IntPtr": "out pointer" if name == "data" else "out handle",
        "LogCallback": "apilink_log_callback",
        "AuthorizeCallback": "apilink_authorize_callback",
        "ReadCallback": "apilink_read_callback",
    }
    return names[" ".join(kind)]


# ---- finding the library -------------------------------------------------------------------


@pytest.fixture
def bare(environment, programs, tmp_path):
    """A copy of the programs to put a library beside, and an environment that names none."""
    shutil.copytree(programs, tmp_path / "copy")
    for name in ("APILINK_LIBRARY", "LD_LIBRARY_PATH"):
        environment.pop(name)
    return environment


def load(tmp_path, bare, test: str = "PrintLibrary", **more: object) -> str:
    result = run(tmp_path / "copy" / "Tests.exe", test, **bare, **more)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_the_library_is_found(bare, tmp_path):
    directory = tmp_path / "library ü"
    directory.mkdir()
    library = shutil.copy(BUILD / "libapilink.so", directory)
    for path in (directory, library):
        assert load(tmp_path, bare, LOAD=path).splitlines()[0] == str(library)
        assert load(tmp_path, bare, APILINK_LIBRARY=path).splitlines()[0] == str(library)
    assert load(tmp_path, bare, LD_LIBRARY_PATH=directory).splitlines()[0] == "libapilink.so"
    os.rename(library, directory / "libapilink.so.0.1")
    assert load(tmp_path, bare, LD_LIBRARY_PATH=directory).splitlines()[0] == "libapilink.so.0.1"
    beside = shutil.copy(BUILD / "libapilink.so", tmp_path / "copy")
    assert load(tmp_path, bare).splitlines()[0] == str(beside)


def test_a_library_that_is_not_found_says_what_was_tried(bare, tmp_path):
    message = load(tmp_path, bare, "PrintProblem")
    assert "Library.Load" in message and "APILINK_LIBRARY" in message
    assert f"{tmp_path / 'copy' / 'libapilink.so'}: there is no such file" in message
    assert "libapilink.so.0.1: cannot open shared object file" in message.replace(
        "libapilink.so.0.1: libapilink.so.0.1:", "libapilink.so.0.1:"
    )
    missing = tmp_path / "missing.so"
    shutil.copy(BUILD / "libapilink.so", tmp_path / "copy")
    for way in ("LOAD", "APILINK_LIBRARY"):
        message = load(tmp_path, bare, "PrintProblem", **{way: missing})
        assert f"{missing}: there is no such file" in message
        assert "copy" not in message


def test_another_library_is_refused(bare, tmp_path):
    other = tmp_path / "other.so"
    for source, problem in [
        ("int nothing;", "it is not libapilink"),
        (
            'const char *apilink_version(void) { return "9.8.7"; } '
            "int apilink_abi_version(void) { return 99; }",
            "it is version 9.8.7 with binary interface 99; this assembly needs binary interface 1",
        ),
    ]:
        command = [need("gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", other]
        subprocess.run(command, input=source, text=True, check=True)
        assert problem in load(tmp_path, bare, "PrintProblem", LOAD=other)


def test_the_project_file_is_of_both_worlds():
    """dotnet is not here; the file is at least well-formed and names what Mono compiles."""
    project = xml.etree.ElementTree.parse(BINDING / "Apilink.csproj").getroot()
    assert project.findtext(".//TargetFrameworks") == "netstandard2.0;net8.0"
    assert project.find(".//Compile").get("Include") == "src/*.cs"
    version = re.search(r'VERSION "(.*)"', (ROOT / "include" / "apilink.h").read_text()).group(1)
    assert project.findtext(".//Version") == version

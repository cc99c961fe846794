"""The headers: they compile alone and clean, and say what the library says."""

import pathlib
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import BUILD, ROOT, WARNINGS, need

HEADER = ROOT / "include" / "apilink.h"
CXX_HEADER = ROOT / "include" / "apilink.hpp"
CXX_WARNINGS = [flag for flag in WARNINGS if "prototypes" not in flag]
STRICT = ["-Wshadow", "-Wconversion", "-Wsign-conversion"]


def functions() -> list[str]:
    """The names of all functions that the header declares."""
    declaration = re.compile(r"^[a-z].*?\b\*?(apilink_\w+)\(", re.MULTILINE)
    return declaration.findall(re.sub(r"typedef.*?;", "", HEADER.read_text(), flags=re.DOTALL))


def compiles(compiler: str, language: str, standard: str, source: str, flags: list[str]) -> None:
    subprocess.run(
        [need(compiler), f"-x{language}", f"-std={standard}", *flags, "-fsyntax-only"]
        + [f"-I{ROOT / 'include'}", "-"],
        input=source,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_the_c_header_compiles_alone(compiler, standard):
    # Twice, for its guard.
    source = "#include <apilink.h>\n#include <apilink.h>\nint main(void) { return 0; }\n"
    compiles(compiler, "c", standard, source, WARNINGS + STRICT)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
@pytest.mark.parametrize("header", ["apilink.h", "apilink.hpp"])
def test_the_headers_compile_alone_as_cxx(compiler, standard, header):
    source = f"#include <{header}>\n#include <{header}>\nint main() {{ return 0; }}\n"
    compiles(compiler, "c++", standard, source, CXX_WARNINGS + STRICT)


def test_a_program_of_several_files_can_include_the_cxx_header(tmp_path):
    """Its functions are inline: no symbol is defined twice."""
    (tmp_path / "one.cpp").write_text(
        "#include <apilink.hpp>\nint other();\n"
        'int main() { apilink::Connection connection; connection.set_log(1, [](auto, auto) {});'
        " return other(); }\n"
    )
    (tmp_path / "other.cpp").write_text(
        "#include <apilink.hpp>\n"
        "int other() { apilink::Connection connection; connection.set_log(1, [](auto, auto) {});"
        " return connection.is_connected() ? 1 : 0; }\n"
    )
    subprocess.run(
        [need("g++"), "-std=c++17", *CXX_WARNINGS, f"-I{ROOT / 'include'}"]
        + [tmp_path / "one.cpp", tmp_path / "other.cpp", "-o", tmp_path / "program"]
        + [f"-L{BUILD}", f"-Wl,-rpath,{BUILD}", "-lapilink"],
        check=True,
    )
    subprocess.run([tmp_path / "program"], check=True)


def test_versions_agree(tmp_path, compile_c, environment):
    """Those of the header, of the library at run time, and of the package."""
    source = tmp_path / "versions.c"
    source.write_text(
        "#include <stdio.h>\n"
        "#include <apilink.h>\n"
        "int main(void)\n"
        "{\n"
        '    printf("%s %d.%d.%d %d\\n", APILINK_VERSION, APILINK_VERSION_MAJOR,\n'
        "           APILINK_VERSION_MINOR, APILINK_VERSION_PATCH, APILINK_ABI_VERSION);\n"
        '    printf("%s %d\\n", apilink_version(), (int)apilink_abi_version());\n'
        "    return 0;\n"
        "}\n"
    )
    output = subprocess.run(
        [compile_c(source)], env=environment, check=True, capture_output=True, text=True
    ).stdout
    header, library = output.splitlines()
    cargo = (ROOT / "Cargo.toml").read_text()
    version = re.search(r'^version = "(.+)"$', cargo, re.MULTILINE)[1]
    text, parts, abi = header.split()
    assert text == parts == version
    assert library == f"{version} {abi}"
    assert int(abi) >= 1


def test_every_function_is_documented():
    text = HEADER.read_text()
    for name in functions():
        before = re.search(rf"((?://[^\n]*\n)+)[a-z][^/;]*\b{name}\(", text)
        assert before, f"{name} has no comment"
        comment = before[1]
        assert "@return" in comment, f"{name} does not say what it returns"
        assert "Threads:" in comment or "Leaves the records" in comment or "The records stay" in comment, (
            f"{name} does not say on which threads it may be called"
        )


def test_the_cxx_header_covers_the_c_header():
    text = CXX_HEADER.read_text()
    missing = [name for name in functions() if not re.search(rf"\b{name}\b", text)]
    assert not missing


def redirect_of(url: str, **answer: str) -> str:
    """What a person with a browser does: allows the access at `url`, and reads the address that
    the browser is sent to."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    browser = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
    asked = urllib.parse.urlsplit(url)
    form = dict(urllib.parse.parse_qsl(asked.query), decision="approve", **answer)
    data = urllib.parse.urlencode(form).encode()
    with pytest.raises(urllib.error.HTTPError) as reply:
        browser.open(asked._replace(query="").geturl(), data)
    assert reply.value.code == 302
    return reply.value.headers["Location"]


def sanitized(source: str, program: pathlib.Path, compiler: str = "g++") -> pathlib.Path:
    """A program with apilink.hpp, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    subprocess.run(
        [need(compiler), "-std=c++17", *CXX_WARNINGS, "-g", "-fsanitize=address,undefined"]
        + ["-fno-sanitize-recover=all", f"-I{ROOT / 'include'}", "-o", program]
        + [pathlib.Path(__file__).parent / "cxx" / source, f"-L{BUILD}", "-lapilink", "-lpthread"],
        check=True,
    )
    return program


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_everything_in_the_cxx_header_works(sandbox, environment, free_port, tmp_path, compiler):
    program = sanitized("apilink_hpp.cpp", tmp_path / "apilink_hpp", compiler)
    sandbox.fault("/api/v4/practice_areas*", "stall", times=0)
    environment["APILINK_STRING"] = sandbox.connection_string(free_port)
    environment["APILINK_FOLDER"] = str(tmp_path)
    process = subprocess.Popen(
        [program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    assert line.startswith("AUTHORIZE http"), line
    output, _ = process.communicate(redirect_of(line.split()[1]) + "\n", timeout=60)
    assert process.returncode == 0
    assert output == "DONE\n"

    counters = sandbox.counters()
    assert counters["storage"]["with_authorization"] == 0
    assert counters["storage"]["bytes_uploaded"] == 100_000
    assert counters["tokens"]["revoked"] == 1
    assert counters["consent"]["approved"] == 2


def test_a_log_function_is_not_called_after_its_connection(
    sandbox, environment, free_port, tmp_path
):
    """A refresh goes on when its call is cancelled, and the connection may be gone by its end."""
    token = sandbox.token()
    environment["APILINK_STRING"] = sandbox.connection_string(
        free_port,
        OAuthAccessToken=token["access_token"],
        OAuthRefreshToken=token["refresh_token"],
        OAuthSettingsLocation="memory://late",
    )
    sandbox.fault("/oauth/token", "latency", milliseconds=2000)
    program = subprocess.Popen(
        [sanitized("late_log.cpp", tmp_path / "late_log")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not sandbox.counters()["faults"] and program.poll() is None:
        pass
    output, errors = program.communicate("\n", timeout=60)
    assert (program.returncode, output) == (0, "HY008 heard\n"), errors
    assert "was refreshed" not in errors
    # The second connection waited for the first one's refresh.
    assert sandbox.counters()["tokens"]["refresh_token"] == 1

"""What every end-to-end test needs: the built library, the sandbox, a C compiler.

`make test` builds the library, the tool and the sandbox first and says where they are in the environment:

APILINK_BUILD     the cargo output directory with libapilink.so, apilink, clio-sandbox and
                  clio-sandbox-browser (default: target/release)
APILINK_SKIP      tools that may be missing, by name, separated by commas
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("APILINK_BUILD", ROOT / "target" / "release"))
SKIPPED_TOOLS = {name for name in os.environ.get("APILINK_SKIP", "").split(",") if name}
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wstrict-prototypes", "-Werror"]


def need(tool: str) -> str:
    """The path of a tool. Missing, it fails the run, unless APILINK_SKIP names it."""
    path = shutil.which(tool)
    if path:
        return path
    if tool in SKIPPED_TOOLS:
        pytest.skip(f"{tool} is missing, and APILINK_SKIP allows that")
    pytest.fail(f"{tool} is missing; run `make test-tools`, or name it in APILINK_SKIP")


class Sandbox:
    """A running clio-sandbox."""

    CLIENT_ID = "sandbox-client"
    CLIENT_SECRET = "sandbox-secret"

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [BUILD / "clio-sandbox", "--matters", "250", "--until-stdin-closes", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the sandbox did not start: {line!r}"
        self.url = line.split()[-1]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)

    def control(self, method: str, path: str, body: object = None):
        """A call of the sandbox's control interface (crates/sandbox/README.md)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            content = reply.read()
        return json.loads(content) if content else None

    def counters(self) -> dict:
        return self.control("GET", "counters")

    def fault(self, path: str, kind: str, times: int = 1, **more: object) -> None:
        self.control("POST", "faults", {"path": path, "kind": kind, "times": times, **more})

    def token(self, **more: object) -> dict:
        """The token reply of a login, without a login."""
        return self.control("POST", "tokens", more)

    def connection_string(self, callback_port: int, **more: object) -> str:
        """The string of the mission, with its placeholders filled in, and more properties."""
        string = (
            r"Profile=C:\profiles\Clio.apip;"
            f"ProfileSettings='Region={self.url}';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;"
            f"OAuthClientId={self.CLIENT_ID};OAuthClientSecret={self.CLIENT_SECRET};"
            f"CallbackUrl=http://localhost:{callback_port};"
        )
        return string + "".join(f"{name}={value};" for name, value in more.items())

    def string_with_token(self, **more: object) -> str:
        """A string that uses a token as it is, with no login and no store."""
        properties = {"OAuthAccessToken": self.token()["access_token"], **more}
        return f"Profile=Clio;ProfileSettings='Region={self.url}';" + "".join(
            f"{name}={value};" for name, value in properties.items()
        )


@pytest.fixture
def sandbox():
    """A sandbox of this test's own, which answers as Clio's documentation says."""
    running = Sandbox()
    yield running
    undocumented = running.counters()["undocumented_replies"]
    running.close()
    assert undocumented == []


@pytest.fixture
def start_sandbox():
    """Starts sandboxes with arguments of the test's choice."""
    running: list[Sandbox] = []

    def start(*arguments: str) -> Sandbox:
        running.append(Sandbox(*arguments))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """The environment of a client program: a home of its own, and the scripted browser."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home" / ".config"),
        "BROWSER": str(BUILD / "clio-sandbox-browser"),
        "LD_LIBRARY_PATH": str(BUILD),
        "APILINK_LIBRARY": str(BUILD / "libapilink.so"),
        "LANG": "C.UTF-8",
    }
    pathlib.Path(variables["HOME"]).mkdir()
    return variables


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory):
    """Compiles a C or C++ program against include/ and the shared library."""
    folder = tmp_path_factory.mktemp("programs")

    def compile_program(source: pathlib.Path, *flags: str) -> pathlib.Path:
        is_cxx = source.suffix != ".c"
        compiler = need("g++" if is_cxx else "gcc")
        standard = "-std=c++17" if is_cxx else "-std=c99"
        warnings = [flag for flag in WARNINGS if not (is_cxx and "prototypes" in flag)]
        program = folder / source.stem
        subprocess.run(
            [compiler, standard, *warnings, "-g", f"-I{ROOT / 'include'}", *flags, "-o", program]
            + [source, f"-L{BUILD}", "-lapilink", "-lpthread"],
            check=True,
        )
        return program

    return compile_program


@pytest.fixture(scope="session", autouse=True)
def library_under_its_soname():
    """Programs that are linked with the library look for it by its soname, which cargo does not
    make a file of."""
    dynamic = subprocess.run(
        [need("readelf"), "-d", BUILD / "libapilink.so"], check=True, capture_output=True, text=True
    ).stdout
    soname = re.search(r"\(SONAME\).*\[(.+)\]", dynamic)[1]
    try:
        (BUILD / soname).symlink_to("libapilink.so")
    except FileExistsError:
        pass

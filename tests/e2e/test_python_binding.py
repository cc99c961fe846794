"""bindings/python against the sandbox."""

from __future__ import annotations

import ast
import concurrent.futures
import ctypes
import datetime
import gc
import html
import http.server
import inspect
import json
import logging
import os
import pathlib
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings

import pytest
from conftest import BUILD, ROOT, Sandbox, need

PACKAGE = ROOT / "bindings" / "python"
EXAMPLES = PACKAGE / "examples"
sys.path.insert(0, str(PACKAGE))

import apilink  # noqa: E402
from apilink import _library  # noqa: E402
from apilink._request import Request  # noqa: E402

apilink.load(BUILD)

# Far more than anything here takes; a test that needs it has failed.
PATIENCE = 60


@pytest.fixture(autouse=True)
def own_home(environment, monkeypatch):
    """No test sees the settings of the person who runs it."""
    for name in ("HOME", "XDG_CONFIG_HOME", "BROWSER", "APILINK_LIBRARY"):
        monkeypatch.setenv(name, environment[name])


@pytest.fixture
def clio(sandbox):
    """A connection to the sandbox; at the end, the sandbox has seen nothing that Clio lacks."""
    with apilink.connect(sandbox.string_with_token()) as connection:
        yield connection
    assert sandbox.counters()["unknown_requests"] == []


def fetch(sandbox: Sandbox, path: str) -> dict:
    """What the sandbox answers to another client."""
    request = urllib.request.Request(f"{sandbox.url}/api/v4/{path}")
    request.add_header("Authorization", f"Bearer {sandbox.token()['access_token']}")
    request.add_header("User-Agent", "test")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
        return json.load(reply)


# From Python 3.12 on, fork warns where the process has threads, the library's own included.
FORK_WITH_THREADS = ["-W", "ignore:This process:DeprecationWarning"]


def run_python(source: str, environment: dict[str, str], **more) -> subprocess.CompletedProcess:
    """Runs a program with the package in a process of its own."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", *FORK_WITH_THREADS, "-c", source],
        env={"PYTHONPATH": str(PACKAGE), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **more,
    )


def run_example(name: str, environment, string: str, *arguments: object) -> str:
    variables = {
        **environment,
        "PYTHONPATH": str(PACKAGE),
        "APILINK_CONNECTION_STRING": string,
    }
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def wait_for(condition) -> None:
    """Waits until something has happened elsewhere."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# ---- the package ---------------------------------------------------------------------------


C_TYPES = {
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "char *": ctypes.c_char_p,
    "void *": ctypes.c_void_p,
    "void **": ctypes.POINTER(ctypes.c_void_p),
    "int32_t *": ctypes.POINTER(ctypes.c_int32),
    "int64_t *": ctypes.POINTER(ctypes.c_int64),
    "apilink_log_callback": _library.LogCallback,
    "apilink_authorize_callback": _library.AuthorizeCallback,
    "apilink_read_callback": _library.ReadCallback,
}


def header_signatures() -> dict[str, tuple]:
    header = (ROOT / "include" / "apilink.h").read_text()
    header = re.sub(r"//.*", "", header)
    found = {}
    for name, parameters in re.findall(r"^int32_t (apilink_\w+)\(([^;]*)\);", header, re.M):
        types = []
        for parameter in parameters.split(","):
            kind = re.match(r"\s*((?:const )?\w+ ?\**)", parameter).group(1)
            kind = kind.replace("const ", "").strip()
            kind = re.sub(r"apilink_(connection|request|response) ", "void ", kind)
            types.append(kind)
        found[name] = tuple(types)
    return found


def test_the_signatures_are_those_of_the_header():
    header = header_signatures()
    assert len(header) > 40
    for name, arguments in _library.SIGNATURES.items():
        assert tuple(C_TYPES[kind] for kind in header[name]) == arguments, name


def test_the_constants_are_those_of_the_header():
    header = (ROOT / "include" / "apilink.h").read_text()
    for name, value in [
        ("ABI_VERSION", _library.ABI_VERSION),
        ("SUCCESS", _library.SUCCESS),
        ("SUCCESS_WITH_INFO", _library.SUCCESS_WITH_INFO),
        ("NO_DATA", _library.NO_DATA),
        ("ERROR", _library.ERROR),
        ("INVALID_HANDLE", _library.INVALID_HANDLE),
    ]:
        assert re.search(rf"^#define APILINK_{name} \(?{value}\)?$", header, re.M), name
    assert f'#define APILINK_VERSION "{apilink.__version__}"\n' in header
    assert apilink.version() == apilink.__version__


def test_mypy_is_content(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_users_of_the_package_see_its_types(tmp_path):
    """A wrong use of the package is found by a type checker: it is typed from outside too."""
    program = tmp_path / "program.py"
    program.write_text(
        "import apilink\n"
        "c = apilink.connect('x')\n"
        "status: int = c.get('matters').status\n"
        "wrong: int = c.get('matters').text\n"
        "reveal_type(c.token_expiry)\n"
        "number: str = next(c.records('matters', fields='id', status='open'))['id']\n"
        "c.get('matters', limit='x')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
        env={**os.environ, "MYPYPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
    )
    errors = [line for line in result.stdout.splitlines() if " error: " in line]
    assert [error.split(":")[1] for error in errors] == ["4", "7"], result.stdout
    assert "datetime | None" in result.stdout


def test_the_sources_are_python_3_9():
    for source in [*PACKAGE.glob("apilink/*.py"), *PACKAGE.glob("examples/*.py")]:
        ast.parse(source.read_text(), str(source), feature_version=(3, 9))


def test_pip_installs_it(tmp_path, environment):
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
        + ["--disable-pip-version-check", "--root-user-action=ignore"]
        + ["--target", site, PACKAGE],
        check=True,
    )
    assert (site / "apilink" / "py.typed").exists()
    program = "import apilink; print(apilink.__file__, apilink.version())"
    result = run_python(program, {**environment, "PYTHONPATH": str(site)}, cwd=tmp_path)
    assert result.stdout.split() == [str(site / "apilink" / "__init__.py"), apilink.__version__]


# ---- finding the library -------------------------------------------------------------------

LOAD = "import apilink, sys; print(apilink.load(*sys.argv[1:]))"


@pytest.fixture
def bare(environment, tmp_path):
    """An environment that names no library, and a copy of the package to put one beside."""
    shutil.copytree(PACKAGE / "apilink", tmp_path / "copy" / "apilink")
    for name in ("APILINK_LIBRARY", "LD_LIBRARY_PATH"):
        environment.pop(name)
    return {**environment, "PYTHONPATH": str(tmp_path / "copy")}


@pytest.fixture
def library_directory(tmp_path):
    directory = tmp_path / "library"
    directory.mkdir()
    shutil.copy(BUILD / "libapilink.so", directory)
    return directory


def test_the_library_is_found_by_an_explicit_path(bare, library_directory):
    for path in (library_directory, library_directory / "libapilink.so"):
        result = run_python(f"import apilink; print(apilink.load({str(path)!r}))", bare)
        assert result.stdout.strip() == str(library_directory / "libapilink.so"), result.stderr


def test_the_library_is_found_by_the_environment(bare, library_directory):
    for path in (library_directory, library_directory / "libapilink.so"):
        result = run_python(LOAD, {**bare, "APILINK_LIBRARY": str(path)})
        assert result.stdout.strip() == str(library_directory / "libapilink.so"), result.stderr


@pytest.mark.parametrize("place", ["apilink", "."])
def test_the_library_is_found_beside_the_package(bare, tmp_path, place):
    shutil.copy(BUILD / "libapilink.so", tmp_path / "copy" / place)
    result = run_python(LOAD, bare)
    expected = (tmp_path / "copy" / place / "libapilink.so").resolve()
    assert result.stdout.strip() == str(expected), result.stderr


@pytest.mark.parametrize("name", ["libapilink.so", "libapilink.so.0.1"])
def test_the_library_is_found_by_the_system(bare, library_directory, name):
    (library_directory / "libapilink.so").rename(library_directory / name)
    result = run_python(LOAD, {**bare, "LD_LIBRARY_PATH": str(library_directory)})
    assert result.stdout.strip().startswith("libapilink.so"), result.stderr


def test_a_library_that_is_not_found_says_what_was_tried(bare, tmp_path):
    result = run_python(LOAD, bare)
    assert result.returncode == 1
    assert "apilink.load()" in result.stderr and "APILINK_LIBRARY" in result.stderr
    assert str(tmp_path / "copy" / "apilink" / "libapilink.so") in result.stderr
    assert "libapilink.so.0.1: cannot open shared object file" in result.stderr


def test_an_explicit_path_is_the_only_one_tried(bare, tmp_path, library_directory):
    variables = {**bare, "LD_LIBRARY_PATH": str(library_directory)}
    missing = tmp_path / "missing.so"
    result = run_python(f"import apilink; apilink.load({str(missing)!r})", variables)
    assert f"{missing}: there is no such file" in result.stderr
    result = run_python(LOAD, {**variables, "APILINK_LIBRARY": str(missing)})
    assert f"{missing}: there is no such file" in result.stderr


def compile_library(directory: pathlib.Path, source: str) -> pathlib.Path:
    library = directory / "other.so"
    command = [need("gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library]
    subprocess.run(command, input=source, text=True, check=True)
    return library


def test_another_binary_interface_is_refused(bare, tmp_path):
    library = compile_library(
        tmp_path,
        'const char *apilink_version(void) { return "9.8.7"; } int apilink_abi_version(void) '
        "{ return 99; }",
    )
    result = run_python(f"import apilink; apilink.load({str(library)!r})", bare)
    assert "is version 9.8.7 with binary interface 99" in result.stderr
    assert "needs binary interface 1" in result.stderr


def test_a_library_that_is_another_one_is_refused(bare, tmp_path):
    library = compile_library(tmp_path, "int nothing;")
    result = run_python(f"import apilink; apilink.load({str(library)!r})", bare)
    assert f"{library} is not libapilink" in result.stderr


def test_a_second_library_is_refused(tmp_path):
    assert apilink.load() == str(BUILD / "libapilink.so")
    with pytest.raises(apilink.LibraryError, match="uses .*libapilink.so already"):
        apilink.load(tmp_path / "libapilink.so")


# ---- reading -------------------------------------------------------------------------------


def test_a_page_is_read(clio, sandbox):
    fields = "id,display_number,client{name}"
    response = clio.get("matters", fields=fields, limit=50)
    expected = fetch(sandbox, f"matters.json?fields={fields}&limit=50")
    assert response.status == 200 and response.ok and response.diagnostics == ()
    assert response.json()["data"] == expected["data"]
    assert len(expected["data"]) == 50
    assert response.json()["data"][0]["client"]["name"]
    assert json.loads(response.text) == json.loads(response.content) == response.json()


@pytest.mark.parametrize("limit", [1, 7, 50, 200])
def test_all_records_are_read_over_all_pages(clio, sandbox, limit):
    # One each would be as many requests as records.
    resource, limit = ("users", 1) if limit == 1 else ("matters", limit)
    expected = []
    while len(expected) < fetch(sandbox, f"{resource}.json?limit=1")["meta"]["records"]:
        page = fetch(sandbox, f"{resource}.json?fields=id,etag&limit=200&offset={len(expected)}")
        expected += page["data"]
    read = list(clio.records(resource, fields="id,etag", order="id(asc)", limit=limit))
    assert sorted(read, key=lambda record: record["id"]) == sorted(
        expected, key=lambda record: record["id"]
    )
    assert len(expected) >= (2 if resource == "users" else 250)


def test_pages_are_responses(clio):
    pages = list(clio.pages("matters", fields="id", order="id(asc)", limit=100))
    assert [len(page.json()["data"]) for page in pages] == [100, 100, 50]
    assert [page.status for page in pages] == [200, 200, 200]


def test_pages_are_fetched_when_they_are_needed(clio, sandbox):
    records = clio.records("matters", fields="id", order="id(asc)", limit=10)
    for _ in range(10):
        next(records)
    assert sandbox.counters()["endpoints"]["GET /api/v4/matters.json"]["requests"] == 1


def test_a_request_fetches_the_next_page(clio):
    request = clio.prepare("GET", "matters", fields="id", order="id(asc)", limit=200)
    first = request.execute()
    second = request.next_page(first)
    assert len(first.json()["data"]) == 200 and len(second.json()["data"]) == 50
    assert request.next_page(second) is None
    assert request.execute().json() == first.json()


def test_a_list_that_leads_in_a_circle_ends_with_an_error(clio, sandbox):
    paging = {"next": f"{sandbox.url}/api/v4/matters.json?fields=id"}
    body = json.dumps({"data": [{"id": 17}], "meta": {"paging": paging}})
    sandbox.fault("/api/v4/matters*", "garbage", times=5, body=body)
    seen = []
    with pytest.raises(apilink.ApilinkError, match="read already"):
        for record in clio.records("matters"):
            seen.append(record["id"])
    assert seen == [17, 17]


def test_what_is_no_list_has_no_records(clio):
    with pytest.raises(TypeError, match="users/who_am_i is not a list"):
        list(clio.records("users/who_am_i", fields="id"))


def test_query_values_are_written_as_the_service_wants_them(clio, sandbox):
    some = [record["id"] for record in fetch(sandbox, "matters.json?fields=id&limit=3")["data"]]
    response = clio.get("matters", params={"ids[]": some}, fields="id", query=None)
    assert [record["id"] for record in response.json()["data"]] == some
    pairs = [("fields", "id"), ("ids[]", some[0]), ("ids[]", some[1])]
    assert len(clio.get("matters", params=pairs).json()["data"]) == 2
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3650)
    assert clio.get("matters", created_since=now).json()["data"] == []
    past = datetime.date(1990, 1, 1)
    response = clio.get("activities", start_date=past, end_date=past, fields="id")
    assert response.json()["data"] == []


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_fields_is_one_parameter(clio, kind):
    page = clio.get("matters", fields=kind(["id", "client{id,name}"]), limit=1)
    (record,) = page.raise_for_status().json()["data"]
    assert set(record) == {"id", "client"} and set(record["client"]) == {"id", "name"}
    # Without any of them the service chooses.
    assert clio.get("matters", fields=kind(), limit=1).status == 200


def test_query_values_that_are_ambiguous_are_refused(clio):
    with pytest.raises(ValueError, match="created_since has no time zone"):
        clio.get("matters", created_since=datetime.datetime(2026, 1, 1))
    with pytest.raises(TypeError, match="fields"):
        clio.get("matters", fields=object())


def test_headers_have_no_case(clio):
    headers = clio.get("matters", limit=1).headers
    assert headers["Content-Type"] == headers["CONTENT-TYPE"].lower()
    assert headers["content-type"].startswith("application/json")
    assert "X-API-Version" in headers and headers.get("absent") is None
    assert len(headers) == len(list(headers)) > 2
    assert headers.get_all("absent") == []
    with pytest.raises(KeyError):
        headers["absent"]


@pytest.fixture
def other_service():
    """A server that answers what Clio never does: repeated headers, other character sets."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "größer €".encode("cp1252")
            self.send_response(200)
            self.send_header("X-Many", "one")
            self.send_header("X-Other", "x" * 5000)
            self.send_header("x-many", "two, three")
            self.send_header("Content-Type", 'text/plain; charset="windows-1252"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_repeated_headers_and_character_sets(other_service):
    with apilink.connect(f"Region={other_service};AuthScheme=None") as connection:
        assert connection.token is None and connection.token_expiry is None
        response = connection.get("anything")
        assert response.headers.get_all("X-MANY") == ["one", "two, three"]
        assert response.headers["X-Many"] == "one, two, three"
        assert response.headers["x-other"] == "x" * 5000
        assert response.text == "größer €"
        with pytest.raises(ValueError):
            response.json()


# ---- writing -------------------------------------------------------------------------------


def test_a_record_is_created_changed_and_deleted(clio, sandbox):
    contact = {"data": {"type": "Person", "first_name": "Zoë", "last_name": "O'Brien"}}
    created = clio.post("contacts", json=contact, fields="id,etag,name")
    assert created.status == 201, created.text
    record = created.json()["data"]
    path = f"contacts/{record['id']}"
    assert record["name"] == "Zoë O'Brien"
    assert fetch(sandbox, f"{path}.json?fields=name")["data"]["name"] == "Zoë O'Brien"

    change = json.dumps({"data": {"last_name": "Müller"}})
    changed = clio.patch(path, data=change, headers={"If-Match": record["etag"]}, fields="name")
    assert changed.json()["data"]["name"] == "Zoë Müller"
    stale = clio.patch(path, json={"data": {}}, headers=[("If-Match", record["etag"])])
    assert stale.status == 412

    deleted = clio.delete(path)
    assert (deleted.status, deleted.content) == (204, b"")
    assert clio.get(path).status == 404


def announce(clio, name: str) -> tuple[int, dict]:
    matter = next(clio.records("matters", fields="id", order="id(asc)"))["id"]
    data = {"name": name, "parent": {"id": matter, "type": "Matter"}}
    fields = "id,latest_document_version{uuid,put_url,put_headers}"
    created = clio.post("documents", json={"data": data}, fields=fields).raise_for_status()
    return created.json()["data"]["id"], created.json()["data"]["latest_document_version"]


class Trickle:
    """A file without an end that could be sought."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int) -> bytes:
        piece, self.data = self.data[:1000], self.data[1000:]
        return piece


CONTENT = random.Random(7).randbytes(300_001)
BODIES = {
    "bytes": lambda path: {"data": CONTENT},
    "bytearray": lambda path: {"data": bytearray(CONTENT)},
    "path": lambda path: {"file": path},
    "path as text": lambda path: {"file": str(path)},
    "file object": lambda path: {"data": path.open("rb")},
    "file without end": lambda path: {"data": Trickle(CONTENT), "length": len(CONTENT)},
    "generator": lambda path: {
        "data": (CONTENT[at : at + 7919] for at in range(0, len(CONTENT), 7919)),
        "length": len(CONTENT),
    },
    "list with empty pieces": lambda path: {
        "data": [b"", CONTENT[:100], b"", CONTENT[100:]],
        "length": len(CONTENT),
    },
}


@pytest.mark.parametrize("way", BODIES)
def test_a_document_is_uploaded_and_downloaded(clio, sandbox, tmp_path, way):
    path = tmp_path / "sent ü.bin"
    path.write_bytes(CONTENT)
    body = BODIES[way](path)
    document, version = announce(clio, "sent.bin")
    headers = [(header["name"], header["value"]) for header in version["put_headers"]]
    put = clio.put(version["put_url"], signed=True, headers=headers, **body)
    assert put.status == 200, put.text
    data = {"uuid": version["uuid"], "fully_uploaded": True}
    clio.patch(f"documents/{document}", json={"data": data}).raise_for_status()

    assert clio.get(f"documents/{document}/download").content == CONTENT
    pieces = list(clio.get(f"documents/{document}/download").iter_content(10_000))
    assert b"".join(pieces) == CONTENT and max(map(len, pieces)) <= 10_000
    copy = tmp_path / "got ü.bin"
    assert clio.get(f"documents/{document}/download").save(copy) == len(CONTENT)
    assert copy.read_bytes() == CONTENT
    assert sandbox.counters()["storage"]["with_authorization"] == 0
    if hasattr(body.get("data"), "close"):
        body["data"].close()


def test_an_exception_of_a_body_comes_out_of_the_request(clio):
    def broken():
        yield b"x" * 10
        raise ZeroDivisionError("the program's own")

    with pytest.raises(ZeroDivisionError, match="the program's own"):
        clio.post("contacts", data=broken(), content_type="application/json")
    with pytest.raises(TypeError):
        clio.post("contacts", data=[1, 2])
    assert clio.get("matters", limit=1).ok


def test_bodies_that_make_no_sense_are_refused(clio):
    with pytest.raises(TypeError, match="one body"):
        clio.post("contacts", json={}, data=b"")
    with pytest.raises(TypeError, match="mapping"):
        clio.post("contacts", data={"a": 1})
    with pytest.raises(ValueError):
        clio.post("contacts", json=float("nan"))


def test_a_file_that_is_missing_says_so(clio, tmp_path):
    with pytest.raises(apilink.ApilinkError, match="missing.bin") as caught:
        clio.post("contacts", file=tmp_path / "missing.bin")
    assert caught.value.sqlstate == "HY000"


# ---- errors --------------------------------------------------------------------------------


def test_a_refusal_of_the_service_is_a_response(clio):
    response = clio.get("matters/1")
    assert response.status == 404 and not response.ok
    assert response.diagnostics[0].native == 404
    assert response.json()["error"]["message"] in response.diagnostics[0].message
    with pytest.raises(apilink.HttpError) as caught:
        response.raise_for_status()
    error = caught.value
    assert (error.status, error.native, error.response) == (404, 404, response)
    assert error.records == response.diagnostics and error.sqlstate == "01000"
    assert error.message in str(error)


def test_errors_can_be_pickled(clio):
    with pytest.raises(apilink.HttpError) as caught:
        list(clio.records("matters/1"))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is apilink.HttpError and copy.response is None
    assert (copy.records, str(copy)) == (caught.value.records, str(caught.value))
    with pytest.raises(apilink.ConfigurationError) as caught:
        apilink.connect("Nonsense")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.records) == (apilink.ConfigurationError, caught.value.records)


def test_a_wrong_connection_string():
    with pytest.raises(apilink.ConfigurationError, match="Regon") as caught:
        apilink.connect("Profile=Clio;Regon=EU")
    assert caught.value.sqlstate == "HY024" and isinstance(caught.value, ValueError)


def test_a_wrong_argument(clio):
    with pytest.raises(apilink.ConfigurationError):
        clio.request("BREW", "matters")
    with pytest.raises(apilink.ConfigurationError):
        clio.get("https://example.com/")
    with pytest.raises(apilink.ConfigurationError):
        clio.get("matters", headers={"Authorization": "Bearer x"})


def test_a_login_that_is_needed(sandbox, free_port):
    string = sandbox.connection_string(free_port).replace("GETANDREFRESH", "REFRESH")
    with pytest.raises(apilink.AuthorizationError) as caught:
        apilink.connect(string)
    assert caught.value.sqlstate == "28000"


def test_a_service_that_cannot_be_reached(free_port):
    string = f"Region=http://127.0.0.1:{free_port};OAuthAccessToken=x"
    with apilink.connect(string) as connection:
        with pytest.raises(apilink.TransportError) as caught:
            connection.get("matters")
    assert caught.value.sqlstate == "08001" and isinstance(caught.value, ConnectionError)


def test_a_reply_that_breaks_off(clio, sandbox):
    sandbox.fault("/api/v4/matters*", "drop", times=0, bytes=20)
    with pytest.raises(apilink.TransportError) as caught:
        clio.get("matters")
    assert caught.value.sqlstate == "08S01"
    document = sandbox.control("POST", "documents", {"bytes": 1_000_000})["id"]
    sandbox.fault("/storage/*", "drop", times=0, bytes=500_000)
    with clio.get(f"documents/{document}/download") as response:
        with pytest.raises(apilink.TransportError) as caught:
            response.content
    assert caught.value.sqlstate == "08S01"


@pytest.mark.parametrize("where", ["connection", "request"])
def test_silence_runs_out_of_time(sandbox, where):
    sandbox.fault("/api/v4/matters*", "stall", times=0)
    options = {"timeout": 0.5} if where == "connection" else {}
    with apilink.connect(sandbox.string_with_token(), **options) as connection:
        with pytest.raises(apilink.TimedOut) as caught:
            connection.get("matters", timeout=1 if where == "request" else None)
    assert caught.value.sqlstate == "HYT00" and isinstance(caught.value, TimeoutError)


def test_a_connection_that_is_closed(clio, sandbox):
    response = clio.get("matters", fields="id", limit=1)
    content = response.content
    clio.close()
    clio.close()
    assert response.content == content and response.status == 200
    assert response.headers["content-type"]
    with pytest.raises(apilink.ClosedError, match="connection is closed"):
        clio.get("matters")
    with pytest.raises(apilink.ClosedError):
        clio.token
    clio.cancel()
    response.close()
    with pytest.raises(apilink.ClosedError, match="response is closed"):
        response.headers or response.json()
        response.save("x")


def test_a_connection_that_is_not_connected(sandbox):
    connection = apilink.Connection(sandbox.string_with_token())
    assert not connection.connected
    with pytest.raises(apilink.ClosedError) as caught:
        connection.get("matters")
    assert caught.value.sqlstate == "08003"
    connection.connect()
    assert connection.connected and connection.get("matters", limit=1).ok
    connection.disconnect()
    assert not connection.connected
    with connection as same:
        assert same is connection and connection.get("matters", limit=1).ok
    assert not connection.connected
    with pytest.raises(apilink.ClosedError):
        connection.connect()


def test_objects_show_what_they_are_and_no_secret(sandbox):
    string = sandbox.string_with_token()
    connection = apilink.Connection(string)
    assert repr(connection) == "<Connection open>"
    request = connection.prepare("get", "matters?page_token=canary", fields="id")
    assert repr(request) == "<Request GET matters>"
    signed = connection.prepare("PUT", "https://s3.example/x?signature=canary", signed=True)
    assert repr(signed) == "<Request PUT to a URL>"
    connection.close()
    assert repr(connection) == "<Connection closed>"


def test_misspelt_keywords_are_refused(clio):
    for misspelt, meant in [
        ("limt", "limit"),
        ("field", "fields"),
        ("oder", "order"),
        ("header", "headers"),
        ("time_out", "timeout"),
    ]:
        for call in (clio.get, clio.pages, clio.records, clio.post, clio.delete):
            with pytest.raises(TypeError, match=f"{misspelt} .* did you mean {meant}"):
                next(iter(call("matters", **{misspelt: "1"})))
    request = clio.prepare("GET", "matters", params={"limt": 1}, fields="id")
    assert repr(request) == "<Request GET matters>"
    with pytest.raises(TypeError, match="unexpected keyword argument 'time_out'"):
        apilink.connect("", time_out=1)


def test_no_parameter_of_clio_is_taken_for_a_misspelt_keyword():
    tables = json.loads((ROOT / "profiles" / "clio" / "tables.json").read_text())
    names = set(re.findall(r'"([a-z_]+)"', json.dumps(parameters_of(tables))))
    assert {"created_since", "query", "status", "type"} <= names
    Request._refuse_misspelt(dict.fromkeys(names))


def parameters_of(tree: object) -> list:
    """Everything in the profile that says how a parameter is called."""
    if isinstance(tree, list):
        return [found for one in tree for found in parameters_of(one)]
    if not isinstance(tree, dict):
        return []
    own = [value for key, value in tree.items() if key == "parameter"]
    return own + [found for value in tree.values() for found in parameters_of(value)]


def test_the_ways_to_read_name_their_keywords():
    """For completion: what a list usually needs is in the signature."""
    for method in ("get", "pages", "records"):
        parameters = inspect.signature(getattr(apilink.Connection, method)).parameters
        assert {"fields", "order", "limit", "params", "headers", "timeout"} <= set(parameters)
        assert getattr(apilink.Connection, method).__doc__


def test_warnings_are_python_warnings(sandbox):
    string = sandbox.string_with_token() + "Timeout=5;Timeout=6;"
    with pytest.warns(apilink.ApilinkWarning, match="Timeout") as caught:
        connection = apilink.connect(string)
    assert caught[0].filename == __file__
    assert [warning.sqlstate for warning in connection.warnings] == ["01S00"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert apilink.connect(sandbox.string_with_token()).warnings == ()


# ---- the token and logging in --------------------------------------------------------------


def test_a_login_in_the_browser_and_none_the_next_time(sandbox, free_port):
    string = sandbox.connection_string(free_port)
    with apilink.connect(string) as connection:
        token = connection.token
        assert connection.token_type.lower() == "bearer" and connection.token_scope is None
        life = connection.token_expiry - datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(minutes=1) < life < datetime.timedelta(days=60)
        assert connection.get("users/who_am_i").ok
    with apilink.connect(string) as connection:
        assert connection.token == token
        connection.refresh()
        assert connection.token != token
        assert connection.get("users/who_am_i").ok
        connection.revoke()
        assert not connection.connected
    counters = sandbox.counters()
    assert counters["consent"]["approved"] == 1 and counters["unknown_requests"] == []


def consent(url: str, user: str = "", decision: str = "approve") -> str:
    """Answers the consent page and returns where the browser is sent to."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
    page = opener.open(url).read().decode()
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)
    form = [(name, html.unescape(value)) for name, value in fields]
    form += [("decision", decision)] + ([("user", user)] if user else [])
    try:
        opener.open(urllib.parse.urljoin(url, "/oauth/authorize"), urllib.parse.urlencode(form).encode())
    except urllib.error.HTTPError as redirect:
        return redirect.headers["Location"]
    raise AssertionError("the consent page did not redirect")


def test_a_headless_login(sandbox, free_port, tmp_path):
    string = sandbox.connection_string(free_port, OAuthSettingsLocation=tmp_path / "tokens")
    login = apilink.Connection(string)
    assert login.authorization_state is None
    url = login.authorization_url()
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert query["state"] == login.authorization_state and login.pkce_verifier is None
    login.exchange(consent(url))
    with login:
        assert login.get("users/who_am_i").ok
    with apilink.connect(string.replace("GETANDREFRESH", "REFRESH")) as later:
        assert later.get("users/who_am_i").ok


def test_a_login_with_a_foreign_state_is_refused(sandbox, free_port):
    login = apilink.Connection(sandbox.connection_string(free_port))
    redirected = consent(login.authorization_url(state="the application's own"))
    assert login.authorization_state == "the application's own"
    foreign = re.sub("state=[^&]*", "state=foreign", redirected)
    with pytest.raises(apilink.AuthorizationError):
        login.exchange(foreign)
    login.exchange(redirected)
    login.connect()


def test_a_login_that_was_declined(sandbox, free_port):
    login = apilink.Connection(sandbox.connection_string(free_port))
    redirected = consent(login.authorization_url(), decision="decline")
    with pytest.raises(apilink.AuthorizationError) as caught:
        login.exchange(redirected)
    assert caught.value.native == 1007


def test_two_users_in_one_process(sandbox, free_port):
    users = fetch(sandbox, "users.json?fields=id,name&limit=2")["data"]
    connections = []
    for user in users:
        store = f"memory://python-{free_port}-{user['id']}"
        string = sandbox.connection_string(free_port, OAuthSettingsLocation=store)
        connection = apilink.Connection(string)
        connection.exchange(consent(connection.authorization_url(), user=str(user["id"])))
        connection.connect()
        connections.append(connection)
    for user, connection in zip(users, connections):
        assert connection.get("users/who_am_i", fields="id,name").json()["data"] == user
    assert connections[0].token != connections[1].token


# ---- callbacks -----------------------------------------------------------------------------


def test_the_log_goes_to_a_function(sandbox):
    lines = []
    string = sandbox.string_with_token()
    log = lambda level, line: lines.append((level, line))  # noqa: E731
    with apilink.connect(string, log=log, log_level=3) as connection:
        connection.get("matters", limit=1)
    assert {level for level, _ in lines} == {1, 2, 3}
    assert any("GET /api/v4/matters.json: 200" in line for _, line in lines)
    secret = re.search("OAuthAccessToken=([^;]*)", string).group(1)
    assert not any(secret in line for _, line in lines)


def test_the_log_goes_to_a_logger(sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("test.apilink")
    with apilink.connect(sandbox.string_with_token(), log=logger, log_level=3) as connection:
        connection.get("matters", limit=1)
    records = [record for record in caplog.records if record.name == "test.apilink"]
    assert {record.levelno for record in records} == {logging.INFO, logging.DEBUG}
    messages = [record.getMessage() for record in records]
    # Without the time and the level, which a logger writes by itself.
    assert all(re.match(r"\[\w+\] \S", message) for message in messages), messages
    assert any("GET /api/v4/matters.json: 200" in message for message in messages)
    with pytest.raises(TypeError):
        apilink.Connection("", log="stdout")


def test_a_log_function_that_fails_or_calls_back_does_no_harm(sandbox, monkeypatch):
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: errors.append(event.exc_value))
    connection = apilink.Connection(sandbox.string_with_token(), log=lambda *_: connection.token)
    connection.connect()
    assert connection.get("matters", limit=1).ok
    assert errors and all(isinstance(error, RuntimeError) for error in errors)
    assert "but cancel()" in str(errors[0])


def test_what_is_collected_within_a_callback_is_freed_afterwards(sandbox):
    other = [apilink.connect(sandbox.string_with_token())]
    token = other[0]._handle.token
    connected = ctypes.c_int32()
    is_connected = _library.library().functions.apilink_connection_is_connected
    codes = []

    def log(level: int, line: str) -> None:
        other.clear()
        gc.collect()
        codes.append(is_connected(token, ctypes.byref(connected)))

    with apilink.connect(sandbox.string_with_token(), log=log):
        assert codes[0] == _library.SUCCESS
    assert is_connected(token, ctypes.byref(connected)) == _library.INVALID_HANDLE


def browse(url: str) -> subprocess.Popen:
    return subprocess.Popen([BUILD / "clio-sandbox-browser", url])


def test_the_program_shows_the_authorization_url(sandbox, free_port, monkeypatch):
    monkeypatch.setenv("BROWSER", "/bin/false")
    browsers = []
    string = sandbox.connection_string(free_port)
    with apilink.connect(string, authorize=lambda url: browsers.append(browse(url))) as connection:
        assert connection.get("users/who_am_i").ok
    assert [browser.wait() for browser in browsers] == [0]


def test_the_program_gives_a_login_up(sandbox, free_port):
    string = sandbox.connection_string(free_port)
    with pytest.raises(apilink.Cancelled) as caught:
        apilink.connect(string, authorize=lambda url: False)
    assert caught.value.sqlstate == "HY008"

    def broken(url: str) -> None:
        raise ZeroDivisionError("the program's own")

    with pytest.raises(ZeroDivisionError):
        apilink.connect(string, authorize=broken)


def test_a_login_runs_out_of_time(sandbox, free_port):
    string = sandbox.connection_string(free_port)
    with pytest.raises(apilink.TimedOut):
        apilink.connect(string, login_timeout=1, authorize=lambda url: None)


def test_a_login_is_cancelled(sandbox, free_port):
    connection = apilink.Connection(
        sandbox.connection_string(free_port),
        authorize=lambda url: threading.Thread(target=connection.cancel).start(),
    )
    with pytest.raises(apilink.Cancelled):
        connection.connect()
    assert not connection.connected


def test_the_url_of_a_login_that_waits_is_told(sandbox, free_port):
    shown = []
    string = sandbox.connection_string(free_port)
    connection = apilink.Connection(string, authorize=shown.append)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        login = pool.submit(connection.connect)
        wait_for(lambda: shown)
        url = pool.submit(connection.authorization_url)
        state = pool.submit(lambda: connection.authorization_state)
        try:
            assert url.result(timeout=5) == shown[0]
            assert f"state={state.result(timeout=5)}" in shown[0]
            assert connection.pkce_verifier is None
            own = pool.submit(connection.authorization_url, "of-the-program")
            assert "state=of-the-program" in own.result(timeout=5)
            assert not login.done()
        finally:
            browse(shown[0]).wait()
        login.result(timeout=PATIENCE)
    assert connection.get("users/who_am_i").ok


# ---- cancelling ----------------------------------------------------------------------------


def stalled(sandbox: Sandbox, seen: int = 1) -> None:
    """Waits until a request has arrived that will not be answered."""
    name = "GET /api/v4/matters.json"
    wait_for(lambda: sandbox.counters()["endpoints"].get(name, {}).get("requests", 0) >= seen)


@pytest.mark.parametrize("thread", ["main", "other"])
@pytest.mark.parametrize("what", ["request", "connection", "close"])
def test_a_request_is_cancelled_from_another_thread(clio, sandbox, thread, what):
    sandbox.fault("/api/v4/matters*", "stall", times=1)
    request = clio.prepare("GET", "matters")
    moments = {}

    def execute() -> None:
        with pytest.raises(apilink.Cancelled):
            request.execute()
        moments["ended"] = time.monotonic()

    def cancel() -> None:
        stalled(sandbox)
        moments["cancelled"] = time.monotonic()
        {"request": request.cancel, "connection": clio.cancel, "close": request.close}[what]()

    if thread == "main":
        canceller = threading.Thread(target=cancel)
        canceller.start()
        execute()
        canceller.join()
    else:
        worker = threading.Thread(target=execute)
        worker.start()
        cancel()
        worker.join()
    # 100 ms for the library; the rest is what a busy machine takes.
    assert moments["ended"] - moments["cancelled"] < 5
    assert clio.get("users/who_am_i").ok
    if what != "close":
        assert request.execute().ok


def test_reading_a_body_is_cancelled(clio, sandbox):
    document = sandbox.control("POST", "documents", {"bytes": 1_000_000})["id"]
    sandbox.fault("/storage/*", "drip", milliseconds=2000, bytes=1000)
    request = clio.prepare("GET", f"documents/{document}/download")
    pieces = request.execute().iter_content()
    assert len(next(pieces)) == 1000
    ended = threading.Event()

    def cancel() -> None:
        # Only what runs is cancelled, and the reader needs a moment to go on.
        while not ended.wait(0.01):
            request.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(apilink.Cancelled):
        next(pieces)
    ended.set()
    canceller.join()
    assert clio.get("users/who_am_i").ok


INTERRUPTED = """
import apilink, os, sys
def log(level, line):
    if "matters.json headers" in line:
        print("sent", flush=True)
connection = apilink.connect(os.environ["STRING"], log=log, log_level=3, timeout=0)
try:
    connection.get("matters")
except KeyboardInterrupt:
    print("interrupted", connection.get("users/who_am_i").status, flush=True)
"""


def test_control_c_ends_a_call_of_the_main_thread(sandbox, environment):
    sandbox.fault("/api/v4/matters*", "stall", times=0)
    variables = {**environment, "PYTHONPATH": str(PACKAGE), "STRING": sandbox.string_with_token()}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "sent\n"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert (output, process.returncode) == ("interrupted 200\n", 0)


BLOCKED = """
import apilink, os, threading
def body():
    print("waiting", flush=True)
    threading.Event().wait()
    yield b""
connection = apilink.connect(os.environ["STRING"])
try:
    connection.post("contacts", data=body())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_a_second_control_c_ends_even_a_body_that_blocks(sandbox, environment):
    variables = {**environment, "PYTHONPATH": str(PACKAGE), "STRING": sandbox.string_with_token()}
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED], env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "waiting\n"
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    output, _ = process.communicate(timeout=PATIENCE)
    assert output == "interrupted\n"


# ---- life and death ------------------------------------------------------------------------


def test_objects_are_collected_in_any_order(clio, sandbox):
    string = sandbox.string_with_token()
    for seed in range(20):
        chance = random.Random(seed)
        objects = []
        for _ in range(3):
            connection = apilink.connect(string, log=lambda *_: None, log_level=5)
            request = connection.prepare("GET", "matters", limit=1)
            responses = [request.execute(), request.execute()]
            chance.choice(responses).content
            objects += [connection, request, *responses]
            # A cycle, so that the collector and not the count of references ends it.
            request.cycle = [request, connection, responses]
        del connection, request, responses
        chance.shuffle(objects)
        for one in objects:
            if chance.random() < 0.4:
                one.close()
        while objects:
            objects.pop()
            gc.collect(0)
        gc.collect()
    assert clio.get("matters", limit=1).ok


EXITS = """
import apilink, atexit, os, sys, threading
kept = []
for _ in range(3):
    connection = apilink.connect(os.environ["STRING"], log=lambda *_: None, log_level=5)
    request = connection.prepare("GET", "matters", limit=1)
    kept += [connection, request, request.execute(), request.execute()]
    kept[-1].content
    kept[0].cycle = kept
def wait():
    try:
        connection.get("contacts")
    except apilink.ApilinkError:
        pass
threading.Thread(target=wait, daemon=True).start()
atexit.register(lambda: connection.get("matters", limit=1))
class Late:
    def __del__(self):
        connection.close()
late = Late()
print("end", flush=True)
if sys.argv[1:] == ["raise"]:
    raise SystemExit(3)
"""


def test_a_callback_that_knows_its_connection_does_not_keep_it_alive(sandbox):
    connection = apilink.Connection(
        sandbox.string_with_token(),
        log=lambda *_: connection.cancel(),
        authorize=lambda url: connection.cancel(),
    )
    connection.connect()
    token = connection._handle.token
    del connection
    gc.collect()
    connected = ctypes.c_int32()
    is_connected = _library.library().functions.apilink_connection_is_connected
    assert is_connected(token, ctypes.byref(connected)) == _library.INVALID_HANDLE


@pytest.mark.parametrize("round", range(5))
def test_the_interpreter_ends_with_everything_open(sandbox, environment, round):
    """Objects alive, a request of another thread under way, and a log callback."""
    sandbox.fault("/api/v4/contacts*", "stall", times=0)
    result = run_python(EXITS, {**environment, "STRING": sandbox.string_with_token()})
    assert (result.stdout, result.stderr, result.returncode) == ("end\n", "", 0)


FORKS = """
import apilink, gc, os, sys
connection = apilink.connect(os.environ["STRING"], log=lambda *_: None)
request = connection.prepare("GET", "matters", fields="id", limit=1)
response = request.execute()
expected = connection.get("matters", fields="id", limit=1).json()
child = os.fork()
if child == 0:
    try:
        for call in (lambda: connection.get("matters"), request.execute, lambda: response.content,
                     lambda: connection.token):
            try:
                call()
            except apilink.ClosedError as error:
                assert "forked" in str(error)
            else:
                raise AssertionError("an inherited handle works")
        assert not connection.connected
        # As many new ones as there are inherited ones, whose ends must not end the new ones.
        with apilink.connect(os.environ["STRING"]) as own:
            fresh = own.prepare("GET", "matters", fields="id", limit=1)
            answer = fresh.execute()
            connection.cancel(); connection.close(); request.close(); response.close()
            del connection, request, response
            gc.collect()
            assert answer.json() == expected
            assert fresh.execute().json() == expected
        print("child", flush=True)
        os._exit(0)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert response.json() == expected and request.execute().json() == expected
print("parent", connection.get("users/who_am_i").status)
"""


def test_a_forked_child_makes_connections_of_its_own(sandbox, environment):
    variables = {**environment, "STRING": sandbox.string_with_token()}
    result = run_python(FORKS, variables)
    assert (result.stdout, result.stderr) == ("child\nparent 200\n", "")


def test_multiprocessing_with_fork(sandbox, environment):
    program = (
        "import apilink, multiprocessing, os\n"
        "string = os.environ['STRING']\n"
        "connection = apilink.connect(string)\n"
        "def count(_):\n"
        "    with apilink.connect(string) as own:\n"
        "        return len(list(own.records('matters', fields='id', order='id(asc)')))\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(pool.map(count, range(4)))\n"
        "print(count(0), connection.get('matters', limit=1).status)\n"
    )
    result = run_python(program, {**environment, "STRING": sandbox.string_with_token()})
    assert (result.stdout, result.stderr) == ("[250, 250, 250, 250]\n250 200\n", "")


def test_sixteen_threads_share_a_connection(clio, sandbox):
    matters = list(clio.records("matters", fields="id,display_number", order="id(asc)"))
    failures = []

    def read(number: int) -> None:
        try:
            for matter in matters[number::16]:
                path = f"matters/{matter['id']}"
                response = clio.get(path, fields="id,display_number").raise_for_status()
                assert response.json()["data"] == matter
                assert clio.get("matters/1").diagnostics[0].native == 404
                assert clio.connected and clio.token
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_one_request_in_two_threads_is_refused(clio, sandbox):
    sandbox.fault("/api/v4/matters*", "stall", times=1)
    request = clio.prepare("GET", "matters")
    worker = threading.Thread(target=lambda: pytest.raises(apilink.Cancelled, request.execute))
    worker.start()
    stalled(sandbox)
    with pytest.raises(apilink.ApilinkError) as caught:
        request.execute()
    assert caught.value.sqlstate == "HY010"
    request.cancel()
    worker.join()


# ---- the examples --------------------------------------------------------------------------


def test_quickstart(sandbox, free_port, environment):
    string = sandbox.connection_string(free_port)
    first = run_example("quickstart.py", environment, string)
    assert first == run_example("quickstart.py", environment, string)
    lines = first.splitlines()
    assert lines[0].startswith("Logged in as ") and "+00:00" in lines[0]
    expected = fetch(sandbox, "matters.json?fields=display_number,client{name}&limit=5")["data"]
    assert lines[1:] == [f"{one['display_number']}\t{one['client']['name']}" for one in expected]
    counters = sandbox.counters()
    assert counters["consent"]["approved"] == 1 and counters["unknown_requests"] == []


def test_matters_to_dataframe(sandbox, environment, tmp_path):
    import pandas as pd

    table = tmp_path / "matters.csv"
    output = run_example(
        "matters_to_dataframe.py", environment, sandbox.string_with_token(), table
    )
    assert "[250 rows x " in output
    frame = pd.read_csv(table, index_col="id", keep_default_na=False)
    expected = fetch(sandbox, "matters.json?fields=id,display_number,client{name}&limit=200")
    assert len(frame) == expected["meta"]["records"]
    for matter in expected["data"]:
        row = frame.loc[matter["id"]]
        assert row["display_number"] == matter["display_number"]
        assert row["client.name"] == matter["client"]["name"]
    assert sandbox.counters()["unknown_requests"] == []


def test_upload_example(sandbox, environment, tmp_path):
    file, copy = tmp_path / "brief.bin", tmp_path / "copy.bin"
    file.write_bytes(CONTENT)
    string = sandbox.string_with_token()
    output = run_example("upload.py", environment, string, file, copy)
    assert f"Downloaded {len(CONTENT)} bytes" in output
    assert copy.read_bytes() == CONTENT
    counters = sandbox.counters()
    assert counters["storage"]["with_authorization"] == 0
    assert counters["unknown_requests"] == []

"""Every program of c-examples/, compiled and run against the sandbox."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import time
import urllib.request

import pytest

from conftest import BUILD, ROOT, WARNINGS, need
from test_header import redirect_of

EXAMPLES = ROOT / "c-examples"


@pytest.fixture
def example(compile_c, environment):
    """Runs an example to its end, with a connection string that is in no argument."""

    def run(name: str, string: str, *arguments: object, code: int = 0, **more: object):
        result = start(name, string, *arguments, **more)
        output, errors = result.communicate(timeout=60)
        assert result.returncode == code, f"{output}\n{errors}"
        return output, errors

    def start(name: str, string: str, *arguments: object, **more: object) -> subprocess.Popen:
        program = compile_c(EXAMPLES / name, *(["-std=c11"] if name == "cancel.c" else []))
        return subprocess.Popen(
            [program, *map(str, arguments)],
            env=environment | {"APILINK_CONNECTION_STRING": string},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    run.start = start
    return run


def api(sandbox, path: str) -> dict:
    """What the sandbox answers to a client of another make."""
    request = urllib.request.Request(f"{sandbox.url}/api/v4/{path}")
    request.add_header("Authorization", f"Bearer {sandbox.token()['access_token']}")
    request.add_header("User-Agent", "test")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
        return json.loads(reply.read())


def all_matters(sandbox, **filters: str) -> list[dict]:
    fields = "id,display_number,status,description,client%7Bname%7D"
    query = "".join(f"&{name}={value}" for name, value in filters.items())
    reply = api(sandbox, f"matters.json?order=id(asc)&limit=200&fields={fields}{query}")
    rows = reply["data"]
    while "next" in reply["meta"]["paging"]:
        query = reply["meta"]["paging"]["next"].split("/api/v4/")[1]
        reply = api(sandbox, query)
        rows += reply["data"]
    return rows


def user_name(sandbox) -> str:
    return api(sandbox, "users/who_am_i.json?fields=name")["data"]["name"]


def check_traffic(sandbox, unknown: list[str] | None = None) -> dict:
    """Nothing was asked for that the API does not have, and no token went to the storage."""
    counters = sandbox.counters()
    assert counters["unknown_requests"] == (unknown or [])
    assert counters["storage"]["with_authorization"] == 0
    return counters


def test_every_example_is_tested_and_listed():
    programs = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".c", ".cpp")}
    text = open(__file__).read()
    listed = (EXAMPLES / "README.md").read_text()
    for program in programs:
        assert f'example("{program}"' in text or f'example.start("{program}"' in text, program
        assert f"({program})" in listed, program


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_examples_compile_with_their_makefile(compiler, tmp_path):
    cxx = {"gcc": "g++", "clang": "clang++"}[compiler]
    subprocess.run(
        [need("make"), "-C", EXAMPLES, f"OUT={tmp_path}", f"BUILD={BUILD}"]
        + [f"CC={need(compiler)}", f"CXX={need(cxx)}", "CFLAGS=-Werror", "CXXFLAGS=-Werror"],
        check=True,
    )
    built = {path.name for path in tmp_path.iterdir()}
    assert built == {path.stem for path in EXAMPLES.iterdir() if path.suffix in (".c", ".cpp")}


def test_the_examples_are_c99():
    """All but cancel.c, which says that it is C11."""
    for path in EXAMPLES.glob("*.c"):
        standard = "c11" if path.name == "cancel.c" else "c99"
        subprocess.run(
            [need("gcc"), f"-std={standard}", *WARNINGS, "-fsyntax-only"]
            + [f"-I{ROOT / 'include'}", path],
            check=True,
        )


def test_the_programs_in_the_guide_compile(tmp_path):
    guide = (ROOT / "docs" / "c-api.md").read_text()
    for language, compiler, standard in [("c", "gcc", "c99"), ("cpp", "g++", "c++17")]:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
        programs = [block for block in blocks if "int main(" in block]
        assert len(programs) == 1
        source = tmp_path / f"program.{language}"
        source.write_text(programs[0])
        warnings = [flag for flag in WARNINGS if language == "c" or "prototypes" not in flag]
        subprocess.run(
            [need(compiler), f"-std={standard}", *warnings, "-fsyntax-only"]
            + [f"-I{ROOT / 'include'}", source],
            check=True,
        )


def test_quickstart(sandbox, example, environment, free_port):
    string = sandbox.connection_string(free_port)
    output, errors = example("quickstart.c", string)
    assert errors == ""
    lines = output.splitlines()
    assert lines[0] == f"Logged in as {user_name(sandbox)}"
    expiry = re.fullmatch(r"The token expires at (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", lines[1])
    life = 30 * 24 * 3600
    earliest, latest = (time.gmtime(time.time() + life - age) for age in (120, 0))
    written = [time.strftime("%Y-%m-%d %H:%M", moment) for moment in (earliest, latest)]
    assert written[0] <= expiry[1] <= written[1]
    assert lines[3].split() == ["Matter", "Status", "Client", "Description"]
    for line, matter in zip(lines[4:], all_matters(sandbox)[:10], strict=True):
        columns = re.split(r" {2,}", line)
        if len(columns) == 3:  # a number that fills its column
            columns[:1] = columns[0].rsplit(" ", 1)
        client = (matter["client"] or {}).get("name") or ""
        assert columns == [matter["display_number"], matter["status"], client, matter["description"]]
    counters = check_traffic(sandbox)
    assert counters["consent"]["shown"] == counters["consent"]["approved"] == 1
    assert counters["tokens"]["authorization_code"] == 1

    stores = list((ROOT / environment["XDG_CONFIG_HOME"] / "apilink").glob("*.txt"))
    assert len(stores) == 1
    assert stat.S_IMODE(stores[0].stat().st_mode) == 0o600

    # The second time, no login: a browser would make the program fail.
    environment["BROWSER"] = "/bin/false"
    again, errors = example("quickstart.c", string)
    assert (again, errors) == (output, "")
    counters = check_traffic(sandbox)
    assert counters["consent"]["shown"] == 1
    assert counters["tokens"]["authorization_code"] == 1
    assert counters["tokens"]["refresh_token"] == 0
    assert counters["endpoints"]["GET /oauth/authorize"]["requests"] == 1


def test_the_connection_string_comes_from_a_file_or_an_argument(sandbox, example, tmp_path):
    string = sandbox.string_with_token()
    file = tmp_path / "string.txt"
    file.write_text(string + "\n")
    name = user_name(sandbox)
    for argument in (f"@{file}", string):
        output, _ = example("quickstart.c", "not=used", argument)
        assert output.startswith(f"Logged in as {name}\n")
    _, errors = example("quickstart.c", "", f"@{tmp_path / 'nowhere'}", code=1)
    assert "nowhere" in errors


def test_quickstart_names_what_is_to_be_filled_in(example):
    string = (
        r"Profile=C:\profiles\Clio.apip;ProfileSettings='Region=your_region';Authscheme=OAuth;"
        "InitiateOAuth=GETANDREFRESH;OAuthClientId=your_client_id;"
        "OAuthClientSecret=your_client_secret;CallbackUrl=your_callback_url;"
    )
    output, errors = example("quickstart.c", string, code=1)
    assert output == ""
    assert errors.startswith("[HY024] (0) ")
    for name in ("Region", "OAuthClientId", "OAuthClientSecret", "CallbackU"):
        assert name.lower() in errors.lower()


def test_get_token(sandbox, example, free_port):
    string = sandbox.connection_string(free_port)
    first, errors = example("get_token.c", string)
    assert re.search(r"^type:    Bearer$", errors, re.MULTILINE)
    assert re.search(r"^expires: in 2\d{6} seconds$", errors, re.MULTILINE)
    assert "scope" not in errors
    assert example("get_token.c", string)[0] == first

    refreshed, _ = example("get_token.c", string, "--refresh")
    assert refreshed != first
    assert example("get_token.c", string)[0] == refreshed
    assert check_traffic(sandbox)["tokens"]["refresh_token"] == 1

    # It is a token: another client gets in with it.
    request = urllib.request.Request(f"{sandbox.url}/api/v4/users/who_am_i.json")
    request.add_header("Authorization", f"Bearer {refreshed.strip()}")
    request.add_header("User-Agent", "test")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
        assert reply.status == 200


def test_list_matters(sandbox, example):
    matters = all_matters(sandbox)
    output, errors = example("list_matters.c", sandbox.string_with_token())
    rows = [line.split("\t") for line in output.splitlines()]
    assert rows.pop() == ["250 matters on 2 pages"]
    assert errors == "250 matters are to come.\n"
    assert rows == [
        [str(row["id"]), row["display_number"], row["status"], (row["client"] or {"name": ""})["name"]]
        for row in matters
    ]
    check_traffic(sandbox)


def test_list_matters_of_a_status(sandbox, example):
    matters = [row for row in all_matters(sandbox) if row["status"] == "Open"]
    assert 0 < len(matters) < 200
    output, _ = example("list_matters.c", sandbox.string_with_token(), "open")
    rows = output.splitlines()
    assert rows.pop() == f"{len(matters)} matters on 1 pages"
    assert [row.split("\t")[1] for row in rows] == [row["display_number"] for row in matters]


def test_list_matters_fails_when_a_page_fails(sandbox, example):
    sandbox.fault("/api/v4/matters*", "status", status=403, times=1, skip=1)
    output, errors = example("list_matters.c", sandbox.string_with_token(), code=1)
    assert len(output.splitlines()) == 200
    assert "[01000] (403) " in errors


def test_contact(sandbox, example):
    name = ["Zoë \"Zed\"", "O\\Neil"]
    output, errors = example("contact.c", sandbox.string_with_token(), *name)
    lines = output.splitlines()
    created = re.fullmatch(r"Created contact (\d+): (.+)", lines[0])
    assert created[2] == " ".join(name)
    assert lines[1:] == [
        "First change: 200",
        "Second change with the old ETag: 412",
        "The title is Countess",
        f"Deleted contact {created[1]}",
    ]
    assert errors.count("[01000] (412)") == 1
    counters = check_traffic(sandbox)
    assert counters["endpoints"]["POST /api/v4/contacts.json"]["statuses"] == {"201": 1}
    assert counters["endpoints"]["PATCH /api/v4/contacts/{id}.json"]["statuses"] == {
        "200": 1,
        "412": 1,
    }
    assert counters["endpoints"]["DELETE /api/v4/contacts/{id}.json"]["statuses"] == {"204": 1}


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_document(sandbox, example, tmp_path, size):
    source, copy = tmp_path / 'Brief "Süd".bin', tmp_path / "copy.bin"
    source.write_bytes(os.urandom(size))
    output, errors = example("document.c", sandbox.string_with_token(), source, copy)
    uploaded = re.match(r"Uploaded .* to matter (\d+) as document (\d+)\n", output)
    assert output.endswith(f"Downloaded {size} bytes to {copy}\nThe files are equal\n")
    assert errors == ""
    assert copy.read_bytes() == source.read_bytes()
    document = api(sandbox, f"documents/{uploaded[2]}.json?fields=name,matter")["data"]
    assert document["name"] == source.name
    assert str(document["matter"]["id"]) == uploaded[1]
    content = f"{sandbox.url}/_sandbox/documents/{uploaded[2]}/content"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(content) as reply:
        assert reply.read() == source.read_bytes()
    counters = check_traffic(sandbox)
    assert counters["storage"]["requests"] == 2
    assert counters["storage"]["bytes_uploaded"] == size


def headless(example, sandbox, string, answer_of) -> tuple[str, str, int]:
    program = example.start("headless_login.c", string)
    head = [program.stdout.readline() for _ in range(4)]
    output, errors = program.communicate(answer_of(redirect_of(head[2].strip())) + "\n", timeout=60)
    return output, errors, program.returncode


@pytest.mark.parametrize("form", ["address", "code"])
def test_headless_login(sandbox, example, environment, free_port, form):
    environment["BROWSER"] = "/bin/false"
    string = sandbox.connection_string(free_port)

    def answer(redirected: str) -> str:
        return redirected if form == "address" else re.search(r"code=([^&]+)", redirected)[1]

    output, errors, code = headless(example, sandbox, string, answer)
    assert (code, errors) == (0, "")
    name = user_name(sandbox)
    assert output.endswith(f"Logged in as {name}\n")
    # What was stored serves the other programs.
    assert example("quickstart.c", string)[0].startswith(f"Logged in as {name}\n")
    assert check_traffic(sandbox)["consent"]["shown"] == 0


def test_headless_login_with_a_foreign_state(sandbox, example, free_port):
    string = sandbox.connection_string(free_port)
    output, errors, code = headless(
        example, sandbox, string, lambda redirected: re.sub(r"state=[^&]+", "state=x", redirected)
    )
    assert code == 1
    assert errors.startswith("[28000]")
    assert check_traffic(sandbox)["tokens"]["authorization_code"] == 0


def test_many_users(sandbox, example, free_port, tmp_path):
    """Three people log in, in another order than they were asked, and are told apart."""
    string = sandbox.connection_string(free_port).replace("InitiateOAuth=GETANDREFRESH;", "")
    people = api(sandbox, "users.json?fields=id,name&order=id(asc)")["data"][:3]
    users = ["ann", "bob", "cyd"]
    program = example.start("many_users.c", string, tmp_path, *users)
    urls = dict(program.stdout.readline().strip().split(" logs in at ") for _ in users)
    states = {re.search(r"state=([^&]+)", url)[1] for url in urls.values()}
    assert len(states) == 3 and all(len(state) == 32 for state in states)
    redirects = [
        redirect_of(urls[user], user=str(person["id"])) for user, person in zip(users, people)
    ]
    foreign = re.sub(r"state=[^&]+", "state=" + "0" * 32, redirects[0])
    lines = [foreign, *reversed(redirects)]
    output, errors = program.communicate("\n".join(lines) + "\n", timeout=60)
    assert program.returncode == 0, errors
    expected = [f"{user} is {person['name']}" for user, person in zip(users, people)]
    assert output.splitlines() == expected
    assert errors == "This login was not begun here.\n"

    stores = sorted(tmp_path.glob("*.txt"))
    assert [store.stem for store in stores] == users
    assert {stat.S_IMODE(store.stat().st_mode) for store in stores} == {0o600}
    tokens = {re.search(r"^oauthaccesstoken=(.+)$", store.read_text(), re.M)[1] for store in stores}
    assert len(tokens) == 3

    # Nobody is asked again.
    output, _ = example("many_users.c", string, tmp_path, *users)
    assert output.splitlines() == expected
    assert check_traffic(sandbox)["tokens"]["authorization_code"] == 3


def test_error_handling(start_sandbox, example):
    sandbox = start_sandbox("--without-permission", "users")
    output, errors = example("error_handling.c", sandbox.string_with_token())
    assert errors == ""
    steps = re.split(r"^(?=\S.* returned -?\d+$)", output, flags=re.MULTILINE)[1:]
    found = []
    for step in steps:
        head = re.match(r"(.*) returned (-?\d+)\n", step)
        record = re.search(r"record 1: (\w{5}), native code (-?\d+)\n  (.+)", step)
        status = re.search(r"^  status (\d+)$", step, re.MULTILINE)
        found.append((int(head[2]), *(record.groups()[:2] if record else ()), status and status[1]))
    assert found == [
        (-1, "HY024", "0", None),  # an unclosed quote
        (-1, "HY024", "0", None),  # an unknown property
        (-1, "HY024", "0", None),  # an unknown region
        (-1, "HY024", "0", None),  # a placeholder
        (0, None),
        (1, "01000", "404", "404"),
        (1, "01000", "400", "400"),
        (1, "01000", "403", "403"),
        (1, "01000", "422", "422"),
        (-1, "HY024", "0", None),  # another host
        (1, "01004", "0", None),  # text that was cut
        (100, None),
        (-2, None),
    ]
    assert "Did you mean OAuthClientId?" in steps[1]
    assert "OAuthClientId" in steps[3] and "OAuthClientSecret" in steps[3]
    assert "RecordNotFound" in steps[5]
    assert "InvalidFields" in steps[6] and "nonsense" in steps[6]
    assert "ForbiddenError" in steps[7] and "permission" in steps[7]
    assert "what to do: " in steps[9] and "https://example.com" in steps[9]
    assert re.search(r'^  "(\w{3})", of [46] bytes$', steps[10], re.MULTILINE)
    check_traffic(sandbox, ["GET /api/v4/matters.json: nonsense is not a field of Matter"])


def test_error_handling_ends_when_it_cannot_connect(example):
    output, _ = example("error_handling.c", "InitiateOAuth=REFRESH;OAuthClientId=a", code=1)
    assert re.search(r"^Connecting returned -1\n  record 1: \w{5}", output, re.MULTILINE)


def test_cancel(sandbox, example):
    """Enter comes while a reply is waited for that never comes."""
    sandbox.fault("/api/v4/matters*", "stall", times=0, skip=2)
    program = example.start("cancel.c", sandbox.string_with_token())
    assert program.stdout.readline() == "Reading. Press Enter to stop.\n"

    def stalled() -> bool:
        log = [entry for entry in sandbox.counters()["log"] if "/matters" in entry["path"]]
        return len(log) >= 3

    deadline = time.monotonic() + 30
    while not stalled():
        assert time.monotonic() < deadline, "the third request does not come"
    begin = time.monotonic()
    output, errors = program.communicate("\n", timeout=30)
    # The call itself must return within 100 ms; there is one more request, and a process ends.
    assert time.monotonic() - begin < 2
    assert program.returncode == 0, errors
    assert output == f"Cancelled after 100 rows\nStill logged in as {user_name(sandbox)}\n"


def test_cxx_matters(sandbox, example):
    matters = all_matters(sandbox)
    output, errors = example("cxx_matters.cpp", sandbox.string_with_token())
    lines = output.splitlines()
    assert lines[0] == f"Logged in as {user_name(sandbox)}"
    assert lines[-1] == "250 matters"
    rows = [line.split("\t") for line in lines if "\t" in line]
    assert rows == [
        [row["display_number"], row["status"], (row["client"] or {"name": ""})["name"]]
        for row in matters
    ]
    assert errors == ""
    check_traffic(sandbox)
    _, errors = example("cxx_matters.cpp", "Profile=Clio;Regio=US", code=1)
    assert errors.startswith("[HY024] ") and "Region" in errors

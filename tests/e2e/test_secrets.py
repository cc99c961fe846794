"""No secret appears where others can read it.

Every property, and everything that a service can reply, gets a canary of its own. A program on the
library (secrets_client.py) then makes calls that succeed and calls that fail, with the most verbose
log; and the canaries are looked for, plain and encoded, in diagnostic records, log lines, the log
file, standard output and error, arguments of the process and of the browser that it starts, and in
every file it leaves behind but the token file.
"""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import threading
import urllib.parse

import pytest
from conftest import BUILD, ROOT

HERE = pathlib.Path(__file__).parent
PATIENCE = 300
PEM = "-----BEGIN PRIVATE KEY----- {} -----END PRIVATE KEY-----"
# Values that are no secrets and that a message or record needs to be understood.
SHOWN_IN_RECORDS = {
    "Profile",
    "OAuthSettingsLocation",
    "Logfile",
    "CallbackURL",
    "OAuthClientId",
    "ProxyServer",
}


# ---- canaries ----------------------------------------------------------------------------------


class Canaries:
    """Secrets by name. What is looked for is the part of each that cannot be there by chance."""

    def __init__(self) -> None:
        self.cores: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        core = self.cores.setdefault(name, secrets.token_hex(8))
        return f"canary-{name.replace(' ', '-').lower()}-{core}"

    def found_in(self, text: str, but: tuple[str, ...] = ()) -> list[str]:
        """The names of the secrets in a text, whatever their encoding."""
        return [
            name
            for name, core in self.cores.items()
            if name not in but and any(form in text for form in forms(core))
        ]


def forms(core: str) -> list[str]:
    """A text as it is, in hexadecimal, and what of its base64 does not depend on its neighbours."""
    data = core.encode()
    base64_forms = [
        base64.b64encode(b"\0" * shift + data).decode()[4 if shift else 0 : -4]
        for shift in range(3)
    ]
    return [core, data.hex(), *base64_forms]


def test_canaries_are_found_in_every_form():
    """Otherwise the tests below would prove nothing."""
    canaries = Canaries()
    secret = canaries["a"]
    for prefix in ("", "x", "xy", "user:"):
        encoded = base64.b64encode(f"{prefix}{secret}:z".encode()).decode()
        assert canaries.found_in(f"Basic {encoded}") == ["a"]
    assert canaries.found_in(urllib.parse.quote(secret)) == ["a"]
    assert canaries.found_in(secret.encode().hex()) == ["a"]
    assert canaries.found_in("canary-a-") == []
    assert canaries.found_in(secret, but=("a",)) == []


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


# ---- a service that repeats and hands out secrets ------------------------------------------------


class Service:
    """A service and its proxy, on loopback. What it does is said by the path."""

    def __init__(self, canaries: Canaries) -> None:
        self.canaries = canaries
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode("utf-8", "replace")
                # Everything that was received, as a clumsy service repeats it.
                self.echo = " ".join([self.path, str(self.headers), body])
                self.echo += " " + urllib.parse.unquote_plus(self.echo)
                service.answer(self)

            do_GET = do_POST = do_PUT = do_CONNECT = answer

            def log_message(self, *_arguments) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # The same, under another name: another origin.
        self.elsewhere = f"http://localhost:{self.port}"
        self.paths: set[str] = set()
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def answer(self, request) -> None:
        target = urllib.parse.urlsplit(request.path)
        name = target.path.rsplit("/", 1)[-1].removesuffix(".json").replace("-", "_")
        self.paths.add(name)
        if request.command == "CONNECT" or "proxy-authorization" in request.headers:
            name = "proxy"
        answer = getattr(self, f"do_{name}", self.do_good)
        answer(request, urllib.parse.parse_qs(target.query))

    def reply(self, request, status: int, body: object, **headers: str) -> None:
        is_text = isinstance(body, str)
        data = (body if is_text else json.dumps(body)).encode()
        request.send_response(status)
        request.send_header("Content-Type", "text/html" if is_text else "application/json")
        request.send_header("Content-Length", str(len(data)))
        for header, value in headers.items():
            request.send_header(header.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    # The authorization endpoint, where a person says yes at once.

    def do_authorize(self, request, query) -> None:
        answer = {"code": self.canaries["code of a login"], "state": query["state"][0]}
        where = f"{query['redirect_uri'][0]}?{urllib.parse.urlencode(answer)}"
        self.reply(request, 302, "", Location=where)

    # Token endpoints.

    def do_token(self, request, _query) -> None:
        reply = {
            "access_token": self.canaries["access token of a reply"],
            "refresh_token": self.canaries["refresh token of a reply"],
            "id_token": self.canaries["id token of a reply"],
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        self.reply(request, 200, reply, Set_Cookie=self.canaries["cookie of the token endpoint"])

    def do_token_repeats(self, request, _query) -> None:
        reply = {"error": "invalid_grant", "error_description": f"no good: {request.echo}"}
        self.reply(request, 400, reply)

    def do_token_repeats_late(self, request, _query) -> None:
        """Cutting a long text must not spare the beginning of a secret."""
        padding = "x" * (290 - len("code="))
        self.reply(request, 400, {"error": "x", "error_description": padding + request.echo})

    def do_token_repeats_in_the_code(self, request, _query) -> None:
        self.reply(request, 401, {"error": f"invalid_client {request.echo}"})

    def do_token_repeats_in_text(self, request, _query) -> None:
        self.reply(request, 400, f"<h1>{request.echo}</h1>")

    def do_token_fails(self, request, _query) -> None:
        self.reply(request, 500, f"<h1>{request.echo}</h1>")

    def do_token_of_another_kind(self, request, _query) -> None:
        self.reply(request, 200, {"access_token": [self.canaries["access token of a reply"]]})

    def do_token_with_a_line_break(self, request, _query) -> None:
        broken = "a\n" + self.canaries["access token of a reply"]
        self.reply(request, 200, {"access_token": broken, "token_type": broken})

    def do_token_drops(self, request, _query) -> None:
        request.connection.close()
        request.close_connection = True

    # The API.

    def do_pages(self, request, _query) -> None:
        page = {"data": [], "meta": {"paging": {"next": f"https://evil.example/?sig={self.sig}"}}}
        self.reply(request, 200, page)

    def do_good(self, request, _query) -> None:
        self.reply(
            request,
            200,
            {"data": []},
            Set_Cookie=self.canaries["cookie"],
            WWW_Authenticate=self.canaries["challenge"],
            X_Auth_Token=self.canaries["token in a header"],
            Link=f"<https://s3.example/?sig={self.sig}>; rel=next",
            X_Repeated=request.headers.get("Authorization", ""),
        )

    @property
    def sig(self) -> str:
        return self.canaries["signature"]

    def do_repeats(self, request, _query) -> None:
        error = {"type": f"Bad {request.echo}", "message": f"What is {request.echo}?"}
        error["errors"] = {request.echo: ["is bad"]}
        self.reply(request, 422, {"error": error})

    def do_repeats_late(self, request, _query) -> None:
        padding = "x" * 280
        message = padding + " " + request.headers.get("Authorization", "")
        self.reply(request, 400, {"error": {"type": "T", "message": message}})

    def do_repeats_in_text(self, request, _query) -> None:
        self.reply(request, 400, request.echo)

    def do_refuses(self, request, _query) -> None:
        challenge = f'Bearer error="invalid_token", error_description="{request.path}"'
        reply = {"error": "invalid_token", "error_description": request.echo}
        self.reply(request, 401, reply, WWW_Authenticate=challenge)

    def do_leads_away(self, request, query) -> None:
        where = f"{self.elsewhere}/{query['to'][0]}?sig={self.sig}"
        self.reply(request, 303, "", Location=where)

    def do_leads_nowhere(self, request, _query) -> None:
        self.reply(request, 303, "", Location=f"ftp://evil.example/{self.sig}")

    def do_leads_to_no_url(self, request, _query) -> None:
        self.reply(request, 303, "", Location=f"http://[{self.sig}")

    def do_leads_to_a_dead_host(self, request, _query) -> None:
        # Port 9 of this machine: nobody is there.
        self.reply(request, 303, "", Location=f"http://127.0.0.1:9/k?sig={self.sig}")

    def do_drops(self, request, _query) -> None:
        request.connection.close()
        request.close_connection = True

    def do_proxy(self, request, _query) -> None:
        challenge = f'Basic realm="{request.headers.get("Proxy-Authorization")}"'
        reply = {"error": {"type": "Proxy", "message": request.echo}}
        self.reply(request, 407, reply, Proxy_Authenticate=challenge)


@pytest.fixture
def service(canaries):
    running = Service(canaries)
    yield running
    running.close()


# ---- the program, and what it leaves behind ------------------------------------------------------

BROWSER = """#!{python}
import json, os, pathlib, sys, urllib.request
note = {{
    "arguments": sys.argv,
    "parent": pathlib.Path(f"/proc/{{os.getppid()}}/cmdline").read_text(),
    "environment": dict(os.environ),
    "descriptors": [os.readlink(f"/proc/self/fd/{{fd}}") for fd in (0, 1, 2)],
    "more descriptors": [fd for fd in range(3, 256) if os.path.exists(f"/proc/self/fd/{{fd}}")],
}}
with open({notes!r}, "a") as file:
    file.write(json.dumps(note) + "\\n")
if {real!r}:
    os.execv({real!r}, [{real!r}, sys.argv[1]])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
opener.open(sys.argv[1], timeout=60).close()
"""


class Run:
    """What one run of the program has said, and where."""

    def __init__(self, report: dict, output: str, notes: list[dict], folder: pathlib.Path) -> None:
        self.results: dict[str, dict] = {one["name"]: one for one in report["results"]}
        self.report = report
        self.output = output
        self.notes = notes
        self.folder = folder

    def done(self, name: str) -> list[str]:
        return self.results[name]["done"]

    def said(self, name: str) -> str:
        return "\n".join(self.results[name]["said"])

    def logged(self, name: str) -> str:
        return "\n".join(self.results[name]["log"])

    def files(self) -> dict[pathlib.Path, str]:
        """Every file that the program has left behind."""
        return {
            path: path.read_text("utf-8", "replace")
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def run(environment, tmp_path):
    """Runs scenarios in a process of their own."""
    notes = tmp_path / "browser-notes"
    folder = tmp_path / "left"
    folder.mkdir()

    def run_scenarios(scenarios: list[dict], real_browser: str = "") -> Run:
        browser = tmp_path / "browser"
        script = BROWSER.format(python=sys.executable, notes=str(notes), real=real_browser)
        browser.write_text(script)
        browser.chmod(0o755)
        report = tmp_path / "report.json"
        variables = {
            **environment,
            "BROWSER": str(browser),
            "PYTHONPATH": str(ROOT / "bindings" / "python"),
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / ".config"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        program = subprocess.run(
            [sys.executable, HERE / "secrets_client.py", report],
            input=json.dumps(scenarios),
            env=variables,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert program.returncode == 0, program.stderr
        seen = notes.read_text().splitlines() if notes.exists() else []
        result = Run(
            json.loads(report.read_text()),
            program.stdout + program.stderr,
            [json.loads(note) for note in seen],
            folder,
        )
        check_surroundings(result, variables)
        return result

    return run_scenarios


def check_surroundings(run: Run, variables: dict[str, str]) -> None:
    """Nothing was printed, and nothing of the process was changed or handed on."""
    assert run.output == ""
    assert run.report["environment_is_unchanged"]
    assert not list(run.folder.glob("core*"))
    for note in run.notes:
        # What an interpreter adds for itself is not the library's doing.
        added = {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
        assert {k: v for k, v in note["environment"].items() if k not in added} == {
            k: v for k, v in variables.items() if k not in added
        }
        assert note["descriptors"] == ["/dev/null"] * 3
        assert note["more descriptors"] == []


def check_run(
    run: Run,
    canaries: Canaries,
    stored: tuple[str, ...] = (),
    in_records: tuple[str, ...] = (),
    in_the_browser: tuple[str, ...] = (),
) -> None:
    """No canary is anywhere but, if it is one of `stored`, in a token file; and so on."""
    leaks = []
    for name in run.results:
        leaks += [(name, "records", leak) for leak in canaries.found_in(run.said(name), in_records)]
        leaks += [(name, "log", leak) for leak in canaries.found_in(run.logged(name))]
    leaks += [("", "arguments", leak) for leak in canaries.found_in(run.report["arguments"])]
    for note in run.notes:
        told = " ".join(note["arguments"]) + note["parent"]
        leaks += [("", "the browser", leak) for leak in canaries.found_in(told, in_the_browser)]
    for path, content in run.files().items():
        allowed = stored if path.match("tokens*.txt") else ()
        leaks += [("", str(path), leak) for leak in canaries.found_in(content, allowed)]
    assert not leaks, "\n".join(map(str, leaks))


def string(**properties: object) -> str:
    """A connection string; each value in quotes."""
    return "".join(f"{name}='{value}';" for name, value in properties.items())


# ---- the tests -----------------------------------------------------------------------------------


def table() -> dict[str, bool]:
    """All properties of docs/connection-string.md, and whether each is a secret."""
    secret_column, properties = 0, {}
    for line in (ROOT / "docs" / "connection-string.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if cells[1:2] == ["Property"]:
            secret_column = cells.index("Secret")
        elif len(cells) > secret_column > 0 and cells[1].startswith("`"):
            for name in re.findall(r"`(\w+)`", cells[1]):
                properties[name] = cells[secret_column] == "yes"
    return properties


def test_the_table_of_properties_is_read():
    properties = table()
    assert len(properties) > 100
    for name in ("OAuthClientSecret", "ClientSecret", "ProxyPassword", "PWD", "CustomHeaders"):
        assert properties[name], name
    assert not properties["Timeout"]


def test_every_property(service, canaries, run):
    """Each property in turn holds a canary: as it stands, where the quotes around it are missing,
    and where the ; before it is."""
    properties = table()
    scenarios = []
    steps = [["connect"], ["request", "GET", "good", {}], ["request", "GET", "repeats", {}]]
    for name in properties:
        value = {
            "CustomHeaders": f"X-Key: {canaries[name]}",
            "CustomUrlParams": f"key={canaries[name]}",
            "ProfileSettings": f'"OAuthClientSecret={canaries[name]}"',
            "SSLClientCert": PEM.format(canaries[name]),
        }.get(name, canaries[name])
        given = {
            "Region": service.url,
            "OAuthAccessToken": canaries["the token in use"],
            "Logfile": "every.log",
            "Verbosity": 5,
            "ProxyAutoDetect": "false",
        }
        given.pop(name, None)
        rest = string(**given)
        strings = {
            "plain": f"{name}='{value}';{rest}",
            "torn": f"{name}=a;{value} b;{rest}",
            "open": f"{rest}{name}='{value}",
            "merged": f"Timeout=5 {name}={value};{rest}",
            "twice": f"{rest}{name}=a b;{name}={value};",
        }
        scenarios += [
            {"name": f"{name}, {how}", "string": text, "steps": steps}
            for how, text in strings.items()
        ]
    result = run(scenarios)
    public = tuple(name for name in properties if not properties[name])
    # Where a ; is missing, the value of one property ends up in another, public or not.
    leaks = []
    for name in result.results:
        property_name = name.split(",")[0]
        hidden = () if property_name not in SHOWN_IN_RECORDS else (property_name,)
        leaks += [(name, "records", leak) for leak in canaries.found_in(result.said(name), hidden)]
        leaks += [(name, "log", leak) for leak in canaries.found_in(result.logged(name), public)]
    for path, content in result.files().items():
        leaks += [("", str(path), leak) for leak in canaries.found_in(content, public)]
    leaks += [("", "arguments", leak) for leak in canaries.found_in(result.report["arguments"])]
    assert not leaks, "\n".join(map(str, leaks))
    # Both kinds of outcome were seen, and the log was written.
    outcomes = [result.done(name) for name in result.results]
    assert ["ok"] * 3 in outcomes and any("HY024" in outcome for outcome in outcomes)
    assert "good" in result.logged("Password, plain")
    assert "*****" in (result.folder / "every.log").read_text()


# A profile of our own, in which client authentication is Basic.
def basic_profile(folder: pathlib.Path) -> pathlib.Path:
    profile = json.loads((ROOT / "profiles" / "clio" / "profile.json").read_text())
    profile["name"] = "Basic"
    profile["oauth"].update(client_authentication="basic", pkce="S256")
    path = folder / "basic.apip"
    path.write_text(json.dumps(profile))
    return path


TOKEN_ENDPOINTS = [
    "token",
    "token-repeats",
    "token-repeats-late",
    "token-repeats-in-the-code",
    "token-repeats-in-text",
    "token-fails",
    "token-of-another-kind",
    "token-with-a-line-break",
    "token-drops",
]


@pytest.mark.parametrize("authentication", ["body", "basic"])
def test_the_token_endpoint(service, canaries, run, tmp_path, authentication):
    """Logging in, exchanging and refreshing, with replies of every kind."""
    profile = "Clio" if authentication == "body" else basic_profile(tmp_path)
    scenarios = []
    for number, endpoint in enumerate(TOKEN_ENDPOINTS):
        common = {
            "Profile": profile,
            "Region": service.url,
            "OAuthClientId": "the client",
            "OAuthClientSecret": canaries["client secret"],
            "OAuthAccessTokenURL": f"{service.url}/{endpoint}",
            "OAuthSettingsLocation": f"tokens-{number}.txt",
            "ProxyAutoDetect": "false",
            "Logfile": "token.log",
            "Verbosity": 5,
        }
        use = [
            ["connect"],
            ["request", "GET", "good", {}],
            ["refresh"],
            ["request", "GET", "refuses", {}],
        ]
        refresh = {
            **common,
            "InitiateOAuth": "REFRESH",
            "OAuthRefreshToken": canaries["refresh token"],
            "OAuthAccessToken": canaries["access token"],
            "OAuthExpiresIn": 1,
            "OAuthTokenTimestamp": 1,
        }
        code = {
            **common,
            "InitiateOAuth": "REFRESH",
            "OAuthSettingsLocation": f"tokens-code-{number}.txt",
            "OAuthVerifier": canaries["code"],
            # At least 43 characters.
            "PKCEVerifier": canaries["pkce verifier"] + "-" * 10,
        }
        login = {
            **common,
            "InitiateOAuth": "GETANDREFRESH",
            "CallbackURL": f"http://127.0.0.1:{free_port()}/",
            "OAuthSettingsLocation": f"tokens-login-{number}.txt",
            "OAuthAuthorizationURL": f"{service.url}/authorize",
            "LoginTimeout": 60,
        }
        exchange = [["authorization_url"], ["exchange", canaries["code"]]]
        scenarios += [
            {"name": f"refresh {endpoint}", "string": string(**refresh), "steps": use},
            {"name": f"code {endpoint}", "string": string(**code), "steps": use},
            {"name": f"login {endpoint}", "string": string(**login), "steps": use},
            {"name": f"exchange {endpoint}", "string": string(**login), "steps": exchange},
        ]
    result = run(scenarios)
    in_reply = ("access token of a reply", "refresh token of a reply")
    check_run(result, canaries, stored=in_reply)
    assert len(result.notes) >= len(TOKEN_ENDPOINTS) - 1, "the browser was started"
    for kind in ("refresh", "code", "login"):
        # Refused in the end, by do_refuses, with a refresh in between.
        assert result.done(f"{kind} token")[:3] == ["ok", "ok", "ok"]
    tokens = (result.folder / "tokens-login-0.txt").read_text()
    assert canaries.found_in(tokens) == list(in_reply), "the token file holds the tokens alone"
    for endpoint in TOKEN_ENDPOINTS[1:]:
        for kind in ("refresh", "code", "login", "exchange"):
            outcome = set(result.done(f"{kind} {endpoint}"))
            expected = {
                "token-fails": {"08001"},
                "token-drops": {"08S01"},
                # It can neither be sent in a header nor be stored.
                "token-with-a-line-break": {"28000", "HY000"},
            }.get(endpoint, {"28000"})
            assert outcome & expected, (kind, endpoint, outcome)
    assert "*****" in result.said("refresh token-repeats"), "what was repeated is masked"


def test_a_state_of_ones_own(service, canaries, run):
    """It is part of the authorization URL, which the browser is given, and whoever has to open it
    in another way. It is nowhere else."""
    common = {
        "Profile": "Clio",
        "Region": service.url,
        "InitiateOAuth": "GETANDREFRESH",
        "OAuthClientId": "the client",
        "OAuthClientSecret": canaries["client secret"],
        "OAuthAccessTokenURL": f"{service.url}/token",
        "State": canaries["state"],
        "ProxyAutoDetect": "false",
        "Logfile": "state.log",
        "Verbosity": 5,
    }
    scenarios = []
    for name, page, limit in (("login", "authorize", 60), ("nobody", "good", 1)):
        properties = {
            **common,
            "CallbackURL": f"http://127.0.0.1:{free_port()}/",
            "OAuthAuthorizationURL": f"{service.url}/{page}",
            "OAuthSettingsLocation": f"tokens-{name}.txt",
            "LoginTimeout": limit,
        }
        scenarios.append({"name": name, "string": string(**properties), "steps": [["connect"]]})
    result = run(scenarios)
    assert (result.done("login"), result.done("nobody")) == (["ok"], ["HYT00"])
    in_reply = ("access token of a reply", "refresh token of a reply")
    of_url = ("state",)
    check_run(result, canaries, stored=in_reply, in_records=of_url, in_the_browser=of_url)
    assert canaries.found_in(result.said("login")) == []
    assert canaries.found_in(result.said("nobody")) == ["state"]
    assert all("state" in canaries.found_in(str(note["arguments"])) for note in result.notes)
    assert "state=*****" in result.logged("nobody")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_api(service, canaries, run):
    """Requests that succeed, fail, and are led elsewhere."""
    properties = {
        "Region": service.url,
        "OAuthAccessToken": canaries["access token"],
        "CustomHeaders": f"X-Key: {canaries['custom header']}",
        "CustomUrlParams": f"key={canaries['custom parameter']}",
        "ProxyAutoDetect": "false",
        "Logfile": "api.log",
        "Verbosity": 5,
    }
    paths = [
        "good",
        "pages",
        "repeats",
        "repeats-late",
        "repeats-in-text",
        "refuses",
        "leads-away?to=good",
        "leads-away?to=repeats",
        "leads-away?to=drops",
        "leads-nowhere",
        "leads-to-no-url",
        "leads-to-a-dead-host",
        "drops",
    ]
    more = {
        "headers": {
            "X-Api-Key": canaries["header of a request"],
            "Cookie": canaries["cookie sent"],
        },
        "json": {"password": canaries["body of a request"]},
        "query": canaries["parameter of a request"],
    }
    sig = canaries["signature"]
    steps = [["connect"]]
    steps += [["request", "GET", path, {}] for path in paths]
    steps += [["request", "PUT", path, more] for path in paths]
    steps += [
        ["request", "GET", "good", {"headers": {"X-Bad": f"{canaries['broken header']}\n"}}],
        ["request", "GET", "good", {"headers": {f"X {canaries['broken name']}": "x"}}],
        ["request", "GET", "good", {"headers": {"Authorization": canaries["own authorization"]}}],
        ["request", canaries["broken method"], "good", {}],
        ["request", "GET", f"https://u:{canaries['password']}@evil.example/?sig={sig}", {}],
        ["request", "GET", f"https://[{canaries['broken url']}", {}],
        ["request", "PUT", f"{service.elsewhere}/good?sig={sig}", {"signed": True, "data": "x"}],
        ["request", "PUT", f"{service.elsewhere}/repeats?sig={sig}", {"signed": True, "data": "x"}],
        ["request", "PUT", f"{service.elsewhere}/drops?sig={sig}", {"signed": True, "data": "x"}],
        ["request", "PUT", f"http://127.0.0.1:9/?sig={sig}", {"signed": True, "data": "x"}],
        ["request", "PUT", f"http://evil.example/?sig={sig}", {"signed": True, "data": "x"}],
        ["request", "PUT", f"no url {sig}", {"signed": True, "data": "x"}],
        ["revoke"],
    ]
    result = run([{"name": "api", "string": string(**properties), "steps": steps}])
    # What is wrong with a parameter, a service says to the program that sent it. The log does not.
    check_run(result, canaries, in_records=("parameter of a request",))
    assert service.paths > {path.split("?")[0].replace("-", "_") for path in paths}
    done = result.done("api")
    # The next page is of another host, which is refused.
    assert done[:4] == ["ok", "ok", "HY024", "ok"], done
    assert {"08001", "08S01", "HY024"} <= set(done)
    log = (result.folder / "api.log").read_text()
    assert "set-cookie: *****" in log and "x-key: *****" in log, "headers are logged, and masked"
    assert "content-type: application/json" in log
    assert "*****" in result.said("api")


@pytest.fixture
def socks_port():
    """A SOCKS 5 server (RFC 1928, RFC 1929) that asks for a password and takes none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            while True:
                try:
                    client, _address = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(1024)
                    client.sendall(b"\x05\x02")
                    client.recv(1024)
                    client.sendall(b"\x01\x01")

        thread = threading.Thread(target=refuse)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("way", ["ProxyServer", "TUNNEL", "SOCKS5"])
def test_proxies_and_firewalls(service, socks_port, canaries, run, way):
    """A proxy that refuses, and repeats what it was sent."""
    kind = "Proxy" if way == "ProxyServer" else "Firewall"
    properties = {
        "Region": service.url,
        "OAuthAccessToken": canaries["access token"],
        f"{kind}Server": "127.0.0.1",
        f"{kind}Port": socks_port if way == "SOCKS5" else service.port,
        f"{kind}User": "the user",
        f"{kind}Password": canaries["proxy password"],
        "Timeout": 10,
        "Logfile": "proxy.log",
        "Verbosity": 5,
    }
    if kind == "Firewall":
        properties["FirewallType"] = way
    steps = [["connect"], ["request", "GET", "good", {}]]
    # Another region, by TLS: the proxy is asked for a tunnel.
    tunnel = {
        **properties,
        "Region": "US",
        "InitiateOAuth": "REFRESH",
        "OAuthClientId": "the client",
        "OAuthClientSecret": canaries["client secret"],
        "OAuthVerifier": canaries["code"],
        "OAuthSettingsLocation": "tokens.txt",
        "OAuthAccessTokenURL": "https://127.0.0.1:9/oauth/token",
    }
    del tunnel["OAuthAccessToken"]
    result = run(
        [
            {"name": "plain", "string": string(**properties), "steps": steps},
            {"name": "tunnel", "string": string(**tunnel), "steps": steps},
        ]
    )
    check_run(result, canaries)
    if way == "SOCKS5":
        assert result.done("plain") == ["ok", "08001"]
    else:
        assert "407" in result.said("plain")
    assert result.done("tunnel")[0] == "08001"


def test_files(service, canaries, run, tmp_path):
    """Token files and certificates that are broken; and one named in place of a profile."""
    token = canaries["token of a file"]
    contents = {
        "control": f"oauthaccesstoken={token}\x01\n",
        "number": f"oauthaccesstoken=a\n_persist_oauthexpiresin={token}\n",
        "no lines": f"{token}\n",
        "encrypted": f"encrypted:{token}\n",
        "nul": f"oauthaccesstoken=\0{token}\n",
        "good": f"oauthaccesstoken={token}\n_persist_oauthrefreshtoken={token}\n{token}\n",
        "key": f"-----BEGIN PRIVATE KEY-----\n{token}\n-----END PRIVATE KEY-----\n",
    }
    scenarios = []
    for name, content in contents.items():
        path = tmp_path / f"{name}.txt"
        path.write_text(content)
        properties = {
            "Region": service.url,
            "InitiateOAuth": "REFRESH",
            "OAuthClientId": "the client",
            "OAuthClientSecret": canaries["client secret"],
            "OAuthAccessTokenURL": f"{service.url}/token-repeats",
            "ProxyAutoDetect": "false",
            "Logfile": "files.log",
            "Verbosity": 5,
        }
        steps = [["connect"], ["request", "GET", "refuses", {}], ["revoke"]]
        for place in ("OAuthSettingsLocation", "Profile", "SSLClientCert", "SSLServerCert"):
            text = string(**{**properties, place: path})
            scenarios.append({"name": f"{name} as {place}", "string": text, "steps": steps})
    result = run(scenarios)
    check_run(result, canaries)
    done = {name: result.done(name)[0] for name in result.results}
    for name in ("control", "number", "no lines", "nul"):
        assert done[f"{name} as OAuthSettingsLocation"] == "HY000", name
    assert done["encrypted as OAuthSettingsLocation"] == "HYC00"
    assert done["good as OAuthSettingsLocation"] == "ok"
    for place in ("Profile", "SSLClientCert", "SSLServerCert"):
        assert done[f"good as {place}"] == "HY024", place


def test_a_day_with_the_sandbox(sandbox, canaries, run, free_port):
    """What a user does: a login in the browser, reading, an upload, refreshing, revoking."""
    canaries.cores["client secret"] = sandbox.CLIENT_SECRET
    more = {"OAuthSettingsLocation": "tokens.txt", "Logfile": "day.log", "Verbosity": "5"}
    text = sandbox.connection_string(free_port, **more)
    document = sandbox.control("POST", "documents", {"bytes": 1000})["id"]
    steps = [
        ["connect"],
        ["request", "GET", "users/who_am_i", {"fields": "id,name"}],
        ["request", "GET", f"documents/{document}/download", {}],
        ["refresh"],
        ["request", "GET", "matters", {"fields": "nonsense"}],
    ]
    first = [{"name": "day", "string": text, "steps": steps}]
    result = run(first, real_browser=str(BUILD / "clio-sandbox-browser"))
    assert result.done("day") == ["ok"] * len(steps)
    tokens = dict(
        line.split("=", 1)
        for line in (result.folder / "tokens.txt").read_text().splitlines()
        if "=" in line
    )
    canaries.cores["access token"] = tokens["oauthaccesstoken"]
    canaries.cores["refresh token"] = tokens["_persist_oauthrefreshtoken"]
    check_run(result, canaries, stored=("access token", "refresh token"))
    assert [note["arguments"][1].startswith(sandbox.url) for note in result.notes] == [True]
    assert "sig" not in (result.folder / "day.log").read_text().lower().replace("signed", "")

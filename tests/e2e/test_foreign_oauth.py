"""The OAuth client against an authorization server that others wrote: oidc-provider of npm, with
PKCE required and refresh tokens that work once (foreign_oauth/server.mjs)."""

from __future__ import annotations

import fcntl
import json
import pathlib
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
from conftest import BUILD, ROOT, need

sys.path.insert(0, str(ROOT / "bindings" / "python"))

import apilink  # noqa: E402
from foreign_oauth.browser import PERSON, Browser  # noqa: E402

apilink.load(BUILD)

PROJECT = pathlib.Path(__file__).parent / "foreign_oauth"
# Characters that a form and an Authorization header must escape (RFC 6749 section 2.3.1).
SECRET = "se+cr/et %25:&=~!"
INVALID_CLIENT, INVALID_GRANT, ACCESS_DENIED = 1002, 1003, 1007


@pytest.fixture(scope="session")
def server_script() -> pathlib.Path:
    """The server with what it needs, installed once for all workers."""
    npm = need("npm")
    folder = ROOT / "target" / "foreign-oauth"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "installing", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        wanted = (PROJECT / "package-lock.json").read_bytes()
        installed = folder / "installed-lock.json"
        if not installed.exists() or installed.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(PROJECT / name, folder)
            subprocess.run([npm, "ci", "--ignore-scripts", "--silent"], cwd=folder, check=True)
            shutil.copy(PROJECT / "package-lock.json", installed)
        # Node looks for packages beside the program.
        shutil.copy(PROJECT / "server.mjs", folder)
    return folder / "server.mjs"


class Server:
    """The authorization server, with an API of one path: /me tells who has logged in."""

    def __init__(self, script: pathlib.Path, config: pathlib.Path) -> None:
        self.process = subprocess.Popen(
            [need("node"), script, config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the server did not start: {line!r}"
        self.url = line.split()[-1]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)

    def events(self, event: str, **more: object) -> list[dict]:
        """What has happened, in order."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/events", timeout=60) as reply:
            seen = json.load(reply)
        wanted = {"event": event, **more}
        return [one for one in seen if wanted.items() <= one.items()]

    def refreshes(self) -> int:
        return len(self.events("granted", grant="refresh_token"))

    def revoke(self, token: str) -> None:
        """Revokes a token as a client of this server is to (RFC 7009 section 2.1)."""
        form = {"token": token, "client_id": "body", "client_secret": SECRET}
        data = urllib.parse.urlencode(form).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(f"{self.url}/token/revocation", data, timeout=60).close()


@pytest.fixture
def start_server(server_script, tmp_path, free_port):
    """Starts servers that know three clients, one for each kind of authentication."""
    running: list[Server] = []
    methods = {"body": "client_secret_post", "basic": "client_secret_basic", "public": "none"}

    def start(access_token_life: int = 3600) -> Server:
        clients = [
            {
                "client_id": name,
                "application_type": "native",
                "redirect_uris": [callback(free_port)],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": method,
                **({} if method == "none" else {"client_secret": SECRET}),
            }
            for name, method in methods.items()
        ]
        config = tmp_path / "server.json"
        config.write_text(json.dumps({"clients": clients, "accessTokenLife": access_token_life}))
        running.append(Server(server_script, config))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def server(start_server) -> Server:
    return start_server()


@pytest.fixture(autouse=True)
def own_home(environment, monkeypatch):
    """No test sees the settings of the person who runs it; the browser is the scripted one."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("BROWSER", str(PROJECT / "browser.py"))


def callback(port: int) -> str:
    return f"http://127.0.0.1:{port}/signed-in"


@pytest.fixture
def connection_string(tmp_path, free_port):
    """Makes connection strings for a client of a server, with a profile file of this test's own."""

    def make(server: Server, client: str = "body", pkce: str = "S256", **more: object) -> str:
        profile = tmp_path / f"{client}-{pkce}.apip"
        profile.write_text(json.dumps(profile_of(client, pkce)))
        properties: dict[str, object] = {
            "Profile": profile,
            "ProfileSettings": f"'Region={server.url}'",
            "InitiateOAuth": "GETANDREFRESH",
            "OAuthClientId": client,
            "CallbackURL": callback(free_port),
            "OAuthSettingsLocation": tmp_path / "tokens.txt",
            "ProxyAutoDetect": "false",
            "LoginTimeout": 60,
        }
        if client != "public":
            properties["OAuthClientSecret"] = f'"{SECRET}"'
        properties.update(more)
        return ";".join(f"{name}={value}" for name, value in properties.items())

    return make


def profile_of(client: str, pkce: str) -> dict:
    """A service whose API is the server's own UserInfo endpoint."""
    return {
        "apilink_profile": 1,
        "name": f"Foreign {client}",
        "regions": [{"name": "only", "host": "foreign.example"}],
        "default_region": "only",
        "oauth": {
            "authorization_path": "/auth",
            "token_path": "/token",
            "revocation_path": "/token/revocation",
            # OpenID Connect gives a refresh token for offline_access, after consent.
            "authorization_parameters": {"prompt": "consent"},
            "default_scope": "openid offline_access",
            "client_authentication": "basic" if client == "basic" else "body",
            "pkce": pkce,
            "refresh_margin_seconds": 60,
        },
        "api": {"base_path": "", "identity": {"path": "me", "fields": "sub"}},
        "rate_limit": {
            "window_seconds": 60,
            "limit_header": "X-RateLimit-Limit",
            "remaining_header": "X-RateLimit-Remaining",
            "reset_header": "X-RateLimit-Reset",
        },
        "retry": {
            "statuses": [502, 503, 504],
            "attempts": 2,
            "base_milliseconds": 100,
            "cap_milliseconds": 1000,
        },
        "paging": {
            "next_pointer": "/next",
            "records_pointer": "/total",
            "data_pointer": "/data",
            "page_size_parameter": "limit",
            "page_size": 100,
            "token_parameter": "page",
            "order_parameter": "order",
            "order_value": "id",
        },
        "errors": {"type_pointers": ["/error"], "message_pointers": ["/error_description"]},
    }


def stored(connection_string: str) -> dict[str, str]:
    """The token file that a connection string names."""
    path = connection_string.split("OAuthSettingsLocation=")[1].split(";")[0]
    lines = pathlib.Path(path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def refresh_token(connection_string: str) -> str:
    return stored(connection_string)["_persist_oauthrefreshtoken"]


def who(connection: apilink.Connection) -> str:
    return connection.get("me").raise_for_status().json()["sub"]


@pytest.mark.parametrize("client", ["body", "basic", "public"])
def test_a_login_is_kept_over_rotations_and_connections(server, connection_string, client):
    string = connection_string(server, client, ConnectOnOpen="true")
    with apilink.connect(string) as connection:
        assert who(connection) == PERSON
        assert connection.token_type == "Bearer"
        assert set(connection.token_scope.split()) == {"openid", "offline_access"}
        seen = [refresh_token(string)]
        for _again in range(4):
            before = connection.token
            connection.refresh()
            assert connection.token != before
            assert who(connection) == PERSON
            seen.append(refresh_token(string))
    assert len(set(seen)) == 5, "refresh tokens rotate, and each is stored"

    # Another connection picks up what the last rotation left, with nobody to ask.
    with apilink.connect(string.replace("GETANDREFRESH", "REFRESH")) as connection:
        assert who(connection) == PERSON
        connection.refresh()
        assert who(connection) == PERSON

    how = {"body": "body", "basic": "Basic", "public": "none"}[client]
    assert server.events("authorized", client=client, method="S256")
    codes = server.events("granted", grant="authorization_code")
    assert [one["verifier"] for one in codes] == [True], "one login, with its PKCE verifier"
    granted = server.events("granted", client=client, authentication=how)
    assert len(granted) == 1 + 5, "every token request is authenticated as the profile says"
    assert server.events("not granted") == []


def test_a_token_that_ends_or_is_revoked_is_replaced(start_server, connection_string):
    server = start_server(access_token_life=2)
    string = connection_string(server)
    with apilink.connect(string) as connection:
        # Refreshed ahead of its end: the server never sees an old one.
        for _request in range(100_000):
            assert who(connection) == PERSON
            if server.refreshes() >= 2:
                break
        assert server.refreshes() >= 2

    server = start_server()
    string = connection_string(server, OAuthSettingsLocation="memory://revoked")
    with apilink.connect(string) as connection:
        server.revoke(connection.token)
        assert who(connection) == PERSON, "a 401 is answered with a refresh"
        assert server.refreshes() == 1


def test_headless_login_on_one_handle(server, connection_string):
    string = connection_string(server)
    connection = apilink.Connection(string)
    redirect = Browser().answer(connection.authorization_url(state="the application's own"))
    assert "state=the" in redirect
    connection.exchange(redirect)
    with connection:
        assert who(connection) == PERSON

    with pytest.raises(apilink.AuthorizationError) as used:
        connection = apilink.Connection(string)
        connection.authorization_url(state="the application's own")
        connection.exchange(redirect)
    assert used.value.native == INVALID_GRANT, "a code works once"
    assert "Log in again" in used.value.message


def test_headless_login_by_another_process(server, connection_string, tmp_path):
    string = connection_string(server)
    asking = apilink.Connection(string)
    url = asking.authorization_url()
    state, verifier = asking.authorization_state, asking.pkce_verifier
    assert 43 <= len(verifier) <= 128 and verifier not in url
    redirect = Browser().answer(url)
    asking.close()

    elsewhere = connection_string(
        server,
        OAuthVerifier=f"'{redirect}'",
        PKCEVerifier=verifier,
        State=state,
        OAuthSettingsLocation=tmp_path / "elsewhere.txt",
    )
    for _again in range(2):
        with apilink.connect(elsewhere) as connection:
            assert who(connection) == PERSON
    assert len(server.events("granted", grant="authorization_code")) == 1


def test_pkce_is_what_the_server_insists_on(server, connection_string):
    """Otherwise the tests above would prove nothing about it."""
    without = connection_string(server, pkce="off")
    with pytest.raises(apilink.AuthorizationError, match="(?i)pkce") as refused:
        apilink.connect(without)
    assert refused.value.native == 1001, "invalid_request"

    string = connection_string(server)
    redirect = Browser().answer(apilink.Connection(string).authorization_url())
    with pytest.raises(apilink.AuthorizationError, match="PKCE") as refused:
        apilink.Connection(string).exchange(redirect)
    assert refused.value.native == INVALID_GRANT
    assert server.events("not granted")[-1]["problem"] == "PKCE verification failed"

    stranger = apilink.Connection(string)
    stranger.authorization_url()
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(redirect).query)["code"][0]
    with pytest.raises(apilink.AuthorizationError) as refused:
        stranger.exchange(code)
    assert refused.value.native == INVALID_GRANT, "another login's verifier does not do"
    assert server.events("not granted")[-1]["problem"] == "PKCE verification failed"
    assert server.events("granted") == []


def test_an_old_refresh_token_needs_a_new_login(server, connection_string, tmp_path):
    string = connection_string(server)
    with apilink.connect(string) as connection:
        old = refresh_token(string)
        connection.refresh()
        assert refresh_token(string) != old

        copied = connection_string(
            server,
            InitiateOAuth="REFRESH",
            OAuthRefreshToken=old,
            OAuthSettingsLocation=tmp_path / "copy.txt",
        )
        with pytest.raises(apilink.AuthorizationError) as reused:
            apilink.connect(copied)
        assert reused.value.native == INVALID_GRANT
        assert "new login is needed" in reused.value.message
        assert old not in str(reused.value)
        assert server.events("revoked"), "the server takes the reuse for a theft"

        # All that descends from the login is void now, which its owner is told clearly.
        for use in (lambda: who(connection), connection.refresh):
            with pytest.raises(apilink.AuthorizationError) as void:
                use()
            assert void.value.native == INVALID_GRANT
            assert "new login is needed" in void.value.message

    # The advice of the message helps, although the stored token is not old.
    with apilink.connect(string) as connection:
        assert who(connection) == PERSON
    assert len(server.events("granted", grant="authorization_code")) == 2


def test_a_login_that_is_declined(server, connection_string, monkeypatch):
    monkeypatch.setenv("FOREIGN_ANSWER", "decline")
    with pytest.raises(apilink.AuthorizationError) as declined:
        apilink.connect(connection_string(server))
    assert declined.value.native == ACCESS_DENIED
    assert "declined" in declined.value.message
    assert server.events("granted") == []


@pytest.mark.parametrize("client", ["body", "basic"])
def test_a_wrong_client_secret(server, connection_string, client):
    wrong = "'not the secret of this client'"
    with pytest.raises(apilink.AuthorizationError) as refused:
        apilink.connect(connection_string(server, client, OAuthClientSecret=wrong))
    assert refused.value.native == INVALID_CLIENT
    assert "OAuthClientSecret" in refused.value.message
    assert wrong.strip("'") not in str(refused.value)
    assert server.events("not granted"), "the server was asked"


@pytest.mark.parametrize("client", ["body", "basic", "public"])
def test_revoking_ends_the_whole_authorization(server, connection_string, client):
    """The client's credentials authorize the call (RFC 7009), and the refresh token goes too."""
    string = connection_string(server, client)
    with apilink.connect(string) as connection:
        refresh_token = stored(string)["_persist_oauthrefreshtoken"]
        connection.revoke()
    assert server.events("revoked")
    assert "oauthaccesstoken" not in stored(string)
    more = {"InitiateOAuth": "REFRESH", "OAuthRefreshToken": refresh_token}
    with pytest.raises(apilink.AuthorizationError) as refused:
        apilink.connect(connection_string(server, client, **more))
    assert refused.value.native == INVALID_GRANT


def test_a_service_that_wants_another_way_of_revoking_is_told_apart(
    server, connection_string, tmp_path
):
    string = connection_string(server)
    profile = profile_of("body", "S256")
    profile["oauth"]["revocation_authorization"] = "token"
    (tmp_path / "body-S256.apip").write_text(json.dumps(profile))
    with apilink.connect(string) as connection:
        with pytest.raises(apilink.AuthorizationError, match="refused to revoke") as refused:
            connection.revoke()
        assert refused.value.native == 400
        assert connection.token not in str(refused.value)
        assert who(connection) == PERSON
        assert stored(string)["oauthaccesstoken"] == connection.token

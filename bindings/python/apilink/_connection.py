"""Connections: logging in, the token, and making requests."""

from __future__ import annotations

import datetime
import logging
import math
import sys
import threading
import warnings
from ctypes import byref, c_int32, c_int64
from typing import Any, Callable, Iterator

from . import _callbacks
from ._callbacks import Authorize, LogTarget, Registration
from ._errors import ApilinkWarning, ClosedError, Diagnostic
from ._handle import Handle, T, interruptible, text_argument
from ._library import NO_DATA, SUCCESS, SUCCESS_WITH_INFO, Path, library
from ._request import Body, Fields, HeaderFields, Params, Request
from ._response import Response

# How often a call looks whether the one that it waits for is connect(), in seconds.
_TICK = 0.05


def connect(
    connection_string: str,
    *,
    timeout: float | None = None,
    login_timeout: float | None = None,
    log: LogTarget | None = None,
    log_level: int = 2,
    authorize: Callable[[str], object] | None = None,
) -> Connection:
    """Connects with a connection string, and returns the connection. The keywords are those of
    Connection."""
    connection = Connection(
        connection_string,
        timeout=timeout,
        login_timeout=login_timeout,
        log=log,
        log_level=log_level,
        authorize=authorize,
    )
    connection.connect()
    return connection


class Connection:
    """A connection to a service.

    It is connected by connect(), or where a ``with`` block begins, and closed where that ends::

        with apilink.Connection("Profile=Clio;…") as clio:
            print(clio.get("users/who_am_i", fields="id,name").json())

    All methods may be called from any thread. Requests run side by side; calls on the connection
    itself (connect, token, refresh, …) run one at a time, except that authorization_url() and what
    belongs to it answer while connect() waits. On the main thread, Ctrl-C ends a call that waits
    for the network.
    """

    def __init__(
        self,
        connection_string: str,
        *,
        timeout: float | None = None,
        login_timeout: float | None = None,
        log: LogTarget | None = None,
        log_level: int = 2,
        authorize: Callable[[str], object] | None = None,
    ) -> None:
        """Prepares a connection; nothing is opened yet.

        connection_string: see docs/connection-string.md.
        timeout: seconds that connecting, and silence on the wire, may last; 0 for no limit. In
            place of the property Timeout.
        login_timeout: seconds that a login may take. In place of the property LoginTimeout.
        log: a logging.Logger, or a function of a level and a line. It is called on any thread, and
            may call nothing of apilink but cancel(). A logger gets the levels 1 and 2 as INFO and
            the others as DEBUG, without the time and the level that a line begins with.
        log_level: how much is logged, 1 to 5, as the property Verbosity.
        authorize: shows the URL at which a person logs in, in place of the system's browser. It
            must return at once; False gives the login up. It may be called on another thread than
            the one that connects.
        """
        self._string = connection_string
        loaded = library()
        self._handle = Handle(loaded, "connection", loaded.functions.apilink_connection_new)
        if self._handle.code != SUCCESS:
            raise MemoryError("libapilink has no room for another connection")
        self._lock = threading.RLock()
        self._is_connecting = False
        self._authorize: Authorize | None = None
        # The library may call these as long as there are requests and responses, and those hold
        # on to the connection.
        self._registrations: list[Registration] = []
        self.warnings: tuple[Diagnostic, ...] = ()
        """What connecting, or the last token call, had to warn about."""
        if timeout is not None:
            self._handle.call("apilink_connection_set_timeout", seconds(timeout))
        if login_timeout is not None:
            self._handle.call("apilink_connection_set_login_timeout", seconds(login_timeout))
        if log is not None:
            self._set_log(log, log_level)
        if authorize is not None:
            self._set_authorize(authorize)

    def __repr__(self) -> str:
        # Not the string, which holds secrets; and no call, which callbacks may not make.
        return f"<Connection {'open' if self._handle.is_open else 'closed'}>"

    def _set_log(self, log: LogTarget, level: int) -> None:
        if not isinstance(log, logging.Logger) and not callable(log):
            raise TypeError("log is neither a logger nor a function")
        number = self._register(log)
        name = "apilink_connection_set_log_callback"
        self._handle.call(name, level, _callbacks.on_log, number)

    def _set_authorize(self, show: Callable[[str], object]) -> None:
        self._authorize = Authorize(show)
        number = self._register(self._authorize)
        name = "apilink_connection_set_authorize_callback"
        self._handle.call(name, _callbacks.on_authorize, number)

    def _register(self, target: object) -> int:
        self._registrations.append(Registration(target))
        return self._registrations[-1].number

    # ---- connecting ------------------------------------------------------------------------

    def connect(self) -> None:
        """Connects. With a usable token, given or stored, there is no network traffic; with
        InitiateOAuth=GETANDREFRESH and none, a person is asked to log in, and this waits.

        Warnings of the library become Python warnings (ApilinkWarning), and stay in ``warnings``.
        """
        try:
            self._wait(self._connect)
        except Exception:
            if self._authorize is not None and self._authorize.error is not None:
                raise self._authorize.error from None
            raise

    def _connect(self) -> int:
        self._is_connecting = True
        try:
            return self._handle.call("apilink_connection_connect", *text_argument(self._string))
        finally:
            self._is_connecting = False

    @property
    def connected(self) -> bool:
        """Whether it is connected; False when it is closed."""
        connected = c_int32()
        try:
            self._handle.call("apilink_connection_is_connected", byref(connected))
        except ClosedError:
            return False
        return bool(connected.value)

    def disconnect(self) -> None:
        """Ends the connection and cancels what runs on it; connect() connects it again. The token
        stays where it is stored."""
        self._exclusive(lambda: self._handle.call("apilink_connection_disconnect"))

    def close(self) -> None:
        """Ends the connection for good, and cancels what runs on it. Closing twice does no harm.
        """
        self._handle.close()

    def cancel(self) -> None:
        """Cancels everything that runs on the connection now, from any thread. Those calls raise
        Cancelled; later ones are not affected."""
        self._handle.try_call("apilink_connection_cancel")

    def __enter__(self) -> Connection:
        if not self.connected:
            self.connect()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- the token -------------------------------------------------------------------------

    @property
    def token(self) -> str | None:
        """The access token, for use outside of apilink; one that has expired is refreshed first.
        None with AuthScheme=None."""
        return self._run(lambda: self._handle.text("apilink_token_text", capacity=4096))

    @property
    def token_type(self) -> str | None:
        """The type of the current access token, usually "Bearer"."""
        return self._text("apilink_token_type")

    @property
    def token_scope(self) -> str | None:
        """The scope of the current access token, as the service sent it."""
        return self._text("apilink_token_scope")

    @property
    def token_expiry(self) -> datetime.datetime | None:
        """When the current access token expires, in UTC; None when the service did not say."""
        expiry = c_int64()
        call = self._handle.call
        code = self._exclusive(lambda: call("apilink_token_expiry", byref(expiry)))
        if code == NO_DATA:
            return None
        return datetime.datetime.fromtimestamp(expiry.value, datetime.timezone.utc)

    def refresh(self) -> None:
        """Refreshes the access token now, whatever its age, and stores the new one."""
        self._wait(lambda: self._handle.call("apilink_token_refresh"))

    def revoke(self) -> None:
        """Revokes the access token at the service, removes the tokens from their store, and
        disconnects."""
        self._wait(lambda: self._handle.call("apilink_token_revoke"))

    # ---- logins on another machine ---------------------------------------------------------

    def authorization_url(self, state: str | None = None) -> str:
        """The URL at which a person authorizes the application, for a login elsewhere. While
        connect() waits for a login on another thread, and without a state, it is the URL that it
        waits for.

        state: the application's own value; without it, the property State or a random one.
        """
        name = "apilink_authorization_url"
        arguments = (*text_argument(self._string), *text_argument(state))
        # Large enough for every URL: asking again would make another state.
        url = self._beside(lambda: self._handle.text(name, *arguments, capacity=65536))
        return url or ""

    @property
    def authorization_state(self) -> str | None:
        """The state of the last authorization_url(), to be compared with that of the redirect."""
        return self._beside(lambda: self._handle.text("apilink_authorization_state"))

    @property
    def pkce_verifier(self) -> str | None:
        """The PKCE verifier of the last authorization_url(), to be given as PKCEVerifier where
        another process exchanges the code. None where the service does not use PKCE."""
        return self._beside(lambda: self._handle.text("apilink_authorization_pkce_verifier"))

    def exchange(self, code: str) -> None:
        """Exchanges an authorization code for tokens and stores them; then connect().

        code: the code, or the whole URL that the browser was redirected to.
        """
        arguments = (*text_argument(self._string), *text_argument(code))
        self._wait(lambda: self._handle.call("apilink_authorization_exchange", *arguments))

    # ---- requests --------------------------------------------------------------------------

    def prepare(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        json: Any = None,
        data: Body | None = None,
        file: Path | None = None,
        length: int | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
        signed: bool = False,
        **query: Any,
    ) -> Request:
        """Prepares a request, to execute it later or to cancel it from another thread.

        path: below the API's base, such as "matters/17"; or an absolute path or URL of the same
            service.
        params, query: the query. Keywords are parameters too; ``params`` takes those that are no
            Python names, such as {"ids[]": [1, 2]}. None is left out, a list repeats its name
            (that of fields is joined by commas), and a time must have a time zone. A keyword that
            is nearly one of these here is refused as misspelt; ``params`` takes it.
        headers: further headers: a mapping, or pairs of name and value where names repeat.
        json: a body, written as JSON.
        data: a body: bytes or text, a binary file, or pieces of bytes out of an iterable. A file
            or iterable is read once, while it is sent, and maybe on another thread.
        file: the path of a file to send as body.
        length: the number of bytes of ``data``, if it is an iterable and that is known.
        content_type: of the body. Default: application/json for json, bytes and text; else
            application/octet-stream.
        timeout: seconds, in place of the connection's.
        signed: path is a URL that the service handed out for one purpose, such as ``put_url`` of
            a document version. The token is not sent there.
        """
        request = self._exclusive(lambda: Request(self, self._handle))
        request._refuse_misspelt(query)
        request._prepare(method, path, signed)
        request._add_query(params, query)
        request._add_headers(headers)
        request._set_body(json, data, file, length, content_type)
        if timeout is not None:
            request._handle.call("apilink_request_set_timeout", seconds(timeout))
        return request

    def request(
        self,
        method: str,
        path: str,
        *,
        fields: Fields | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        json: Any = None,
        data: Body | None = None,
        file: Path | None = None,
        length: int | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
        signed: bool = False,
        **query: Any,
    ) -> Response:
        """Makes a request and returns the response, whatever its status.

        fields: what to send of each record: "id,client{name}", or a list of these.
        The other keywords are those of prepare().
        """
        return self.prepare(
            method,
            path,
            params=params,
            headers=headers,
            json=json,
            data=data,
            file=file,
            length=length,
            content_type=content_type,
            timeout=timeout,
            signed=signed,
            fields=fields,
            **query,
        ).execute()

    def get(
        self,
        path: str,
        *,
        fields: Fields | None = None,
        order: str | None = None,
        limit: int | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        **query: Any,
    ) -> Response:
        """Reads, and returns the response, whatever its status.

        path: such as "matters/17"; see prepare().
        fields: what to send of each record: "id,client{name}", or a list of these.
        order: the order of a list, such as "id(asc)".
        limit: the most records of a list that one response holds.
        params, query: further parameters of the query, such as status="open"; see prepare().
        headers: further headers.
        timeout: seconds, in place of the connection's.
        """
        return self.request(
            "GET",
            path,
            fields=fields,
            order=order,
            limit=limit,
            params=params,
            headers=headers,
            timeout=timeout,
            **query,
        )

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        data: Body | None = None,
        file: Path | None = None,
        length: int | None = None,
        content_type: str | None = None,
        fields: Fields | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        signed: bool = False,
        **query: Any,
    ) -> Response:
        """Creates, and returns the response, whatever its status.

        json: the body, written as JSON; Clio wants {"data": {...}}.
        fields: what to send back of the record: "id,etag", or a list of these.
        The other keywords are those of prepare().
        """
        return self.request(
            "POST",
            path,
            json=json,
            data=data,
            file=file,
            length=length,
            content_type=content_type,
            fields=fields,
            params=params,
            headers=headers,
            timeout=timeout,
            signed=signed,
            **query,
        )

    def patch(
        self,
        path: str,
        *,
        json: Any = None,
        data: Body | None = None,
        file: Path | None = None,
        length: int | None = None,
        content_type: str | None = None,
        fields: Fields | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        signed: bool = False,
        **query: Any,
    ) -> Response:
        """Changes, and returns the response, whatever its status.

        json: the body, written as JSON; Clio wants {"data": {...}}.
        fields: what to send back of the record: "id,etag", or a list of these.
        The other keywords are those of prepare().
        """
        return self.request(
            "PATCH",
            path,
            json=json,
            data=data,
            file=file,
            length=length,
            content_type=content_type,
            fields=fields,
            params=params,
            headers=headers,
            timeout=timeout,
            signed=signed,
            **query,
        )

    def put(
        self,
        path: str,
        *,
        json: Any = None,
        data: Body | None = None,
        file: Path | None = None,
        length: int | None = None,
        content_type: str | None = None,
        fields: Fields | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        signed: bool = False,
        **query: Any,
    ) -> Response:
        """Uploads, and returns the response, whatever its status.

        json: the body, written as JSON; Clio wants {"data": {...}}.
        fields: what to send back of the record: "id,etag", or a list of these.
        The other keywords are those of prepare().
        """
        return self.request(
            "PUT",
            path,
            json=json,
            data=data,
            file=file,
            length=length,
            content_type=content_type,
            fields=fields,
            params=params,
            headers=headers,
            timeout=timeout,
            signed=signed,
            **query,
        )

    def delete(
        self,
        path: str,
        *,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        **query: Any,
    ) -> Response:
        """Deletes, and returns the response, whatever its status. The keywords are those of
        prepare()."""
        return self.request(
            "DELETE", path, params=params, headers=headers, timeout=timeout, **query
        )

    def pages(
        self,
        path: str,
        *,
        fields: Fields | None = None,
        order: str | None = None,
        limit: int | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        **query: Any,
    ) -> Iterator[Response]:
        """The pages of a list, fetched one by one. The keywords are those of get(); with Clio,
        order="id(asc)" lists without an upper end. Raises HttpError where a page has a status of
        400 or more."""
        request = self.prepare(
            "GET",
            path,
            params=params,
            headers=headers,
            timeout=timeout,
            fields=fields,
            order=order,
            limit=limit,
            **query,
        )
        page: Response | None = request.execute()
        while page is not None:
            page.raise_for_status()
            yield page
            page = request.next_page(page)

    def records(
        self,
        path: str,
        *,
        fields: Fields | None = None,
        order: str | None = None,
        limit: int | None = None,
        params: Params | None = None,
        headers: HeaderFields | None = None,
        timeout: float | None = None,
        **query: Any,
    ) -> Iterator[dict[str, Any]]:
        """The records of a list, over all its pages: see pages(). ``limit`` is the size of a page,
        not the number of records; itertools.islice() ends early."""
        pages = self.pages(
            path,
            fields=fields,
            order=order,
            limit=limit,
            params=params,
            headers=headers,
            timeout=timeout,
            **query,
        )
        for page in pages:
            document = page.json()
            records = document.get("data") if isinstance(document, dict) else None
            if not isinstance(records, list):
                raise TypeError(f"{path} is not a list: its reply has no array \"data\"")
            yield from records

    # ---- the ways to make a call -----------------------------------------------------------

    def _exclusive(self, call: Callable[[], T]) -> T:
        """A call whose diagnostic records no other thread replaces before they are read."""
        self._handle.token  # in a forked child, the lock may be held by a thread that is gone
        with self._lock:
            return call()

    def _beside(self, call: Callable[[], T]) -> T:
        """A call that does not wait for connect(), and for others as _exclusive()."""
        self._handle.token
        while not self._is_connecting:
            if self._lock.acquire(timeout=_TICK):
                try:
                    return call()
                finally:
                    self._lock.release()
        return call()

    def _run(self, call: Callable[[], T]) -> T:
        return interruptible(lambda: self._exclusive(call), self.cancel)

    def _text(self, function: str) -> str | None:
        return self._exclusive(lambda: self._handle.text(function))

    def _wait(self, call: Callable[[], int]) -> None:
        def warnings_of_call() -> tuple[Diagnostic, ...]:
            return self._handle.records() if call() == SUCCESS_WITH_INFO else ()

        self.warnings = self._run(warnings_of_call)
        for warning in self.warnings:
            warnings.warn(str(warning), ApilinkWarning, stacklevel=_callers_level())


def seconds(timeout: float) -> int:
    """Whole seconds, rounded up so that a short time does not become no limit."""
    return math.ceil(timeout)


def _callers_level() -> int:
    """How many frames above the caller of this function the program's own code is."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
        level += 1
    return level

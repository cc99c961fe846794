"""Requests: what to send, and sending it."""

from __future__ import annotations

import datetime
import difflib
import io
import json as json_module
import os
from typing import IO, TYPE_CHECKING, Any, Iterable, Iterator, Mapping, Sequence, Tuple, Union

from . import _callbacks
from ._callbacks import Registration
from ._handle import Handle, interruptible, text_argument
from ._library import NO_DATA, SUCCESS_WITH_INFO, Path
from ._response import Response

if TYPE_CHECKING:
    from ._connection import Connection

Pairs = Iterable[Tuple[str, Any]]
Params = Union[Mapping[str, Any], Pairs]
HeaderFields = Union[Mapping[str, str], Iterable[Tuple[str, str]]]
Fields = Union[str, Sequence[str]]
Body = Union[bytes, bytearray, memoryview, str, IO[bytes], Iterable[bytes]]

_PIECE = 65536

# What is nearly one of these is taken for it, misspelt: the service ignores parameters that it does
# not know. Clio has no parameter that is nearly one of them.
_KEYWORDS = ("fields", "headers", "length", "limit", "order", "params", "signed", "timeout")
_NEAR = 0.8


class Request:
    """A request that was prepared with Connection.prepare(). It runs one call at a time."""

    def __init__(self, connection: Connection, owner: Handle) -> None:
        self._connection = connection

        def make(place: object) -> int:
            return owner.call("apilink_request_new", place)

        self._handle = Handle(owner.library, "request", make)
        self._what = ""
        self._body: _callbacks.Body | None = None
        self._registration: Registration | None = None

    def __repr__(self) -> str:
        return f"<Request {self._what}>"

    def execute(self) -> Response:
        """Sends the request and waits for the reply. It can be executed again, unless its body
        was read from a file object or an iterable.

        A reply with a status of 400 or more is a response too: see Response.raise_for_status().
        Raises ApilinkError where there is no reply, and whatever the iterable raised.
        """
        response = self._fetch("apilink_request_execute")
        assert response is not None
        return response

    def next_page(self, page: Response) -> Response | None:
        """The page of a list that follows another one, or None after the last."""
        return self._fetch("apilink_request_next_page", page._handle.token)

    def cancel(self) -> None:
        """Cancels what runs on the request now, the reading of its responses included, from any
        thread. That call raises Cancelled."""
        self._handle.try_call("apilink_request_cancel")

    def close(self) -> None:
        """Ends the request, and cancels what runs on it. Its responses stay."""
        self._handle.close()

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _fetch(self, function: str, *arguments: object) -> Response | None:
        def make(place: object) -> int:
            return self._handle.call(function, *arguments, place)

        def call() -> Response | None:
            handle = Handle(self._handle.library, "response", make)
            if handle.code == NO_DATA:
                return None
            records = self._handle.records() if handle.code == SUCCESS_WITH_INFO else ()
            return Response(self, handle, records)

        try:
            return interruptible(call, self.cancel)
        except Exception:
            if self._body is not None and self._body.error is not None:
                raise self._body.error from None
            raise

    # ---- what to send ----------------------------------------------------------------------

    def _prepare(self, method: str, path: str, signed: bool) -> None:
        name = "apilink_request_prepare_signed" if signed else "apilink_request_prepare"
        self._handle.call(name, *text_argument(method.upper()), *text_argument(path))
        # A query, and every part of a URL, may hold secrets.
        is_url = signed or ":" in path
        self._what = f"{method.upper()} {'to a URL' if is_url else path.partition('?')[0]}"

    @staticmethod
    def _refuse_misspelt(query: Mapping[str, Any]) -> None:
        for name in query:
            for meant in difflib.get_close_matches(name, _KEYWORDS, 1, _NEAR):
                if name != meant:
                    raise TypeError(
                        f"{name} is not a keyword: did you mean {meant}? A parameter of the query "
                        f"that has this name is given as params={{{name!r}: ...}}"
                    )

    def _add_query(self, *sources: Params | None) -> None:
        for source in sources:
            for name, value in _pairs(source):
                for text in _query_values(name, value):
                    arguments = (*text_argument(name), *text_argument(text))
                    self._handle.call("apilink_request_add_query", *arguments)

    def _add_headers(self, headers: HeaderFields | None) -> None:
        for name, value in _pairs(headers):
            arguments = (*text_argument(name), *text_argument(value))
            self._handle.call("apilink_request_add_header", *arguments)

    def _set_body(
        self,
        json: Any,
        data: Body | None,
        file: Path | None,
        length: int | None,
        content_type: str | None,
    ) -> None:
        if sum(body is not None for body in (json, data, file)) > 1:
            raise TypeError("A request has one body: give one of json, data and file")
        kind = text_argument(content_type)
        if json is not None:
            self._set_bytes(json_module.dumps(json, allow_nan=False).encode(), kind)
        elif file is not None:
            path = text_argument(os.fspath(file))
            self._handle.call("apilink_request_set_body_file", *path, *kind)
        elif isinstance(data, str):
            self._set_bytes(data.encode(), kind)
        elif isinstance(data, (bytes, bytearray, memoryview)):
            self._set_bytes(bytes(data), kind)
        elif data is not None:
            self._set_pieces(data, length, kind)

    def _set_bytes(self, data: bytes, kind: tuple[bytes | None, int]) -> None:
        self._handle.call("apilink_request_set_body", data, len(data), *kind)

    def _set_pieces(
        self, data: IO[bytes] | Iterable[bytes], length: int | None, kind: tuple[bytes | None, int]
    ) -> None:
        if isinstance(data, Mapping):
            raise TypeError("data is a mapping; give it as json, or encode it as text")
        read = getattr(data, "read", None)
        if read is not None:
            length = _rest_of(data) if length is None else length
        pieces = iter(data) if read is None else _pieces_of(read)
        self._body = _callbacks.Body(pieces)
        self._registration = Registration(self._body)
        total = -1 if length is None else length
        arguments = (_callbacks.on_read, self._registration.number, total, *kind)
        self._handle.call("apilink_request_set_body_callback", *arguments)


def _pairs(source: Mapping[str, Any] | Pairs | None) -> Pairs:
    if source is None:
        return ()
    return source.items() if isinstance(source, Mapping) else source


def _query_values(name: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = [text for one in value for text in _query_values(name, one)]
        if name == "fields" and texts:
            # The service takes one list of them, where other parameters are repeated.
            yield ",".join(texts)
        else:
            yield from texts
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError(f"The time for {name} has no time zone")
        yield value.isoformat()
    elif isinstance(value, datetime.date):
        yield value.isoformat()
    elif isinstance(value, (str, int, float)):
        yield str(value)
    else:
        raise TypeError(f"The value for {name} is of {type(value)}")


def _pieces_of(read: Any) -> Iterator[bytes]:
    while True:
        piece = read(_PIECE)
        if not piece:
            return
        yield piece


def _rest_of(file: Any) -> int | None:
    """How many bytes of a file are still to be read, if it can tell."""
    try:
        here: int = file.tell()
        end: int = file.seek(0, io.SEEK_END)
        file.seek(here)
    except (AttributeError, OSError, ValueError):
        return None
    return end - here

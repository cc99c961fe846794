"""Responses: status, headers, and the body in all its forms."""

from __future__ import annotations

import ctypes
import email.message
import json
import os
from ctypes import byref, c_int32, c_int64, c_void_p
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping

from ._errors import Diagnostic, HttpError
from ._handle import Handle, T, interruptible, read_text, text_argument
from ._library import NO_DATA, Path

if TYPE_CHECKING:
    from ._request import Request

_PIECE = 65536


class Headers(Mapping[str, str]):
    """Headers by name, without regard to case. Repeated ones are joined by ", "; get_all() has
    them one by one."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self._values)})"

    def get_all(self, name: str) -> list[str]:
        """All values of a header, in the order in which they were sent."""
        return list(self._values.get(name.lower(), ()))


class Response:
    """A reply. It can be read after the connection was closed as far as it has arrived.

    Its body is read whole (content, text, json()), in pieces (iter_content()) or into a file
    (save()). A response that is closed, or collected, with its body unread ends the transfer.
    """

    def __init__(
        self, request: Request, handle: Handle, diagnostics: tuple[Diagnostic, ...]
    ) -> None:
        self._request = request
        self._handle = handle
        self._headers: Headers | None = None
        self._content: bytes | None = None
        self.diagnostics = diagnostics
        """Records of the call. Where the status is 400 or more, the first one holds the service's
        own error type and message; others are warnings."""
        status = c_int32()
        handle.call("apilink_response_status", byref(status))
        self.status = status.value
        """The HTTP status."""

    def __repr__(self) -> str:
        return f"<Response {self.status}>"

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    def raise_for_status(self) -> Response:
        """Returns the response, or raises HttpError if its status is 400 or more."""
        if not self.ok:
            records = self.diagnostics or (Diagnostic("HY000", self.status, f"HTTP {self.status}"),)
            raise HttpError(records, self)
        return self

    @property
    def headers(self) -> Headers:
        """The headers."""
        if self._headers is None:
            count = c_int32()
            self._handle.call("apilink_response_header_count", byref(count))
            self._headers = Headers([self._header(index) for index in range(count.value)])
        return self._headers

    def _header(self, index: int) -> tuple[str, str]:
        call = self._handle.call
        nothing = (None, 0, None)

        def name(*out: object) -> int:
            return call("apilink_response_header_at", index, *out, *nothing)

        def value(*out: object) -> int:
            return call("apilink_response_header_at", index, *nothing, *out)

        return read_text(name, 256) or "", read_text(value, 1024) or ""

    @property
    def content(self) -> bytes:
        """The whole body, read to its end first."""
        if self._content is None:
            self._content = self._run(self._read_all)
        return self._content

    def _read_all(self) -> bytes:
        data = c_void_p()
        length = c_int64()
        self._handle.call("apilink_response_body", byref(data), byref(length))
        return ctypes.string_at(data.value or 0, length.value)

    @property
    def text(self) -> str:
        """The whole body as text, in the character set that the content type names, or UTF-8."""
        message = email.message.Message()
        message["content-type"] = self.headers.get("content-type", "")
        charset = message.get_content_charset("utf-8")
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The whole body as JSON. Raises ValueError if it is something else."""
        return json.loads(self.content)

    def iter_content(self, chunk_size: int = _PIECE) -> Iterator[bytes]:
        """The body in pieces of at most ``chunk_size`` and 65,536 bytes, as they arrive, without
        holding all of it."""
        buffer = ctypes.create_string_buffer(min(chunk_size, _PIECE))
        while True:
            piece = self._run(lambda: self._read(buffer))
            if not piece:
                return
            yield piece

    def _read(self, buffer: ctypes.Array[ctypes.c_char]) -> bytes:
        length = c_int64()
        arguments = (buffer, len(buffer), byref(length))
        if self._handle.call("apilink_response_read", *arguments) == NO_DATA:
            return b""
        return ctypes.string_at(buffer, length.value)

    def save(self, path: Path) -> int:
        """Writes the rest of the body to a file and returns the number of bytes. The file appears
        under its name only when it is complete; an existing one is replaced then."""
        written = c_int64()
        place = text_argument(os.fspath(path))
        self._run(lambda: self._handle.call("apilink_response_save", *place, byref(written)))
        return written.value

    def close(self) -> None:
        """Ends the response, and the transfer if the body has not been read to its end."""
        self._handle.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, call: Callable[[], T]) -> T:
        return interruptible(call, self._request.cancel)

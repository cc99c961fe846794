"""Callbacks from the library.

C gets three functions that live as long as the process, and a number for each Python object that
is to be called. A call that comes late, when the object is gone, finds nothing, and does no harm.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import threading
import weakref
from typing import Any, Callable, Iterator, Union

from ._library import AuthorizeCallback, LogCallback, ReadCallback

LogTarget = Union[logging.Logger, Callable[[int, str], object]]
"""Where log lines go: a logger, or a function of the level (1 to 5) and the line."""

_registrations: weakref.WeakValueDictionary[int, Registration] = weakref.WeakValueDictionary()
_numbers = itertools.count(1)
_thread = threading.local()

_LEVELS = {1: logging.INFO, 2: logging.INFO}


class Registration:
    """A number for a Python object, as long as this lives."""

    def __init__(self, target: object) -> None:
        self.number = next(_numbers)
        self.target = target
        _registrations[self.number] = self


def _target(number: int | None) -> Any:
    registration = _registrations.get(number or 0)
    return None if registration is None else registration.target


def is_restricted() -> bool:
    """Whether this thread is in a callback that may call nothing but cancel()."""
    return getattr(_thread, "restricted", False)


class Authorize:
    """Shows the authorization URL through a function of the program."""

    def __init__(self, show: Callable[[str], object]) -> None:
        self._show = show
        self.error: BaseException | None = None

    def __call__(self, url: str) -> bool:
        """Whether to wait for the login."""
        self.error = None
        try:
            return self._show(url) is not False
        except BaseException as error:  # raised again where the connection is made
            self.error = error
            return False


class Body:
    """Delivers a request body out of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def read(self, capacity: int) -> bytes:
        """At least one byte, unless the body has come to its end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece).cast("B")
        taken, self._rest = self._rest[:capacity], self._rest[capacity:]
        return bytes(taken)


def _log(number: int | None, level: int, line: int, length: int) -> None:
    target = _target(number)
    if target is None:
        return
    text = ctypes.string_at(line, length).decode("utf-8", "replace")
    _thread.restricted = True
    try:
        if isinstance(target, logging.Logger):
            # A logger writes the time and the level by itself.
            *_, module, message = text.split("\t", 3)
            target.log(_LEVELS.get(level, logging.DEBUG), "%s %s", module, message)
        else:
            target(level, text)
    finally:
        _thread.restricted = False


def _authorize(number: int | None, url: int, length: int) -> int:
    target = _target(number)
    if not isinstance(target, Authorize):
        return 1
    _thread.restricted = True
    try:
        return 0 if target(ctypes.string_at(url, length).decode()) else 1
    finally:
        _thread.restricted = False


def _read(number: int | None, buffer: int, capacity: int) -> int:
    body = _target(number)
    if not isinstance(body, Body):
        return -1
    try:
        data = body.read(capacity)
    except BaseException as error:  # raised again where the request is executed
        body.error = error
        return -1
    ctypes.memmove(buffer, data, len(data))
    return len(data)


on_log = LogCallback(_log)
on_authorize = AuthorizeCallback(_authorize)
on_read = ReadCallback(_read)

# The machine code behind these must outlive every thread of the library, which this interpreter's
# own clearing up does not wait for.
for _function in (on_log, on_authorize, on_read):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_function))

"""Handles of the library: calls on them, their diagnostic records, and their end."""

from __future__ import annotations

import atexit
import collections
import contextvars
import ctypes
import os
import threading
import time
import weakref
from ctypes import byref, c_int32, c_int64, c_void_p
from typing import Any, Callable, TypeVar

from ._callbacks import is_restricted
from ._errors import Cancelled, Diagnostic, closed, error_of
from ._library import ERROR, INVALID_HANDLE, SUCCESS, SUCCESS_WITH_INFO, Library

T = TypeVar("T")

# How often a call on the main thread looks for Ctrl-C, in seconds: on Windows a lock does not
# wake up by itself.
_TICK = 0.1

# How long the end of the process waits for calls of other threads that were cancelled, in seconds.
_PATIENCE = 2.0

# The function that frees it, for each handle of this process. No token is ever used twice.
_open: dict[int, Callable[[int], int]] = {}

# Handles to be freed that were collected within a callback, where that is not allowed.
_deferred: collections.deque[int] = collections.deque()

# One entry for each call that is in the library now; appending and popping need no lock.
_running: collections.deque[None] = collections.deque()


class Handle:
    """A handle, freed once: by close(), or when it is collected, or at the end of the process."""

    def __init__(self, library: Library, kind: str, make: Callable[[Any], int]) -> None:
        """Takes the handle that ``make`` writes to the pointer it is given, if it makes one."""
        forbid_in_callbacks()
        token = c_void_p()
        self.code = make(byref(token))
        """What ``make`` returned."""
        self.library = library
        self.kind = kind
        self._token = token.value or 0
        if self._token:
            _open[self._token] = getattr(library.functions, f"apilink_{kind}_free")
        weakref.finalize(self, _free, self._token).atexit = False

    @property
    def is_open(self) -> bool:
        """Whether it has not been freed, and is of this process."""
        return self._token in _open

    @property
    def token(self) -> int:
        """What stands for the handle in C."""
        if not self.is_open:
            raise closed(self.kind)
        return self._token

    def close(self) -> None:
        """Frees it. Calls that run on it are cancelled."""
        _free(self._token)

    def call(self, function: str, *arguments: object) -> int:
        """Calls a function on the handle and returns its code, unless that is an error."""
        forbid_in_callbacks()
        token = self.token
        _running.append(None)
        try:
            code: int = getattr(self.library.functions, function)(token, *arguments)
        finally:
            _running.pop()
        self.check(code)
        return code

    def check(self, code: int) -> None:
        """Raises what a code says."""
        if code == INVALID_HANDLE:
            raise closed(self.kind)
        if code == ERROR:
            records = self.records()
            if not records and not self.is_open:
                text = f"The {self.kind} was closed while a call ran on it."
                raise Cancelled([Diagnostic("HY008", 0, text)])
            raise error_of(records)

    def try_call(self, function: str) -> None:
        """Calls a function that may come too late without harm, from wherever it is called."""
        if self.is_open:
            getattr(self.library.functions, function)(self._token)

    def records(self) -> tuple[Diagnostic, ...]:
        """The diagnostic records of the last call."""
        count = c_int32()
        functions = self.library.functions
        if functions.apilink_diagnostic_count(self._token, byref(count)) < 0:
            return ()
        records = (self._record(number) for number in range(1, count.value + 1))
        return tuple(record for record in records if record is not None)

    def _record(self, number: int) -> Diagnostic | None:
        sqlstate = ctypes.create_string_buffer(6)
        native = c_int32()

        def get(*out: object) -> int:
            function = self.library.functions.apilink_diagnostic_get
            code: int = function(self._token, number, sqlstate, byref(native), *out)
            return code

        message = read_text(get, 1024)
        if message is None:
            return None
        return Diagnostic(sqlstate.value.decode(), native.value, message)

    def text(self, function: str, *arguments: object, capacity: int = 1024) -> str | None:
        """Text that a function writes into a buffer, or None if there is none."""
        return read_text(lambda *out: self.call(function, *arguments, *out), capacity)


def forbid_in_callbacks() -> None:
    """Raises within a callback in which the library must not be called."""
    if is_restricted():
        raise RuntimeError("A log or authorize callback may call nothing of apilink but cancel()")


def read_text(get: Callable[..., int], capacity: int) -> str | None:
    """Text from a function of buffer, capacity and length; None if that has none to give."""
    while True:
        buffer = ctypes.create_string_buffer(capacity)
        length = c_int64()
        code = get(buffer, capacity, byref(length))
        if code not in (SUCCESS, SUCCESS_WITH_INFO):
            return None
        if length.value < capacity:
            return ctypes.string_at(buffer, length.value).decode("utf-8", "replace")
        capacity = length.value + 1


def text_argument(text: str | None) -> tuple[bytes | None, int]:
    """Text and its length as C takes them."""
    if text is None:
        return None, 0
    data = text.encode()
    return data, len(data)


def interruptible(call: Callable[[], T], cancel: Callable[[], object]) -> T:
    """Makes a call that waits for the network so that Ctrl-C ends it.

    Python runs signal handlers on the main thread only, and not while that is in C. There, the
    call is made on a thread of its own, and cancelled when a handler raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    result: list[T] = []
    errors: list[BaseException] = []
    finished = threading.Lock()
    finished.acquire()

    def work() -> None:
        try:
            result.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            finished.release()

    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(work,), name="apilink call", daemon=True)
    try:
        worker.start()
        while not finished.acquire(timeout=_TICK):
            pass
    except BaseException as error:
        if worker.ident is None and isinstance(error, RuntimeError):
            return call()  # there are no new threads at the end of the process
        # Again and again, since the call may not have begun. A second Ctrl-C gives up waiting.
        cancel()
        while worker.is_alive() and not finished.acquire(timeout=_TICK / 2):
            cancel()
        raise
    if errors:
        raise errors.pop()
    return result.pop()


def _free(token: int) -> None:
    _deferred.append(token)
    while not is_restricted():
        try:
            token = _deferred.popleft()
        except IndexError:
            return
        free = _open.pop(token, None)
        if free is not None:
            free(token)


def _end() -> None:
    """Frees what is still open at the end of the process, and waits for the calls of other threads
    to return: a thread that calls Python when the interpreter has ended would abort the process.
    """
    for token in list(_open):
        _free(token)
    end = time.monotonic() + _PATIENCE
    while _running and time.monotonic() < end:
        time.sleep(0.005)


def _forget() -> None:
    """Leaves the handles of the parent process alone in a forked child."""
    _open.clear()
    _deferred.clear()
    _running.clear()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

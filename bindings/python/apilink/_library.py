"""Finding and loading libapilink, and the signatures of its functions."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pathlib
import sys
import threading
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_void_p
from typing import Iterator, Union

from ._errors import LibraryError

ABI_VERSION = 1
VARIABLE = "APILINK_LIBRARY"

SUCCESS = 0
SUCCESS_WITH_INFO = 1
NO_DATA = 100
ERROR = -1
INVALID_HANDLE = -2

LogCallback = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_void_p, c_int64)
AuthorizeCallback = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_int64)
ReadCallback = ctypes.CFUNCTYPE(c_int64, c_void_p, c_void_p, c_int64)

_HANDLE = c_void_p
_NEW = POINTER(c_void_p)
_IN = (c_char_p, c_int64)
_OUT = (c_char_p, c_int64, POINTER(c_int64))
_INT32 = POINTER(c_int32)
_INT64 = POINTER(c_int64)

# The functions of include/apilink.h that are used here; all return int32_t.
# tests/e2e/test_python_binding.py compares them with the header.
SIGNATURES: dict[str, tuple[object, ...]] = {
    "apilink_diagnostic_count": (_HANDLE, _INT32),
    "apilink_diagnostic_get": (_HANDLE, c_int32, c_char_p, _INT32, *_OUT),
    "apilink_connection_new": (_NEW,),
    "apilink_connection_free": (_HANDLE,),
    "apilink_connection_set_timeout": (_HANDLE, c_int64),
    "apilink_connection_set_login_timeout": (_HANDLE, c_int64),
    "apilink_connection_set_log_callback": (_HANDLE, c_int32, LogCallback, c_void_p),
    "apilink_connection_set_authorize_callback": (_HANDLE, AuthorizeCallback, c_void_p),
    "apilink_connection_connect": (_HANDLE, *_IN),
    "apilink_connection_is_connected": (_HANDLE, _INT32),
    "apilink_connection_disconnect": (_HANDLE,),
    "apilink_connection_cancel": (_HANDLE,),
    "apilink_token_text": (_HANDLE, *_OUT),
    "apilink_token_type": (_HANDLE, *_OUT),
    "apilink_token_expiry": (_HANDLE, _INT64),
    "apilink_token_scope": (_HANDLE, *_OUT),
    "apilink_token_refresh": (_HANDLE,),
    "apilink_token_revoke": (_HANDLE,),
    "apilink_authorization_url": (_HANDLE, *_IN, *_IN, *_OUT),
    "apilink_authorization_state": (_HANDLE, *_OUT),
    "apilink_authorization_pkce_verifier": (_HANDLE, *_OUT),
    "apilink_authorization_exchange": (_HANDLE, *_IN, *_IN),
    "apilink_request_new": (_HANDLE, _NEW),
    "apilink_request_free": (_HANDLE,),
    "apilink_request_prepare": (_HANDLE, *_IN, *_IN),
    "apilink_request_prepare_signed": (_HANDLE, *_IN, *_IN),
    "apilink_request_add_query": (_HANDLE, *_IN, *_IN),
    "apilink_request_add_header": (_HANDLE, *_IN, *_IN),
    "apilink_request_set_body": (_HANDLE, c_void_p, c_int64, *_IN),
    "apilink_request_set_body_file": (_HANDLE, *_IN, *_IN),
    "apilink_request_set_body_callback": (_HANDLE, ReadCallback, c_void_p, c_int64, *_IN),
    "apilink_request_set_timeout": (_HANDLE, c_int64),
    "apilink_request_execute": (_HANDLE, _NEW),
    "apilink_request_next_page": (_HANDLE, _HANDLE, _NEW),
    "apilink_request_cancel": (_HANDLE,),
    "apilink_response_free": (_HANDLE,),
    "apilink_response_status": (_HANDLE, _INT32),
    "apilink_response_header_count": (_HANDLE, _INT32),
    "apilink_response_header_at": (_HANDLE, c_int32, *_OUT, *_OUT),
    "apilink_response_body": (_HANDLE, POINTER(c_void_p), _INT64),
    "apilink_response_read": (_HANDLE, c_void_p, c_int64, _INT64),
    "apilink_response_save": (_HANDLE, *_IN, _INT64),
}

Path = Union[str, "os.PathLike[str]"]


class Library:
    """A loaded libapilink with the binary interface that this package is written for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.functions = ctypes.CDLL(path)
        try:
            self._check_version()
            for name, arguments in SIGNATURES.items():
                self._declare(name, arguments, c_int32)
        except AttributeError as error:
            raise LibraryError(f"{path} is not libapilink, or an older one: {error}") from None

    def _declare(self, name: str, arguments: tuple[object, ...], result: object) -> None:
        function = getattr(self.functions, name)
        function.argtypes = arguments
        function.restype = result

    def _check_version(self) -> None:
        self._declare("apilink_version", (), c_char_p)
        self._declare("apilink_abi_version", (), c_int32)
        abi_version = int(self.functions.apilink_abi_version())
        if abi_version != ABI_VERSION:
            raise LibraryError(
                f"{self.path} is version {self.version} with binary interface {abi_version}; this "
                f"package needs binary interface {ABI_VERSION}. Install the two of one release."
            )

    @property
    def version(self) -> str:
        """The version of the library, such as "0.1.0"."""
        return bytes(self.functions.apilink_version()).decode()


_lock = threading.Lock()
_loaded: Library | None = None


def load(path: Path | None = None) -> str:
    """Loads libapilink, and returns the path or name that it was loaded by.

    There is no need to call it unless the library stands at a place of its own: the first
    connection loads the library. ``path`` is the library or the directory that holds it. Without
    it, the environment variable APILINK_LIBRARY names either; otherwise the directory of this
    package and the one above are looked into; and at last the system is asked.

    Raises LibraryError, also when another library has been loaded before.
    """
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _find(path)
        elif path is not None and _loaded.path not in _candidates(path):
            raise LibraryError(
                f"{os.fspath(path)} cannot be loaded: this process uses {_loaded.path} already"
            )
        return _loaded.path


def library() -> Library:
    """The library of this process, loaded when it is first needed."""
    if _loaded is None:
        load()
    assert _loaded is not None
    return _loaded


def version() -> str:
    """The version of the library, such as "0.1.0"."""
    return library().version


def _file_names() -> list[str]:
    if sys.platform == "win32":
        return ["apilink.dll"]
    if sys.platform == "darwin":
        return ["libapilink.dylib", "libapilink.0.1.dylib"]
    return ["libapilink.so", "libapilink.so.0.1"]


def _candidates(path: Path) -> list[str]:
    """The files that a path may mean: itself, or those within it if it is a directory."""
    given = pathlib.Path(path).expanduser().absolute()
    return [str(given / name) for name in _file_names()] if given.is_dir() else [str(given)]


def _find(path: Path | None) -> Library:
    told = path if path is not None else os.environ.get(VARIABLE)
    # Who says where the library is does not want another one.
    names = list(_candidates(told)) if told else list(_usual_names())
    tried = []
    for name in names:
        if os.path.isabs(name) and not os.path.exists(name):
            tried.append(f"{name}: there is no such file")
            continue
        try:
            return Library(name)
        except LibraryError as error:
            tried.append(str(error))
        except OSError as error:
            tried.append(f"{name}: {error}")
    raise LibraryError(
        "libapilink cannot be loaded. Give its path to apilink.load(), or in the environment "
        f"variable {VARIABLE}. Tried:\n  " + "\n  ".join(tried)
    )


def _usual_names() -> Iterator[str]:
    here = pathlib.Path(__file__).resolve().parent
    for directory in (here, here.parent):
        yield from (str(directory / name) for name in _file_names())
    found = ctypes.util.find_library("apilink")
    if found:
        yield found
    yield from _file_names()

"""The data of OAuth-protected web services, such as Clio, from Python.

A binding to libapilink: the library holds the token, refreshes it, waits for the rate limit and
repeats what is safe to repeat. See docs/python.md and docs/connection-string.md.
"""

from __future__ import annotations

from ._callbacks import LogTarget
from ._connection import Connection, connect
from ._errors import (
    ApilinkError,
    ApilinkWarning,
    AuthorizationError,
    Cancelled,
    ClosedError,
    ConfigurationError,
    Diagnostic,
    HttpError,
    LibraryError,
    TimedOut,
    TransportError,
)
from ._library import load, version
from ._request import Request
from ._response import Headers, Response

__version__ = "0.1.0"

__all__ = [
    "ApilinkError",
    "ApilinkWarning",
    "AuthorizationError",
    "Cancelled",
    "ClosedError",
    "ConfigurationError",
    "Connection",
    "Diagnostic",
    "Headers",
    "HttpError",
    "LibraryError",
    "LogTarget",
    "Request",
    "Response",
    "TimedOut",
    "TransportError",
    "connect",
    "load",
    "version",
]

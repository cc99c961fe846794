"""What can go wrong, as exceptions that carry the diagnostic records of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Sequence

if TYPE_CHECKING:
    from ._response import Response


class Diagnostic(NamedTuple):
    """A diagnostic record of the library."""

    sqlstate: str
    """Five characters, such as "28000"."""
    native: int
    """The HTTP status (100 to 599), the number of an OAuth error (1001 to 1099), or 0."""
    message: str
    """What happened, to what, and what to do next."""

    def __str__(self) -> str:
        return f"[{self.sqlstate}] {self.message}"


class ApilinkWarning(UserWarning):
    """A call did what was asked, and there is something to know about it."""


class LibraryError(OSError):
    """libapilink was not found, cannot be loaded, or has another binary interface."""


class ApilinkError(Exception):
    """A call failed. The base of all exceptions that come from the library."""

    def __init__(self, records: Sequence[Diagnostic]) -> None:
        super().__init__(tuple(records))
        self.records: tuple[Diagnostic, ...] = tuple(records)
        """All diagnostic records, the most important one first; never empty."""

    @property
    def sqlstate(self) -> str:
        """SQLSTATE of the first record."""
        return self.records[0].sqlstate

    @property
    def native(self) -> int:
        """Native code of the first record: an HTTP status, the number of an OAuth error, or 0."""
        return self.records[0].native

    @property
    def message(self) -> str:
        """Text of the first record."""
        return self.records[0].message

    def __str__(self) -> str:
        return "\n".join(str(record) for record in self.records)


class ConfigurationError(ApilinkError, ValueError):
    """HY024, HY090: a property of the connection string, or an argument, has a wrong value."""


class AuthorizationError(ApilinkError):
    """28000: the service refuses the application or the token, or a login is needed."""


class TransportError(ApilinkError, ConnectionError):
    """08001, 08S01: the service cannot be reached, or the connection to it broke."""


class TimedOut(ApilinkError, TimeoutError):
    """HYT00: time ran out."""


class Cancelled(ApilinkError):
    """HY008: the call was cancelled."""


class ClosedError(ApilinkError):
    """08003, HY010: the object is closed or not connected, or belongs to a parent process."""


class HttpError(ApilinkError):
    """The service answered with a status of 400 or more. Raised by Response.raise_for_status()."""

    def __init__(self, records: Sequence[Diagnostic], response: Response | None = None) -> None:
        super().__init__(records)
        self.response = response
        """The reply; None in a copy that was pickled."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.native

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.records,)


_KINDS: dict[str, type[ApilinkError]] = {
    "HY024": ConfigurationError,
    "HY090": ConfigurationError,
    "28000": AuthorizationError,
    "08001": TransportError,
    "08S01": TransportError,
    "HYT00": TimedOut,
    "HY008": Cancelled,
    "08003": ClosedError,
}


def error_of(records: Sequence[Diagnostic]) -> ApilinkError:
    """The exception for the records of a call that failed."""
    if not records:
        # Only where calls on one handle overlap: its records are those of the last call.
        text = "The call failed; a call of another thread on the same object replaced its records."
        records = [Diagnostic("HY000", 0, text)]
    return _KINDS.get(records[0].sqlstate, ApilinkError)(records)


def closed(what: str) -> ClosedError:
    """The exception for a handle that the library does not know."""
    text = f"The {what} is closed, or was made before this process was forked."
    return ClosedError([Diagnostic("HY010", 0, text)])

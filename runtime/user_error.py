"""Errors shown to the user: a sentence and an exit code (docs/contract.md, section 1)."""

FINE, NO, WRONG_USE, TIMED_OUT, UNREACHABLE = 0, 1, 2, 3, 4
"""Exit codes (docs/contract.md, section 1)."""


class UserError(Exception):
    """A request failed; the message is a sentence with the fix."""

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def first_line(error: Exception) -> str:
    """First line of an error message, cut for a terminal."""
    return (str(error).splitlines() or [type(error).__name__])[0][:500]


class ReportError(ValueError):
    """Invalid report parameters; the message names the allowed ones."""

"""Why a question has no answer, as an exit code and a sentence (contract 1)."""

FINE, NO, WRONG_USE, TIMED_OUT, UNREACHABLE = 0, 1, 2, 3, 4
"""Exit codes (contract 1)."""


class UserError(Exception):
    """The question cannot be answered; the message is a sentence with the fix."""

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def first_line(error: Exception) -> str:
    """What an error says, short enough for a terminal."""
    return (str(error).splitlines() or [type(error).__name__])[0][:500]


class ReportError(ValueError):
    """The report was asked for in a wrong way; the message says what is allowed."""

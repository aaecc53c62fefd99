"""Rules of passwords that Django does not have."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

PASSWORD_CHARS_MAX = 128


class MaximumLengthValidator:
    """Refuses passwords that are too long to be typed by a person, because hashing them costs the server time."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Check a new password. Raises ValidationError."""
        if len(password) > PASSWORD_CHARS_MAX:
            raise ValidationError(
                f"This password is too long. It must contain at most {PASSWORD_CHARS_MAX} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password must contain at most {PASSWORD_CHARS_MAX} characters."

"""Refusals of a sign-in with a provider."""

from control.errors import Refused, Unavailable


class ProviderUnavailable(Unavailable):
    """The provider does not answer as it should; the message is for people, the log has the cause."""


class AnswerRefused(Refused):
    """The answer of a provider proves nothing; the message says why, for the log."""

    told = "The answer could not be used. Start again; if this happens again, tell an administrator."


class NotWaiting(AnswerRefused):
    """No sign-in of this browser waits for the answer."""

    told = "This sign-in took too long, was started in another browser, or was used already. Start again."


class NotSignedIn(AnswerRefused):
    """The person, or the provider, has ended the sign-in there."""

    told = "You were not signed in there. Start again, or sign in another way."

"""Texts of the account pages in the words of the project: those of allauth that say or write something differently.

They take the place of allauth's as a translation from English to English, so no template or form is copied.
"""

from collections.abc import Mapping
from gettext import NullTranslations

from django.utils.translation import trans_real

WORDS: Mapping[str, str] = {
    # Messages of forms; the first one is Django's.
    "Enter a valid email address.": "Enter a valid e-mail address.",
    "You cannot remove your primary email address.": "You cannot remove your primary e-mail address.",
    "You cannot remove your primary email address (%(email)s).": (
        "You cannot remove your primary e-mail address (%(email)s)."
    ),
    "This email address is already associated with this account.": "This account has this e-mail address already.",
    "The email address and/or password you specified are not correct.": "The e-mail address or the password is wrong.",
    "A user is already registered with this email address.": "Another account has this e-mail address.",
    "Incorrect code.": "The code is wrong.",
    "Incorrect password.": "The password is wrong.",
    "Invalid login.": "The sign-in is not valid.",
    "The password reset token was invalid.": "The link to reset the password is not valid.",
    "You cannot add more than %d email addresses.": "You cannot add more than %d e-mail addresses.",
    "Too many failed login attempts. Try again later.": "Too many failed sign-ins. Try again later.",
    "The email address is not assigned to any user account.": "No account has this e-mail address.",
    "Your primary email address must be verified.": "Your primary e-mail address must be verified.",
    "You cannot add an email address to an account protected by two-factor authentication.": (
        "You cannot add an e-mail address to an account with a second factor."
    ),
    "You cannot deactivate two-factor authentication.": "You cannot switch the second factor off.",
    "You cannot generate recovery codes without having two-factor authentication enabled.": (
        "You need a second factor before you can make recovery codes."
    ),
    "You cannot activate two-factor authentication until you have verified your email address.": (
        "Verify your e-mail address before you set up a second factor."
    ),
    "Be patient, you are sending too many requests.": "Too many requests. Wait a moment, then try again.",
    # Fields and buttons.
    "Email": "E-mail",
    "Email address": "E-mail address",
    "Remember Me": "Stay signed in",
    "Login": "Sign-in",
    "Current Password": "Current password",
    "New Password": "New password",
    "New Password (again)": "New password (again)",
    "Enabling passwordless operation allows you to sign in using just this key, but imposes additional requirements "
    "such as biometrics or PIN protection.": (
        "A passkey signs you in without a password. It asks for your fingerprint, your face or a PIN."
    ),
    "Request Code": "Send code",
    "Sign In": "Sign in",
    "Sign Out": "Sign out",
    "Change Password": "Change password",
    "Set Password": "Set password",
    "Reset My Password": "Reset my password",
    "Make Primary": "Make primary",
    "Re-send Verification": "Send the verification again",
    "Add Email": "Add e-mail address",
    "Change Email": "Change e-mail address",
    "Cancel Change": "Cancel the change",
    "Sign Out Other Sessions": "Sign out other sessions",
    "Don't Trust": "Don't trust",
    # Pages.
    "Account Inactive": "Account switched off",
    "This account is inactive.": "This account is switched off.",
    "This account is currently inactive.": "This account is switched off.",
    "Confirm Access": "Confirm that it is you",
    "Please reauthenticate to safeguard your account.": "This protects your account.",
    "Email Verification": "Verify the e-mail address",
    "Enter Email Verification Code": "Enter the code of the e-mail",
    "Use a different email address": "Use another e-mail address",
    "Enter Sign-In Code": "Enter the sign-in code",
    "Password Reset": "Reset the password",
    "Enter Password Reset Code": "Enter the code to reset the password",
    "Email Addresses": "E-mail addresses",
    "Email Address": "E-mail address",
    "The following email addresses are associated with your account:": "Your account has these e-mail addresses:",
    "Add Email Address": "Add an e-mail address",
    "Do you really want to remove the selected email address?": "Remove this e-mail address?",
    "Current email": "Current e-mail address",
    "Your email address is still pending verification.": "Your e-mail address is not verified yet.",
    "Confirm Email Address": "Confirm the e-mail address",
    'Please confirm that <a href="mailto:%(email)s">%(email)s</a> is an email address for user %(user_display)s.': (
        'Confirm that <a href="mailto:%(email)s">%(email)s</a> is an e-mail address of %(user_display)s.'
    ),
    'This email confirmation link expired or is invalid. Please <a href="%(email_url)s">issue a new email confirmation '
    "request</a>.": 'This link has expired or is not valid. <a href="%(email_url)s">Send a new one</a>.',
    "Forgotten your password? Enter your email address below, and we'll send you an email allowing you to reset it.": (
        "Enter your e-mail address. You get an e-mail with a link that resets your password."
    ),
    "Please contact us if you have any trouble resetting your password.": (
        "Ask the person who invited you if this does not work."
    ),
    "We have sent you an email. If you have not received it please check your spam folder. Otherwise contact us if you "
    "do not receive it in a few minutes.": (
        "If an account has this address, an e-mail is on its way. Look into the spam folder too. "
        "Ask the person who invited you if nothing comes within a few minutes."
    ),
    "Bad Token": "The link is not valid",
    "You will receive a special code for a password-free sign-in.": (
        "You get an e-mail with a code that signs you in without a password."
    ),
    "Verify Your Email Address": "Verify your e-mail address",
    "You currently do not have any email address set up. You should really add an email address so you can receive "
    "notifications, reset your password, etc.": (
        "Your account has no e-mail address. Add one, so that you can reset your password and are told about changes."
    ),
    "You are already logged in as %(user_display)s.": "You are signed in as %(user_display)s.",
    "Two-Factor Authentication": "Second factor",
    "Your account is protected by two-factor authentication. Please enter an authenticator code:": (
        "Enter the code of your authenticator app, or a recovery code:"
    ),
    "Authenticator App": "Authenticator app",
    "Authentication using an authenticator app is active.": "An authenticator app is set up.",
    "An authenticator app is not active.": "No authenticator app is set up.",
    "Security Keys": "Security keys",
    "Recovery Codes": "Recovery codes",
    "Activate Authenticator App": "Set up an authenticator app",
    "To protect your account with two-factor authentication, scan the QR code below with your authenticator app. Then, "
    "input the verification code generated by the app below.": (
        "Scan the QR code with your authenticator app. Then enter the code that the app shows."
    ),
    "Deactivate Authenticator App": "Remove the authenticator app",
    "You are about to deactivate authenticator app based authentication. Are you sure?": (
        "Its codes no longer count. Remove it?"
    ),
    "Trust this Browser?": "Trust this browser?",
    "Add Security Key": "Add a security key",
    "Remove Security Key": "Remove a security key",
    "Edit Security Key": "Edit a security key",
    "Started At": "Started",
    "IP Address": "IP address",
    # Lines at the top of pages.
    "Confirmation email sent to %(email)s.": "An e-mail with a code is on its way to %(email)s.",
    "Removed email address %(email)s.": "The e-mail address %(email)s is removed.",
    "Successfully signed in as %(name)s.": "You are signed in as %(name)s.",
    "Password successfully changed.": "The password is changed.",
    "Password successfully set.": "The password is set.",
    "Primary email address set.": "The primary e-mail address is changed.",
    # Mails.
    "Your email has been changed from %(from_email)s to %(to_email)s.": (
        "Your e-mail address has been changed from %(from_email)s to %(to_email)s."
    ),
    "Email Changed": "E-mail address changed",
    "Your email has been confirmed.": "Your e-mail address has been confirmed.",
    "Email Confirmation": "E-mail address confirmed",
    "You're receiving this email because user %(user_display)s has given your email address to register an account on "
    "%(site_domain)s.": "%(user_display)s has entered your e-mail address at %(site_domain)s.",
    "Your email verification code is listed below. Please enter it in your open browser window.": (
        "Enter this code in the browser window that asks for it:"
    ),
    "Please Confirm Your Email Address": "Confirm your e-mail address",
    "Email address %(deleted_email)s has been removed from your account.": (
        "The e-mail address %(deleted_email)s has been removed from your account."
    ),
    "Email Removed": "E-mail address removed",
    "Your sign-in code is listed below. Please enter it in your open browser window.": (
        "Enter this code in the browser window that asks for it:"
    ),
    "Sign-In Code": "Sign-in code",
    "Your password reset code is listed below. Please enter it in your open browser window.": (
        "Enter this code in the browser window that asks for it:"
    ),
    "Password Changed": "Password changed",
    "Password Set": "Password set",
    "Password Reset Code": "Code to reset the password",
    "Password Reset Email": "Reset your password",
    "You're receiving this email because you or someone else has requested a password reset for your user account.\n"
    "It can be safely ignored if you did not request a password reset. Click the link below to reset your password.": (
        "Somebody, probably you, has asked for a new password of your account.\n"
        "Ignore this e-mail if it was not you. Otherwise follow the link to reset the password."
    ),
    "A new set of Two-Factor Authentication recovery codes has been generated.": "New recovery codes have been made.",
    "New Recovery Codes Generated": "New recovery codes",
    "Authenticator App Activated": "Authenticator app set up",
    "Authenticator App Deactivated": "Authenticator app removed",
    "Security Key Added": "Security key added",
    "Security Key Removed": "Security key removed",
}


class _Wording(NullTranslations):
    """The texts as a catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self._catalog = dict(WORDS)
        self.plural = lambda n: int(n != 1)  # the rule of English


def use_our_words() -> None:
    """Put the texts in force for this process."""
    trans_real.translation("en").merge(_Wording())

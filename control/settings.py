"""Django's settings. Every value that an installation may choose comes from runtime.settings, by the configuration.

control/start.py hands the names in capitals to Django; tools that only need the models import this module.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from control.configuration import current_configuration
from control.databases import database_settings

_configuration = current_configuration()
_web = _configuration.settings.web
_url = urlsplit(_web.url)
_HTTPS = _url.scheme == "https"

DEBUG = False
SECRET_KEY = _configuration.secret_key
ALLOWED_HOSTS = [
    *("localhost", "127.0.0.1", "[::1]"),
    *((_url.hostname,) if _url.hostname else ()),
    *((_configuration.host,) if _configuration.host not in ("", "0.0.0.0", "::") else ()),
    *_web.host_names(),
]
CSRF_TRUSTED_ORIGINS = [_web.url] if _web.url else []
DATABASES = {"default": database_settings(_configuration.address)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# With immediate transactions on SQLite every page would take the write lock.
ATOMIC_REQUESTS = False

INSTALLED_APPS = [
    "control.ui",
    "control.accounts",
    "control.api",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "ninja",
    "control.audit",
    "control.modules",
    "control.jobs",
    "control.mail",
    "control.numbers",
    "control.files",
    "control.partners",
    "control.program",
    "control.clock",
    "control.custom_forms",
    "control.reasons",
    "control.applications",
    "control.territories",
    "control.contracts",
    "control.timeline",
    "control.leads",
    "control.scheduled",
    "control.imports",
    "control.exports",
    "control.console",
    "control.portal",
    "control.distribution",
    "control.webhooks",
    "control.notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "control.accounts.language_middleware.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "control.accounts.middleware.OriginMiddleware",
    "control.accounts.middleware.PrivateAnswersMiddleware",
    "control.api.request_form.RequestFormMiddleware",
    "control.accounts.only_providers_middleware.OnlyProvidersMiddleware",
    "control.accounts.second_factor_middleware.SecondFactorMiddleware",
    "control.accounts.view_as_middleware.ViewAsMiddleware",
    "control.api.idempotency.IdempotencyMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "control.database_trouble.DatabaseTroubleMiddleware",
    "control.accounts.session_middleware.SessionActivityMiddleware",
]
ROOT_URLCONF = "control.urls"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["control.ui.templatetags.ui", "django.templatetags.i18n", "django.templatetags.l10n"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "control.portal.context.portal",
            ],
        },
    }
]
FORM_RENDERER = "control.ui.forms.Renderer"
SHOW_COMPONENTS = _web.component_page
STATIC_URL = "/static/"
LANGUAGE_CODE = "en"
# Each has a catalogue in control/locale, English none.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français"), ("ar", "العربية")]
LOCALE_PATHS = [str(Path(__file__).parent / "locale")]
TIME_ZONE = "UTC"
USE_TZ = True
# runtime.logs has set up logging before Django starts.
LOGGING_CONFIG = None

# ------------------------------------------------------------------------------------------------------ sign-in

_CODE_AGE_MAX_S = 10 * 60
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "control.accounts.passwords.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_ADAPTER = "control.accounts.adapter.AccountAdapter"
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = _CODE_AGE_MAX_S
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = _CODE_AGE_MAX_S
PASSWORD_RESET_TIMEOUT = 60 * 60
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# People without a password prove themselves by a code.
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "code", "mfa"}
ACCOUNT_RATE_LIMITS = {"oidc": "120/m/ip"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
MFA_ADAPTER = "control.accounts.mfa.SealingAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Clew"
# Browsers accept passkeys without TLS on localhost only.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _HTTPS
USERSESSIONS_TRACK_ACTIVITY = True
# Rate limits must count across processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "control_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

EMAIL_BACKEND = "control.mail.backend.OutboxBackend"
DEFAULT_FROM_EMAIL = _configuration.settings.mail.sender

# ----------------------------------------------------------------------------------------------------- security

# With the prefix, browsers take the cookies from this host only, and over https only.
SESSION_COOKIE_NAME = "__Host-sessionid" if _HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if _HTTPS else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
SESSION_ENGINE = "control.accounts.session_store"
SESSION_COOKIE_AGE = _web.session_age_max_s
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 86_400 if _HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = _web.body_bytes_max
FILE_UPLOAD_HANDLERS = [
    "control.files.upload.LimitedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

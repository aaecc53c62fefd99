"""A small real OpenID provider on loopback, with knobs for what a wrong one would do."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from runtime.clock import SystemClock

CLIENT, SECRET = "clew-at-acme", "secret of clew at the provider of acme"
Claims = dict[str, Any]


def _unchanged(claims: Claims) -> Claims:
    return claims


class OidcServer:
    """What the provider knows, and how it behaves."""

    def __init__(self) -> None:
        self.issuer = ""
        self.keys = {"1": rsa.generate_private_key(public_exponent=65_537, key_size=2_048)}
        self.asked: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Behave well again, and sign in Ann."""
        self.person: Claims = {"sub": "ann-1", "email": "Ann@acme.example", "email_verified": True, "name": "Ann Lee"}
        self.change: Callable[[Claims], Claims] = _unchanged
        self.sign: Callable[[Claims], str] = self.signed
        self.userinfo: Claims | None = None
        self.document: Claims = {}
        self.body: bytes | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.asked.clear()

    def signed(self, claims: Claims, kid: str = "1", algorithm: str = "RS256") -> str:
        return jwt.encode(claims, self.keys[kid], algorithm, headers={"kid": kid})

    def answer(self, path: str, query: dict[str, str], form: dict[str, str], headers: Any) -> tuple[int, Any]:
        """Return status and content; for 302, the address."""
        self.asked.append(path)
        if self.body is not None:
            return 200, self.body
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo", **self.document,
            }  # fmt: skip
        if path == "/keys":
            named = [
                (kid, jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
                for kid, key in self.keys.items()
            ]
            return 200, {"keys": [{**key, "kid": kid, "use": "sig"} for kid, key in named]}
        if path == "/authorize":
            assert query["response_type"] == "code" and query["client_id"] == CLIENT
            code = secrets.token_hex(8)
            self.codes[code] = query
            return 302, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        if path == "/token":
            return self._tokens(form, headers)
        if path == "/userinfo" and headers["Authorization"] == "Bearer access":
            return 200, self.userinfo
        return 404, {}

    def _tokens(self, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        basic = base64.b64encode(urlencode({CLIENT: SECRET}).replace("=", ":").replace("+", "%20").encode()).decode()
        if headers["Authorization"] != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        now = SystemClock().now_us() // 1_000_000
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.sign(self.change(claims))}


@contextmanager
def oidc_server() -> Iterator[OidcServer]:
    """Run the provider."""
    server = OidcServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(dict(parse_qsl(body.decode())))

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, content = server.answer(parts.path, query, form, self.headers)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", content)
                content = b""
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.issuer = f"http://127.0.0.1:{http.server_address[1]}"
        yield server
        http.shutdown()
        thread.join()

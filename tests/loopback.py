"""HTTP requests to servers of the tests, without proxies and certificates: loading those costs 50 ms a request.

Patient unless told otherwise: a busy machine may stop any process for seconds.
"""

import ssl
from functools import partial

import httpx

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

get = partial(httpx.get, verify=_NO_TLS, trust_env=False, timeout=60.0)
patch = partial(httpx.patch, verify=_NO_TLS, trust_env=False, timeout=60.0)
post = partial(httpx.post, verify=_NO_TLS, trust_env=False, timeout=60.0)

"""Sign-in with a provider by OpenID Connect: the code flow with PKCE, state and nonce."""

"""Accounts: people, their roles, API keys, invitations."""

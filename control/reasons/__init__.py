"""Reasons of refusals: texts by language that are chosen, and stored with what was refused."""

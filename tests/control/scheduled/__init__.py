"""Tests of scheduled changes."""

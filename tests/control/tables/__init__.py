"""Tests of control.tables."""

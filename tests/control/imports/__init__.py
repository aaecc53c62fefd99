"""Tests of control.imports."""

"""Tests of control.exports."""

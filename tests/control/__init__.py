"""Tests of the control plane; most run on SQLite and on PostgreSQL."""

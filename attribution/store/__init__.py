"""Warehouse reads of attribution: SQL in, values out."""

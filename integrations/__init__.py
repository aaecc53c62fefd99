"""Data from other systems. Each integration is a folder that can be deleted."""

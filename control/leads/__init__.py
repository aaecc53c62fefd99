"""Leads: customers that are offered to partners, one after the other, until one accepts."""

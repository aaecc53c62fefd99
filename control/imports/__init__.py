"""Imports: a file becomes partners, offers, links, plans, coupons or approvals; with a dry run before, and an undo."""

"""The program in the database: offers, links, plans, coupons, approvals, and its published versions."""

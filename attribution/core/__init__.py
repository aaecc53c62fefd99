"""Pure decisions for one batch of conversions.

The order is journeys, weights, credits, plans, commissions, net value, ledger, revisions.
"""

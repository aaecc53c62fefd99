"""Pure decisions for one batch of conversions, in the order in which they are made.

journeys      which touches belong to each conversion, and which of them count
weights       the weight of each touch under each model
net_value     current status and net value of a conversion
credits       combine the steps: the credits of each conversion, and its Outcome
plans         which plan pays a partner
commissions   what each partner earns
ledger        double-entry journals of commissions
revisions     the rows that bring the tables to an Outcome
"""

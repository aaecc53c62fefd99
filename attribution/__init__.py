"""Attribution: touches become credits, credits become commissions and ledger entries.

Read `core` first; `live` pays, `runs` answers what-if questions, `paths` works on files of journeys.
"""

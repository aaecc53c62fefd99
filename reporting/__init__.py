"""Read-only answers for people and tools.

kpi, rejected    reports with grouped figures
run_diff         compare the credits of two runs
explain          one conversion, from its touches to each cent
explain_text     the explanation as text
problems         what could not be handled, with a fix
hits             hits as they come in, newest first
rejected_hits    rejected hits by reason, with examples
report           form of a report: columns with unit and formula, rows
sql              `clew sql`: check and run one statement of a user
"""

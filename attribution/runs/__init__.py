"""What-if runs: apply other models to stored conversions. Runs write credits and never pay.

spec            the parameters of a run and the id that follows from them
runner          compute a run slice by slice and store it exactly once
run_reader      read conversions, programs and touches as of the run's time
cases           the conversions of a slice with their programs
credit_rows     the credits of a slice as columns
touch_reuse     whether one touch may count for several conversions
fit             fit data-driven models: count converting and non-converting paths
null_journeys   journeys that did not convert
shares          shares and weights of fitted models
identity_map    which identities belong to one person
find            find a run by a prefix of its id
export_fit      convert the weights of a run to a `[[fits]]` table
"""

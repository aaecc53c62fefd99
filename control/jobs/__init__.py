"""Jobs: work that is stored in the transaction of the change that asks for it, and done at least once afterwards."""

"""Reports over a warehouse: KPIs, rejected hits, explanations, run differences, problems."""

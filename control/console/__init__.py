"""Console: the pages of operators. Pages translate; rules are in services, queries in selectors."""

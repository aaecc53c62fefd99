"""The program as the edge uses it: an index of offers, links and partners, landing URLs, and deep links."""

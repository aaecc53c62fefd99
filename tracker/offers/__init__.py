"""The program as the edge looks it up, landing URLs and deep links."""

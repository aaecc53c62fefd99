"""Portal of the partners: what they earn, their links, the offers, their people."""

"""Territories: which partners own which customers, by place, segment, product and name."""

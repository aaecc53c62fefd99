"""Search over everything that an actor may see: pages and API use the same finders."""

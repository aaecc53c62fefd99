"""Commands of Clew in processes that are forked from one that has imported Clew already."""

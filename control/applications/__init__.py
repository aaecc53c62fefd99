"""Applications of partners: forms with a public page, a score with its evidence, and the queue of decisions."""

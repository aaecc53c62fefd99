"""Console pages of the applications: the queue, the form builder, the rules."""

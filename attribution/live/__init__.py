"""Live attribution: find work, compute a pass, write it exactly once. This is what partners are paid by."""

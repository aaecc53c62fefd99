"""Routes, limits, answers, and the recorder that appends to the log."""

"""Tests mirror the tree; conventions/ checks the tree itself, reference/ holds the kernels' plain twins."""

"""Tests of the pages' look: built files, components, charts, forms."""

"""Tests of the pages in a real Chromium: what people see, with and without a script, on desktops and phones."""

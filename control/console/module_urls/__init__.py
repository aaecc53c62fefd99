"""URLs of pages that belong to modules, one file for each module; the app of the module names it."""

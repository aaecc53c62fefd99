"""Look of the pages: templates, components, static files."""

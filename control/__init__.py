"""Control plane: the people, their rights, and pages and API through which they change what Clew does.

A Django project that nothing of the event path imports.
"""

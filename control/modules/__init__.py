"""Modules: parts of the control plane that an owner or administrator switches on and off. docs/design/modules.md."""

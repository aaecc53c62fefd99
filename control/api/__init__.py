"""API of the control plane: conventions that all resources share. Each app has its resources in a module `api`."""

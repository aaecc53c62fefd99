"""App of the forms that operators build."""

from django.apps import AppConfig


class CustomFormsConfig(AppConfig):
    """Forms with versions. Other apps use them; it has neither pages nor resources."""

    name = "control.custom_forms"
    label = "custom_forms"
    verbose_name = "Forms"

"""App of the portal."""

from control.modules.config import ModuleConfig


class PortalConfig(ModuleConfig):
    """Pages for partners' people, below /portal/. Other modules add pages of their own."""

    name = "control.portal"
    label = "portal"
    verbose_name = "Portal"
    text = "Partners sign in and see what they earn, make links, and ask for offers."
    portal_urls = "control.portal.urls"

    def ready(self) -> None:
        from control.portal.navigation import add_pages
        from control.portal.steps import add_steps, own_steps

        add_pages()
        add_steps(own_steps)

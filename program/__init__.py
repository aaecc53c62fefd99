"""The program: partners, offers, links and plans, as an immutable snapshot that is named by its hash."""

"""The program: partners, offers, links, plans. An immutable, hashed snapshot that stations consume."""

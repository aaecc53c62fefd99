"""Template tags of the notifications."""

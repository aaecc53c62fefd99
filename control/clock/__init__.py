"""Business time: the hours in which people work, due times in these hours, and pauses."""

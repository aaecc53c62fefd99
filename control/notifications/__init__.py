"""Mails and notifications: what people are told of changes, and how a module listens to them."""

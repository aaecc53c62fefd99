"""Webhooks: events stored in the transaction of the change that they tell of, and sent by a job."""

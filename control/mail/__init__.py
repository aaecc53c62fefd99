"""Mail: stored in the transaction of the change that it tells of, sent by a job."""

"""The log: bytes in order, on SQLite, Kafka or in memory, behind one port."""

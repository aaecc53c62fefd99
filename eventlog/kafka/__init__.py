"""The log on Kafka: producers with a local spill, consumers with fenced offsets."""

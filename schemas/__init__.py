"""Events, tables and topics, each defined once; wire format, columns, DDL and docs derive from them."""

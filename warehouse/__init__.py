"""ClickHouse, embedded (chDB) or a server, behind one port."""

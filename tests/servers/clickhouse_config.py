"""Configuration of the ClickHouse servers that tests start."""

CONFIG_XML = """<clickhouse>
  <http_port>{port}</http_port>
  <tcp_port>{tcp_port}</tcp_port>
  <listen_host>{listen}</listen_host>
  <path>{folder}/data/</path>
  <users_config>users.xml</users_config>
  <max_server_memory_usage>2000000000</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <remote_servers>{clusters}</remote_servers>
</clickhouse>
"""

SHARD_XML = """
    <shard><internal_replication>true</internal_replication><replica>
      <host>{host}</host><port>{port}</port><user>{user}</user><password>{password}</password>
    </replica></shard>"""

USERS_XML = """<clickhouse>
  <profiles>
    <default/>
    <analyst>
      <readonly>2</readonly>
      <max_execution_time>30</max_execution_time>
      <max_memory_usage>2147483648</max_memory_usage>
    </analyst>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password><networks><ip>::1</ip></networks><profile>default</profile><quota>default</quota>
    </default>
    <{user}>
      <password>{password}</password><networks><ip>::/0</ip></networks><profile>default</profile>
      <quota>default</quota><access_management>1</access_management>
    </{user}>
    <{analyst}>
      <password>{analyst_password}</password><networks><ip>::/0</ip></networks><profile>analyst</profile>
      <quota>default</quota><grants><query>GRANT SELECT ON analyst.*</query></grants>
    </{analyst}>
  </users>
</clickhouse>
"""

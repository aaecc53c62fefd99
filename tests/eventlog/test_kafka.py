"""The log on Kafka keeps the contract."""

import pytest

from tests.contracts.eventlog import LogContract
from tests.eventlog.kafka_fixture import KafkaFixture
from tests.servers.kafka import GivenCluster

pytestmark = pytest.mark.server


class TestKafkaLog(LogContract):
    @pytest.fixture
    def bench(self, kafka: GivenCluster) -> KafkaFixture:
        return KafkaFixture(kafka).prepare()

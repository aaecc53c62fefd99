"""A Kafka cluster for tests: one that is given, nodes in docker, or nodes from jars.

`CLEW_TEST_KAFKA=host:port,host:port` names a given one, which is never killed. Otherwise docker is taken where it
runs, else Java with jars that Maven fetches once. Nodes are real and durable: kill, pause and restart them.
"""

import functools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.kafka_files import (
    CLUSTER_ID,
    JAVA,
    LOG4J,
    PASSWORD,
    PROPERTIES,
    USER,
    format_storage,
    jars,
    kafka_version,
    make_certificate,
)  # fmt: skip

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
GRACE_S = 2


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class GivenCluster:
    """A cluster that somebody else runs."""

    def __init__(self, servers: str) -> None:
        self.servers = servers

    def address(self, topic_prefix: str) -> str:
        """As `--log` takes it."""
        return f"kafka://{self.servers}?topic_prefix={topic_prefix}"


def given_cluster() -> GivenCluster | None:
    servers = os.environ.get("CLEW_TEST_KAFKA", "")
    return GivenCluster(servers.removeprefix("kafka://")) if servers else None


@functools.cache
def docker_runs() -> bool:
    if shutil.which("docker") is None:
        return False
    command = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@dataclass(slots=True)
class _Node:
    number: int
    port: int
    controller_port: int
    secure_port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"


class KafkaCluster(GivenCluster):
    """Nodes of our own in a folder, each broker and controller. `start` it; nodes are numbered from 1."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        ports = free_ports(3 * nodes)
        self.nodes = [_Node(n + 1, *ports[3 * n : 3 * n + 3], folder / f"node{n + 1}") for n in range(nodes)]
        super().__init__(",".join(f"127.0.0.1:{node.port}" for node in self.nodes))
        self._docker = docker_runs()
        self._libs = None if self._docker else jars()
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self._keystore = make_certificate(folder)
        for node in self.nodes:
            self._write_settings(node)

    def _write_settings(self, node: _Node) -> None:
        count = len(self.nodes)
        (node.folder / "data").mkdir(parents=True)
        (node.folder / "log4j2.properties").write_text(LOG4J)
        text = PROPERTIES.format(
            node=node.number, port=node.port, controller_port=node.controller_port, data=node.folder / "data",
            secure_port=node.secure_port, keystore=self._keystore, user=USER, password=PASSWORD,
            voters=",".join(f"{one.number}@127.0.0.1:{one.controller_port}" for one in self.nodes),
            replicas=min(count, 3), in_sync=2 if count >= 3 else 1,
        )  # fmt: skip
        node.settings.write_text(text)

    @property
    def secure(self) -> bool:
        """True if the secure listener has a user; storage is formatted with one."""
        return self._libs is not None

    def secure_address(self, topic_prefix: str, mechanism: str) -> str:
        """Over TLS with a user, without its password; of clusters from jars only."""
        servers = ",".join(f"127.0.0.1:{node.secure_port}" for node in self.nodes)
        options = f"topic_prefix={topic_prefix}&mechanism={mechanism}&ca_file={self.certificate}"
        return f"kafkas://{USER}@{servers}?{options}"

    def start(self) -> None:
        """Format and start all nodes, and wait until every one serves."""
        for node in self.nodes:
            if self._libs is not None:
                format_storage(node.folder / "data", node.settings, self._libs, node.number)
            self._spawn(node)
        for node in self.nodes:
            self._wait_ready(node)

    def restart(self, number: int) -> None:
        """Start a node that was killed or stopped, and wait until it serves."""
        node = self.nodes[number - 1]
        assert node.process is None, "it still runs"
        self._spawn(node)
        self._wait_ready(node)

    def kill(self, number: int) -> None:
        """SIGKILL a node."""
        self._signal(number, signal.SIGKILL)
        node = self.nodes[number - 1]
        assert node.process is not None
        node.process.wait(timeout=STOP_TIMEOUT_S)
        node.process = None

    def pause(self, number: int) -> None:
        """SIGSTOP a node: its sockets stay open, and nothing answers."""
        self._signal(number, signal.SIGSTOP)

    def resume(self, number: int) -> None:
        self._signal(number, signal.SIGCONT)

    def stop(self) -> None:
        """End every node that still runs: kindly at first, but a quorum that ends together does not end well."""
        running = [node for node in self.nodes if node.process is not None]
        for node in running:
            self._signal(node.number, signal.SIGCONT)
            self._signal(node.number, signal.SIGTERM)
        deadline_s = time.monotonic() + GRACE_S
        for node in running:
            assert node.process is not None
            try:
                node.process.wait(timeout=max(0.1, deadline_s - time.monotonic()))
                node.process = None
            except subprocess.TimeoutExpired:
                self.kill(node.number)

    def _spawn(self, node: _Node) -> None:
        """In a session of its own, so that Ctrl-C of a test run does not reach it before its fixture does."""
        with node.log.open("wb") as log:
            node.process = subprocess.Popen(
                self._command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _command(self, node: _Node) -> list[str]:
        if self._libs is not None:
            log4j = f"-Dlog4j2.configurationFile={node.folder / 'log4j2.properties'}"
            return [*JAVA, "-Xms64m", "-Xmx384m", log4j, "-cp", f"{self._libs}/*", "kafka.Kafka", str(node.settings)]
        user = f"{os.getuid()}:{os.getgid()}"
        mounts = ["-v", f"{node.folder}:{node.folder}", "-v", f"{node.folder}:/mnt/shared/config"]
        run = ["docker", "run", "--rm", "--network", "host", "--name", self._container(node)]
        image = f"apache/kafka:{kafka_version()}"
        mounts += ["-v", f"{self._keystore}:{self._keystore}"]
        return [*run, "--user", user, "-e", f"CLUSTER_ID={CLUSTER_ID}", *mounts, image]

    def _container(self, node: _Node) -> str:
        return f"clew-test-kafka-{node.port}"

    def _signal(self, number: int, what: signal.Signals) -> None:
        node = self.nodes[number - 1]
        assert node.process is not None, "it does not run"
        if self._libs is not None:
            node.process.send_signal(what)
        else:
            command = ["docker", "kill", "--signal", what.name, self._container(node)]
            subprocess.run(command, capture_output=True, timeout=STOP_TIMEOUT_S, check=True)

    def _wait_ready(self, node: _Node) -> None:
        def serves() -> bool:
            assert node.process is not None
            if node.process.poll() is not None:
                raise RuntimeError(f"Kafka ended at its start: {node.log.read_text('utf-8')[-1000:]}")
            return b"Kafka Server started" in node.log.read_bytes()

        try:
            wait_until(serves, READY_TIMEOUT_S, "Kafka to start")
        except (RuntimeError, TimeoutError):
            self.stop()
            raise


def wait_until(true: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Look every 50 ms. Raises TimeoutError that says what was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(0.05)

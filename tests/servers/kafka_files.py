"""Files of a Kafka node: its jars, fetched once per user, and its settings."""

import base64
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true")
POM = Path(__file__).with_name("kafka_pom.xml")
FETCH_TIMEOUT_S = 300

LOG4J = """status=error
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.c.ref=C
"""

PROPERTIES = """process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.secure.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs={data}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=true
log.retention.hours=240
log.initial.task.delay.ms=500
file.delete.delay.ms=100
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
metadata.max.idle.interval.ms=0
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
replica.lag.time.max.ms=3000
"""

USER, PASSWORD = "clew", "not:a/secret@all"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for 127.0.0.1, and the same with its key, as a node takes it. Raises RuntimeError."""
    if shutil.which("openssl") is None:
        raise RuntimeError("no openssl on this machine")
    key, certificate, keystore = (folder / name for name in ("key.pem", "certificate.pem", "keystore.pem"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = ["openssl", "req", "-x509", *curve, "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], capture_output=True, timeout=60, check=True)
    keystore.write_text(key.read_text() + certificate.read_text())
    return certificate, keystore


def kafka_version() -> str:
    found = re.search(r"<kafka.version>([^<]+)<", POM.read_text("utf-8"))
    assert found is not None
    return found.group(1)


def jars() -> Path:
    """Folder of Kafka's jars; Maven fetches them the first time. Raises RuntimeError when that cannot be."""
    if shutil.which("java") is None:
        raise RuntimeError("no java on this machine")
    return _made_once(f"kafka-{kafka_version()}", _fetch)


def format_storage(folder: Path, settings: Path, libs: Path, node: int) -> None:
    """Make the folder of a new node. The tool for it runs once per user: nodes differ in two lines only."""
    people = hashlib.sha256(f"{USER} {PASSWORD}".encode()).hexdigest()[:8]
    first = _made_once(f"kafka-{kafka_version()}-{people}.checkpoint", lambda path: _format(path, settings, libs))
    shutil.copy(first, folder / "bootstrap.checkpoint")
    directory = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "x")
    (folder / "meta.properties").write_text(
        f"version=1\ncluster.id={CLUSTER_ID}\nnode.id={node}\ndirectory.id={directory}\n"
    )


def _format(path: Path, settings: Path, libs: Path) -> None:
    """Let the tool format a folder, and keep its file of the first records: features and the user of SCRAM."""
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "server.properties"
        changed.write_text(re.sub(r"(?m)^log\.dirs=.*$", f"log.dirs={folder}/data", settings.read_text()))
        tool = (*JAVA, "-Xmx128m", "-cp", f"{libs}/*", "kafka.tools.StorageTool")
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        command = [*tool, "format", "-t", CLUSTER_ID, "-c", str(changed), "--add-scram", scram]
        subprocess.run(command, capture_output=True, timeout=60, check=True)
        shutil.copy(Path(folder) / "data" / "bootstrap.checkpoint", path)


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A file or folder in the cache of this user, made by the first who asks for it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clew-tests"
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / name
    with (cache / "kafka.lock").open("w") as lock:  # several test runs may begin at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_name(f"{name}.part")
            make(part)
            part.rename(path)
    return path


def _fetch(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise RuntimeError("no Maven on this machine, and no jars of Kafka in the cache")
    with tempfile.TemporaryDirectory(dir=folder.parent) as build:
        shutil.copy(POM, Path(build) / "pom.xml")
        command = ["mvn", "-B", "-q", f"-Dlibs={build}/libs", "-f", f"{build}/pom.xml", "package"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
        if ran.returncode:
            raise RuntimeError(f"Maven could not fetch Kafka's jars: {(ran.stdout + ran.stderr).strip()[-500:]}")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(build) / "libs").rename(folder)

"""What the measuring scripts beside this file share: real processes on loopback, that end with the script."""
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lasting_port():
    """A free port of those that no connection is given, so that it stays free while its daemon is away."""
    first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
    while True:
        port = random.SystemRandom().randrange(10000, first)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def metrics(port):
    """What a master or an agent counts; nothing while it does not answer."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/metrics/snapshot")
        return json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return {}


def wait_for(what, condition, seconds=60, pause=0.02):
    """The first value of the condition that is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise SystemExit(f"FAIL: gave up waiting for {what}")
        time.sleep(pause)


class Daemons:
    """Processes, and the folder of their files. Used with `with`, which ends them and removes it."""

    def __init__(self, name, parent=None):
        self.folder = tempfile.mkdtemp(prefix=name + "-", dir=parent)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *command):
        log = open(os.path.join(self.folder, name + ".log"), "a")
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.started.append(process)
        return process

    def start_store(self, kind, port):
        """A real etcd or ZooKeeper (Debian's packages): its process, and where masters find it."""
        client = "127.0.0.1:%d" % port
        if kind == "etcd":
            url, peer = "http://" + client, "http://127.0.0.1:%d" % (port + 1)
            process = self.start(
                "etcd", "etcd", "--name", "n1", "--data-dir", self.folder + "/etcd", "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", "n1=" + peer)
            location = "etcd://%s/tepui" % client
        else:
            with open(self.folder + "/zoo.cfg", "w") as config:
                config.write("tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir=%s/zookeeper\n"
                             "clientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n"
                             % (self.folder, port))
            process = self.start(
                "zookeeper", "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp",
                self.folder + ":/usr/share/java/zookeeper.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.folder + "/zoo.cfg")
            location = "zk://%s/mesos" % client
        wait_for("the store", lambda: listens(port))
        return process, location

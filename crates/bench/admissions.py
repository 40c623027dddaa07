"""Admits emulated agents at a real master, and says how fast, and how many bytes the registry wrote for each.

usage: admissions.py TEPUI BENCH STORE AGENTS [WINDOW [FIRST_PORT]]    STORE: embedded, etcd or zookeeper

The store is a real one of Debian's packages on loopback. Bytes are what its process wrote (`write_bytes` of /proc/PID/io:
what reached the disk, with its log), and for the embedded one what the master wrote."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TEPUI, BENCH, STORE, AGENTS = sys.argv[1:5]
WINDOW = (sys.argv[5:] or ["2000"])[0]
PORT = int((sys.argv[6:] or ["23500"])[0])
FOLDER = tempfile.mkdtemp(prefix="admissions-", dir=os.environ.get("TMPDIR", "/var/tmp"))
started = []


def start(name, *command):
    log = open(os.path.join(FOLDER, name + ".log"), "a")
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    started.append(process)
    return process


def wait_for(what, condition):
    begun = time.monotonic()
    while time.monotonic() - begun < 60:
        if condition():
            return
        time.sleep(0.02)
    raise SystemExit("waited in vain for " + what)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_store():
    """The process that writes, and the master's flags."""
    client = "127.0.0.1:%d" % PORT
    if STORE == "embedded":
        return None, ["--registry=embedded"]
    if STORE == "etcd":
        url, peer = "http://" + client, "http://127.0.0.1:%d" % (PORT + 1)
        process = start("etcd", "etcd", "--name", "n1", "--data-dir", FOLDER + "/etcd", "--listen-client-urls", url,
                        "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                        peer, "--initial-cluster", "n1=" + peer)
        flags = ["--etcd=etcd://%s/tepui" % client]
    else:
        with open(FOLDER + "/zoo.cfg", "w") as config:
            config.write("tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir=%s/zookeeper\n"
                         "clientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n"
                         % (FOLDER, PORT))
        process = start("zookeeper", "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp",
                        FOLDER + ":/usr/share/java/zookeeper.jar",
                        "org.apache.zookeeper.server.quorum.QuorumPeerMain", FOLDER + "/zoo.cfg")
        flags = ["--zk=zk://%s/mesos" % client]
    wait_for("the store", lambda: listens(PORT))
    return process, flags


def written(process):
    with open("/proc/%d/io" % process.pid) as counters:
        return int(re.search(r"^write_bytes: (\d+)", counters.read(), re.M).group(1))


def main():
    store, flags = start_store()
    port = PORT + 10
    master = start("master", TEPUI, "master", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=%d" % port,
                   "--work_dir=" + FOLDER + "/master", *flags)
    leads = '"master/elected":1.0'

    def is_elected():
        answer = subprocess.run(["curl", "-s", "http://127.0.0.1:%d/metrics/snapshot" % port], capture_output=True)
        return leads in answer.stdout.decode()

    wait_for("the master", is_elected)
    writer = store or master
    before = written(writer)
    out = FOLDER + "/report"
    subprocess.run([BENCH, "run", "-", "127.0.0.1:%d" % port, str(master.pid), out, "agents=" + AGENTS,
                    "frameworks=0", "tasks=0", "register_window=" + WINDOW, "patience_seconds=600",
                    "swarm_port=%d" % (PORT + 20)], stdout=subprocess.DEVNULL, check=False)
    after = written(writer)
    with open(out + ".txt") as report:
        lines = [line for line in report if line.strip().startswith("register")]
    print("%s, %s agents: %s bytes an admission; %s"
          % (STORE, AGENTS, (after - before) // int(AGENTS), " ".join("".join(lines).split())))


try:
    main()
finally:
    for process in started:
        process.kill()
    for process in started:
        process.wait()
    shutil.rmtree(FOLDER, ignore_errors=True)

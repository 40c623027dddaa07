"""Admits emulated agents at a real master, and says how fast, and how many bytes the registry wrote for each.

usage: admissions.py TEPUI BENCH STORE AGENTS [WINDOW [FIRST_PORT]]    STORE: embedded, etcd or zookeeper

The store is a real one of Debian's packages on loopback. Bytes are what its process wrote (`write_bytes` of /proc/PID/io:
what reached the disk, with its log), and for the embedded one what the master wrote."""
import os
import re
import subprocess
import sys

from daemons import Daemons, metrics, wait_for

TEPUI, BENCH, STORE, AGENTS = sys.argv[1:5]
WINDOW = (sys.argv[5:] or ["2000"])[0]
PORT = int((sys.argv[6:] or ["23500"])[0])


def start_store(daemons):
    """The process that writes, and the master's flags."""
    if STORE == "embedded":
        return None, ["--registry=embedded"]
    process, location = daemons.start_store(STORE, PORT)
    return process, ["--%s=%s" % ("etcd" if STORE == "etcd" else "zk", location)]


def written(process):
    with open("/proc/%d/io" % process.pid) as counters:
        return int(re.search(r"^write_bytes: (\d+)", counters.read(), re.M).group(1))


def main(daemons):
    store, flags = start_store(daemons)
    port = PORT + 10
    master = daemons.start("master", TEPUI, "master", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=%d" % port,
                   "--work_dir=" + daemons.folder + "/master", *flags)
    wait_for("the master", lambda: metrics(port).get("master/elected") == 1.0)
    writer = store or master
    before = written(writer)
    out = daemons.folder + "/report"
    subprocess.run([BENCH, "run", "-", "127.0.0.1:%d" % port, str(master.pid), out, "agents=" + AGENTS,
                    "frameworks=0", "tasks=0", "register_window=" + WINDOW, "patience_seconds=600",
                    "swarm_port=%d" % (PORT + 20)], stdout=subprocess.DEVNULL, check=False)
    after = written(writer)
    with open(out + ".txt") as report:
        lines = [line for line in report if line.strip().startswith("register")]
    print("%s, %s agents: %s bytes an admission; %s"
          % (STORE, AGENTS, (after - before) // int(AGENTS), " ".join("".join(lines).split())))


with Daemons("admissions", os.environ.get("TMPDIR", "/var/tmp")) as daemons:
    main(daemons)

#!/usr/bin/env python3
"""A failover at its full size: the leader of three masters is killed while emulated agents run emulated tasks, and all of
them go to the next one.

usage: failover_full.py TEPUI BENCH zookeeper|etcd AGENTS TASKS_PER_AGENT SESSION_SECONDS OUT [FIRST_PORT]

Everything runs on loopback and shares the processors: a ZooKeeper or an etcd (Debian's packages), three masters, and `bench`,
which kills the leader and writes OUT.json. Its ledger says whether each task ended exactly once."""
import json
import subprocess
import sys

from daemons import Daemons, metrics, wait_for

TEPUI, BENCH, STORE, OUT = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[7]
AGENTS, TASKS, SESSION = int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
PORT = int((sys.argv[8:] or ["23500"])[0])


def main(daemons):
    _, location = daemons.start_store(STORE, PORT)
    option = "etcd" if STORE == "etcd" else "zk"
    masters = {}
    for port in [PORT + 10 + n for n in range(3)]:
        masters[port] = daemons.start(
            "master-%d" % port, TEPUI, "master", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=%d" % port,
            "--logging_level=ERROR", "--%s=%s" % (option, location), "--%s_session_timeout=%gsecs" % (option, SESSION))
    leader = wait_for("a leader", lambda: next((it for it in masters if metrics(it).get("master/elected") == 1.0), None))
    wait_for("the other masters", lambda: all(metrics(port) for port in masters))
    followers = ",".join("127.0.0.1:%d/%d" % (port, masters[port].pid) for port in masters if port != leader)
    plan = ["name=failover", "agents=%d" % AGENTS, "slots=%d" % TASKS, "frameworks=10", "tasks=%d" % (AGENTS * TASKS),
            "tasks_per_accept=%d" % TASKS, "duration_ms=-1", "retry_seconds=30", "register_window=2000",
            "patience_seconds=150", "swarm_port=%d" % (PORT + 50), "followers=" + followers]
    run = subprocess.run([BENCH, "run", "-", "127.0.0.1:%d" % leader, str(masters[leader].pid), OUT] + plan,
                         stdin=subprocess.DEVNULL, text=True, capture_output=True)
    report = json.load(open(OUT + ".json")) if run.returncode == 0 else None
    if not report or not report["ledger"]["right"]:
        raise SystemExit("FAIL: " + (run.stderr.strip().split("\n")[-1] + "\n" + run.stdout)[-1500:])
    at = {phase["name"]: phase["wall_s"] for phase in report["phases"]}
    for what in ("elected", "all agents are back", "all frameworks are back"):
        print("%s, session %gs, %d agents, %d tasks: from the kill until %s: %.2f s"
              % (STORE, SESSION, AGENTS, AGENTS * TASKS, what, at["leader killed: until " + what]))


with Daemons("failover") as daemons:
    main(daemons)

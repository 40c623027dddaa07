#!/usr/bin/env python3
"""How long a failover takes: kills the leader of three masters again and again, and measures until the first offer by the
new one, and until all agents are back.

usage: failover.py TEPUI zookeeper|etcd ROUNDS AGENTS SESSION_SECONDS [FIRST_PORT]

Everything runs on loopback: a ZooKeeper or an etcd (Debian's packages), three masters, the agents, and a scheduler on the
HTTP API that subscribes again as soon as its stream ends."""
import http.client
import json
import signal
import sys
import threading
import time

from daemons import Daemons, metrics, wait_for

TEPUI, STORE, ROUNDS, AGENTS, SESSION = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
PORT = int((sys.argv[6:] or ["22500"])[0])
PAUSE = 0.005


class Scheduler(threading.Thread):
    """Subscribes wherever it may, and notes when each subscription's first offer came."""

    def __init__(self, ports):
        super().__init__(daemon=True)
        self.ports, self.id, self.first_offer = ports, None, 0.0

    def run(self):
        while True:
            for port in self.ports:
                try:
                    self.subscribe(port)
                except (OSError, http.client.HTTPException):
                    pass
            time.sleep(0.01)

    def subscribe(self, port):
        info = {"user": "root", "name": "failover", "failover_timeout": 3600.0, "roles": ["*"],
                "capabilities": [{"type": "MULTI_ROLE"}]}
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if self.id:
            info["id"] = call["framework_id"] = {"value": self.id}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/api/v1/scheduler", json.dumps(call),
                           {"Content-Type": "application/json", "Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            connection.close()
            return
        offered = False
        while True:
            length = answer.readline()
            if not length:
                return
            event = json.loads(answer.read(int(length)))
            if event["type"] == "SUBSCRIBED":
                self.id = event["subscribed"]["framework_id"]["value"]
            elif event["type"] == "OFFERS" and not offered:
                offered, self.first_offer = True, time.monotonic()


def main(daemons):
    _, location = daemons.start_store(STORE, PORT)
    ports = [PORT + 10 + n for n in range(3)]

    def master(port):
        return daemons.start("master-%d" % port, TEPUI, "master", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=%d" % port,
                     "--%s=%s" % ("etcd" if STORE == "etcd" else "zk", location),
                     "--%s_session_timeout=%gsecs" % ("etcd" if STORE == "etcd" else "zk", SESSION))

    masters = {port: master(port) for port in ports}
    for n in range(AGENTS):
        work = "%s/agent-%d" % (daemons.folder, n)
        daemons.start("agent-%d" % n, TEPUI, "agent", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--port=%d" % (PORT + 20 + n),
              "--master=" + location, "--work_dir=" + work, "--runtime_dir=" + work + "/run",
              "--resources=cpus:4;mem:1024", "--registration_backoff_factor=100ms")
    scheduler = Scheduler(ports)
    scheduler.start()

    def leader_with_all():
        for port in ports:
            seen = metrics(port)
            if seen.get("master/elected") == 1.0 and seen.get("master/slaves_active") == float(AGENTS):
                return port
        return None

    to_offer, to_agents = [], []
    for _ in range(ROUNDS):
        leader = wait_for("a leader with all agents", leader_with_all, pause=PAUSE)
        wait_for("offers before the failover", lambda: scheduler.first_offer > 0, pause=PAUSE)
        wait_for("the other masters", lambda: all(metrics(port) for port in ports), pause=PAUSE)
        time.sleep(SESSION / 2)
        death = time.monotonic()
        masters[leader].send_signal(signal.SIGKILL)
        masters[leader].wait()
        wait_for("all agents at the next leader", leader_with_all, pause=PAUSE)
        to_agents.append(time.monotonic() - death)
        wait_for("an offer by the next leader", lambda: scheduler.first_offer > death, pause=PAUSE)
        to_offer.append(scheduler.first_offer - death)
        masters[leader] = master(leader)
    for what, times in (("the first offer", to_offer), ("all agents back", to_agents)):
        times.sort()
        at = lambda share: times[int((len(times) - 1) * share)]
        print("%s, session %gs, %d agents, %d kills: to %s: min %.2f p50 %.2f p90 %.2f max %.2f s"
              % (STORE, SESSION, AGENTS, ROUNDS, what, at(0), at(0.5), at(0.9), at(1)))


with Daemons("failover") as daemons:
    main(daemons)

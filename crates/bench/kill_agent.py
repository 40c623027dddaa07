#!/usr/bin/env python3
"""Kills an agent with SIGKILL at random moments while tasks start, run and end, and checks that it keeps its promises.

    kill_agent.py TEPUI KILLS [SEED]

A master and an agent run on loopback; a framework with checkpointing keeps the agent busy with short tasks, each of which
writes a line to a file outside of its sandbox when it starts and one when it ends. After the last kill every task must
have been reported in exactly one terminal state, none may have started twice, and what had been seen running must have
finished: nobody killed it. Prints how the tasks ended and in which words; exits with 1 if there are violations, and prints
how many of each kind, with examples.
"""
import collections
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from daemons import free_port, lasting_port, metrics, wait_for

TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE"}
MOST_AT_ONCE = 24
CPUS, MEM = 0.1, 32


class Framework:
    """A scheduler that launches what fits, and remembers what it hears."""

    def __init__(self, port, marks):
        self.port, self.marks = port, marks
        self.lock = threading.Lock()
        self.launched, self.launching, self.count = {}, True, 0
        self.states = collections.defaultdict(list)
        self.stream_id = self.id = None
        self.ready = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def call(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id}
        body["framework_id"] = {"value": self.id}
        connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
        status = connection.getresponse().status
        connection.close()
        assert status == 202, (status, body["type"])

    def listen(self):
        info = {
            "user": os.environ.get("USER", "root"),
            "name": "kill-agent",
            "checkpoint": True,
            "failover_timeout": 3600.0,
            "roles": ["*"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        connection.request("POST", "/api/v1/scheduler", body, headers)
        answer = connection.getresponse()
        self.stream_id = answer.getheader("Mesos-Stream-Id")
        while True:
            length = b""
            while not length.endswith(b"\n"):
                try:
                    byte = answer.read(1)
                except (OSError, http.client.HTTPException):
                    return
                if not byte:
                    return
                length += byte
            self.event(json.loads(answer.read(int(length))))

    def event(self, event):
        kind = event["type"]
        if kind == "SUBSCRIBED":
            self.id = event["subscribed"]["framework_id"]["value"]
            self.ready.set()
        elif kind == "OFFERS":
            for offer in event["offers"]["offers"]:
                self.use(offer)
        elif kind == "UPDATE":
            self.update(event["update"]["status"])

    def fits(self, offer):
        """How many tasks may be launched now. The lock is held."""
        has = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "scalar" in r}
        open_tasks = sum(1 for task in self.launched if not self.end_of(task))
        return min(int(min(has.get("cpus", 0) / CPUS, has.get("mem", 0) / MEM)), MOST_AT_ONCE - open_tasks)

    def use(self, offer):
        tasks = []
        with self.lock:
            for _ in range(self.fits(offer) if self.launching else 0):
                tasks.append(self.task(offer))
        accept = {"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0.2}}
        accept["operations"] = [{"type": "LAUNCH", "launch": {"task_infos": tasks}}] if tasks else []
        self.call({"type": "ACCEPT", "accept": accept})

    def task(self, offer):
        self.count += 1
        name = f"task-{self.count}"
        pause = random.choice([0, 0.05, 0.5, 2, 5])
        command = f"echo start {name} >> {self.marks}; sleep {pause}; echo end {name} >> {self.marks}"
        self.launched[name] = time.time()

        def scalar(resource, value):
            return {"name": resource, "type": "SCALAR", "scalar": {"value": value},
                    "allocation_info": {"role": "*"}}

        return {
            "name": name,
            "task_id": {"value": name},
            "agent_id": offer["agent_id"],
            "command": {"value": command},
            "resources": [scalar("cpus", CPUS), scalar("mem", MEM)],
        }

    def update(self, status):
        task = status["task_id"]["value"]
        with self.lock:
            self.states[task].append((status["state"], status.get("uuid"), status.get("message", "")))
        if "uuid" in status:
            acknowledge = {"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]}
            self.call({"type": "ACKNOWLEDGE", "acknowledge": acknowledge})

    def end_of(self, task):
        return next((state for state, _, _ in self.states[task] if state in TERMINAL), None)

    def open_tasks(self):
        with self.lock:
            return [task for task in self.launched if not self.end_of(task)]

    def reconcile(self):
        self.call({"type": "RECONCILE", "reconcile": {"tasks": []}})


def is_registered(port):
    return metrics(port).get("slave/registered") == 1.0


def check(framework, marks):
    """All that is wrong, each with its kind."""
    wrong = []
    lines = collections.Counter(open(marks).read().splitlines())
    for task in framework.launched:
        ends = {(state, uuid) for state, uuid, _ in framework.states[task] if state in TERMINAL and uuid}
        states = {state for state, _ in ends} or {framework.end_of(task)}
        started, ended = lines[f"start {task}"], lines[f"end {task}"]
        if len(states) != 1:
            wrong.append(("several terminal states", f"{task} ended as {sorted(ends)}"))
        elif len(ends) > 1:
            wrong.append((f"{min(states)} with several uuids", f"{task}: {sorted(ends)}, started {started} times"))
        if started > 1 or ended > 1:
            wrong.append(("ran twice", f"{task} started {started} times and ended {ended} times"))
        if "TASK_FINISHED" in states and (started, ended) != (1, 1):
            wrong.append(("finished without running", f"{task} started {started} and ended {ended} times"))
        if "TASK_FINISHED" not in states and ended:
            wrong.append(("ran to its end and is told otherwise", f"{task}: {framework.states[task]}"))
        was_running = any(state == "TASK_RUNNING" for state, _, _ in framework.states[task])
        if was_running and "TASK_FINISHED" not in states:
            wrong.append(("was running and was not kept", f"{task}: {framework.states[task]}"))
    return wrong


def print_ends(framework):
    """How the tasks ended, and in which words: what is not FINISHED is a launch that the kills have cost."""
    reasons = collections.Counter()
    for task in framework.launched:
        end = next(((state, words) for state, _, words in framework.states[task] if state in TERMINAL), None)
        words = re.sub(r"Offer \S+", "Offer ...", end[1]) if end and end[0] != "TASK_FINISHED" else ""
        reasons[(end and end[0], words)] += 1
    for (state, words), count in reasons.most_common():
        print(f"{count:6} {state} {words}")


def print_violations(wrong):
    kinds = collections.Counter(kind for kind, _ in wrong)
    shown = collections.Counter()
    for kind, violation in wrong:
        shown[kind] += 1
        if shown[kind] <= 5:
            print(f"VIOLATION: {kind}: {violation}")
    for kind, count in kinds.most_common():
        print(f"{count:6} violations: {kind}")


def main():
    tepui, kills = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    random.seed(seed)
    folder = tempfile.mkdtemp(prefix="kill-agent-")
    marks = os.path.join(folder, "marks")
    open(marks, "w").close()
    master_port, agent_port = free_port(), lasting_port()
    master_log = open(os.path.join(folder, "master.log"), "w")
    agent_log = open(os.path.join(folder, "agent.log"), "a")
    master = subprocess.Popen(
        [tepui, "master", "--ip=127.0.0.1", f"--port={master_port}", "--registry=in_memory"], stderr=master_log)

    def start_agent():
        return subprocess.Popen(
            [tepui, "agent", "--ip=127.0.0.1", f"--port={agent_port}", f"--master=127.0.0.1:{master_port}",
             f"--work_dir={folder}/work", f"--runtime_dir={folder}/run", "--hostname=localhost",
             "--resources=cpus:8;mem:4096;disk:1024;ports:[]", "--registration_backoff_factor=10ms",
             f"--fetcher_cache_dir={folder}/fetch", "--executor_reregistration_timeout=15secs"],
            stderr=agent_log)

    agent = start_agent()
    wrong = [("unfinished", "it did not come to its end")]
    try:
        wait_for("the agent", lambda: is_registered(agent_port), seconds=180)
        framework = Framework(master_port, marks)
        framework.ready.wait(60)
        for _ in range(kills):
            time.sleep(random.choice([0.0, 0.02, 0.1, 0.3, 1.0]) * random.random() * 2)
            agent.send_signal(signal.SIGKILL)
            agent.wait()
            agent = start_agent()
            # Sometimes it is killed while it recovers.
            if random.random() < 0.8:
                wait_for("the agent to come back", lambda: is_registered(agent_port), seconds=180)
                if random.random() < 0.7:
                    time.sleep(random.random())
        with framework.lock:
            framework.launching = False
        wait_for("the agent to come back", lambda: is_registered(agent_port), seconds=180)
        deadline = time.time() + 120
        while framework.open_tasks() and time.time() < deadline:
            framework.reconcile()
            time.sleep(1)
        wrong = [("no end", f"{task}: {framework.states[task]}") for task in framework.open_tasks()]
        wrong += check(framework, marks)
        print(f"seed {seed}: {kills} kills, {len(framework.launched)} tasks")
        print_ends(framework)
    finally:
        agent.send_signal(signal.SIGUSR1)
        try:
            agent.wait(60)
        except subprocess.TimeoutExpired:
            agent.kill()
        master.kill()
        print_violations(wrong)
        if wrong:
            print(f"FAIL: {len(wrong)} violations; logs in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
            print("PASS")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

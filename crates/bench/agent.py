#!/usr/bin/env python3
"""Measures one agent that runs real tasks, isolated and checkpointed.

    agent.py TEPUI BENCH [TASKS [MEASURES]]

TEPUI and BENCH are the release builds. A master and an agent (`--launcher=linux --isolation=cgroups/cpu,cgroups/mem`) run on
loopback; as root, on a machine that has nothing else to do. Measures, in this order:

- finished tasks per second: TASKS (default 5,000) of `true`, at most 32 at a time, of a framework with checkpointing that
  acknowledges all updates; with the processor time of master, agent, launcher and executors per task;
- launch -> RUNNING: from the ACCEPT to the update in the scheduler's hands, one task at a time on the idle agent;
- exit -> end: from the kill of the task's process to its last update in the scheduler's hands;
- memory with 1,000 running tasks: the agent, and an executor on average (Pss).
"""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from daemons import free_port, metrics, wait_for

AT_ONCE = 32
MANY = 1000
RUNNING, ENDS = "TASK_RUNNING", {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_DROPPED", "TASK_ERROR"}


def processor_seconds(pid):
    """What a process has used, and its children that have ended."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    tick = os.sysconf("SC_CLK_TCK")
    return own / tick, children / tick


def pss(pid):
    try:
        text = open(f"/proc/{pid}/smaps_rollup").read()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024


def processes():
    """The command lines of all processes."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                yield int(name), open(f"/proc/{name}/cmdline").read().split("\0")
            except OSError:
                pass


class Framework:
    """A scheduler over two connections, which does one thing at a time."""

    def __init__(self, port):
        self.calls = http.client.HTTPConnection("127.0.0.1", port)
        self.calls.connect()
        self.calls.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        events = http.client.HTTPConnection("127.0.0.1", port)
        info = {"user": "root", "name": "measure", "checkpoint": True, "roles": ["*"], "failover_timeout": 0.0,
                "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]}
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        events.request("POST", "/api/v1/scheduler", body, headers)
        self.answer = events.getresponse()
        self.headers = dict(headers, **{"Mesos-Stream-Id": self.answer.getheader("Mesos-Stream-Id")})
        self.offers, self.count, self.early = [], 0, []
        self.id = self.next("SUBSCRIBED")["subscribed"]["framework_id"]

    def call(self, kind, **fields):
        self.calls.request("POST", "/api/v1/scheduler", json.dumps({"type": kind, "framework_id": self.id, **fields}),
                           self.headers)
        answer = self.calls.getresponse()
        answer.read()
        assert answer.status == 202, (answer.status, kind)

    def next(self, *wanted):
        """The next event of these types; offers are kept, updates acknowledged."""
        while True:
            length = b""
            while not length.endswith(b"\n"):
                length += self.answer.read(1)
            event = json.loads(self.answer.read(int(length)))
            at = time.perf_counter()
            if event["type"] == "OFFERS":
                self.offers += event["offers"]["offers"]
            if event["type"] == "UPDATE":
                event["at"] = at
                status = event["update"]["status"]
                if "uuid" in status:
                    fields = {name: status[name] for name in ("agent_id", "task_id", "uuid")}
                    self.call("ACKNOWLEDGE", acknowledge=fields)
            if event["type"] in wanted:
                return event
            if event["type"] == "UPDATE":
                self.early.append(event)

    def launch(self, command, tasks=1):
        """Launches tasks on the next offer; when the call left."""
        while not self.offers:
            self.next("OFFERS")
        offer = self.offers.pop()

        def scalar(name, value):
            return {"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "*"}}

        infos = []
        for _ in range(tasks):
            self.count += 1
            infos.append({"name": "m", "task_id": {"value": f"m{self.count}"}, "agent_id": offer["agent_id"],
                          "command": {"value": command}, "resources": [scalar("cpus", 0.01), scalar("mem", 16)]})
        accept = {"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                  "operations": [{"type": "LAUNCH", "launch": {"task_infos": infos}}]}
        before = time.perf_counter()
        self.call("ACCEPT", accept=accept)
        return before

    def update(self, states):
        while True:
            event = self.early.pop(0) if self.early else self.next("UPDATE")
            status = event["update"]["status"]
            if status["state"] in states:
                return event["at"], status
            if status["state"] in ENDS:
                raise SystemExit(f"FAIL: a task ended: {status}")


def task_process():
    """The process of the one task that runs."""
    return next((pid for pid, line in processes() if line[:2] == ["sleep", NAP]), None)


def latencies(framework, measures):
    launch, end = [], []
    for _ in range(measures):
        before = framework.launch(f"exec sleep {NAP}")
        at, _ = framework.update({RUNNING})
        launch.append(at - before)
        wait_for("the task's process", task_process)
        time.sleep(0.02)
        process = task_process()
        before = time.perf_counter()
        os.kill(process, signal.SIGKILL)
        at, _ = framework.update(ENDS)
        end.append(at - before)
    for name, values in (("launch -> RUNNING", launch), ("exit -> end", end)):
        values.sort()
        middle, late = statistics.median(values), values[len(values) * 99 // 100]
        print(f"{name}: p50 {middle * 1e3:.2f} ms, p99 {late * 1e3:.2f} ms, best {values[0] * 1e3:.2f} ms ({measures} tasks)")


def memory(framework, agent):
    before = pss(agent)
    for _ in range(MANY // 50):
        framework.launch(f"exec sleep {NAP}", 50)
    for _ in range(MANY):
        framework.update({RUNNING})
    time.sleep(1)
    executors = [pid for pid, line in processes() if line[1:3] == ["executor", "command"] and is_below(pid, agent)]
    each = [pss(pid) for pid in executors]
    print(f"memory (Pss): agent {before / 2**20:.1f} MB without tasks, {pss(agent) / 2**20:.1f} MB with {MANY}; "
          f"an executor {statistics.mean(each) / 2**20:.2f} MB ({len(each)} of them)")


def is_below(pid, agent):
    """Whether it is an executor of this agent."""
    try:
        return f"MESOS_SLAVE_PID=slave(1)@127.0.0.1:{PORT}\0" in open(f"/proc/{pid}/environ").read()
    except OSError:
        return False


def throughput(bench, master_port, tasks, pids):
    before = [processor_seconds(pid)[0] for pid in pids]
    load = [f"tasks={tasks}", f"tasks_per_accept={AT_ONCE}", "checkpoint=true", "patience_seconds=600"]
    run = subprocess.run([bench, "fleet", f"127.0.0.1:{master_port}", *load], capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"FAIL: {run.stdout}{run.stderr}")
    seconds = float(re.search(r"^run\s+([\d.]+) s wall", run.stdout, re.M).group(1))
    used = [processor_seconds(pid)[0] - old for pid, old in zip(pids, before)]
    names = ("master", "agent")
    each = ", ".join(f"{name} {1e3 * spent / tasks:.2f}" for name, spent in zip(names, used))
    print(f"finished tasks: {tasks / seconds:.0f} per second ({tasks} in {seconds:.1f} s); processor ms a task: {each}")


PORT = free_port()
NAP = f"1{os.getpid():07}"


def main():
    tepui, bench = sys.argv[1], sys.argv[2]
    tasks = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    measures = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    folder = tempfile.mkdtemp(prefix="bench-agent-")
    master_port = free_port()
    log = open(os.path.join(folder, "log"), "w")
    quiet = dict(os.environ, MESOS_LOGGING_LEVEL="WARNING")
    master = subprocess.Popen([tepui, "master", "--ip=127.0.0.1", f"--port={master_port}", "--registry=in_memory"],
                              stderr=log, env=quiet)
    agent = subprocess.Popen(
        [tepui, "agent", "--ip=127.0.0.1", f"--port={PORT}", f"--master=127.0.0.1:{master_port}",
         f"--work_dir={folder}/work", f"--runtime_dir={folder}/run", "--hostname=agent-0", "--launcher=linux",
         "--isolation=cgroups/cpu,cgroups/mem", f"--resources=cpus:{AT_ONCE};mem:65536;disk:65536;ports:[]",
         "--registration_backoff_factor=10ms", f"--fetcher_cache_dir={folder}/fetch"], stderr=log, env=quiet)
    try:
        wait_for("the agent", lambda: metrics(PORT).get("slave/registered") == 1.0)
        throughput(bench, master_port, tasks, (master.pid, agent.pid))
        framework = Framework(master_port)
        latencies(framework, measures)
        memory(framework, agent.pid)
    finally:
        agent.send_signal(signal.SIGUSR1)
        try:
            agent.wait(60)
        except subprocess.TimeoutExpired:
            agent.kill()
        master.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

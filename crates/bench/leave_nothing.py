#!/usr/bin/env python3
"""Runs tasks of every kind on an agent that is killed at random moments, and looks for what is left.

    leave_nothing.py TEPUI TASKS [SEED]

As root. A master and an agent with the Linux launcher and its isolators run on loopback, and a framework with checkpointing
launches tasks of all kinds: some end at once, some leave daemons behind, mount volumes, have namespaces of their own, are
killed, run over their memory, or come in groups. After that no process, mount or cgroup may be left, nor anything below
--runtime_dir but the launcher's, and below --work_dir nothing but sandboxes and what is known of them. A new agent with a
short --gc_delay must then remove those. Prints PASS, or what is left, and exits with 1.
"""
import collections
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from daemons import free_port, lasting_port, wait_for
from kill_agent import TERMINAL, Framework, is_registered

ISOLATION = "cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid,namespaces/ipc,disk/du,posix/rlimits," \
            "volume/sandbox_path,volume/host_path"

# What a task runs, and its container.
KINDS = {
    "true": ("true", None),
    "fails": ("exit 3", None),
    "sleeps": ("sleep 0.3", None),
    "leaves a child": ("sleep 1000 & true", None),
    "leaves a daemon": ("setsid sh -c 'trap \"\" TERM; sleep 1000' & true", None),
    "fetches": ("cat fetched", None),
    "own processes": ("sleep 1000 & sleep 0.1", {"linux_info": {"share_pid_namespace": False}}),
    "own shared memory": ("echo x > /dev/shm/x; sleep 0.1",
                          {"linux_info": {"ipc_mode": "PRIVATE", "shm_size": 8}}),
    "volume of the machine": ("sleep 0.1", {"volumes": [
        {"mode": "RO", "container_path": "etc", "source": {"type": "HOST_PATH", "host_path": {"path": "/etc"}}}]}),
    "volume of the sandbox": ("echo x > /mnt/x", {"volumes": [
        {"mode": "RW", "container_path": "/mnt", "source": {
            "type": "SANDBOX_PATH", "sandbox_path": {"type": "SELF", "path": "kept"}}}]}),
    "terminal": ("sleep 0.1", {"tty_info": {}}),
    "is killed": ("trap '' TERM; sleep 1000 & wait; sleep 1000", None),
    "out of memory": ("exec tail /dev/zero", None),
    "group": ("sleep 0.2", None),
}


class Mixed(Framework):
    """Launches a number of tasks of all kinds, in turn."""

    def __init__(self, port, tasks, uri):
        self.wanted, self.uri, self.kind_of = tasks, uri, {}
        self.kinds = itertools.cycle(KINDS)
        super().__init__(port, "/dev/null")

    def use(self, offer):
        operations = []
        with self.lock:
            fits = self.fits(offer)
            while fits > 2 and self.count < self.wanted:
                tasks = [self.task(offer)]
                if self.kind_of[tasks[0]["name"]] == "group":
                    tasks.append(self.task(offer, "group"))
                    operations.append(self.group(offer, tasks))
                    fits -= 3
                else:
                    operations.append({"type": "LAUNCH", "launch": {"task_infos": tasks}})
                    fits -= 1
        accept = {"offer_ids": [offer["id"]], "operations": operations, "filters": {"refuse_seconds": 0.2}}
        self.call({"type": "ACCEPT", "accept": accept})

    def task(self, offer, kind=None):
        kind = kind or next(self.kinds)
        script, container = KINDS[kind]
        task = super().task(offer)
        self.kind_of[task["name"]] = kind
        task["command"] = {"value": script}
        if container:
            task["container"] = {"type": "MESOS", **container}
        if kind == "fetches":
            task["command"]["uris"] = [{"value": self.uri, "output_file": "fetched"}]
        return task

    def group(self, offer, tasks):
        executor = {
            "type": "DEFAULT",
            "executor_id": {"value": "executor-of-" + tasks[0]["name"]},
            "framework_id": {"value": self.id},
            "resources": tasks[0]["resources"] + [{"name": "disk", "type": "SCALAR", "scalar": {"value": 1},
                                                   "allocation_info": {"role": "*"}}],
        }
        return {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}

    def update(self, status):
        super().update(status)
        name = status["task_id"]["value"]
        if status["state"] == "TASK_RUNNING" and self.kind_of.get(name) == "is killed":
            kill = {"task_id": status["task_id"], "kill_policy": {"grace_period": {"nanoseconds": 50_000_000}}}
            self.call({"type": "KILL", "kill": kill})


class Machine:
    """The daemons, their folders, and what is left of them."""

    def __init__(self, tepui):
        self.tepui = tepui
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="leave-nothing-"))
        self.cgroups_root = os.path.basename(self.folder)
        self.mounts_before = mounts()
        self.master_port, self.agent_port = free_port(), lasting_port()
        log = open(f"{self.folder}/master.log", "w")
        self.master = subprocess.Popen(
            [tepui, "master", "--ip=127.0.0.1", f"--port={self.master_port}", "--registry=in_memory"], stderr=log)
        self.agent = None

    def start_agent(self, *more):
        log = open(f"{self.folder}/agent.log", "a")
        self.agent = subprocess.Popen(
            [self.tepui, "agent", "--ip=127.0.0.1", f"--port={self.agent_port}",
             f"--master=127.0.0.1:{self.master_port}", f"--work_dir={self.folder}/work",
             f"--runtime_dir={self.folder}/run", "--hostname=localhost", "--resources=cpus:8;mem:4096;disk:1024;ports:[]",
             "--registration_backoff_factor=10ms", f"--fetcher_cache_dir={self.folder}/fetch", "--launcher=linux",
             "--executor_reregistration_timeout=15secs", f"--isolation={ISOLATION}", "--gc_disk_headroom=0",
             f"--cgroups_root={self.cgroups_root}", "--no-systemd_enable_support",
             # Output that is rotated has a process beside each container; other output has not.
             *random.choice([[], ["--container_logger=org_apache_mesos_LogrotateContainerLogger"]]), *more],
            stderr=log)

    def kill_agent(self):
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()

    def wait_for_agent(self):
        wait_for("the agent to register", lambda: is_registered(self.agent_port), seconds=180)

    def processes(self):
        """Whoever is of this machine, by what Linux says of him, but the daemons and their launcher."""
        own = {os.getpid(), self.master.pid, self.agent.pid}
        left = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                command = open(f"/proc/{pid}/cmdline").read().replace("\0", " ").strip()
                told = command + os.readlink(f"/proc/{pid}/cwd") + open(f"/proc/{pid}/cgroup").read()
                told += open(f"/proc/{pid}/environ").read() + open(f"/proc/{pid}/mountinfo").read()
            except OSError:
                continue
            is_launcher = command.endswith(" launcher")
            if self.folder in told and int(pid) not in own and not is_launcher:
                left[f"process {pid}"] = command
        return left

    def cgroups(self):
        return {f"cgroup {folder}" for top in tops("/sys/fs/cgroup")
                for folder in folders(os.path.join(top, self.cgroups_root))}

    def running(self):
        """What is there of containers that should be nowhere any more."""
        left = self.processes()
        left.update({found: "" for found in self.cgroups()})
        left.update({f"mount {mount}": "" for mount in mounts() - self.mounts_before})
        left.update({f"runtime {path}": "" for path in folders(f"{self.folder}/run/containers")})
        return left

    def runs(self, tree):
        return sorted(path for path, _, _ in os.walk(f"{self.folder}/work/{tree}")
                      if os.path.basename(os.path.dirname(path)) == "runs" and not os.path.islink(path))

    def strangers(self, executors):
        """What is below the work folder that belongs to no sandbox, and links that lead nowhere."""
        work = f"{self.folder}/work"
        wrong = [f"unknown {name}" for name in os.listdir(work) if name not in ("slaves", "meta")]
        sandboxes, known = self.runs("slaves"), self.runs("meta/slaves")
        below = {os.path.relpath(path, work) for path in sandboxes}
        wrong += [f"sandbox of nobody: {path}" for path in below if path.split("/")[5] not in executors]
        wrong += [f"known without a sandbox: {path}" for path in known
                  if os.path.relpath(path, work + "/meta") not in below]
        for run in sandboxes + known:
            latest = os.path.join(os.path.dirname(run), "latest")
            if not os.path.isdir(latest):
                wrong.append(f"no link to the latest run: {latest}")
        return wrong

    def collected(self):
        """What garbage collection has left of frameworks."""
        left = [path for tree in ("slaves", "meta/slaves") for path, _, _ in os.walk(f"{self.folder}/work/{tree}")
                if os.path.basename(os.path.dirname(path)) == "frameworks"]
        return left

    def end(self):
        for process in (self.agent, self.master):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def mounts():
    # What is below /sys/kernel is mounted by the kernel itself, for whoever looks.
    return {line for line in open("/proc/self/mountinfo").read().splitlines() if " /sys/kernel/" not in line}


def tops(hierarchy):
    return [hierarchy] + [entry.path for entry in os.scandir(hierarchy) if entry.is_dir() and not entry.is_symlink()]


def folders(path):
    return [entry.path for entry in os.scandir(path) if entry.is_dir()] if os.path.isdir(path) else []


def nothing_in(found, what, seconds=60):
    """Waits until nothing is found; else what is."""
    deadline = time.monotonic() + seconds
    while (left := found()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [f"{what}: {each}" for each in (left.items() if isinstance(left, dict) else left)]


def run(machine, tasks):
    """All that is wrong."""
    uri = f"{machine.folder}/fetch-me"
    with open(uri, "w") as file:
        file.write("fetched")
    machine.start_agent()
    machine.wait_for_agent()
    framework = Mixed(machine.master_port, tasks, uri)
    framework.ready.wait(60)
    kills = 0
    while framework.count < tasks or framework.open_tasks():
        time.sleep(random.choice([0.1, 0.3, 1.0, 2.0]) * random.random())
        if framework.count < tasks or random.random() < 0.2:
            kills += 1
            machine.kill_agent()
            machine.start_agent()
            if random.random() < 0.8:
                machine.wait_for_agent()
        else:
            framework.reconcile()
    machine.wait_for_agent()
    wrong = nothing_in(machine.running, "left behind")
    sandboxes = len(machine.runs("slaves"))
    executors = {name for task in framework.launched for name in (task, "executor-of-" + task)}
    wrong += machine.strangers(executors)
    print_ends(framework, kills, sandboxes)
    framework.call({"type": "TEARDOWN"})
    machine.kill_agent()
    machine.start_agent("--gc_delay=1secs", "--disk_watch_interval=1secs")
    machine.wait_for_agent()
    wrong += nothing_in(machine.collected, "not collected")
    wrong += nothing_in(machine.running, "left behind after collection", seconds=0)
    if not sandboxes:
        wrong.append("there was no sandbox: nothing was shown")
    return wrong


def print_ends(framework, kills, sandboxes):
    ends = collections.Counter()
    for task in framework.launched:
        state, _, words = next(update for update in framework.states[task] if update[0] in TERMINAL)
        ends[framework.kind_of[task], state, words.splitlines()[0][:100] if words else ""] += 1
    print(f"{len(framework.launched)} tasks, {kills} kills, {sandboxes} sandboxes")
    for (kind, state, words), count in sorted(ends.items()):
        print(f"{count:6} {kind}: {state} {words}")


def main():
    tepui, tasks = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}")
    machine = Machine(tepui)
    wrong = ["it did not come to its end"]
    try:
        wrong = run(machine, tasks)
    finally:
        machine.end()
        for line in wrong[:40]:
            print("LEFT:", line)
        if wrong:
            print(f"FAIL: {len(wrong)} things; logs in {machine.folder}")
        else:
            shutil.rmtree(machine.folder, ignore_errors=True)
            print("PASS")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

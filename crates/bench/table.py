#!/usr/bin/env python3
"""Runs the table of performance: Tepui beside Apache Mesos 1.11.0, row by row, in a given time.

usage: table.py OUT_FOLDER [--minutes 28] [--only NAME,NAME...] [--sides tepui,mesos,mesos-fast] [--scale 1.0] [--runs N]
                [--target target/dist]

The master is pinned to processor 0 and the load to processor 1. Sides: `tepui`; `mesos` with default settings; `mesos-fast` with
an allocation interval of 10 ms. After each row OUT_FOLDER/table.md, table.json and the SVGs are written anew; each run's own
report, log and commands are beside them. A row that fails says why and stops nobody. What does not fit the time that is left is
left out and named. `--scale 0.02` makes everything small, to try the program itself.

Needs release builds: `cargo build --profile dist -p tepui -p tepui-bench`, and for the allocator
`cargo bench --profile dist -p tepui-allocator --no-run`. Mesos comes from shared/oracle (ORACLE, by default the cache folder).
"""
import argparse
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from table_rows import CYCLE_GOALS, CYCLES, FAST, MESOS, NOTES, ROWS, TEPUI, WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ORACLE = os.environ.get("ORACLE", os.path.expanduser("~/.cache/tepui-oracle"))
ORACLE_SCRIPTS = os.environ.get("ORACLE_SCRIPTS", "/work/shared/oracle/ref")
SIDES = [TEPUI, MESOS, FAST]
START_SECONDS = 4
MOST_PATIENCE = 240


class Failed(Exception):
    pass


class Table:
    def __init__(self, arguments):
        self.out = os.path.abspath(arguments.out)
        self.target = os.path.abspath(arguments.target)
        self.scale, self.runs = arguments.scale, arguments.runs
        self.sides = arguments.sides.split(",")
        self.end = time.monotonic() + 60 * arguments.minutes
        self.port = arguments.port
        self.lines, self.raw, self.times = [], {}, []
        os.makedirs(self.out, exist_ok=True)

    def left(self):
        return self.end - time.monotonic()

    # Masters.

    def start(self, side, flags, name):
        self.port += 1 if self.port % 100 < 40 else 60
        log = open(os.path.join(self.out, name + ".master.log"), "w")
        work = os.path.join(self.out, "work")
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        environment = dict(os.environ)
        if side == TEPUI:
            command = [self.target + "/tepui", "master", "--ip=127.0.0.1", "--port=%d" % self.port, "--work_dir=" + work,
                       "--logging_level=ERROR", flags or "--registry=in_memory"]
        else:
            command = [ORACLE + "/py27/bin/python", ORACLE_SCRIPTS + "/local_cluster.py", "900"]
            environment.update(
                LD_LIBRARY_PATH=ORACLE + "/lib", LIBPROCESS_IP="127.0.0.1", LIBPROCESS_PORT=str(self.port),
                MESOS_WORK_DIR=work, MESOS_SYSTEMD_ENABLE_SUPPORT="false", MESOS_LAUNCHER="posix",
                MESOS_ISOLATION="posix/cpu,posix/mem", MESOS_LAUNCHER_DIR=ORACLE + "/ref/libexec",
                MESOS_RESOURCES="cpus:0.01;mem:1", MESOS_NUM_SLAVES="1", MESOS_LOGGING_LEVEL="ERROR", GLOG_minloglevel="2",
                GLOG_logtostderr="1", MESOS_ALLOCATION_INTERVAL="10ms" if side == FAST else "1secs")
            environment.update(pair.split("=", 1) for pair in (flags or "MESOS_REGISTRY=in_memory").split())
        process = subprocess.Popen(["taskset", "-c", "0"] + command, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, cwd=work)
        for _ in range(200):
            try:
                metrics = urllib.request.urlopen("http://127.0.0.1:%d/metrics/snapshot" % self.port, timeout=5).read()
                metrics = json.loads(metrics)
                # What reaches a master of Mesos before it leads is dropped; its own agent should be there, too.
                if metrics["master/elected"] == 1 and (side == TEPUI or metrics["master/slaves_active"] == 1):
                    return process
            except (OSError, ValueError, KeyError):
                if process.poll() is not None:
                    break
            time.sleep(0.1)
        stop(process)
        raise Failed("the master did not start")

    def drive(self, process, name, plan, seconds):
        """One run of the load; gives its report."""
        out = os.path.join(self.out, name)
        patience = min(MOST_PATIENCE, max(30, 2 * seconds))
        command = ["taskset", "-c", "1", self.target + "/bench", "run", "-", "127.0.0.1:%d" % self.port, str(process.pid), out,
                   "name=" + name, "swarm_port=%d" % (self.port + 50), "patience_seconds=%d" % patience] + plan
        with open(out + ".log", "w") as log:
            log.write(" ".join(command) + "\n")
            log.flush()
            try:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=2 * patience)
            except subprocess.TimeoutExpired:
                raise Failed("given up after %d s" % (2 * patience))
        said = open(out + ".log", errors="replace").read().strip().split("\n")[-1]
        if status.returncode != 0 and not os.path.exists(out + ".json"):
            raise Failed(said[-120:])
        report = json.load(open(out + ".json"))
        if not report["ledger"]["right"]:
            raise Failed("the ledger is wrong: " + "; ".join(report["ledger"]["violations"])[:120])
        return report

    # Rows.

    def plan(self, row):
        """The row's plan, made smaller if the whole table is."""
        scaled = ("agents", "tasks", "reconcile", "pongs", "rate")
        plan = []
        for setting in row.plan.split():
            key, value = setting.split("=")
            if self.scale != 1 and key in scaled and float(value) > 0:
                value = str(max(10, int(float(value) * self.scale)))
            if self.scale != 1 and key.startswith("duration") and float(value) > 0:
                value = str(max(50.0, float(value) * self.scale))
            plan.append(key + "=" + value)
        return plan

    def row(self, row):
        cells = {side: dict(why=row.absent.get(side, "not asked for")) for side in SIDES}
        asked = [side for side in self.sides if side in row.seconds]
        reports = {side: [] for side in asked}
        for run in range(self.runs or row.runs):
            # To and fro, so that what changes with time favours nobody.
            for side in asked if run % 2 == 0 else asked[::-1]:
                seconds = row.seconds[side] * max(self.scale, 0.05) + START_SECONDS
                if seconds > self.left():
                    cells[side] = dict(why="no time left")
                    continue
                name = "%s-%s-%d" % (row.name, side, run + 1)
                try:
                    reports[side].append(self.once(row, side, name, seconds))
                except (Failed, OSError, ValueError, KeyError) as failure:
                    cells[side] = dict(why="failed: %s" % failure)
                    say("  %s: %s" % (name, failure))
        for side in asked:
            if reports[side]:
                cells[side] = dict(reports=reports[side])
        for figure in row.figures:
            self.lines.append(self.line(row, figure, cells))

    def once(self, row, side, name, seconds):
        begin = time.monotonic()
        process = self.start(side, row.flags.get(side), name)
        try:
            return self.drive(process, name, self.plan(row), seconds)
        finally:
            stop(process)
            took = time.monotonic() - begin
            self.times.append((name, seconds, took))
            say("  %-26s %5.1f s (about %.0f s expected), %4.1f min left" % (name, took, seconds, self.left() / 60))

    def line(self, row, figure, cells):
        values, why = {}, {}
        for side in SIDES:
            found = [figure.read(report) for report in cells[side].get("reports", [])]
            found = sorted(value for value in found if value is not None)
            if found:
                values[side] = found
            else:
                why[side] = cells[side].get("why", "too short to measure")
        return dict(number=figure.number, what=figure.what, agents=max(10, int(row.agents * self.scale)), unit=figure.unit, better=figure.better,
                    goal=figure.goal, growth=figure.growth, values=values, why=why, plan=row.plan,
                    flags=" ".join(row.flags.values()))

    def cycles(self):
        """Allocation cycles: our library alone, beside what was published for Mesos."""
        for agents, frameworks, published in CYCLES:
            line = dict(number="P4", what="allocation cycle, %s frameworks in one role" % thousands(frameworks), agents=agents,
                        unit="ms", better="less", goal=CYCLE_GOALS.get(agents, "–"), growth="allocation cycle", values={},
                        why={FAST: "–", MESOS: "%s ms published (1.8.0, other machine)" % thousands(published) if published
                             else "nothing published"}, plan="cargo bench -p tepui-allocator -- %d %d" % (agents, frameworks),
                        flags="")
            if self.scale == 1 or agents <= 1000:
                try:
                    text = self.allocator("%d %d" % (agents, frameworks))
                    one_role = text.split("roles")[1]
                    rounds = [float(it) for it in re.findall(r"round [1-9]: allocate: ([0-9.]+) ms", one_role)]
                    line["values"][TEPUI] = [sorted(rounds)[len(rounds) // 2] / 1e3]
                except (Failed, subprocess.TimeoutExpired, OSError, IndexError) as failure:
                    line["why"][TEPUI] = str(failure)[:120]
            else:
                line["why"][TEPUI] = "left out in a small table"
            self.lines.append(line)

    def allocator(self, arguments):
        """What a benchmark of the allocator prints."""
        programs = sorted(glob.glob(self.target + "/deps/cycle-*"), key=os.path.getmtime)
        programs = [program for program in programs if os.access(program, os.X_OK) and "." not in os.path.basename(program)]
        if not programs:
            raise Failed("not built: cargo bench --profile dist -p tepui-allocator --no-run")
        return subprocess.run(["taskset", "-c", "0", programs[-1]] + arguments.split(), text=True, capture_output=True,
                              timeout=min(90, max(5, self.left()))).stdout

    def workloads(self):
        """The workloads of Mesos' own benchmarks: our library alone, beside what was published for Mesos."""
        texts = {}
        for it in WORKLOADS:
            line = dict(number=it.number, what=it.what, agents=it.agents, unit="ms", better="less", goal=it.goal, growth="",
                        values={}, why={FAST: "–", MESOS: it.published}, plan="cargo bench -p tepui-allocator -- " + it.arguments,
                        flags="")
            try:
                if it.arguments not in texts:
                    texts[it.arguments] = self.allocator(it.arguments)
                text = texts[it.arguments].partition(it.after)[2] if it.after else texts[it.arguments]
                found = [float(value) for value in re.findall(r"  %s: ([0-9.]+) ms" % it.pattern, text)]
                found = found if "[" in it.pattern else found[:1]
                line["values"][TEPUI] = [sorted(found)[len(found) // 2] / 1e3 / it.operations]
            except (Failed, subprocess.TimeoutExpired, OSError, IndexError) as failure:
                line["why"][TEPUI] = str(failure)[:120]
            self.lines.append(line)

    def streams(self):
        """P11: launches while operators listen. What a delivery costs is the difference to the row without them."""
        count, tasks = 100, max(50, int(4000 * self.scale))
        plan = ["agents=%d" % max(10, 1000 * self.scale), "frameworks=10", "tasks=%d" % tasks]
        line = dict(number="P11", what="events to %d operator streams" % count, agents=int(1000 * self.scale), unit="/cpu-s",
                    better="more", goal="≥ 10×; 1,000,000", growth="", values={}, why={FAST: "allocation plays no part"},
                    plan=" ".join(plan), flags="streams.py HOST:PORT %d" % count)
        for side in [side for side in (TEPUI, MESOS) if side in self.sides]:
            try:
                alone = self.with_streams(side, 0, plan)[0]
                cost, heard = self.with_streams(side, count, plan)
                if heard["streams"] < count:
                    raise Failed("only %d of %d streams lived" % (heard["streams"], count))
                line["values"][side] = [heard["events"] * count / max(cost - alone, 0.01)]
            except (Failed, OSError, ValueError, KeyError) as failure:
                line["why"][side] = "failed: %s" % failure
        self.lines.append(line)

    def with_streams(self, side, count, plan):
        """The master's processor time for a plan with so many operator streams, and what these heard."""
        name, heard = "p11-%s-%d" % (side, count), None
        process = self.start(side, None, name)
        listener = None
        try:
            if count:
                listener = subprocess.Popen(["taskset", "-c", "1", sys.executable, HERE + "/streams.py",
                                             "127.0.0.1:%d" % self.port, str(count)], stdout=subprocess.PIPE, text=True)
                said = listener.stdout.readline().strip()
                if said != "ready":
                    raise Failed(said or "the streams did not begin")
            report = self.drive(process, name, plan, 20)
            if listener:
                time.sleep(0.5)
                listener.terminate()
                heard = json.loads(listener.stdout.readline())
            return sum(phase["master_s"] for phase in report["phases"]), heard
        finally:
            if listener:
                stop(listener)
            stop(process)

    def failovers(self):
        """P8, with few agents: how long until the next leader offers, and has all agents."""
        for store in ("zookeeper", "etcd"):
            command = [sys.executable, HERE + "/failover.py", self.target + "/tepui", store, "5", "10", "2"]
            text = subprocess.run(command, text=True, capture_output=True, timeout=max(10, min(120, self.left()))).stdout
            for what, p50 in re.findall(r"to ([^:]+): min [0-9.]+ p50 ([0-9.]+)", text):
                self.lines.append(dict(
                    number="P8", what="leader killed (%s, session 2 s): to %s, p50" % (store, what), agents=10, unit="s",
                    better="less", goal="≤ 3 s after the session", growth="", values={TEPUI: [float(p50)]},
                    why={MESOS: "the published package has one master only", FAST: "–"},
                    plan="failover.py TEPUI %s 5 10 2" % store, flags=""))

    def full_failovers(self):
        """P8 at its full size: emulated agents with their tasks go to the next leader. Masters and load share both processors."""
        agents, tasks = max(20, int(10000 * self.scale)), 10
        for store in ("zookeeper", "etcd"):
            plan = "failover_full.py TEPUI BENCH %s %d %d 2" % (store, agents, tasks)
            command = [sys.executable, HERE + "/failover_full.py", self.target + "/tepui", self.target + "/bench", store,
                       str(agents), str(tasks), "2", os.path.join(self.out, "failover-" + store)]
            text = subprocess.run(command, text=True, capture_output=True, timeout=max(10, min(180, self.left())))
            found = re.findall(r"from the kill until ([^:]+): ([0-9.]+) s", text.stdout)
            if not found:
                say("  failover-%s: %s" % (store, (text.stdout + text.stderr).strip()[-300:]))
            for what, seconds in found or [("all agents are back", None)]:
                self.lines.append(dict(
                    number="P8", what="leader killed (%s, session 2 s) with %s tasks: until %s" % (
                        store, thousands(agents * tasks), what), agents=agents, unit="s", better="less",
                    goal="≤ 3 s after the session", growth="", values={TEPUI: [float(seconds)]} if seconds else {},
                    why={TEPUI: "failed", MESOS: "the published package has one master only", FAST: "–"}, plan=plan, flags=""))

    def profile(self):
        """Where the time of the master goes in P1 at 50,000 agents, by `perf`."""
        plan = ["agents=%d" % max(100, 50000 * self.scale), "frameworks=10", "tasks=%d" % max(100, 20000 * self.scale),
                "retry_seconds=300"]
        process = self.start(TEPUI, None, "profile")
        data = os.path.join(self.out, "perf.data")
        try:
            recorder = subprocess.Popen(["perf", "record", "-F", "499", "-g", "-o", data, "-p", str(process.pid)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.drive(process, "profile", plan, 30)
            finally:
                recorder.send_signal(signal.SIGINT)
                recorder.wait(60)
        finally:
            stop(process)
        text = ""
        for title, more in [("By part", ["--sort", "dso"]), ("By thread and part", ["--sort", "comm,dso"]),
                            ("By function", ["--sort", "dso,symbol", "--percent-limit", "0.5"])]:
            report = subprocess.run(["perf", "report", "-i", data, "--no-children", "-g", "none", "--stdio"] + more, text=True,
                                    capture_output=True, timeout=120).stdout
            lines = [line.rstrip(" -") for line in report.split("\n") if line.strip() and not line.startswith("#")]
            text += "%s:\n%s\n\n" % (title, "\n".join(lines[:60]))
        open(os.path.join(self.out, "profile.txt"), "w").write(text)
        os.remove(data)

    # What is written.

    def write(self, took):
        json.dump(dict(lines=self.lines, times=self.times, seconds=took), open(os.path.join(self.out, "table.json"), "w"),
                  indent=1)
        text = "| # | What | Agents | Tepui | Mesos 1.11.0 | Mesos, 10 ms | Ratio | Goal | Plan |\n" + "|---" * 9 + "|\n"
        for line in self.lines:
            cells = [show(line, side) for side in SIDES]
            plan = "`%s`" % line["plan"] + (" (%s)" % line["flags"] if line["flags"] else "")
            text += "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n" % (
                line["number"], line["what"], thousands(line["agents"]), *cells, ratio(line), line["goal"], plan)
        text += "\nRatio: to the better of the two settings of Mesos.\n\nNot in this table:\n\n"
        text += "".join("- **%s:** %s\n" % note for note in NOTES)
        open(os.path.join(self.out, "table.md"), "w").write(text)
        self.plots()

    def plots(self):
        for growth in sorted({line["growth"] for line in self.lines} - {""}):
            series = {}
            for line in self.lines:
                if line["growth"] == growth:
                    for side, values in line["values"].items():
                        series.setdefault(side, {})[line["agents"]] = cost(line, middle(values))
            unit = next(line["unit"] for line in self.lines if line["growth"] == growth)
            y = {"/cpu-s": "processor time each, µs", "B": "bytes", "s": "processor time, ms", "ms": "ms"}[unit]
            arguments = ["%s=%s" % (side, ",".join("%g:%g" % point for point in sorted(points.items())))
                         for side, points in series.items()]
            if arguments:
                subprocess.run([self.target + "/bench", "plot", os.path.join(self.out, growth.replace(" ", "-") + ".svg"),
                                growth.capitalize(), y] + arguments, check=False)


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def middle(values):
    return sorted(values)[len(values) // 2]


def cost(line, value):
    """What is drawn: a rate as microseconds each, seconds as milliseconds."""
    if line["unit"] == "/cpu-s":
        return 1e6 / value
    return value * 1e3 if line["unit"] in ("s", "ms") else value


def show(line, side):
    if side not in line["values"]:
        return line["why"].get(side, "–")
    values = line["values"][side]
    text = number(line["unit"], middle(values))
    if len(values) > 1:
        text += " (%s–%s)" % (number(line["unit"], values[0]), number(line["unit"], values[-1]))
    return text


def number(unit, value):
    if unit == "ms":
        return "%.3g ms" % (value * 1e3) if value < 1 else "%s ms" % thousands(value * 1e3)
    if unit == "s":
        return "%.3g s" % value
    if unit == "B":
        return "%.1f MiB" % (value / 2**20) if value > 2**20 else "%s B" % thousands(value)
    return "%s%s" % (thousands(value), unit)


def thousands(value):
    return "{:,}".format(int(round(value)))


def ratio(line):
    theirs = [middle(line["values"][side]) for side in (MESOS, FAST) if side in line["values"]]
    if TEPUI not in line["values"] or not theirs:
        return "–"
    ours, theirs = middle(line["values"][TEPUI]), (max if line["better"] == "more" else min)(theirs)
    if not ours or not theirs:
        return "too small to tell"
    better = ours / theirs if line["better"] == "more" else theirs / ours
    return "%.1f×" % better if better < 100 else "%s×" % thousands(better)


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=28)
    parser.add_argument("--only", default="")
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--port", type=int, default=16900)
    parser.add_argument("--target", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT + "/target"), "dist"))
    arguments = parser.parse_args()
    table, begin = Table(arguments), time.monotonic()
    only = set(arguments.only.split(",")) - {""}
    jobs = [(row.name, lambda row=row: table.row(row)) for row in ROWS]
    jobs[3:3] = [("p4", table.cycles), ("p5-p6", table.workloads), ("profile", table.profile)]
    jobs += [("p11", table.streams), ("p8", table.failovers), ("p8-full", table.full_failovers)]
    for name, job in jobs:
        if only and name not in only:
            continue
        say(name)
        try:
            job()
            table.write(time.monotonic() - begin)
        except Exception as failure:  # A row must not stop the others, whatever it is.
            say("  failed: %r" % failure)
    say("%.1f minutes; see %s/table.md" % ((time.monotonic() - begin) / 60, table.out))


if __name__ == "__main__":
    sys.exit(main())

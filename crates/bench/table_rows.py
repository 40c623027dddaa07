"""The rows of the table of `table.py`: plans, what is read from their reports, goals and anchors.

A row's `seconds` says how long each side takes, about, on a quiet machine with two processors; `table.py` leaves out what does
not fit the time that is left. The order is that of importance.
"""
from dataclasses import dataclass, field

TEPUI, MESOS, FAST = "tepui", "mesos", "mesos-fast"


@dataclass
class Figure:
    """One line of the table: a number from a report. `unit` also says how to show it; `better` is `more` or `less`."""

    number: str
    what: str
    read: object
    unit: str
    better: str
    goal: str = "–"
    growth: str = ""


@dataclass
class Row:
    """One plan for some sides."""

    name: str
    plan: str
    seconds: dict
    figures: list
    runs: int = 1
    agents: int = 0
    flags: dict = field(default_factory=dict)
    absent: dict = field(default_factory=dict)


def phase(name, key="per_master_s"):
    """A figure of a phase: operations per second of the master's processor time, or of wall time."""

    def read(report):
        found = [it for it in report["phases"] if it["name"] == name]
        return found[0][key] if found else None

    return read


def percentile(what, which):
    return lambda report: (report[what] or {}).get(which)


def read_seconds(kind):
    """Processor seconds of the master for one read; wall time is that of the load, too."""

    def read(report):
        found = [it for it in report["phases"] if it["name"] == "read " + kind]
        return found[0]["master_s"] / found[0]["operations"] if found else None

    return read


def read_wall(kind, key="total_s"):
    def read(report):
        times = [sorted(it[key]) for it in report["reads"] if it["kind"] == kind]
        return times[0][len(times[0]) // 2] if times and times[0] else None

    return read


def memory(key):
    return lambda report: report["memory"][key]


def empty_master(report):
    return report["memory"]["empty"]["pss"]


PER_SECOND, SECONDS, MILLIS, BYTES = "/cpu-s", "s", "ms", "B"
HEAVY = "the load was given up: more than it launches in the time"


def launches(number, what, goal="≥ 10×", growth=""):
    return Figure(number, what, phase("run"), PER_SECOND, "more", goal, growth)


def registrations(number, what, growth=""):
    return Figure(number, what, phase("register"), PER_SECOND, "more", "flat", growth)


def agent_bytes(growth="memory of an agent"):
    return Figure("P14", "memory of an agent", memory("per_agent"), BYTES, "less", "3 KB", growth)


ROWS = [
    Row("p1-1k", "agents=1000 frameworks=10 tasks=10000", {TEPUI: 4, MESOS: 13, FAST: 15}, [
        launches("P1", "launches, 1 per ACCEPT, 10 frameworks", growth="launch"),
        registrations("P13", "registrations, registry in memory", growth="registration"),
        Figure("P14", "empty master (Mesos: with an agent)", empty_master, BYTES, "less"),
    ], runs=3, agents=1000),
    Row("p1-10k", "agents=10000 frameworks=10 tasks=20000 calls_in_flight=100", {TEPUI: 7, MESOS: 45, FAST: 50}, [
        launches("P1", "launches, 1 per ACCEPT, 10 frameworks", growth="launch"),
        registrations("P13", "registrations, registry in memory", growth="registration"),
        agent_bytes(),
    ], agents=10000),
    Row("p1-50k", "agents=50000 frameworks=10 tasks=50000 retry_seconds=300 calls_in_flight=100", {TEPUI: 18, MESOS: 170}, [
        launches("P1", "launches, 1 per ACCEPT, 10 frameworks", "≥ 10×; 20,000", "launch"),
        registrations("P13", "registrations, registry in memory", growth="registration"),
        agent_bytes(),
    ], agents=50000, absent={FAST: "left out: the default is the better one at this size"}),
    Row("p2-600", "agents=10000 frameworks=10 rate=600 tasks=6000 warmup_seconds=2", {TEPUI: 13, MESOS: 24, FAST: 24}, [
        Figure("P2", "ACCEPT → RUNNING p50 at 600/s", percentile("launch_s", "p50"), MILLIS, "less", "0.2 ms"),
        Figure("P2", "ACCEPT → RUNNING p99 at 600/s", percentile("launch_s", "p99"), MILLIS, "less", "1 ms"),
        Figure("P3", "freed → next offer p50, idle agents", percentile("turnaround_s", "p50"), MILLIS, "less", "1 ms"),
        Figure("P3", "freed → next offer p99, idle agents", percentile("turnaround_s", "p99"), MILLIS, "less", "10 ms"),
    ], agents=10000),
    Row("p3", "agents=1000 frameworks=10 duration_ms=1000 duration_spread_ms=300 tasks=16000 warmup_seconds=8",
        {TEPUI: 20, MESOS: 40, FAST: 22}, [
        Figure("P3", "tasks of 1 s that 1,000 agents run per second", phase("steady", "per_s"), "/s", "more", "990/s"),
        Figure("P3", "freed → next offer p50, all busy, tasks of 1 s", percentile("turnaround_s", "p50"), MILLIS,
               "less", "1 ms"),
        Figure("P3", "freed → next offer p99, all busy, tasks of 1 s", percentile("turnaround_s", "p99"), MILLIS,
               "less", "10 ms"),
    ], agents=1000),
    Row("p7-10k", "agents=10000 reregister_tasks=10 register_window=100000 reads=state,get_state_protobuf,get_state_json",
        {TEPUI: 12, MESOS: 26}, [
        Figure("P7", "tasks re-registered, 10 an agent", phase("re-register"), PER_SECOND, "more", "200,000",
               "re-registration"),
        Figure("P9", "/state, 100,000 tasks, cpu", read_seconds("state"), SECONDS, "less", "0.12 s", "state"),
        Figure("P9", "/state, first byte", read_wall("state", "first_byte_s"), MILLIS, "less", "5 ms"),
        Figure("P9", "GET_STATE protobuf, cpu", read_seconds("get_state_protobuf"), SECONDS, "less", "0.07 s"),
        Figure("P9", "GET_STATE JSON, cpu", read_seconds("get_state_json"), SECONDS, "less"),
    ], agents=10000, absent={FAST: "allocation plays no part"}),
    Row("p14-10k", "agents=10000 slots=10 frameworks=10 tasks=100000 tasks_per_accept=10 duration_ms=-1 retry_seconds=300",
        {TEPUI: 22, MESOS: 85}, [
        Figure("P1", "launch only, 10 per ACCEPT", phase("launch"), PER_SECOND, "more", "50,000"),
        Figure("–", "ends only, the same tasks", phase("finish"), PER_SECOND, "more"),
        Figure("P14", "memory of a running task, 10 an agent", memory("per_task"), BYTES, "less", "1 KB", "memory of a task"),
    ], agents=10000, absent={FAST: "left out for time"}),
    Row("p12-p18", "agents=10 frameworks=1 tasks=10 reconcile=100000 pongs=500000", {TEPUI: 5, MESOS: 10}, [
        Figure("P12", "updates of one RECONCILE of 100,000 unknown tasks", phase("reconcile"), PER_SECOND, "more", "≥ 10×"),
        Figure("P18", "link messages, pipelined on one connection", phase("pong"), PER_SECOND, "more", "≥ 3×; 500,000"),
    ], agents=10, absent={FAST: "allocation plays no part"}),
    Row("p7-50k", "agents=50000 reregister_tasks=10 register_window=100000 reads=state", {TEPUI: 35}, [
        Figure("P7", "tasks re-registered, 10 an agent", phase("re-register"), PER_SECOND, "more", "200,000",
               "re-registration"),
        Figure("P9", "/state, 500,000 tasks, cpu", read_seconds("state"), SECONDS, "less", "0.62 s", "state"),
    ], agents=50000, absent={MESOS: "not in this time: it takes about a minute", FAST: "allocation plays no part"}),
    Row("p1-1k-10", "agents=1000 slots=10 frameworks=10 tasks=20000 tasks_per_accept=10",
        {TEPUI: 5, MESOS: 18, FAST: 18}, [
        launches("P1", "launches, 10 per ACCEPT, 10 frameworks", "≥ 10×; 50,000 launch only"),
    ], agents=1000),
    Row("p1-1k-100", "agents=1000 slots=100 frameworks=10 tasks=50000 tasks_per_accept=100",
        {TEPUI: 9, MESOS: 32}, [
        launches("P1", "launches, 100 per ACCEPT, 10 frameworks", "≥ 10×; 100,000 launch only"),
    ], agents=1000, absent={FAST: "left out for time"}),
    Row("p19", "agents=50000 slots=2 frameworks=200 duration_ms=30000 duration_spread_ms=10000 tasks=400000 "
        "warmup_seconds=60 retry_seconds=300 patience_seconds=300", {TEPUI: 170}, [
        Figure("P19", "50,000 agents, 200 frameworks, tasks N(30 s, 10 s): launches", phase("steady", "per_s"), "/s",
               "more", "3,333/s, which is all"),
        Figure("P19", "the same: launches by processor time", phase("steady"), PER_SECOND, "more"),
        Figure("P19", "the same: ACCEPT → RUNNING p50", percentile("launch_s", "p50"), MILLIS, "less", "50 ms added"),
        Figure("P19", "the same: ACCEPT → RUNNING p99", percentile("launch_s", "p99"), MILLIS, "less", "50 ms added"),
    ], agents=50000, absent={MESOS: "cannot: it launches less than 3,333/s", FAST: "cannot, too"}),
    Row("p2-5000", "agents=10000 frameworks=10 rate=5000 tasks=40000 warmup_seconds=2", {TEPUI: 10}, [
        Figure("P2", "ACCEPT → RUNNING p50 at 5,000/s", percentile("launch_s", "p50"), MILLIS, "less", "0.2 ms"),
        Figure("P2", "ACCEPT → RUNNING p99 at 5,000/s", percentile("launch_s", "p99"), MILLIS, "less", "1 ms"),
    ], agents=10000, absent={MESOS: "cannot: more than it launches", FAST: "cannot, too"}),
    Row("p10", "agents=10000 frameworks=10 rate=600 tasks=6000 warmup_seconds=2 poll_state=true", {TEPUI: 13, MESOS: 35}, [
        Figure("P10", "ACCEPT → RUNNING p99 at 600/s while /state is polled", percentile("launch_s", "p99"), MILLIS, "less",
               "as without"),
        Figure("P10", "/state meanwhile, median", read_wall("state (polled)"), MILLIS, "less"),
    ], agents=10000, absent={FAST: "left out for time"}),
    Row("p1-json", "agents=1000 frameworks=10 tasks=10000 encoding=json", {TEPUI: 4, MESOS: 15, FAST: 16}, [
        launches("P1", "launches, 1 per ACCEPT, JSON"),
    ], agents=1000),
    Row("p1-1fw", "agents=1000 frameworks=1 tasks=10000", {TEPUI: 4, MESOS: 13}, [
        launches("P1", "launches, 1 per ACCEPT, 1 framework"),
    ], agents=1000, absent={FAST: "left out for time"}),
    Row("addresses", "agents=4000 agents_per_address=1 frameworks=10 tasks=8000", {TEPUI: 7, MESOS: 25}, [
        launches("P1", "launches, each agent at an address of its own"),
        Figure("P14", "memory of an agent with its sockets", memory("per_agent"), BYTES, "less", "–"),
    ], agents=4000, absent={FAST: "left out for time"}),
    Row("p7-1k", "agents=1000 reregister_tasks=10 register_window=100000 reads=state", {TEPUI: 3, MESOS: 6}, [
        Figure("P7", "tasks re-registered, 10 an agent", phase("re-register"), PER_SECOND, "more", "200,000",
               "re-registration"),
        Figure("P9", "/state, 10,000 tasks, cpu", read_seconds("state"), SECONDS, "less", "0.012 s", "state"),
    ], agents=1000, absent={FAST: "allocation plays no part"}),
    Row("p14-1k", "agents=1000 slots=10 frameworks=10 tasks=10000 tasks_per_accept=10 duration_ms=-1", {TEPUI: 4, MESOS: 12}, [
        agent_bytes(),
        Figure("P14", "memory of a running task, 10 an agent", memory("per_task"), BYTES, "less", "1 KB", "memory of a task"),
    ], agents=1000, absent={FAST: "left out for time"}),
    Row("p14-50k", "agents=50000 slots=2 frameworks=10 tasks=100000 tasks_per_accept=2 duration_ms=-1 retry_seconds=300",
        {TEPUI: 40}, [
        Figure("P14", "memory of a running task, 2 an agent", memory("per_task"), BYTES, "less", "1 KB", "memory of a task"),
    ], agents=50000, absent={MESOS: "left out for time", FAST: "left out for time"}),
    Row("p13-file", "agents=10000 frameworks=0 tasks=0", {TEPUI: 5, MESOS: 14}, [
        Figure("P13", "registrations, registry on disk", phase("register"), PER_SECOND, "more", "≥ 10×"),
    ], agents=10000, flags={TEPUI: "--registry=embedded", MESOS: "MESOS_REGISTRY=replicated_log"},
        absent={FAST: "allocation plays no part"}),
]

# Agents and frameworks of allocation cycles, with what Mesos 1.8 was published to take, in ms (M9 of the anchors).
CYCLES = [(1000, 100, 50), (5000, 500, 400), (10000, 1000, 1060), (20000, 2000, 3800), (50000, 6000, None)]
CYCLE_GOALS = {10000: "10 ms", 20000: "40 ms", 50000: "300 ms"}



@dataclass
class Workload:
    """A line that a benchmark of the allocator prints: how long `operations` of these took, in ms. `after` is where in its output it is."""

    number: str
    what: str
    agents: int
    arguments: str
    pattern: str
    published: str
    goal: str = "–"
    operations: int = 1
    after: str = ""


def published(text):
    return "%s published (other machine)" % text


QUOTA, OPERATIONS, NOTHING = "large-and-small-quota 2500 500", "20 UNRESERVE and 20 RESERVE", "nothing published"
# The exact workloads of Mesos' benchmarks, with what was published for it (M10 to M14 of the anchors).
WORKLOADS = [
    Workload("P5", "LargeAndSmallQuota, 3,000 roles: add frameworks", 3000, QUOTA, "add frameworks", published("17 s"), "20 ms"),
    Workload("P5", "LargeAndSmallQuota, 3,000 roles: first cycle", 3000, QUOTA, "first cycle", published("15.5 s"), "20 ms"),
    Workload("P5", "LargeAndSmallQuota, 3,000 roles: a cycle without offers", 3000, QUOTA, "cycle without offers",
             published("12.9 s"), "0.2 ms"),
    Workload("P5", "NonQuotaVsQuota, 1,000 roles with quota: first cycle", 2000, "non-quota-vs-quota 1000", "first cycle",
             NOTHING, after="Drf, quota"),
    Workload("P6", "RESERVE or UNRESERVE, 200 objects on the agent", 1, "update-allocation 50", OPERATIONS, published("12 ms"),
             "0.1 ms", 40),
    Workload("P6", "RESERVE or UNRESERVE, 800 objects on the agent", 1, "update-allocation 200", OPERATIONS, published("53 ms"),
             "0.1 ms", 40),
    Workload("P6", "RESERVE or UNRESERVE, 6,400 objects on the agent", 1, "update-allocation 1600", OPERATIONS,
             published("2,250 ms"), "0.1 ms", 40),
    Workload("P4", "DeclineOffers, 1,000 frameworks: add agents", 10000, "decline-offers 10000 1000", "add agents",
             published("1,610 ms")),
    Workload("P4", "DeclineOffers, 1,000 frameworks: a cycle", 10000, "decline-offers 10000 1000", "round [1-9]",
             published("1,060 ms"), "10 ms"),
    Workload("P4", "DeclineOffers, 3,000 frameworks: add agents", 10000, "decline-offers 10000 3000", "add agents",
             published("3,310 ms")),
    Workload("P4", "DeclineOffers, 3,000 frameworks: a cycle", 10000, "decline-offers 10000 3000", "round [1-9]",
             published("2,600 ms")),
    Workload("P4", "ResourceLabels, 1,000 frameworks: a cycle", 10000, "resource-labels 10000 1000", "round [1-9]", NOTHING),
    Workload("P4", "AddAndUpdateSlave, 1,000 frameworks: update agents", 10000, "add-and-update-agent 10000 1000",
             "update agents", NOTHING),
    Workload("P4", "SuppressOffers, 1,000 frameworks, 400 suppressed: a cycle", 10000, "suppress-offers 10000 1000",
             "cycle, 400 suppressed", NOTHING),
    Workload("P4", "ExtremeSuppressOffers, 1,000 frameworks, 990 suppressed: a cycle", 10000,
             "extreme-suppress-offers 10000 1000", "cycle [0-4]", NOTHING),
    Workload("P4", "AllocatorBacklog, 1,000 frameworks revive", 10000, "backlog 10000 1000",
             "revive each framework, and allocate each time", NOTHING),
    Workload("P4", "FullSort, 1,000 clients: add allocations", 50000, "full-sort 50000 1000", "add allocations",
             published("183 ms")),
    Workload("P4", "FullSort, 1,000 clients: remove allocations", 50000, "full-sort 50000 1000", "remove allocations",
             published("12,200 ms")),
    Workload("P4", "HierarchyFullSort, 1,056 clients: add allocations", 50000, "hierarchy-full-sort 3 32", "add allocations",
             NOTHING),
]

# Rows that no plan of `bench` makes, and why.
NOTES = [
    ("P4 to P6 of Mesos", "Its side needs its C++ tests, which the published package lacks; what was published is beside ours."),
    ("P15–P17", "Real tasks on one agent have a section of their own."),
    ("P20", "Needs eight hours."),
]

"""A scheduler with pymesos, and its executor, for processes.rs. usage: pymesos_comes_back.py MASTER launch | MASTER come-back FRAMEWORK_ID | executor

launch: runs the task `old` with its own executor, says RUNNING FRAMEWORK_ID and waits to be killed.
come-back: asks what became of it, tells its executor to end it, runs another task there, and tears the framework down.
executor: a task runs until it gets a message; one that is named `new` ends at once."""
import os
import sys
import threading

from pymesos import Executor, MesosExecutorDriver, MesosSchedulerDriver, Scheduler

ENDS_AFTER_SECONDS = 300
END_IT = "ZW5kIGl0"


class Waiting(Executor):
    def launchTask(self, driver, task):
        self.task = task
        self.say(driver, "TASK_RUNNING")
        if task["name"] == "new":
            self.say(driver, "TASK_FINISHED")

    def say(self, driver, state):
        driver.sendStatusUpdate({"task_id": self.task["task_id"], "state": state})

    def frameworkMessage(self, driver, data):
        if self.task["name"] == "old":
            self.say(driver, "TASK_FINISHED")


class ComesBack(Scheduler):
    def __init__(self, next_task):
        self.next_task, self.states, self.ended = next_task, {"old": [], "new": []}, threading.Event()
        self.told = False

    def reregistered(self, driver, master):
        # pymesos calls this one for whoever comes with a framework id.
        driver.reconcileTasks([])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.next_task is None:
                driver.declineOffer(offer["id"], filters={"refuse_seconds": 0.1})
                continue
            name, self.next_task = self.next_task, None
            resources = [
                {"name": name, "type": "SCALAR", "scalar": {"value": value}}
                for name, value in (("cpus", 0.1), ("mem", 32))
            ]
            command = "%s %s executor" % (sys.executable, os.path.abspath(__file__))
            task = {
                "task_id": {"value": name},
                "agent_id": offer["agent_id"],
                "name": name,
                "resources": resources,
                "executor": {"executor_id": {"value": "waiting"}, "resources": resources, "command": {"value": command}},
            }
            driver.launchTasks(offer["id"], [task], filters={"refuse_seconds": 0.1})

    def statusUpdate(self, driver, status):
        name, state = status["task_id"]["value"], status["state"]
        # A status comes again if it was not acknowledged in time, and reconciliation tells it too.
        if self.states[name][-1:] != [state]:
            self.states[name].append(state)
        if sys.argv[2] == "launch":
            if state == "TASK_RUNNING":
                print("RUNNING " + driver.framework_id, flush=True)
        elif (name, state) == ("old", "TASK_RUNNING") and not self.told:
            self.told = True
            driver.sendFrameworkMessage({"value": "waiting"}, status["agent_id"], END_IT)
        elif (name, state) == ("old", "TASK_FINISHED"):
            self.next_task = "new"
        elif state not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
            self.ended.set()

    def error(self, driver, message):
        print("ERROR " + str(message), flush=True)
        self.ended.set()


if sys.argv[1] == "executor":
    MesosExecutorDriver(Waiting()).run()
    sys.exit()
framework = {"user": "root", "name": "pymesos", "failover_timeout": 300, "checkpoint": True}
if sys.argv[2] == "come-back":
    framework["id"] = {"value": sys.argv[3]}
scheduler = ComesBack("old" if sys.argv[2] == "launch" else None)
driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
driver.start()
passed = scheduler.ended.wait(ENDS_AFTER_SECONDS)
driver.stop()
driver.join()
print(" ".join(["RESULT", "PASS" if passed else "FAIL"] + scheduler.states["old"] + scheduler.states["new"]))

"""A scheduler with Mesos' own old driver (python 2), for processes.rs. usage: old_driver.py MASTER launch [COMMAND] | come-back FRAMEWORK_ID

launch [COMMAND]: runs a task, says RUNNING FRAMEWORK_ID and waits to be killed.
come-back: asks what became of the framework's tasks, waits for the end of one, runs another, and ends the framework."""
import sys
import threading

import mesos.scheduler
from mesos.interface import Scheduler, mesos_pb2

ENDS_AFTER_SECONDS = 300
NOT_ENDED = ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING")


class OldScheduler(Scheduler):
    def __init__(self, launches):
        self.launches, self.states, self.ended = launches, [], threading.Event()
        self.name = "old"

    def registered(self, driver, framework_id, master):
        self.framework_id = framework_id.value
        if not self.launches:
            driver.reconcileTasks([])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if not self.launches:
                driver.declineOffer(offer.id)
                continue
            self.launches = False
            task = mesos_pb2.TaskInfo(name=self.name)
            task.task_id.value = self.name
            task.slave_id.value = offer.slave_id.value
            task.command.value = "true" if self.name == "new" else (sys.argv[3:] or ["sleep 6"])[0]
            for name, value in (("cpus", 0.1), ("mem", 32)):
                resource = task.resources.add()
                resource.name, resource.type, resource.scalar.value = name, mesos_pb2.Value.SCALAR, value
            driver.launchTasks([offer.id], [task])

    def statusUpdate(self, driver, status):
        state = mesos_pb2.TaskState.Name(status.state)
        # A status comes again if it was not acknowledged in time, and reconciliation tells it too.
        if self.states[-1:] != [state]:
            self.states.append(state)
        if state == "TASK_RUNNING":
            print("RUNNING " + self.framework_id)
            sys.stdout.flush()
        if state in NOT_ENDED:
            return
        if sys.argv[2] == "launch" or status.task_id.value == "new":
            self.ended.set()
        elif self.name == "old":
            self.name, self.launches = "new", True
            driver.reviveOffers()

    def error(self, driver, message):
        print("ERROR " + message)
        self.ended.set()


framework = mesos_pb2.FrameworkInfo(user="root", name="old", failover_timeout=60.0, checkpoint=True)
if sys.argv[2] == "come-back":
    framework.id.value = sys.argv[3]
scheduler = OldScheduler(sys.argv[2] == "launch")
driver = mesos.scheduler.MesosSchedulerDriver(scheduler, framework, sys.argv[1], 1)
driver.start()
passed = scheduler.ended.wait(ENDS_AFTER_SECONDS)
driver.stop()
driver.join()
print(" ".join(["RESULT", "PASS" if passed else "FAIL"] + scheduler.states))

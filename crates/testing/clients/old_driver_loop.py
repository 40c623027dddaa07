"""A scheduler with Mesos' own old driver (python 2): one short task after another. usage: old_driver_loop.py MASTER [FRAMEWORK_ID]

Says `ENDED TASK STATE` after each."""
import itertools
import os
import sys
import threading
import time

import mesos.scheduler
from mesos.interface import Scheduler, mesos_pb2

NOT_ENDED = ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE")


class Loop(Scheduler):
    def __init__(self):
        self.numbers, self.running = itertools.count(1), None

    def registered(self, driver, framework_id, master):
        print("REGISTERED %s at %s:%s" % (framework_id.value, master.hostname, master.port))
        self.ask(driver)

    def reregistered(self, driver, master):
        print("REREGISTERED at %s:%s" % (master.hostname, master.port))
        self.ask(driver)

    def ask(self, driver):
        # The launch may have been lost with a master.
        if self.running is not None:
            driver.reconcileTasks([self.running])

    def disconnected(self, driver):
        print("DISCONNECTED")

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.running is not None:
                driver.declineOffer(offer.id, mesos_pb2.Filters(refuse_seconds=0.5))
                continue
            task = mesos_pb2.TaskInfo(name="old")
            task.task_id.value = "old-%d-%d" % (os.getpid(), next(self.numbers))
            task.slave_id.value = offer.slave_id.value
            task.command.value = "sleep 0.3"
            for name, value in (("cpus", 0.1), ("mem", 16)):
                resource = task.resources.add()
                resource.name, resource.type, resource.scalar.value = name, mesos_pb2.Value.SCALAR, value
            self.running = mesos_pb2.TaskStatus(
                task_id=task.task_id, slave_id=offer.slave_id, state=mesos_pb2.TASK_STAGING
            )
            driver.launchTasks([offer.id], [task])

    def statusUpdate(self, driver, status):
        state = mesos_pb2.TaskState.Name(status.state)
        print("UPDATE %s %s" % (status.task_id.value, state))
        if self.running is not None and status.task_id.value == self.running.task_id.value and state not in NOT_ENDED:
            print("ENDED %s %s" % (status.task_id.value, state))
            self.running = None
            driver.reviveOffers()

    def error(self, driver, message):
        print("ERROR " + message)
        os._exit(1)


framework = mesos_pb2.FrameworkInfo(user="root", name="old driver", failover_timeout=1e6, checkpoint=True)
if sys.argv[2:]:
    framework.id.value = sys.argv[2]
loop = Loop()
driver = mesos.scheduler.MesosSchedulerDriver(loop, framework, sys.argv[1], 1)


def ask_now_and_then():
    # The answer may be lost, or be none while agents come back.
    while True:
        time.sleep(5)
        try:
            loop.ask(driver)
        except Exception as error:
            print("ASK", error)


thread = threading.Thread(target=ask_now_and_then)
thread.daemon = True
thread.start()
driver.run()

"""A scheduler with pymesos: one short task after another. usage: pymesos_loop.py MASTER [FRAMEWORK_ID]

Says `ENDED TASK STATE` after each."""
import itertools
import logging
import os
import sys
import threading
import time

from pymesos import MesosSchedulerDriver, Scheduler

logging.basicConfig(level=logging.INFO)
NOT_ENDED = ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE")


class Loop(Scheduler):
    def __init__(self):
        self.numbers, self.running = itertools.count(1), None

    def registered(self, driver, framework_id, master):
        print("REGISTERED", framework_id)
        self.ask(driver)

    def reregistered(self, driver, master):
        print("REREGISTERED")
        self.ask(driver)

    def ask(self, driver):
        # The launch may have been lost with a master.
        if self.running is not None:
            driver.reconcileTasks([self.running])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.running is not None:
                driver.declineOffer(offer["id"], filters={"refuse_seconds": 0.5})
                continue
            task = {
                "task_id": {"value": "py-%d-%d" % (os.getpid(), next(self.numbers))},
                "agent_id": offer["agent_id"],
                "name": "py",
                "command": {"value": "sleep 0.3"},
                "resources": [
                    {"name": name, "type": "SCALAR", "scalar": {"value": value}}
                    for name, value in (("cpus", 0.1), ("mem", 16))
                ],
            }
            self.running = {"task_id": task["task_id"], "agent_id": offer["agent_id"]}
            driver.launchTasks(offer["id"], [task])

    def statusUpdate(self, driver, status):
        state = status["state"]
        print("UPDATE", status["task_id"]["value"], state)
        if self.running is not None and status["task_id"] == self.running["task_id"] and state not in NOT_ENDED:
            print("ENDED", status["task_id"]["value"], state)
            self.running = None
            driver.reviveOffers()

    def error(self, driver, message):
        print("ERROR", message)
        os._exit(1)


framework = {"user": "root", "name": "pymesos", "failover_timeout": 1e6, "checkpoint": True}
loop = Loop()
if sys.argv[2:]:
    framework["id"] = {"value": sys.argv[2]}
# Without `failover` it tears the framework down when an exception ends it.
driver = MesosSchedulerDriver(loop, framework, sys.argv[1], failover=True)


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

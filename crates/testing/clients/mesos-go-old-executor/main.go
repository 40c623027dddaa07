// An executor on the driver that came before the executor API, mesos-go's own implementation of it as Debian packages it: it
// registers by messages of libprocess. Runs the command that a task has as its data, and tells of it.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	driver "github.com/mesos/mesos-go/api/v0/executor"
	mesos "github.com/mesos/mesos-go/api/v0/mesosproto"
)

type runner struct {
	running map[string]*exec.Cmd
}

// say tells how a task is doing.
func say(to driver.ExecutorDriver, task *mesos.TaskID, state mesos.TaskState) {
	fmt.Fprintf(os.Stderr, "%s is %s\n", task.GetValue(), state)
	if _, err := to.SendStatusUpdate(&mesos.TaskStatus{TaskId: task, State: state.Enum()}); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL status update: %v\n", err)
		os.Exit(1)
	}
}

func (r *runner) LaunchTask(to driver.ExecutorDriver, task *mesos.TaskInfo) {
	command := exec.Command("sh", "-c", string(task.GetData()))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	r.running[task.TaskId.GetValue()] = command
	if err := command.Start(); err != nil {
		say(to, task.TaskId, mesos.TaskState_TASK_FAILED)
		return
	}
	say(to, task.TaskId, mesos.TaskState_TASK_RUNNING)
	go func() {
		err := command.Wait()
		status, _ := command.ProcessState.Sys().(syscall.WaitStatus)
		switch {
		case err == nil:
			say(to, task.TaskId, mesos.TaskState_TASK_FINISHED)
		case status.Signaled():
			say(to, task.TaskId, mesos.TaskState_TASK_KILLED)
		default:
			say(to, task.TaskId, mesos.TaskState_TASK_FAILED)
		}
	}()
}

func (r *runner) KillTask(to driver.ExecutorDriver, task *mesos.TaskID) {
	if command := r.running[task.GetValue()]; command != nil {
		command.Process.Kill()
	}
}

func (r *runner) Registered(_ driver.ExecutorDriver, executor *mesos.ExecutorInfo, _ *mesos.FrameworkInfo, agent *mesos.SlaveInfo) {
	fmt.Fprintf(os.Stderr, "registered as %s on %s\n", executor.ExecutorId.GetValue(), agent.GetHostname())
}

func (r *runner) Reregistered(driver.ExecutorDriver, *mesos.SlaveInfo) {
	fmt.Fprintln(os.Stderr, "registered again")
}

func (r *runner) Disconnected(driver.ExecutorDriver) { fmt.Fprintln(os.Stderr, "disconnected") }

func (r *runner) FrameworkMessage(to driver.ExecutorDriver, message string) {
	to.SendFrameworkMessage(message)
}

func (r *runner) Shutdown(to driver.ExecutorDriver) {
	for _, command := range r.running {
		command.Process.Kill()
	}
	// Long enough to tell how they ended.
	time.Sleep(100 * time.Millisecond)
	to.Stop()
}

func (r *runner) Error(_ driver.ExecutorDriver, message string) {
	fmt.Fprintf(os.Stderr, "FAIL error: %s\n", message)
}

func main() {
	config := driver.DriverConfig{
		Executor:       &runner{running: map[string]*exec.Cmd{}},
		BindingAddress: net.ParseIP("127.0.0.1"),
	}
	executor, err := driver.NewMesosExecutorDriver(config)
	if err != nil {
		fmt.Fprintf(os.Stderr, "FAIL driver: %v\n", err)
		os.Exit(1)
	}
	if _, err := executor.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL run: %v\n", err)
		os.Exit(1)
	}
}

// An executor built on mesos-go, as Debian packages it: runs the command that a task has as its data, and tells of it.
//
// usage: started by an agent, with protobuf|json as its only argument.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/executor/calls"
	"github.com/mesos/mesos-go/api/v1/lib/executor/config"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpexec"
)

// must ends the executor if there was an error.
func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "FAIL %s: %v\n", what, err)
		os.Exit(1)
	}
}

func main() {
	environment, err := config.FromEnv()
	must("environment", err)
	codec := codecs.ByMediaType[codecs.MediaTypeProtobuf]
	if len(os.Args) > 1 && os.Args[1] == "json" {
		codec = codecs.ByMediaType[codecs.MediaTypeJSON]
	}
	client := httpcli.New(httpcli.Endpoint("http://"+environment.AgentEndpoint+"/api/v1/executor"), httpcli.Codec(codec),
		httpcli.Do(httpcli.With(httpcli.Timeout(time.Hour))))
	sender := httpexec.NewSender(client.Send)
	us := executor.CallOptions{calls.Framework(environment.FrameworkID), calls.Executor(environment.ExecutorID)}
	ctx := context.Background()

	subscribe := calls.Subscribe(nil, nil).With(us...)
	stream, err := sender.Send(ctx, calls.NonStreaming(subscribe))
	must("SUBSCRIBE", err)
	defer stream.Close()
	update := func(task mesos.TaskID, state mesos.TaskState) {
		status := mesos.TaskStatus{
			TaskID: task,
			State:  &state,
			Source: mesos.SOURCE_EXECUTOR.Enum(),
			UUID:   uuid(),
		}
		must("UPDATE", calls.SendNoData(ctx, sender, calls.NonStreaming(calls.Update(status).With(us...))))
	}
	for {
		var event executor.Event
		must("an event", encoding.Decoder(stream).Decode(&event))
		switch event.GetType() {
		case executor.Event_LAUNCH:
			task := event.GetLaunch().GetTask()
			update(task.TaskID, mesos.TASK_RUNNING)
			command := exec.Command("sh", "-c", string(task.GetData()))
			command.Stdout, command.Stderr = os.Stdout, os.Stderr
			if command.Run() == nil {
				update(task.TaskID, mesos.TASK_FINISHED)
			} else {
				update(task.TaskID, mesos.TASK_FAILED)
			}
		case executor.Event_SHUTDOWN:
			return
		}
	}
}

// uuid makes a random UUID.
func uuid() []byte {
	bytes := make([]byte, 16)
	random, err := os.Open("/dev/urandom")
	must("randomness", err)
	defer random.Close()
	_, err = random.Read(bytes)
	must("randomness", err)
	bytes[6], bytes[8] = bytes[6]&0x0f|0x40, bytes[8]&0x3f|0x80
	return bytes
}

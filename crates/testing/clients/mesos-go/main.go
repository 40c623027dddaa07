// A scheduler and operator built on mesos-go, as Debian packages it: runs tasks one after the other, and prints what it saw.
//
// usage: mesos-go http://HOST:PORT protobuf|json COMMAND [TASKS [FRAMEWORK_ID]]
//
// It launches COMMAND as a task, acknowledges each update, and when TASKS tasks have ended well tears itself down. With a
// framework's id it comes back as that framework, and the first of its tasks is one that was launched before it was
// killed. The last line it prints is `PASS` or `FAIL ...`.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpmaster"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/master"
	mastercalls "github.com/mesos/mesos-go/api/v1/lib/master/calls"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// How long a master waits for this scheduler to come back.
const failoverSeconds = 300

// What a task takes.
const (
	cpus     = 0.1
	memoryMB = 32
)

// must ends the program with a FAIL line if there was an error.
func must(what string, err error) {
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", what, err)
		os.Exit(1)
	}
}

// run is the state of one scheduler.
type run struct {
	ctx      context.Context
	caller   calls.Caller
	command  string
	wanted   int
	finished int
	launched bool
	// Whether a task was launched by a scheduler before this one.
	comesBack bool
}

func main() {
	if len(os.Args) < 4 {
		fmt.Println("FAIL usage: mesos-go http://HOST:PORT protobuf|json COMMAND [TASKS [FRAMEWORK_ID]]")
		os.Exit(2)
	}
	base, command, wanted := os.Args[1], os.Args[3], 1
	codec := codecs.ByMediaType[codecs.MediaTypeProtobuf]
	if os.Args[2] == "json" {
		codec = codecs.ByMediaType[codecs.MediaTypeJSON]
	}
	if len(os.Args) > 4 {
		number, err := strconv.Atoi(os.Args[4])
		must("number of tasks", err)
		wanted = number
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Second)
	defer cancel()
	printVersion(ctx, base, codec)

	client := httpcli.New(httpcli.Endpoint(base+"/api/v1/scheduler"), httpcli.Codec(codec),
		httpcli.Do(httpcli.With(httpcli.Timeout(30*time.Second))))
	caller := httpsched.NewCaller(client)
	timeout := float64(failoverSeconds)
	info := &mesos.FrameworkInfo{User: "root", Name: "mesos-go", FailoverTimeout: &timeout}
	subscribe := calls.Subscribe(info)
	comesBack := len(os.Args) > 5
	if comesBack {
		info.ID = &mesos.FrameworkID{Value: os.Args[5]}
		subscribe = subscribe.With(calls.SubscribeTo(os.Args[5]))
	}
	stream, err := caller.Call(ctx, subscribe)
	must("SUBSCRIBE", err)
	defer stream.Close()
	r := &run{ctx: ctx, caller: caller, command: command, wanted: wanted, launched: comesBack, comesBack: comesBack}
	for r.finished < r.wanted {
		var event scheduler.Event
		must("reading the event stream", stream.Decode(&event))
		r.handle(&event)
	}
	must("TEARDOWN", calls.CallNoData(ctx, r.caller, &scheduler.Call{Type: scheduler.Call_TEARDOWN}))
	fmt.Println("PASS")
}

// printVersion asks the operator API, so that its framing is tried too.
func printVersion(ctx context.Context, base string, codec encoding.Codec) {
	sender := httpmaster.NewSender(httpcli.New(httpcli.Endpoint(base+"/api/v1"), httpcli.Codec(codec)).Send)
	answer, err := sender.Send(ctx, mastercalls.NonStreaming(mastercalls.GetVersion()))
	if err != nil && strings.Contains(err.Error(), "non-leading") {
		// mesos-go follows redirects of the scheduler API only.
		fmt.Println("redirected")
		return
	}
	must("GET_VERSION", err)
	var response master.Response
	must("reading GET_VERSION", answer.Decode(&response))
	fmt.Println("version", response.GetGetVersion().VersionInfo.Version)
}

func (r *run) handle(event *scheduler.Event) {
	switch event.GetType() {
	case scheduler.Event_SUBSCRIBED:
		id := event.GetSubscribed().GetFrameworkID().GetValue()
		option, inner := calls.Framework(id), r.caller
		r.caller = calls.CallerFunc(func(ctx context.Context, call *scheduler.Call) (mesos.Response, error) {
			return inner.Call(ctx, call.With(option))
		})
		fmt.Println("subscribed", id)
		if r.comesBack {
			must("RECONCILE", calls.CallNoData(r.ctx, r.caller, calls.Reconcile()))
		}
	case scheduler.Event_OFFERS:
		for _, offer := range event.GetOffers().GetOffers() {
			r.offer(offer)
		}
	case scheduler.Event_UPDATE:
		r.update(event.GetUpdate().GetStatus())
	case scheduler.Event_ERROR:
		must("event", fmt.Errorf("ERROR: %s", event.GetError().GetMessage()))
	}
}

// fits tells whether an offer holds what a task takes: an agent may have next to nothing.
func fits(offer mesos.Offer) bool {
	amounts := map[string]float64{}
	for _, resource := range offer.Resources {
		amounts[resource.GetName()] += resource.GetScalar().GetValue()
	}
	return amounts["cpus"] >= cpus && amounts["mem"] >= memoryMB
}

func (r *run) offer(offer mesos.Offer) {
	if r.launched || !fits(offer) {
		must("DECLINE", calls.CallNoData(r.ctx, r.caller, calls.Decline(offer.ID)))
		return
	}
	r.launched = true
	shell := true
	task := mesos.TaskInfo{
		Name:      "mesos-go",
		TaskID:    mesos.TaskID{Value: fmt.Sprintf("mesos-go-%d", r.finished)},
		AgentID:   offer.AgentID,
		Command:   &mesos.CommandInfo{Shell: &shell, Value: &r.command},
		Resources: mesos.Resources{resources.NewCPUs(cpus).Resource, resources.NewMemory(memoryMB).Resource},
	}
	accept := calls.Accept(calls.OfferOperations{calls.OpLaunch(task)}.WithOffers(offer.ID))
	must("ACCEPT", calls.CallNoData(r.ctx, r.caller, accept.With(calls.RefuseSeconds(0))))
}

func (r *run) update(status mesos.TaskStatus) {
	fmt.Println("update", status.TaskID.Value, status.GetState(), status.GetMessage())
	if uuid := status.GetUUID(); len(uuid) > 0 {
		acknowledge := calls.Acknowledge(status.GetAgentID().GetValue(), status.TaskID.Value, uuid)
		must("ACKNOWLEDGE", calls.CallNoData(r.ctx, r.caller, acknowledge))
	}
	switch status.GetState() {
	case mesos.TASK_STAGING, mesos.TASK_STARTING, mesos.TASK_RUNNING:
	case mesos.TASK_FINISHED:
		must("RECONCILE", calls.CallNoData(r.ctx, r.caller, calls.Reconcile()))
		must("REVIVE", calls.CallNoData(r.ctx, r.caller, calls.Revive()))
		r.finished++
		r.launched = false
	default:
		must("task", fmt.Errorf("%s: %s", status.GetState(), status.GetMessage()))
	}
}

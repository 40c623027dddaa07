#!/bin/bash
# Runs one plan several times against Tepui and against Mesos 1.11.0, in turn, and keeps the results.
# usage: measure.sh OUT_FOLDER NAME RUNS SIDES key=value ...      SIDES: words of `tepui mesos mesos-fast`
#
# The master is pinned to processor 0 and the load to processor 1. `mesos` has default settings, `mesos-fast` has an
# allocation interval of 10 ms. PORT chooses the ports; TEPUI and BENCH the binaries; MESOS_START the script that starts
# a Mesos master (see shared/oracle), which must write the id of its process's parent to /tmp/oracle-PORT/ref/pid.
set -u
OUT=$1 NAME=$2 RUNS=$3 SIDES=$4; shift 4
PORT=${PORT:-16900}
HERE=$(cd "$(dirname "$0")/../.." && pwd)
TEPUI=${TEPUI:-$HERE/target/release/tepui} BENCH=${BENCH:-$HERE/target/release/bench}
MESOS_START=${MESOS_START:-/work/ref_start.sh}
mkdir -p "$OUT"

start_tepui() {
  taskset -c 0 "$TEPUI" master --ip=127.0.0.1 --port=$PORT --work_dir=/tmp/bench/work-$PORT --registry=in_memory \
    --logging_level=ERROR ${TEPUI_FLAGS:-} >/tmp/bench/master-$PORT.log 2>&1 & MASTER=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:$PORT/version >/dev/null && return; sleep 0.05; done
}
start_mesos() {
  REF_ENV="MESOS_ALLOCATION_INTERVAL=$1 MESOS_LOGGING_LEVEL=${MESOS_LEVEL:-ERROR} GLOG_minloglevel=${MESOS_LOG:-2} ${MESOS_FLAGS:-}" RES="cpus:0.01;mem:1" \
    taskset -c 0 "$MESOS_START" $PORT 900 >/dev/null
  MASTER=$(pgrep -P "$(cat /tmp/oracle-$PORT/ref/pid)")
}
stop_mesos() { kill "$(cat /tmp/oracle-$PORT/ref/pid)" "$(cat /tmp/oracle-$PORT/ref/proxy.pid)" 2>/dev/null; }

for run in $(seq "$RUNS"); do
  for side in $SIDES; do
    case $side in
      mesos) start_mesos 1secs ;;
      mesos-fast) start_mesos 10ms ;;
      *) start_tepui ;;
    esac
    echo "== $NAME, $side, run $run"
    taskset -c 1 "$BENCH" run - 127.0.0.1:$PORT $MASTER "$OUT/$NAME-$side-$run" name=$NAME-$side swarm_port=$((PORT + 50)) "$@" \
      2>"$OUT/$NAME-$side-$run.log" || tail -3 "$OUT/$NAME-$side-$run.log"
    case $side in mesos*) stop_mesos ;; *) kill $MASTER; wait $MASTER 2>/dev/null ;; esac
    sleep 0.5
  done
done

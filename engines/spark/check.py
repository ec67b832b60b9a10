#!/usr/bin/env python3
"""Runs the job on a cluster of its own on loopback and compares the reports with those of one machine, byte for byte.

    python check.py --binary target/release/whatchanged samples/checkout-outage
    python check.py --binary target/release/whatchanged --cluster standalone --kill --splits 32 corpus/

`local-cluster` is two executors of one core and 1 GiB in processes of their own; `standalone` a master and two workers,
of which `--kill` ends one, by its process id, once a task is done and others are not. `--read spark` reaches the files
through a mount table of Hadoop (viewfs), so that only Hadoop knows where they are.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import whatchanged_spark as job  # noqa: E402

HOST = "127.0.0.1"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--splits", default="1,2,7,32")
    parser.add_argument("--cluster", choices=["local-cluster", "standalone"], default="local-cluster")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--read", choices=["auto", "spark"], default="auto")
    args = parser.parse_args()
    os.environ["SPARK_LOCAL_IP"] = HOST
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory(prefix="whatchanged-check-") as scratch:
        cluster = Standalone(scratch) if args.cluster == "standalone" else None
        try:
            # Links, for names that differ in nothing but the mount.
            for case in args.cases:
                os.symlink(os.path.abspath(case), os.path.join(scratch, name(case)))
            session = begin(cluster.url if cluster else "local-cluster[2,1,1024]", scratch)
            try:
                wrong = sum(compare(session, args, case, splits, cluster, scratch) for case in args.cases for splits in args.splits.split(","))
            finally:
                session.stop()
        finally:
            if cluster:
                cluster.end()
    sys.exit(1 if wrong else 0)


def name(case):
    return os.path.basename(os.path.abspath(case))


def begin(master, scratch):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("whatchanged check")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
        "spark.local.dir": scratch,
        "spark.task.maxFailures": "8",
        "spark.hadoop.fs.viewfs.mounttable.check.link./cases": "file://" + scratch,
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def compare(session, args, case, splits, cluster, scratch):
    report = lambda path: subprocess.run([args.binary, "analyze", path, "--format", "json", "--quiet"], stdout=subprocess.PIPE, check=True).stdout
    out = os.path.join(scratch, f"out-{name(case)}-{splits}")
    given = f"viewfs://check/cases/{name(case)}" if args.read == "spark" else os.path.abspath(case)
    expected = report(case)
    begun = time.time()
    killer = cluster.kill_one_when_busy(session) if cluster and args.kill else None
    made = job.run(session, job.arguments([given, "--output", out, "--binary", args.binary, "--splits", splits, "--read", args.read]))
    seconds = time.time() - begun
    again = job.run(session, job.arguments([given, "--output", out, "--binary", args.binary, "--splits", splits, "--read", args.read])) if args.kill else made
    same = report(out) == expected and again == made
    killed = f", killed {killer.join() or cluster.killed}" if killer else ""
    size = os.path.getsize(made.removeprefix("file:"))
    print(f"{name(case)}: {splits} splits: {'same bytes' if same else 'OTHER BYTES'} ({seconds:.0f} s, summary {size} bytes{killed})", flush=True)
    if killer and not cluster.killed:
        print("no worker was killed: the run was over before", flush=True)
        return True
    return not same


class Standalone:
    """A master and two workers, on free ports of the loopback."""

    def __init__(self, scratch):
        import pyspark

        self.home = os.path.dirname(pyspark.__file__)
        port = free_port()
        self.url = f"spark://{HOST}:{port}"
        self.killed = None
        self.processes = [self.start(scratch, "master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0")]
        wait_for(port)
        for number in range(2):
            work = os.path.join(scratch, f"worker-{number}")
            os.makedirs(work)
            self.processes.append(
                self.start(scratch, "worker.Worker", "--host", HOST, "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", work, self.url)
            )

    def start(self, scratch, what, *arguments):
        environment = dict(os.environ, SPARK_HOME=self.home, SPARK_LOCAL_IP=HOST, SPARK_DAEMON_MEMORY="256m")
        log = open(os.path.join(scratch, what + ".log"), "ab")
        command = [os.path.join(self.home, "bin", "spark-class"), "org.apache.spark.deploy." + what, *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def kill_one_when_busy(self, session):
        tracker = session.sparkContext.statusTracker()

        def busy():
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            return any(s and s.numCompletedTasks > 1 and s.numActiveTasks > 0 and s.numTasks - s.numCompletedTasks > 2 for s in stages)

        def watch():
            for _ in range(20_000):
                if busy():
                    victim = self.processes[1]
                    os.kill(victim.pid, signal.SIGKILL)
                    self.killed = f"worker {victim.pid}"
                    return
                time.sleep(0.02)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the master does not answer")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Invented incidents: a small shop simulated request by request, with one fault each that the recordings lack.

  scenarios.py OUT [--binary PATH] [--only NAME,...] [--seeds N]

OUT gets OUT/invented/<scenario>-<seed>/, bundles with a truth.json, so that `whatchanged calibrate OUT` reads them; with --binary the
share of right answers is printed by scenario. The services, formats and messages are those of no recording.
"""
import argparse
import collections
import datetime as dt
import json
import os
import random
import shutil
import subprocess
import sys

from invented import write_records

UTC = dt.timezone.utc
START = dt.datetime(2025, 3, 14, 9, 0, tzinfo=UTC)
EDGES = [("proxy", "web"), ("web", "basket"), ("web", "search"), ("web", "account"), ("basket", "pricing"), ("basket", "tills"),
         ("account", "users-db"), ("basket", "orders-db"), ("search", "search-index"), ("pricing", "rates-api")]
ROUTES = {"/search": ("search", 0.5), "/basket": ("basket", 0.3), "/login": ("account", 0.2)}
DEPENDS = collections.defaultdict(list)
for a, b in EDGES:
    DEPENDS[a].append(b)
SLOWNESS = {"proxy": 2, "web": 12, "basket": 25, "search": 30, "account": 15, "pricing": 8, "tills": 40, "users-db": 3, "orders-db": 5,
            "search-index": 12, "rates-api": 60}
SILENT = {"rates-api"}  # a third party: no logs, no metrics
DATABASES = {"users-db", "orders-db"}


class World:
    """Times in seconds from the start; a fault says what a service does to a request at a time."""

    def __init__(self, name, seed, onset=420, end=600, length=720, rate=12):
        self.rng = random.Random(f"{name}/{seed}")
        self.onset, self.end, self.length, self.rate = onset + self.rng.randint(-40, 40), end, length, rate
        self.lines = collections.defaultdict(list)
        self.metrics = collections.defaultdict(list)
        self.changes, self.configs = [], {}
        self.truth = {}
        self.delay = lambda s, t: 1.0          # factor of a service's own time
        self.fails = lambda s, t, route: None  # (message, kind) when the service fails itself
        self.down = lambda s, t: False
        self.load = lambda t: 1.0
        self.gauge = lambda s, m, t, v: v
        self.notes = []                        # (time, service, level, text)

    def hurt(self, t):
        return self.onset <= t < self.end

    def log(self, service, t, level, text):
        self.lines[service].append((t, level, text))

    def serve(self, service, t, route, request, depth=0):
        """(seconds taken, status); writes what the service writes."""
        if self.down(service, t):
            return 0.001, 0
        own = SLOWNESS[service] / 1000 * self.rng.lognormvariate(0, 0.4) * self.delay(service, t)
        spent, status = own, 200
        fault = self.fails(service, t, route)
        if fault:
            self.log(service, t + own, "ERROR", f"{fault} request={request}")
            status = 500
        wanted = ROUTES[route][0]
        for callee in DEPENDS[service]:
            if status != 200 or (service == "web" and callee != wanted):
                continue
            limit = 5.0 / (1 + 0.3 * depth)
            took, answer = self.serve(callee, t + spent, route, request, depth + 1)
            if answer == 0:
                self.log(service, t + spent, "ERROR", f"call to {callee} failed: dial tcp {callee}:8080: connect: connection refused request={request}")
                status = 502
            elif took > limit:
                took, status = limit, 504
                self.log(service, t + spent + limit, "ERROR", f"call to {callee} failed: context deadline exceeded after {limit:.1f}s request={request}")
            elif answer >= 500:
                text = f"statement failed on {callee}" if callee in DATABASES else f"{callee} answered {answer}"
                self.log(service, t + spent + took, "ERROR", f"call to {callee} failed: {text} request={request}")
                status = 500
            spent += took
        if service not in DATABASES and service != "search-index" and service not in SILENT:
            self.log(service, t + spent, "ACCESS", (route, status, spent, request))
        self.samples.setdefault((service, int(t + spent) // 10), []).append((spent, status))
        return spent, status

    def run(self):
        self.samples = {}
        t, n = 0.0, 0
        while t < self.length:
            t += self.rng.expovariate(self.rate * self.load(t))
            n += 1
            route = self.rng.choices(list(ROUTES), [w for _, w in ROUTES.values()])[0]
            self.serve("proxy", t, route, f"r{n:06d}")
            if n % 40 == 0:
                self.log("basket", t, "INFO", f"cache refreshed, {self.rng.randint(80, 120)} entries")
            if n % 150 == 0:
                self.log("account", t, "WARN", "slow password hash, consider more workers")
        for when, service, level, text in self.notes:
            self.log(service, when, level, text)
        self.measure()

    def measure(self):
        for tick in range(self.length // 10):
            t = tick * 10
            for service in SLOWNESS:
                if service in SILENT:
                    continue
                seen = self.samples.get((service, tick), [])
                times = sorted(s for s, _ in seen) or [0]
                busy = len(seen) * SLOWNESS[service] / 100 * self.delay(service, t)
                values = {"up": 0 if self.down(service, t) else 1, "cpu_percent": min(100, 3 + busy + self.rng.random()),
                          "memory_mb": 200 + self.rng.random() * 6, "disk_used_percent": 40 + self.rng.random() * 0.1,
                          "open_fds": 60 + len(seen) / 10 + self.rng.random() * 3}
                if service not in DATABASES:
                    values |= {"requests_per_s": len(seen) / 10, "errors_per_s": sum(st >= 500 for _, st in seen) / 10,
                               "latency_p95_ms": times[int(0.95 * (len(times) - 1))] * 1000}
                else:
                    values |= {"connections_active": 2 + len(seen) / 40 + self.rng.random(), "locks_waiting": 0}
                for metric, value in values.items():
                    self.metrics[service].append((t, metric, self.gauge(service, metric, t, value)))

    def change(self, ident, at, service, kind="deploy", before=None, after=None, undo=None, **more):
        change = {"id": ident, "time": stamp(at), "service": service, "kind": kind, **more}
        if kind == "deploy":
            change["end_time"] = stamp(at + 4)
        if before is not None:
            for side, text in (("config_before", before), ("config_after", after)):
                path = f"configs/{service}/{ident}-{side}.yaml"
                self.configs[path] = text
                change[side] = path
        self.changes.append(change)

    def innocents(self):
        """Two changes of services that had no part in it."""
        guilty = (self.truth.get("service"),)
        others = [s for s in ("search", "account", "pricing", "tills", "web") if s not in guilty]
        for i, before in enumerate((self.rng.randint(5, 50), self.rng.randint(90, 300))):
            self.change(f"rel-{410 + i}", self.onset - before, others[i], before="log:\n  format: json\n", after="log:\n  format: text\n")

    def write(self, folder):
        for service, lines in self.lines.items():
            if service in SILENT:
                continue
            path = os.path.join(folder, "logs", service, f"{service}.log")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                for t, level, text in sorted(lines, key=lambda x: x[0]):
                    if t < self.length:
                        file.write(written(service, t, level, text) + "\n")
        os.makedirs(os.path.join(folder, "metrics"), exist_ok=True)
        with open(os.path.join(folder, "metrics", "services.csv"), "w") as file:
            file.write("time,service,metric,value\n")
            for service, rows in self.metrics.items():
                for t, metric, value in rows:
                    file.write(f"{stamp(t)},{service},{metric},{value:.4f}\n")
        truth = {"incident": True, "start": stamp(self.onset), "end": stamp(min(self.end, self.length)), "cause": self.truth,
                 "also_accept": self.truth.pop("also", [])}
        write_records(folder, self.configs, self.changes, EDGES, truth)


def stamp(t):
    return (START + dt.timedelta(seconds=t)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def written(service, t, level, text):
    if level == "ACCESS":
        route, status, spent, request = text
        if service == "proxy":
            clock = (START + dt.timedelta(seconds=t)).strftime("%d/%b/%Y:%H:%M:%S +0000")
            return f'10.0.0.9 - - [{clock}] "GET {route} HTTP/1.1" {status} 512 "-" "curl/8" {spent:.3f}'
        return json.dumps({"ts": stamp(t), "level": "info", "service": service, "msg": "request", "method": "GET", "path": route,
                           "status": status, "duration_ms": round(spent * 1000, 1), "request_id": request})
    if service in DATABASES:
        clock = (START + dt.timedelta(seconds=t)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        return f"{clock} UTC [77] {'LOG' if level == 'INFO' else level}:  {text}"
    return json.dumps({"ts": stamp(t), "level": level.lower(), "service": service, "msg": text})


def often(w, service, share, text, route=None):
    w.fails = lambda s, t, r: text if s == service and w.hurt(t) and (route in (None, r)) and w.rng.random() < share else None


def credentials(w):
    w.truth = {"kind": "change", "service": "account", "change_id": "cfg-77"}
    w.change("cfg-77", w.onset - 6, "account", "config", "db:\n  user: accounts\n  password_ref: v1\n", "db:\n  user: accounts\n  password_ref: v2\n")
    often(w, "account", 0.95, 'FATAL: password authentication failed for user "accounts" (users-db)')


def tls(w):
    w.truth = {"kind": "component", "service": "tills", "also": [{"kind": "component", "service": "basket"}, {"kind": "infra", "service": "tills"}]}
    w.fails = lambda s, t, r: "call to tills failed: x509: certificate has expired or is not yet valid" if s == "basket" and w.hurt(t) else None


def disk_full(w):
    w.truth = {"kind": "infra", "service": "orders-db", "also": [{"kind": "component", "service": "orders-db"}]}
    w.gauge = lambda s, m, t, v: min(100, 60 + 40 * t / w.onset) if (s, m) == ("orders-db", "disk_used_percent") else v
    w.fails = lambda s, t, r: "could not extend file base/16384/2619: No space left on device" if s == "orders-db" and w.hurt(t) and w.rng.random() < 0.7 else None


def rate_limit(w):
    w.truth = {"kind": "change", "service": "pricing", "change_id": "cfg-31"}
    w.change("cfg-31", w.onset - 9, "pricing", "config", "limits:\n  requests_per_second: 200\n", "limits:\n  requests_per_second: 2\n")
    often(w, "pricing", 0.6, "rejected: rate limit of 2 requests per second exceeded")


def leak(w):
    w.truth = {"kind": "change", "service": "search", "change_id": "rel-900"}
    began = 130
    w.change("rel-900", began, "search", before="index:\n  buffer: 10\n", after="index:\n  buffer: 10\n  keep_results: true\n")
    w.gauge = lambda s, m, t, v: v + max(0, t - began) * 6 if (s, m) == ("search", "memory_mb") and t < w.end else v
    often(w, "search", 0.5, "java.lang.OutOfMemoryError: Java heap space")


def slow_third_party(w):
    w.truth = {"kind": "component", "service": "rates-api", "also": [{"kind": "infra", "service": "rates-api"}]}
    w.delay = lambda s, t: 120 if s == "rates-api" and w.hurt(t) else 1


def slow_only(w):
    w.truth = {"kind": "change", "service": "search", "change_id": "rel-55"}
    w.change("rel-55", w.onset - 5, "search", summary="new relevance model")
    w.delay = lambda s, t: 25 if s == "search" and w.hurt(t) else 1


def cache_off(w):
    w.truth = {"kind": "change", "service": "basket", "change_id": "cfg-12"}
    w.change("cfg-12", w.onset - 12, "basket", "config", "cache:\n  enabled: true\n  ttl_s: 300\n", "cache:\n  enabled: false\n  ttl_s: 300\n")
    w.delay = lambda s, t: 40 if s == "orders-db" and w.hurt(t) else (6 if s == "basket" and w.hurt(t) else 1)


def dns(w):
    w.truth = {"kind": "component", "service": "tills", "also": [{"kind": "infra", "service": "tills"}, {"kind": "component", "service": "basket"}]}
    often(w, "basket", 0.8, "call to tills failed: dial tcp: lookup tills on 10.0.0.2:53: no such host")


def migration_lock(w):
    w.truth = {"kind": "change", "service": "orders-db", "change_id": "mig-8", "also": [{"kind": "change", "change_id": "mig-8", "service": "basket"}]}
    w.change("mig-8", w.onset - 3, "orders-db", "migration", summary="ALTER TABLE orders ADD COLUMN gift boolean", end_time=stamp(w.end))
    w.delay = lambda s, t: 1500 if s == "orders-db" and w.hurt(t) else 1
    w.notes = [(w.onset + i, "orders-db", "INFO", f"process {900 + i} still waiting for RowExclusiveLock on relation 16402 of database 16384 after 1000.{i:03d} ms") for i in range(2, w.end - w.onset)]


def flag(w):
    w.truth = {"kind": "change", "service": "basket", "change_id": "flag-3"}
    w.change("flag-3", w.onset - 2, "basket", "flag", "flags:\n  gift_wrap: false\n", "flags:\n  gift_wrap: true\n")
    often(w, "basket", 0.4, "panic: runtime error: index out of range [3] with length 3 in giftWrap")


def surge(w):
    w.truth = {"kind": "load", "service": "proxy", "also": [{"kind": "load"}]}
    w.load = lambda t: 4.0 if w.hurt(t) else 1.0
    often(w, "web", 0.5, "503 overloaded: queue of 100 is full")


def bad_node(w):
    w.truth = {"kind": "component", "service": "pricing"}
    w.delay = lambda s, t: 300 if s == "pricing" and w.hurt(t) and w.rng.random() < 0.4 else 1
    w.gauge = lambda s, m, t, v: 99.5 if (s, m) == ("pricing", "cpu_percent") and w.hurt(t) else v


def noisy_neighbour(w):
    w.truth = {"kind": "component", "service": "users-db", "also": [{"kind": "infra", "service": "users-db"}]}
    w.delay = lambda s, t: 700 if s == "users-db" and w.hurt(t) else 1
    w.gauge = lambda s, m, t, v: {"cpu_percent": 98.0}.get(m, v) if s == "users-db" and w.hurt(t) else v


def cron_job(w):
    w.truth = {"kind": "change", "service": "orders-db", "change_id": "cfg-cron"}
    at = START + dt.timedelta(seconds=w.onset - 10)
    w.onset = w.onset - 10 - at.second + 63
    value = at.strftime("%H:%M") if at.second == 0 else (at.replace(second=0) + dt.timedelta(minutes=1)).strftime("%H:%M")
    w.change("cfg-cron", -7200, "orders-db", "config", "report:\n  start_at: \"03:10\"\n", f"report:\n  start_at: \"{value}\"\n")
    w.delay = lambda s, t: 1200 if s == "orders-db" and w.hurt(t) else 1
    w.gauge = lambda s, m, t, v: 97.0 if (s, m) == ("orders-db", "cpu_percent") and w.hurt(t) else v


def crashed(w):
    w.truth = {"kind": "component", "service": "tills"}
    w.down = lambda s, t: s == "tills" and w.hurt(t)


def pool(w):
    w.truth = {"kind": "change", "service": "account", "change_id": "rel-66", "config_key": "db.pool.size"}
    w.change("rel-66", w.onset - 8, "account", before="db:\n  pool:\n    size: 20\n", after="db:\n  pool:\n    size: 1\n")
    often(w, "account", 0.6, "could not get a connection from the pool within 2s: pool of size 1 exhausted")


def timeout_cut(w):
    w.truth = {"kind": "change", "service": "basket", "change_id": "cfg-90", "config_key": "clients.tills.timeout_ms"}
    w.change("cfg-90", w.onset - 4, "basket", "config", "clients:\n  tills:\n    timeout_ms: 5000\n", "clients:\n  tills:\n    timeout_ms: 30\n")
    often(w, "basket", 0.6, "call to tills failed: context deadline exceeded after 30ms")


def bad_code(w):
    w.truth = {"kind": "change", "service": "pricing", "change_id": "rel-71"}
    w.change("rel-71", w.onset - 7, "pricing", summary="pricing 3.1", version="3.1", previous_version="3.0")
    often(w, "pricing", 0.5, "TypeError: unsupported operand type(s) for +: 'NoneType' and 'Decimal'")


def network(w):
    w.truth = {"kind": "component", "service": "search-index", "also": [{"kind": "component", "service": "search"}]}
    often(w, "search", 0.5, "call to search-index failed: read tcp 10.0.3.4:51514->10.0.3.9:9200: read: connection reset by peer")


SCENARIOS = {f.__name__: f for f in (credentials, tls, disk_full, rate_limit, leak, slow_third_party, slow_only, cache_off, dns, migration_lock,
                                     flag, surge, bad_node, noisy_neighbour, cron_job, crashed, pool, timeout_cut, bad_code, network)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--binary")
    parser.add_argument("--only", default=",".join(SCENARIOS))
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from variants import analyse, judge
    all_right, total = 0, 0
    for name in args.only.split(","):
        right, said = 0, []
        for seed in range(args.seeds):
            world = World(name, seed)
            SCENARIOS[name](world)
            world.innocents()
            world.run()
            folder = os.path.join(args.out, "invented", f"{name}-{seed}")
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            world.write(folder)
            if args.binary:
                document = analyse(args.binary, folder)
                right += judge("first", json.load(open(os.path.join(folder, "truth.json"))), document)
                tops = [i["causes"][0] for i in document["incidents"] if i["causes"]]
                said.append("; ".join(f"{c['kind']} {c.get('service')} {c.get('change_id') or ''} {c['confidence']:.2f}" for c in tops) or "nothing")
        if args.binary:
            print(f"{name}: {right} of {args.seeds}" + ("" if right == args.seeds else f"   said: {' | '.join(said)}"))
            all_right, total = all_right + right, total + args.seeds
    if args.binary:
        print(f"all: {all_right} of {total}")


if __name__ == "__main__":
    main()

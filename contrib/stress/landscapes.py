#!/usr/bin/env python3
"""Invented incidents in many dresses: three systems, some twenty log formats, five metric formats, and faults that recordings lack.

  landscapes.py OUT [--binary PATH] [--only NAME,...] [--seeds N] [--show]

OUT gets OUT/landscapes/<kind>-<seed>/, bundles with a truth.json for `whatchanged calibrate OUT`; with --binary the share of right answers is printed
by kind. A seed chooses the names, who writes which format, where the metrics stand, and the clock. A kind says who is hurt by what.
"""
import argparse
import collections
import datetime as dt
import json
import os
import random
import shutil
import sys

from invented import write_records

UTC = dt.timezone.utc

# Roles: who calls whom. A seed gives them names.
CALLS = {"front": ["web"], "web": ["a", "b", "c"], "a": ["db", "d", "ext"], "b": ["cache", "db"], "c": ["d", "queue"], "d": ["db2"]}
ROUTES = {"a": 0.4, "b": 0.35, "c": 0.25}
STORES = {"db", "db2", "cache", "queue"}
OWN_MS = {"front": 1, "web": 9, "a": 22, "b": 14, "c": 18, "d": 11, "db": 4, "db2": 5, "cache": 1, "queue": 3, "ext": 70}
NAMES = [
    {"front": "edge", "web": "bff", "a": "flights", "b": "seatmap", "c": "notifier", "d": "identity", "db": "pg-main", "db2": "pg-identity",
     "cache": "valkey", "queue": "broker", "ext": "api.fares-partner.com"},
    {"front": "ingress", "web": "portal", "a": "ledger", "b": "quotes", "c": "statements", "d": "kyc", "db": "core-db", "db2": "kyc-db",
     "cache": "quote-cache", "queue": "events", "ext": "gateway.acquirer.io"},
    {"front": "lb", "web": "storefront-web", "a": "media-api", "b": "playlist", "c": "upload", "d": "accounts", "db": "catalog-db",
     "db2": "accounts-db", "cache": "session-store", "queue": "jobs", "ext": "cdn.tiles-vendor.net"},
]
PATHS = {"a": "/v2/{a}/search", "b": "/v2/{b}/items", "c": "/v2/{c}/send", "d": "/internal/check"}
LANGUAGES = ["java", "go", "python", "node", "dotnet"]
APP_FORMATS = {"java": ["logback", "log4j1", "cri"], "go": ["zap", "logfmt", "glog"], "python": ["python", "structlog", "syslog"],
               "node": ["pino", "docker"], "dotnet": ["serilog", "ecs"]}
FRONT_FORMATS = ["nginx", "envoy", "iis", "apache", "traefik"]
METRIC_FORMATS = ["long", "wide", "prometheus", "openmetrics", "otlp"]


class World:
    """Times in seconds from the start; hooks say what a fault does to a call."""

    def __init__(self, kind, seed, length=780, rate=9.0, onset=None):
        self.rng = random.Random(f"{kind}/{seed}")
        self.seed, self.length, self.rate = seed, length, rate
        self.onset = onset or round(length * 0.55 + self.rng.uniform(-0.05, 0.05) * length)
        self.end = min(length, self.onset + max(170, round(length * 0.28)))
        self.names = NAMES[seed % len(NAMES)]
        self.start = dt.datetime(2024, 1 + seed * 5 % 12, 3 + seed * 7 % 24, 5 + seed * 6 % 17, 17 + seed % 40, 11, 300_000, tzinfo=UTC)
        services = [r for r in CALLS if r not in STORES]
        order = LANGUAGES[:]
        self.rng.shuffle(order)
        self.language = {r: order[i % len(order)] for i, r in enumerate(services)}
        self.format = {r: self.rng.choice(APP_FORMATS[self.language[r]]) for r in services}
        self.format["front"] = FRONT_FORMATS[(seed + len(kind)) % len(FRONT_FORMATS)]
        self.metric_format = METRIC_FORMATS[(seed + sum(map(ord, kind))) % len(METRIC_FORMATS)]
        self.replicas = {r: 1 if r == "front" or r in STORES else 3 for r in OWN_MS}
        self.lines, self.metrics = collections.defaultdict(list), collections.defaultdict(list)
        self.seen, self.work = collections.defaultdict(list), collections.Counter()
        self.changes, self.files, self.truth, self.also, self.quiet = [], {}, {}, [], False
        self.slow = lambda role, t, route, inst: 1.0
        self.fail = lambda role, t, route, inst: None          # (status, level, text)
        self.link = lambda caller, callee, t: None             # how the call goes wrong before it is made
        self.skip = lambda caller, callee, t: False            # calls not made
        self.again = lambda caller, callee, t: 0               # retries
        self.load = lambda t: 1.0
        self.gauge = lambda role, metric, t, v: v
        self.level_of_failure = "ERROR"
        self.with_metrics, self.with_topology, self.with_logs = True, True, True
        self.status_in_log = True

    def hurt(self, t):
        return self.onset <= t < self.end

    def name(self, role):
        return self.names[role]

    def say(self, role, t, level, text, inst=0, **more):
        self.lines[role, inst].append((t, level, text, more))

    # --- one request -------------------------------------------------------------------------------------------------------------
    def serve(self, role, t, route, rid, depth=0):
        inst = self.rng.randrange(self.replicas[role])
        own = OWN_MS[role] / 1000 * self.rng.lognormvariate(0, 0.45)
        spent, status = own * self.slow(role, t, route, inst), 200
        fault = self.fail(role, t, route, inst)
        if fault:
            status = fault[0]
            if fault[2]:
                self.say(role, t + spent, fault[1], fault[2], inst, rid=rid)
        for callee in CALLS.get(role, []):
            if status >= 400 or (role == "web" and callee != route) or self.skip(role, callee, t):
                continue
            tries = 0
            while True:
                took, problem = self.call(role, callee, t + spent, route, rid, depth)
                spent += took
                tries += 1
                if not problem or tries > self.again(role, callee, t):
                    break
            if problem:
                status = problem[0]
                text = failure(self.language[role], self.name(callee), problem[1], self.rng, role == "front")
                if role != "front" or problem[1] != "status":
                    self.say(role, t + spent, self.level_of_failure, text, inst, rid=rid)
        if role not in STORES and role != "ext":
            self.say(role, t + spent, "ACCESS", "", inst, path=PATHS.get(route, "/").format(**self.names), status=status, spent=spent, rid=rid)
        self.seen[role, inst, int((t + spent) // 10)].append((spent, status))
        self.work[role, inst, int(t // 10)] += own
        return spent, status

    def call(self, caller, callee, t, route, rid, depth):
        broken = self.link(caller, callee, t)
        if broken:
            return broken[0], (502 if broken[1] != "timeout" else 504, broken[1])
        took, status = self.serve(callee, t, route, rid, depth + 1)
        limit = {"front": 20, "web": 8}.get(caller, 4)
        if took > limit:
            return limit, (504, "timeout")
        if status >= 500:
            return took, (500, f"status {status}")
        if status >= 400 and caller != "a":
            return took, (status, f"status {status}")
        return took, None

    def run(self):
        t, n = 0.0, 0
        while True:
            t += self.rng.expovariate(self.rate * max(1e-3, self.load(t)))
            if t >= self.length:
                break
            n += 1
            route = self.rng.choices(list(ROUTES), list(ROUTES.values()))[0]
            self.serve("front", t, route, f"{self.rng.getrandbits(64):016x}")
            if n % 60 == 0:
                self.say("b", t, "INFO", f"evicted {self.rng.randint(10, 99)} stale entries in {self.rng.randint(1, 9)} ms")
            if n % 90 == 0:
                self.say("c", t, "WARN", f"recipient {self.rng.randint(1000, 9999)} unsubscribed, skipping")
            if n % 200 == 0:
                self.say("d", t, "ERROR", f"malformed token from client {self.rng.randint(100, 999)}: illegal base64 data at input byte 12")
            if n % 120 == 0:
                self.say("db", t, "LOG", f"checkpoint complete: wrote {self.rng.randint(40, 90)} buffers (0.4%); 0 WAL file(s) added, 0 removed, 1 recycled")
        for tick in range(int(self.length // 10)):
            for role in OWN_MS:
                if role != "ext":
                    self.measure(role, tick)

    def measure(self, role, tick):
        t = tick * 10
        for inst in range(self.replicas[role]):
            seen = self.seen.get((role, inst, tick), [])
            times = sorted(s for s, _ in seen) or [0.0]
            values = {"cpu_percent": min(100.0, 4 + 10 * self.work[role, inst, tick] + self.rng.random() * 2), "memory_mb": 300 + self.rng.random() * 9}
            if role in ("db", "db2"):
                values |= {"connections": 12 + len(seen) / 30 + self.rng.random() * 2, "disk_used_percent": 47 + self.rng.random() / 10}
            elif role not in STORES:
                values |= {"requests_per_second": len(seen) / 10, "errors_per_second": sum(s >= 500 for _, s in seen) / 10,
                           "latency_p95_ms": 1000 * times[int(0.95 * (len(times) - 1))]}
            for metric, value in values.items():
                self.metrics[role, inst, metric].append((t, self.gauge(role, metric, t, value)))

    # --- changes -----------------------------------------------------------------------------------------------------------------
    def change(self, ident, at, role, kind="deploy", before=None, after=None, **more):
        row = {"id": ident, "time": self.stamp(at), "service": "*" if role == "*" else self.name(role), "kind": kind}
        if kind in ("deploy", "rollback") and "end_time" not in more:
            row["end_time"] = self.stamp(at + 6)
        if before is not None:
            for side, text in (("config_before", before), ("config_after", after)):
                row[side] = f"configs/{self.name(role)}/{ident}-{side[7:]}.yaml"
                self.files[row[side]] = text
        self.changes.append(row | more)

    def decoys(self):
        guilty = self.truth.get("service")
        others = [r for r in ("a", "b", "c", "d", "web") if self.name(r) != guilty]
        self.rng.shuffle(others)
        span = min(400, self.onset - 30)
        for i, (role, ago) in enumerate(zip(others, (self.rng.uniform(8, 60), self.rng.uniform(0.3, 0.9) * span, self.rng.uniform(0.5, 0.95) * span))):
            kind = ("deploy", "config", "deploy")[i]
            what = ("docs: openapi descriptions", "banner text", "bump linter, reformat")[i]
            self.change(f"{('rel', 'cfg', 'rel')[i]}-{510 + i}", self.onset - ago, role, kind, "ui:\n  banner: spring\nlog:\n  sample: 10\n",
                        "ui:\n  banner: summer\nlog:\n  sample: 10\n", summary=what)

    def guilty(self, role, ident, key=None, also=()):
        self.truth = {"kind": "change", "service": self.name(role), "change_id": ident, "config_key": key, "resource": None}
        self.also = list(also)

    def component(self, role, *more, kind="component"):
        self.truth = {"kind": kind, "service": self.name(role), "change_id": None}
        self.also = [{"kind": k, "service": self.name(r)} for k, r in more] + [{"kind": "infra", "service": self.name(role)},
                                                                               {"kind": "component", "service": self.name(role)}]

    def stamp(self, t):
        return (self.start + dt.timedelta(seconds=t)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    # --- writing -----------------------------------------------------------------------------------------------------------------
    def write(self, folder):
        if self.with_logs:
            for (role, inst), lines in self.lines.items():
                if role == "ext":
                    continue
                name = f"{self.name(role)}-{inst + 1}.log" if self.replicas[role] > 1 else f"{self.name(role)}.log"
                path = os.path.join(folder, "logs", self.name(role), name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.writelines(HEADERS.get(self.format.get(role), ""))
                    for line in sorted(lines, key=lambda x: x[0]):
                        if line[0] < self.length:
                            text = dressed(self, role, inst, *line)
                            file.write(text + "\n" if text else "")
        if self.with_metrics:
            os.makedirs(os.path.join(folder, "metrics"), exist_ok=True)
            METRICS[self.metric_format](self, os.path.join(folder, "metrics"))
        edges = [(self.name(x), self.name(y)) for x in CALLS for y in CALLS[x]] if self.with_topology else []
        truth = {"incident": False} if self.quiet else {"incident": True, "start": self.stamp(self.onset), "end": self.stamp(self.end),
                                                        "cause": self.truth, "also_accept": self.also}
        write_records(folder, self.files, self.changes, edges, truth)


def failure(language, callee, how, rng, is_proxy):
    """What a service writes when a call goes wrong: the words of its language's usual client."""
    address = f"10.{len(callee) % 9}.4.{sum(map(ord, callee)) % 200}:8080"
    if is_proxy:
        return {"refused": f"upstream connect error or disconnect/reset before headers. reset reason: connection failure, cluster {callee}",
                "timeout": f"upstream request timeout, cluster {callee}"}.get(how, f"upstream {callee} failed: {how}")
    go = {"refused": f"dial tcp {address}: connect: connection refused", "timeout": "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
          "dns": f"dial tcp: lookup {callee} on 10.96.0.10:53: server misbehaving", "nxdomain": f"dial tcp: lookup {callee} on 10.96.0.10:53: no such host",
          "tls": "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time is after NotAfter",
          "reset": f"read tcp 10.2.0.7:51{rng.randint(100, 999)}->{address}: read: connection reset by peer", "dial": f"dial tcp {address}: i/o timeout"}
    java = {"refused": "Connection refused", "timeout": "java.net.SocketTimeoutException: Read timed out", "dns": f"java.net.UnknownHostException: {callee}: Temporary failure in name resolution",
            "nxdomain": f"java.net.UnknownHostException: {callee}: Name or service not known",
            "tls": "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed",
            "reset": "java.net.SocketException: Connection reset", "dial": "java.net.SocketTimeoutException: Connect timed out"}
    python = {"refused": "[Errno 111] Connection refused", "timeout": "Read timed out. (read timeout=4)", "dns": "[Errno -3] Temporary failure in name resolution",
              "nxdomain": "[Errno -2] Name or service not known", "tls": "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1007)",
              "reset": "[Errno 104] Connection reset by peer", "dial": "Connection to host timed out. (connect timeout=4)"}
    node = {"refused": f"connect ECONNREFUSED {address}", "timeout": "timeout of 4000ms exceeded", "dns": f"getaddrinfo EAI_AGAIN {callee}", "nxdomain": f"getaddrinfo ENOTFOUND {callee}",
            "tls": "certificate has expired", "reset": "read ECONNRESET", "dial": f"connect ETIMEDOUT {address}"}
    dotnet = {"refused": f"Connection refused ({callee}:8080)", "timeout": "The request was canceled due to the configured HttpClient.Timeout of 4 seconds elapsing.",
              "dns": f"Resource temporarily unavailable ({callee}:8080)", "nxdomain": f"Name or service not known ({callee}:8080)",
              "tls": "The SSL connection could not be established: The remote certificate is invalid because of errors in the certificate chain: NotTimeValid",
              "reset": "Unable to read data from the transport connection: Connection reset by peer.", "dial": f"A connection attempt failed because the connected party did not properly respond ({callee}:8080)"}
    pick = lambda table: table.get(how, f"unexpected {how}")
    return {"go": f'Get "http://{callee}:8080/internal": {pick(go)}',
            "java": f'I/O error on GET request for "http://{callee}:8080/internal": {pick(java)}',
            "python": f"HTTPConnectionPool(host='{callee}', port=8080): Max retries exceeded with url: /internal (Caused by NewConnectionError('{pick(python)}'))",
            "node": f"request to http://{callee}:8080/internal failed, reason: {pick(node)}",
            "dotnet": f"System.Net.Http.HttpRequestException: GET http://{callee}:8080/internal failed: {pick(dotnet)}"}[language]


HEADERS = {"iis": ["#Software: Microsoft Internet Information Services 10.0\n", "#Version: 1.0\n",
                   "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\n"]}
LEVELS = {"ERROR": 50, "WARN": 40, "INFO": 30, "FATAL": 60}


def dressed(w, role, inst, t, level, text, more):
    """One line in the format of its writer."""
    access = level == "ACCESS"
    # Written a moment after the error, as a client that closes its response does.
    when = w.start + dt.timedelta(seconds=t + 0.06 * (access and w.format.get(role) == "docker"))
    if role in ("db", "db2"):
        return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d} UTC [{300 + int(t) % 40}] {more.get('who', 'app@main')} {level}:  {text}"
    if role == "cache":
        return f"1:M {when:%d %b %Y %H:%M:%S}.{when.microsecond // 1000:03d} {'#' if level in ('ERROR', 'WARN') else '*'} {text}"
    if role == "queue":
        return f"[{when:%Y-%m-%d %H:%M:%S},{when.microsecond // 1000:03d}] {level} {text} (kafka.server.ReplicaManager)"
    style = w.format[role]
    ms = more.get("spent", 0) * 1000
    line, status = f"GET {more.get('path', '')}", more.get("status", 0)
    pod = f"{w.name(role)}-{inst + 1}"
    iso = when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    shown = level if not access else "INFO"
    if style == "nginx":
        if not access:
            return None
        return f'10.8.0.{int(t) % 250} - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "{line} HTTP/1.1" {status} 812 "-" "Mozilla/5.0" rt={ms / 1000:.3f}'
    if style == "apache":
        return f'10.8.0.{int(t) % 250} - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "{line} HTTP/1.1" {status} 812 "-" "Mozilla/5.0"' if access else None
    if style == "envoy":
        flag = {503: "UF", 504: "UT"}.get(status, "-")
        return f'[{iso}] "{line} HTTP/1.1" {status} {flag} - "-" 0 812 {ms:.0f} {ms:.0f} "10.8.0.1" "Mozilla/5.0" "{more.get("rid")}" "{w.name("web")}" "10.2.0.{inst + 3}:8080"' if access else None
    if style == "iis":
        return f"{when:%Y-%m-%d %H:%M:%S} 10.0.0.4 GET {more.get('path')} - 443 - 10.8.0.{int(t) % 250} Mozilla/5.0 {status} 0 0 {ms:.0f}" if access else None
    if style == "traefik":
        return json.dumps({"ClientAddr": "10.8.0.1:5511", "DownstreamStatus": status, "Duration": int(ms * 1e6), "RequestMethod": "GET", "RequestPath": more.get("path"),
                           "ServiceName": f"{w.name('web')}@kubernetes", "level": "info", "msg": "", "time": iso}) if access else None
    body = f"{line} completed {status} in {ms:.0f}ms" if access else text
    rid = more.get("rid", "-")
    if style == "logback":
        logger = f"com.acme.{role}.Handler" if not access else "com.acme.web.RequestLog"
        stack = "" if access or level != "ERROR" else f"\n\tat com.acme.{role}.Client.call(Client.java:{88 + len(text) % 30})\n\tat com.acme.{role}.Handler.handle(Handler.java:41)"
        return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d} {shown:5} 1 --- [nio-8080-exec-{int(t) % 9}] {logger} : [{rid}] {body}{stack}"
    if style == "log4j1":
        return f"{when:%Y-%m-%d %H:%M:%S},{when.microsecond // 1000:03d} {shown:5} [http-{int(t) % 9}] com.acme.{role}.Handler - {body}"
    if style == "cri":
        return f"{iso[:-1]}000000Z stdout F {when:%H:%M:%S}.{when.microsecond // 1000:03d} [http-{int(t) % 9}] {shown:5} com.acme.{role}.Handler - {body}"
    if style == "zap":
        row = {"level": shown.lower(), "ts": round(when.timestamp(), 6), "caller": f"{role}/handler.go:{42 if access else 77}", "msg": "request" if access else "call failed"}
        row |= {"method": "GET", "path": more["path"], "status": status, "elapsed_ms": round(ms, 2)} if access else {"error": text}
        return json.dumps(row | {"request_id": rid})
    if style == "logfmt":
        tail = f'msg=request method=GET path={more["path"]} status={status} duration={ms:.1f}ms' if access else "msg=" + json.dumps(text)
        return f"time={iso} level={shown.lower()} {tail} req={rid}"
    if style == "glog":
        return f"{shown[0]}{when:%m%d %H:%M:%S.%f}       1 handler.go:{42 if access else 77}] {body}"
    if style == "python":
        return f"{when:%Y-%m-%d %H:%M:%S},{when.microsecond // 1000:03d} {shown if shown != 'WARN' else 'WARNING'} [app.{role}] {body}"
    if style == "structlog":
        row = {"event": "request" if access else text, "level": shown.lower(), "timestamp": iso, "request_id": rid}
        return json.dumps(row | ({"method": "GET", "path": more["path"], "status": status, "duration_ms": round(ms, 1)} if access else {}))
    if style == "syslog":
        number = {"ERROR": 131, "WARN": 132, "FATAL": 130}.get(level, 134)
        return f"<{number}>{when:%b} {when.day:2d} {when:%H:%M:%S} {pod} {w.name(role)}[71]: {body}"
    if style == "pino":
        row = {"level": LEVELS[shown], "time": int(when.timestamp() * 1000), "pid": 1, "hostname": pod}
        row |= {"req": {"id": rid, "method": "GET", "url": more["path"]}, "res": {"statusCode": status}, "responseTime": round(ms), "msg": "request completed"} if access else \
            {"err": {"type": "Error", "message": text, "stack": f"Error: {text}\n    at call (/app/src/client.js:31:11)"}, "msg": "request errored"}
        return json.dumps(row)
    if style == "docker":
        return json.dumps({"log": f"{shown.lower()}: {body}\n", "stream": "stdout" if access else "stderr", "time": iso})
    if style == "serilog":
        row = {"@t": iso, "@mt": "HTTP {RequestMethod} {RequestPath} responded {StatusCode} in {Elapsed:0.0000} ms", "RequestMethod": "GET", "RequestPath": more.get("path"), "StatusCode": status,
               "Elapsed": ms} if access else {"@t": iso, "@l": {"ERROR": "Error", "WARN": "Warning", "FATAL": "Fatal"}.get(shown, "Information"), "@mt": "Call failed", "@x": text}
        return json.dumps(row | {"RequestId": rid})
    row = {"@timestamp": iso, "log.level": shown, "service.name": w.name(role), "message": body if not access else "request", "trace.id": rid}
    return json.dumps(row | ({"http": {"request": {"method": "GET"}, "response": {"status_code": status}}, "url": {"path": more["path"]}, "event": {"duration": int(ms * 1e6)}} if access else {}))


def rows(w):
    for (role, inst, metric), points in w.metrics.items():
        yield w.name(role), f"{w.name(role)}-{inst + 1}", metric, points


def long_csv(w, folder):
    with open(f"{folder}/all.csv", "w") as file:
        file.write("time,service,metric,value,instance\n")
        for service, inst, metric, points in rows(w):
            file.writelines(f"{w.stamp(t)},{service},{metric},{v:.4f},{inst}\n" for t, v in points)


def wide_csv(w, folder):
    total = collections.defaultdict(dict)
    for service, _, metric, points in rows(w):
        for t, v in points:
            total[f"{service}_{metric}"].setdefault(t, []).append(v)
    columns = sorted(total)
    with open(f"{folder}/wide.csv", "w") as file:
        file.write("time," + ",".join(columns) + "\n")
        for tick in range(int(w.length // 10)):
            cells = [total[c].get(tick * 10) for c in columns]
            file.write(f"{w.start.timestamp() + tick * 10:.0f}," + ",".join(f"{sum(c) / len(c):.4f}" if c else "" for c in cells) + "\n")


def prometheus(w, folder):
    by_metric = collections.defaultdict(list)
    for service, inst, metric, points in rows(w):
        by_metric[metric].append({"metric": {"__name__": metric, "app": service, "pod": inst, "job": "kubernetes-pods"},
                                  "values": [[w.start.timestamp() + t, f"{v:.4f}"] for t, v in points]})
    for metric, result in by_metric.items():
        json.dump({"status": "success", "data": {"resultType": "matrix", "result": result}}, open(f"{folder}/{metric}.json", "w"))


def openmetrics(w, folder):
    by_metric = collections.defaultdict(list)
    for service, inst, metric, points in rows(w):
        by_metric[metric].append((service, inst, points))
    with open(f"{folder}/all.om", "w") as file:
        for metric, series in by_metric.items():
            file.write(f"# TYPE {metric} gauge\n")
            for service, inst, points in series:
                file.writelines(f'{metric}{{service="{service}",instance="{inst}"}} {v:.4f} {w.start.timestamp() + t:.3f}\n' for t, v in points)
        file.write("# EOF\n")


def otlp(w, folder):
    resources = collections.defaultdict(list)
    for service, inst, metric, points in rows(w):
        data = [{"timeUnixNano": str(int((w.start.timestamp() + t) * 1e9)), "asDouble": round(v, 4)} for t, v in points]
        resources[service, inst].append({"name": metric, "gauge": {"dataPoints": data}})
    attribute = lambda k, v: {"key": k, "value": {"stringValue": v}}
    with open(f"{folder}/otlp.jsonl", "w") as file:
        for (service, inst), metrics in resources.items():
            resource = {"attributes": [attribute("service.name", service), attribute("service.instance.id", inst)]}
            file.write(json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "app"}, "metrics": metrics}]}]}) + "\n")


METRICS = {"long": long_csv, "wide": wide_csv, "prometheus": prometheus, "openmetrics": openmetrics, "otlp": otlp}


# --- kinds ---------------------------------------------------------------------------------------------------------------------------
def chance(w, role, share, status, text, level="ERROR", when=None):
    when = when or w.hurt
    w.fail = lambda r, t, route, inst: (status, level, text) if r == role and when(t) and w.rng.random() < share else None


def cert_expired(w):
    w.component("d")
    w.link = lambda x, y, t: (0.02, "tls") if y == "d" and w.hurt(t) else None


def resolver_down(w):
    w.component("web", ("infra", "front"))
    w.truth = {"kind": "infra", "service": "dns"}
    w.also = [{"kind": "infra"}, {"kind": "component", "service": "dns"}] + [{"kind": "component", "service": w.name(r)} for r in ("a", "b", "c", "web", "d")]
    w.link = lambda x, y, t: (2.0, "dns") if x in ("a", "b", "c", "d", "web") and w.hurt(t) and w.rng.random() < 0.4 else None


def partner_down(w):
    w.component("ext")
    w.fail = lambda r, t, route, inst: (503, "ERROR", "") if r == "ext" and w.hurt(t) else None


def partner_slow(w):
    w.component("ext")
    w.slow = lambda r, t, route, inst: 90 if r == "ext" and w.hurt(t) else 1


def cache_flag(w):
    w.guilty("b", "flag-61", "b.read_through_cache")
    w.change("flag-61", w.onset - 5, "b", "flag", "flags:\n  read_through_cache: true\n", "flags:\n  read_through_cache: false\n", summary="switch read-through cache off")
    w.slow = lambda r, t, route, inst: (8 if r == "b" else 60 if r == "db" and route == "b" else 1) if w.hurt(t) else 1


def cache_config(w):
    w.guilty("b", "cfg-62")
    w.change("cfg-62", w.onset - 9, "b", "config", "cache:\n  ttl_seconds: 600\n  max_entries: 50000\n", "cache:\n  ttl_seconds: 1\n  max_entries: 50000\n")
    w.slow = lambda r, t, route, inst: (12 if r == "db" else 1) if w.hurt(t) else 1
    w.fail = lambda r, t, route, inst: (500, "ERROR", "could not obtain connection from pool within 2000 ms") if r == "b" and w.hurt(t) and w.rng.random() < 0.2 else None


def cache_restarted(w):
    w.component("cache")
    w.say("cache", w.onset, "WARN", "User requested shutdown...")
    w.say("cache", w.onset + 1.5, "INFO", "Server initialized")
    w.say("cache", w.onset + 1.6, "INFO", "Ready to accept connections tcp")
    w.slow = lambda r, t, route, inst: (40 if r == "db" and route == "b" else 1) if w.hurt(t) else 1
    w.link = lambda x, y, t: (0.01, "refused") if y == "cache" and w.onset <= t < w.onset + 12 else None


def retry_storm(w):
    w.guilty("a", "rel-70", f"clients.{w.name('d')}.max_retries")
    w.change("rel-70", w.onset - 7, "a", before=f"clients:\n  {w.name('d')}:\n    max_retries: 0\n    timeout_ms: 4000\n",
             after=f"clients:\n  {w.name('d')}:\n    max_retries: 6\n    timeout_ms: 4000\n")
    w.again = lambda x, y, t: 6 if (x, y) == ("a", "d") and w.hurt(t) else 0
    chance(w, "d", 0.75, 503, "rejecting request: too many concurrent requests (64)", "WARN")


def leak_for_hours(w):
    began = 1500
    w.guilty("c", "rel-80", also=[])
    w.change("rel-80", began, "c", summary="attach previews", version="5.2.0", previous_version="5.1.9")
    rise = lambda t: max(0, t - began) / (w.onset - began)
    w.gauge = lambda r, m, t, v: v + 1500 * min(1, rise(t)) * (0.5 if w.hurt(t) and int(t / 60) % 3 == 0 else 1) if (r, m) == ("c", "memory_mb") and t < w.end else v
    chance(w, "c", 0.5, 500, "java.lang.OutOfMemoryError: Java heap space" if w.language["c"] == "java" else "fatal: cannot allocate memory")


def nightly_job(w):
    w.component("db")
    edge = (w.start + dt.timedelta(seconds=w.onset)).replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
    w.start = edge - dt.timedelta(seconds=w.onset)
    for i in range(0, int(w.end - w.onset), 20):
        w.say("db", w.onset + i, "LOG", f"duration: {18000 + i * 10}.211 ms  statement: INSERT INTO report_daily SELECT customer_id, sum(amount) FROM bookings GROUP BY 1", who="reporting@main")
    w.slow = lambda r, t, route, inst: 900 if r == "db" and w.hurt(t) and w.rng.random() < 0.5 else 1
    w.gauge = lambda r, m, t, v: 96.0 if (r, m) == ("db", "cpu_percent") and w.hurt(t) else v


def disk_full(w):
    w.component("db2", kind="infra")
    w.gauge = lambda r, m, t, v: min(100.0, 70 + 30 * t / w.onset) if (r, m) == ("db2", "disk_used_percent") else v
    w.fail = lambda r, t, route, inst: (500, "PANIC" if w.rng.random() < 0.02 else "ERROR", "could not write to file \"base/pgsql_tmp/pgsql_tmp311.0\": No space left on device") if r == "db2" and w.hurt(t) and w.rng.random() < 0.8 else None


def bad_canary(w):
    w.guilty("a", "rel-90")
    w.change("rel-90", w.onset - 4, "a", instances=[f"{w.name('a')}-3"], version="9.1.0-rc1", previous_version="9.0.4", summary="canary")
    w.fail = lambda r, t, route, inst: (500, "ERROR", "index 7 out of range for slice of length 7") if r == "a" and inst == 2 and w.hurt(t) and w.rng.random() < 0.8 else None


def flag_in_steps(w):
    w.guilty("b", "flag-44", also=[{"kind": "change", "change_id": i, "service": w.name("b")} for i in ("flag-42", "flag-43")])
    shares, last = (1, 10, 50, 100), 0
    w.onset = round(w.length * 0.5)
    at = [w.onset - 260, w.onset - 130, w.onset - 2, w.onset + 60]
    for i, (share, t) in enumerate(zip(shares, at)):
        w.change(f"flag-{42 + i}", t, "b", "flag", f"rollout:\n  new_renderer_percent: {last}\n", f"rollout:\n  new_renderer_percent: {share}\n")
        last = share
    step = lambda t: max((s for s, x in zip(shares, at) if t >= x), default=0) / 100
    w.fail = lambda r, t, route, inst: (500, "ERROR", "NullReferenceException in SeatRenderer.Layout: legend was null") if r == "b" and t < w.end and w.rng.random() < step(t) * 0.6 else None


def migration_lock(w):
    w.guilty("db", "mig-31", also=[{"kind": "change", "change_id": "mig-31", "service": w.name("a")}])
    w.change("mig-31", w.onset - 2, "db", "migration", summary="0031: add column", end_time=w.stamp(w.end),
             diff="--- /dev/null\n+++ b/migrations/0031.sql\n@@ -0,0 +1 @@\n+ALTER TABLE bookings ADD COLUMN channel text NOT NULL DEFAULT 'web';\n")
    for i in range(3, int(w.end - w.onset), 2):
        w.say("db", w.onset + i, "LOG", f"process {880 + i} still waiting for RowExclusiveLock on relation 16733 of database 16390 after 1000.{i:03d} ms")
    w.slow = lambda r, t, route, inst: 2200 if r == "db" and w.hurt(t) and w.rng.random() < 0.7 else 1


def silent_reload(w):
    w.component("a", ("change", "a"))
    for inst in range(3):
        w.say("a", w.onset - 1 + inst * 0.2, "INFO", "configuration reloaded from /etc/app/config.yaml", inst)
    chance(w, "a", 0.7, 500, "unknown pricing strategy 'tiered-v2'")


def dependency_bump(w):
    w.guilty("d", "rel-101")
    w.change("rel-101", w.onset - 6, "d", summary="deps: weekly bump", version="3.3.1", previous_version="3.3.0",
             diff="--- a/requirements.txt\n+++ b/requirements.txt\n@@ -4,3 +4,3 @@\n requests==2.31.0\n-pyjwt==1.7.1\n+pyjwt==2.8.0\n")
    chance(w, "d", 0.9, 500, "AttributeError: 'str' object has no attribute 'decode' (pyjwt/api_jwt.py)")


def burst(w):
    w.truth, w.also = {"kind": "load", "service": w.name("front")}, [{"kind": "load"}]
    w.load = lambda t: 5.0 if w.hurt(t) else 1.0
    chance(w, "web", 0.45, 503, "request rejected: worker queue full (256)", "WARN")


def seconds_apart(w):
    w.guilty("web", "cfg-120", "upstreams.a.timeout_ms")
    upstream = lambda ms: f"upstreams:\n  {w.name('a')}:\n    timeout_ms: {ms}\n    keepalive: 30\n"
    w.change("rel-121", w.onset - 3, "a", summary="refactor search ranking", version="7.0.1", previous_version="7.0.0")
    w.change("cfg-120", w.onset - 6, "web", "config", upstream(8000), upstream(40))
    w.truth["config_key"] = None
    w.link = lambda x, y, t: (0.04, "timeout") if (x, y) == ("web", "a") and w.hurt(t) and w.rng.random() < 0.6 else None


def database_parameter(w):
    w.guilty("db", "cfg-130", "max_connections", also=[])
    w.change("cfg-130", w.onset - 8, "db", "config", "max_connections: 300\nshared_buffers: 8GB\n", "max_connections: 30\nshared_buffers: 8GB\n", author="dba-team")
    text = "remaining connection slots are reserved for roles with the SUPERUSER attribute"
    w.fail = lambda r, t, route, inst: (500, "FATAL", f"sorry, too many clients already" if w.rng.random() < 0.3 else text) if r == "db" and w.hurt(t) and w.rng.random() < 0.5 else None


def network_policy(w):
    w.guilty("d", "net-7", also=[{"kind": "change", "change_id": "net-7"}])
    w.change("net-7", w.onset - 3, "d", "infra", summary="tighten network policy: default deny ingress")
    w.link = lambda x, y, t: (4.0, "dial") if (x, y) == ("c", "d") and w.hurt(t) else None


def threads_lowered(w):
    w.guilty("b", "cfg-140", "server.threads.max")
    w.change("cfg-140", w.onset - 7, "b", "config", "server:\n  threads:\n    max: 200\n  port: 8080\n", "server:\n  threads:\n    max: 4\n  port: 8080\n")
    w.slow = lambda r, t, route, inst: 130 if r == "b" and w.hurt(t) else 1


def rate_limit_429(w):
    w.guilty("front", "cfg-150", "rate_limit.requests_per_second")
    w.change("cfg-150", w.onset - 5, "front", "config", "rate_limit:\n  requests_per_second: 50\n  burst: 100\n", "rate_limit:\n  requests_per_second: 5\n  burst: 5\n")
    chance(w, "front", 0.45, 429, "")


def hour_bug(w):
    w.component("c", ("change", "c"))
    w.change("rel-160", -40 * 3600, "c", version="2.8", previous_version="2.7", summary="digest windows")
    chance(w, "c", 0.8, 500, "ValueError: hour must be in 0..23")


def failover(w):
    w.guilty("db", "ops-170", also=[{"kind": "change", "change_id": "ops-170"}])
    w.change("ops-170", w.onset - 2, "db", "infra", summary="switch primary to replica in zone b")
    w.slow = lambda r, t, route, inst: 55 if r == "db" and w.hurt(t) else 1


def slow_release(w):
    w.guilty("a", "rel-180")
    w.change("rel-180", w.onset - 8, "a", summary="load fare rules per segment", version="4.4", previous_version="4.3")
    w.slow = lambda r, t, route, inst: 45 if r == "a" and w.hurt(t) else 1


def worker_fails(w):
    w.guilty("c", "rel-190")
    w.change("rel-190", w.onset - 10, "c", version="6.0", previous_version="5.9", summary="new mail templates")
    w.run_extra = [(w.onset + i * 0.7, "c", "ERROR", f"job {4000 + i} failed: template 'receipt_v2' not found") for i in range(int((w.end - w.onset) / 0.7))]


def unauthorized(w):
    w.guilty("d", "cfg-200", also=[])
    w.change("cfg-200", w.onset - 4, "d", "config", "jwt:\n  issuer: https://login.acme.test\n  audience: api\n", "jwt:\n  issuer: https://login.acme.test/\n  audience: api\n")
    w.fail = lambda r, t, route, inst: (401, "WARN", "token rejected: invalid issuer") if r == "d" and w.hurt(t) else None


def not_found(w):
    w.guilty("web", "rel-210")
    w.change("rel-210", w.onset - 3, "web", version="12.0", previous_version="11.9", summary="new router")
    w.fail = lambda r, t, route, inst: (404, "WARN", "no route matches") if r == "web" and route == "b" and w.hurt(t) else None


def integer_overflow(w):
    w.component("db", ("component", "a"))
    w.change("rel-220", w.onset - 200, "a", version="1.1", previous_version="1.0", summary="copy changes")
    w.fail = lambda r, t, route, inst: (500, "ERROR", 'nextval: reached maximum value of sequence "booking_id_seq" (2147483647)') if r == "db" and route == "a" and w.hurt(t) and w.rng.random() < 0.6 else None


def noisy_host(w):
    w.component("b")
    w.slow = lambda r, t, route, inst: 110 if r == "b" and w.hurt(t) and inst != 0 else 1
    w.gauge = lambda r, m, t, v: 99.0 if (r, m) == ("b", "cpu_percent") and w.hurt(t) else v


def scaled_down(w):
    w.guilty("web", "scale-230")
    w.change("scale-230", w.onset - 15, "web", "scale", "replicas: 6\n", "replicas: 1\n", summary="save cost: 6 to 1")
    w.slow = lambda r, t, route, inst: 150 if r == "web" and w.hurt(t) else 1
    w.gauge = lambda r, m, t, v: 99.0 if (r, m) == ("web", "cpu_percent") and w.hurt(t) else v


def memory_limit(w):
    w.guilty("b", "rel-240", "resources.limits.memory")
    limits = lambda m: f"resources:\n  limits:\n    cpu: 2\n    memory: {m}\n"
    w.change("rel-240", w.onset - 12, "b", before=limits("2Gi"), after=limits("200Mi"))
    w.link = lambda x, y, t: (0.01, "refused") if y == "b" and w.hurt(t) and w.rng.random() < 0.6 else None
    events = []
    for i in range(0, int(w.end - w.onset), 25):
        events.append({"kind": "Event", "type": "Warning", "reason": "BackOff" if i % 50 else "OOMKilling", "lastTimestamp": w.stamp(w.onset + i), "message":
                       f"Back-off restarting failed container {w.name('b')}" if i % 50 else "Memory cgroup out of memory: Killed process 4121 (app)",
                       "involvedObject": {"kind": "Pod", "name": f"{w.name('b')}-{1 + i % 3}", "namespace": "prod"}, "metadata": {"name": f"e{i}", "creationTimestamp": w.stamp(w.onset + i)}})
    w.files["events.json"] = json.dumps({"kind": "List", "apiVersion": "v1", "items": events})


def database_restarted(w):
    w.component("db")
    w.end = w.onset + 60
    w.say("db", w.onset - 0.5, "LOG", "received fast shutdown request")
    w.say("db", w.onset - 0.4, "FATAL", "terminating connection due to administrator command")
    w.say("db", w.end, "LOG", "database system is ready to accept connections")
    w.link = lambda x, y, t: (0.01, "refused") if y == "db" and w.hurt(t) else None


def broker_down(w):
    w.component("queue")
    w.link = lambda x, y, t: (0.5, "reset") if y == "queue" and w.hurt(t) and w.rng.random() < 0.8 else None


def pool_of_partner(w):
    w.guilty("a", "rel-250", "http.client.pool.max_connections")
    pool = lambda n: f"http:\n  client:\n    pool:\n      max_connections: {n}\n      acquire_timeout_ms: 1000\n"
    w.change("rel-250", w.onset - 6, "a", before=pool(100), after=pool(2), version="3.0", previous_version="2.9")
    chance(w, "a", 0.55, 500, "timed out after 1000 ms waiting for a connection from the pool (max 2, in use 2)")


def responders_deploy(w):
    w.component("d", ("component", "db2"))
    w.change("rel-260", w.onset + 70, "d", version="1.4", previous_version="1.3", summary="add logging to find the outage")
    chance(w, "d", 0.8, 500, "panic: runtime error: invalid memory address or nil pointer dereference")


def errors_in_body(w):
    """Statuses stay 200; only the log says that things fail."""
    w.guilty("a", "rel-270")
    w.change("rel-270", w.onset - 5, "a", version="8.0", previous_version="7.9", summary="graphql gateway")
    w.run_extra = [(w.onset + i * 0.4, "a", "ERROR", "resolver Query.fares failed: cannot read field currency of null") for i in range(int((w.end - w.onset) / 0.4))]


def calm(w):
    w.quiet = True
    for i in range(7):
        w.change(f"rel-{300 + i}", w.length * (0.1 + 0.11 * i), ("a", "b", "c", "d", "web", "a", "b")[i], version=f"1.{i + 1}", previous_version=f"1.{i}")
        for inst in range(3):
            w.say(("a", "b", "c", "d", "web", "a", "b")[i], w.length * (0.1 + 0.11 * i) + 5, "INFO", "Started application in 3.1 seconds", inst)


def calm_noise(w):
    w.quiet = True
    calm(w)
    w.fail = lambda r, t, route, inst: (500, "ERROR", "optimistic lock failed, giving up") if r == "c" and w.rng.random() < 0.02 else None
    w.load = lambda t: 1 + 0.6 * t / w.length


def no_metrics_no_graph(w):
    w.guilty("d", "rel-280")
    w.with_metrics = w.with_topology = False
    w.change("rel-280", w.onset - 6, "d", version="2.0", previous_version="1.9")
    chance(w, "d", 0.6, 500, "KeyError: 'tenant'")


def metrics_only(w):
    w.guilty("d", "rel-290")
    w.with_logs = False
    w.change("rel-290", w.onset - 6, "d", version="2.0", previous_version="1.9")
    w.slow = lambda r, t, route, inst: 60 if r == "d" and w.hurt(t) else 1
    w.gauge = lambda r, m, t, v: v + 40 if (r, m) == ("d", "cpu_percent") and w.hurt(t) else v
    chance(w, "d", 0.3, 500, "")


def stopped_calls(w):
    """The front door loses its traffic: nobody can reach it."""
    w.component("front", ("load", "front"))
    w.load = lambda t: 0.03 if w.hurt(t) else 1.0


def late_peak(w):
    w.guilty("a", "cfg-310", "db.pool.size")
    pool = lambda n: f"db:\n  pool:\n    size: {n}\n    wait_ms: 1500\n"
    w.change("cfg-310", 300, "a", "config", pool(30), pool(5))
    w.load = lambda t: 2.6 if w.hurt(t) else 1.0
    chance(w, "a", 0.35, 500, "connection pool exhausted: 5 of 5 in use, waited 1500 ms")
    w.also = [{"kind": "load"}]


KINDS = {f.__name__: f for f in (
    cert_expired, resolver_down, partner_down, partner_slow, cache_flag, cache_config, cache_restarted, retry_storm, leak_for_hours, nightly_job, disk_full, bad_canary,
    flag_in_steps, migration_lock, silent_reload, dependency_bump, burst, seconds_apart, database_parameter, network_policy, threads_lowered, rate_limit_429, hour_bug,
    failover, slow_release, worker_fails, unauthorized, not_found, integer_overflow, noisy_host, scaled_down, memory_limit, database_restarted, broker_down,
    pool_of_partner, responders_deploy, errors_in_body, calm, calm_noise, no_metrics_no_graph, metrics_only, stopped_calls, late_peak)}
LONG = {"leak_for_hours": {"length": 9000, "rate": 1.2, "onset": 7600}}


def build(name, seed, folder):
    world = World(name, seed, **LONG.get(name, {}))
    world.run_extra = []
    KINDS[name](world)
    if not world.quiet:
        world.decoys()
    world.run()
    for t, role, level, text in world.run_extra:
        world.say(role, t, level, text)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    world.write(folder)
    return world


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--binary")
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="take the bundles that are there")
    args = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from variants import analyse, judge
    all_right, total, sure, sure_right = 0, 0, 0, 0
    for name in args.only.split(","):
        right, said = 0, []
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            folder = os.path.join(args.out, "landscapes", f"{name}-{seed}")
            if not args.keep or not os.path.exists(folder):
                build(name, seed, folder)
            if args.binary:
                document = analyse(args.binary, folder)
                truth = json.load(open(os.path.join(folder, "truth.json")))
                good = judge("first", truth, document)
                right += good
                tops = [i["causes"][0] for i in document["incidents"] if i["causes"]]
                confident = any(c["confidence"] >= 0.9 for c in tops)
                sure, sure_right = sure + confident, sure_right + (confident and good)
                said.append(("" if good else f"[{seed}] ") + ("; ".join(f"{c['kind']} {c.get('service')} {c.get('change_id') or c.get('resource') or ''} {c['confidence']:.2f}" for c in tops) or
                                                              ("no cause" if document["incidents"] else "nothing")))
        if args.binary:
            print(f"{name}: {right} of {args.seeds}   {' | '.join(said)}", flush=True)
            all_right, total = all_right + right, total + args.seeds
    if args.binary:
        print(f"all: {all_right} of {total}; at 0.9 and more {sure_right} of {sure} right")


if __name__ == "__main__":
    main()

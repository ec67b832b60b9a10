#!/usr/bin/env python3
"""Stress variants of recorded incidents: cut, crowded, shifted and spoilt copies of cases, and what the tool says of them.

  variants.py CASES OUT [--binary PATH] [--only NAME,...] [--jobs N]

CASES is a folder of cases (bundles with a truth.json); OUT gets OUT/<variant>/<case>/ with a truth of its own, so that
`whatchanged calibrate OUT` reads the same copies. With --binary every copy is analysed and the table of docs/accuracy.md is printed.
The random draws depend on the case's name alone: the same cases give the same copies.
"""
import argparse
import concurrent.futures
import csv
import datetime as dt
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zlib

UTC = dt.timezone.utc
STAMPS = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "%Y/%m/%d %H:%M:%S"),
    (re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d"), "%d/%b/%Y:%H:%M:%S"),
    (re.compile(r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d"), "%d %b %Y %H:%M:%S"),
    (re.compile(r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"), "%b %d %H:%M:%S"),
]
MILLIS = re.compile(r'"time":(\d{13})\b')
STEP_OF_TILES = 3 * 3600


def instant(text):
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(time):
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Stamps:
    """Reads and moves the times of one file's lines; a year that a line does not name is the case's own."""

    def __init__(self, year):
        self.year = year
        self.parsed = {}

    def parse(self, text, fmt):
        key = (text, fmt)
        if key not in self.parsed:
            time = dt.datetime.strptime(text, fmt)
            self.parsed[key] = (time.replace(year=self.year) if "%Y" not in fmt else time).replace(tzinfo=UTC)
        return self.parsed[key]

    def first(self, line):
        found = MILLIS.search(line[:400])
        if found:
            return dt.datetime.fromtimestamp(int(found[1]) / 1000, UTC)
        hits = [(m.start(), m.group(), fmt) for pattern, fmt in STAMPS if (m := pattern.search(line[:200]))]
        return self.parse(*min(hits)[1:]) if hits else None

    def moved(self, line, seconds):
        delta = dt.timedelta(seconds=seconds)
        line = MILLIS.sub(lambda m: f'"time":{int(m[1]) + int(seconds * 1000)}', line)
        for pattern, fmt in STAMPS:
            line = pattern.sub(lambda m: (self.parse(m.group(), fmt) + delta).strftime(fmt), line)
        return line


def blocks(lines, stamps):
    """(time, line); a line without a time goes with the line before it."""
    last = None
    for line in lines:
        last = stamps.first(line) or last
        yield last, line


class Case:
    """A bundle in memory: path -> text."""

    def __init__(self, folder=None):
        self.files, self.truth = {}, {"incident": False}
        if folder is None:
            return
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(base, name)
                opened = gzip.open(path, "rt", errors="surrogateescape") if name.endswith(".gz") else open(path, errors="surrogateescape")
                with opened as file:
                    self.files[os.path.relpath(path, folder).removesuffix(".gz")] = file.read()
        self.truth = json.loads(self.files.pop("truth.json"))
        self.files.pop("window.json", None)

    def copy(self):
        other = Case()
        other.files, other.truth = dict(self.files), json.loads(json.dumps(self.truth))
        return other

    @property
    def span(self):
        return instant(self.truth["start"]), instant(self.truth["end"])

    @property
    def cause(self):
        return self.truth["cause"]

    def stamps(self):
        return Stamps(self.year)

    @property
    def year(self):
        times = [c["time"] for c in self.changes()]
        return instant(self.truth["start"] or times[0]).year if self.truth.get("start") or times else 2026

    def changes(self):
        return [json.loads(x) for x in self.files.get("changes.jsonl", "").splitlines() if x.strip()]

    def set_changes(self, changes):
        self.files["changes.jsonl"] = "".join(json.dumps(c) + "\n" for c in changes)

    def edges(self):
        rows = csv.DictReader(self.files.get("topology.csv", "source,target\n").splitlines())
        return [(r["source"], r["target"]) for r in rows]

    def entry(self):
        edges = self.edges()
        targets = {t for _, t in edges}
        sources = [s for s, _ in edges if s not in targets]
        return max(sources, key=lambda s: sum(len(t) for p, t in self.files.items() if p.startswith(f"logs/{s}/")))

    def logs_of(self, service):
        return [p for p in self.files if p.startswith(f"logs/{service}/")]

    def is_data(self, path):
        return path.startswith(("logs/", "metrics/"))

    def keep(self, wanted, folders=("logs/", "metrics/")):
        """Only what happened at times that are wanted."""
        for path in [p for p in self.files if p.startswith(folders)]:
            text = self.files[path]
            if path.endswith(".json") and path.startswith("metrics/"):
                self.files[path] = edit_matrix(text, lambda t: t if wanted(dt.datetime.fromtimestamp(t, UTC)) else None)
                continue
            lines = text.splitlines(keepends=True)
            kept = [line for time, line in blocks(lines, self.stamps()) if time is None or wanted(time)]
            self.files[path] = "".join(kept)

    def move(self, paths, seconds):
        for path in paths:
            text = self.files[path]
            if path.endswith(".json") and path.startswith("metrics/"):
                self.files[path] = edit_matrix(text, lambda t: t + seconds)
            else:
                stamps = self.stamps()
                self.files[path] = "".join(stamps.moved(line, seconds) for line in text.splitlines(keepends=True))

    def shift(self, seconds):
        self.move([p for p in self.files if self.is_data(p)], seconds)
        moved = lambda text: written(instant(text) + dt.timedelta(seconds=seconds))
        self.set_changes([{k: moved(v) if k in ("time", "end_time") and v else v for k, v in c.items()} for c in self.changes()])
        for field in ("start", "end"):
            if self.truth.get(field):
                self.truth[field] = moved(self.truth[field])

    def write(self, folder):
        for path, text in self.files.items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", errors="surrogateescape") as file:
                file.write(text)
        with open(os.path.join(folder, "truth.json"), "w") as file:
            json.dump(self.truth, file)


def edit_matrix(text, edit):
    """The samples of a Prometheus matrix with their times edited; `None` drops one."""
    document = json.loads(text)
    for series in document["data"]["result"]:
        series["values"] = [[edit(t), v] for t, v in series["values"] if edit(t) is not None]
    return json.dumps(document)


def culprit(case):
    return next(c for c in case.changes() if c["id"] == case.cause["change_id"])


def undoing(case):
    """The culprit and what put it back: the next change of the service."""
    guilty = culprit(case)
    after = [c for c in case.changes() if c["service"] == guilty["service"] and c["time"] > guilty["time"]]
    return {guilty["id"]} | {c["id"] for c in after}


def with_culprit(case, edit):
    copy = case.copy()
    changes = copy.changes()
    for change in changes:
        if change["id"] == case.cause["change_id"]:
            edit(change)
    copy.set_changes(changes)
    return copy


def has_change(case):
    return bool(case.truth["incident"] and case.cause.get("change_id"))


def ongoing(case, _):
    copy = case.copy()
    end = case.span[0] + dt.timedelta(seconds=60)
    copy.keep(lambda t: t <= end)
    copy.set_changes([c for c in copy.changes() if instant(c["time"]) <= end])
    return copy


def cut_before(seconds):
    def make(case, _):
        copy = case.copy()
        end = case.span[0] - dt.timedelta(seconds=seconds)
        copy.keep(lambda t: t <= end)
        copy.set_changes([c for c in copy.changes() if instant(c["time"]) <= end])
        copy.truth = {"incident": False}
        return copy
    return make


def short_quiet(seconds):
    def make(case, _):
        copy = case.copy()
        start = case.span[0] - dt.timedelta(seconds=seconds)
        copy.keep(lambda t: t >= start)
        return copy
    return make


def decoys(case, rng):
    copy = case.copy()
    services = sorted({s for edge in case.edges() for s in edge} - {case.cause["service"]})
    changes = copy.changes()
    for i, before in enumerate([1, 15, 60, 120, 240, 420]):
        time = written(case.span[0] - dt.timedelta(seconds=before))
        kind = rng.choice(["deploy", "config", "flag"])
        changes.append({"id": f"decoy-{i}", "time": time, "service": rng.choice(services), "kind": kind, "summary": "labels"})
    copy.set_changes(changes)
    return copy


def early(seconds):
    def make(case, _):
        def edit(change):
            for field in ("time", "end_time"):
                if change.get(field):
                    change[field] = written(instant(change[field]) - dt.timedelta(seconds=seconds))
        return with_culprit(case, edit)
    return make


def removed(case, _):
    copy = case.copy()
    gone = undoing(case)
    copy.set_changes([c for c in copy.changes() if c["id"] not in gone])
    copy.truth["cause"] = {"kind": "component", "service": case.cause["service"]}
    copy.truth["also_accept"] = []
    return copy


def no_changes(case, rng):
    copy = removed(case, rng)
    copy.files.pop("changes.jsonl")
    return copy


def no_diff(case, _):
    return with_culprit(case, lambda c: [c.pop(k, None) for k in ("config_before", "config_after", "diff")])


def created(files, time):
    """A commit that creates files: their paths and texts."""
    diff = ""
    for name, text in files:
        lines = text.splitlines()
        diff += f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} @@\n"
        diff += "".join(f"+{line}\n" for line in lines)
    return f"commit {'a' * 40}\nAuthor: ops <ops@example.org>\nDate:   {written(time)}\n\n    as it is\n\n{diff}"


def recorded(case, _):
    """All configurations as they are when the harm begins, put under version control 90 s before it, in one commit."""
    copy = case.copy()
    time = case.span[0] - dt.timedelta(seconds=90)
    later = {c["config_after"] for c in case.changes() if c.get("config_after") and instant(c["time"]) > time}
    paths = sorted(p for p in case.files if p.startswith("configs/") and p not in later)
    copy.files["changes/git.log"] = created([(p.removeprefix("configs/"), case.files[p]) for p in paths], time)
    return copy


def new_file(case, _):
    """The culprit's record is a commit that creates its configuration as a whole."""
    copy = case.copy()
    guilty = culprit(case)
    copy.set_changes([c for c in case.changes() if c["id"] != guilty["id"]])
    path = guilty["config_after"]
    copy.files["changes/git.log"] = created([(path.removeprefix("configs/"), case.files[path])], instant(guilty["time"]))
    copy.truth["cause"] = {**case.cause, "change_id": f"git:{guilty['service']}:{'a' * 12}"}
    copy.truth["also_accept"] = []
    return copy


def skewed(whose):
    def make(case, rng):
        services = sorted(p.split("/")[1] for p in case.files if p.startswith("logs/"))
        culprit, entry = case.cause["service"], case.entry()
        others = [s for s in sorted(set(services)) if s not in (culprit, entry)]
        service = {"culprit": culprit, "entry": entry, "other": rng.choice(others)}[whose]
        copy = case.copy()
        copy.move(copy.logs_of(service), rng.choice([-90, 90]))
        return copy
    return make


def entry_logs(case, _):
    copy = case.copy()
    keep = set(copy.logs_of(case.entry()))
    copy.files = {p: t for p, t in copy.files.items() if not p.startswith("logs/") or p in keep}
    return copy


def without(folder):
    def make(case, _):
        copy = case.copy()
        copy.files = {p: t for p, t in copy.files.items() if not p.startswith(folder)}
        return copy
    return make


def tiled(noise):
    """The quiet part once more and once more, to three hours; a share of the requests fails all the while."""
    def make(case, rng):
        start, onset = quiet_part(case)
        copy = case.copy()
        copy.keep(lambda t: start <= t < onset)
        length = (onset - start).total_seconds()
        pieces = {p: [t] for p, t in copy.files.items() if copy.is_data(p)}
        for i in range(1, int(STEP_OF_TILES / length)):
            tile = copy.copy()
            tile.move(list(pieces), i * length)
            for path, texts in pieces.items():
                text = tile.files[path]
                if path.startswith("metrics/") and path.endswith(".json"):
                    texts[0] = merged_matrix(texts[0], text)
                else:
                    texts.append(text if path.startswith("logs/") else "".join(text.splitlines(keepends=True)[1:]))
        copy.files.update({p: "".join(texts) for p, texts in pieces.items()})
        for path in copy.logs_of(case.entry()) if noise else []:
            lines = copy.files[path].splitlines(keepends=True)
            copy.files[path] = "".join(spoilt(line) if rng.random() < noise else line for line in lines)
        copy.set_changes([c for c in copy.changes() if instant(c["time"]) < onset])
        copy.truth = {"incident": False}
        return copy
    return make


def spoilt(line):
    return line.replace(' 200 ', ' 500 ', 1).replace('"status":200', '"status":500', 1)


def merged_matrix(first, second):
    one, two = json.loads(first), json.loads(second)
    for a, b in zip(one["data"]["result"], two["data"]["result"]):
        a["values"] += b["values"]
    return json.dumps(one)


def quiet_part(case):
    times = []
    for path in case.logs_of(case.entry()):
        stamps = case.stamps()
        first = next((t for t, _ in blocks(case.files[path].splitlines(), stamps) if t), None)
        times += [first] if first else []
    end = case.span[0] if case.truth["incident"] else max(times) + dt.timedelta(minutes=4)
    return max(times) + dt.timedelta(seconds=20), end - dt.timedelta(seconds=20)


def two_incidents(which):
    """The recording and, ten minutes after its end, the same system's next one; `which` of them is asked for."""
    def make(case, _, other):
        first, second = case.copy(), other.copy()
        gap = (case.span[1] - other.span[0]).total_seconds() + 600 + 400
        second.shift(round(gap))
        second.files = {p.replace("configs/", "configs/later/", 1): t for p, t in second.files.items()}
        again = second.changes()
        for change in again:
            change["id"] = "later-" + change["id"]
            for field in ("config_before", "config_after"):
                if change.get(field):
                    change[field] = change[field].replace("configs/", "configs/later/", 1)
        onset = instant(second.truth["start"])
        again = [c for c in again if (onset - instant(c["time"])).total_seconds() < 900]
        for path, text in second.files.items():
            if first.is_data(path) and path in first.files:
                tail = text if path.startswith("logs/") else "".join(text.splitlines(keepends=True)[1:])
                first.files[path] = merged_matrix(first.files[path], text) if path.endswith(".json") else first.files[path] + tail
            elif path not in first.files:
                first.files[path] = text
        first.set_changes(first.changes() + again)
        if which == "second":
            first.truth = second.truth
            for cause in [first.truth["cause"]] + first.truth.get("also_accept", []):
                if cause.get("change_id"):
                    cause["change_id"] = "later-" + cause["change_id"]
        return first
    return make


# name -> (what it is, how it is made, which cases have it, how an answer is judged)
VARIANTS = {
    "as-recorded": ("as recorded", lambda c, _: c.copy(), lambda c: True, "first"),
    "ongoing": ("data end 60 s after the onset", ongoing, lambda c: c.truth["incident"], "first"),
    "decoys": ("six invented innocent changes up to 7 min before the onset (3 draws)", decoys, lambda c: c.truth["incident"], "first"),
    "early-15m": ("the culprit moved back by 15 min", early(900), has_change, "first"),
    "early-3h": ("the culprit moved back by 3 h", early(3 * 3600), has_change, "first"),
    "removed": ("the culprit and its undo deleted: no innocent change first", removed, has_change, "no change"),
    "no-changes": ("every change deleted: the right component first, or none", no_changes, has_change, "component"),
    "no-diff": ("the culprit's diff deleted: in the first three", no_diff, has_change, "three"),
    "recorded": ("all configurations put under version control 90 s before the onset", recorded, lambda c: c.truth["incident"], "first"),
    "new-file": (
        "the culprit, an edit of a key, is a commit that creates its configuration as a whole",
        new_file,
        lambda c: has_change(c) and c.cause.get("config_key") and culprit(c).get("config_after"),
        "first",
    ),
    "quiet-60s": ("only 60 s of quiet before the onset", short_quiet(60), lambda c: c.truth["incident"], "first"),
    "before-20s": ("cut 20 s before the onset: nothing reported", cut_before(20), lambda c: c.truth["incident"], "quiet"),
    "before-60s": ("cut 60 s before the onset: nothing reported", cut_before(60), lambda c: c.truth["incident"], "quiet"),
    "tiled": ("the quiet part repeated to 3 h: nothing reported", tiled(0), lambda c: True, "quiet"),
    "tiled-noise": ("the same with 0.5 % of failures: nothing reported", tiled(0.005), lambda c: True, "quiet"),
    "skewed-culprit": ("the culprit's clock 90 s off", skewed("culprit"), lambda c: c.truth["incident"], "first"),
    "skewed-other": ("another service's clock 90 s off", skewed("other"), lambda c: c.truth["incident"], "first"),
    "skewed-entry": ("the entry's clock 90 s off", skewed("entry"), lambda c: c.truth["incident"], "first"),
    "entry-logs": ("only the entry service's logs, and metrics", entry_logs, lambda c: c.truth["incident"], "first"),
    "no-metrics": ("no metrics", without("metrics/"), lambda c: c.truth["incident"], "first"),
    "no-topology": ("no call graph", without("topology.csv"), lambda c: c.truth["incident"], "first"),
    "no-configs": ("no configuration files", without("configs/"), lambda c: c.truth["incident"], "first"),
    "two-first": ("two incidents: the first", two_incidents("first"), lambda c: c.truth["incident"], "first"),
    "two-second": ("two incidents: the second", two_incidents("second"), lambda c: c.truth["incident"], "first"),
}


def judge(rule, truth, document):
    """Whether what the tool says of a copy is right."""
    incidents = document["incidents"]
    if rule == "quiet":
        return not incidents
    if not truth["incident"]:
        return not incidents
    start, end = instant(truth["start"]), instant(truth["end"])
    last = dt.datetime.max.replace(tzinfo=UTC)
    over = lambda i: (min(end, instant(i["end"]) if i.get("end") else last) - max(start, instant(i["start"]))).total_seconds()
    near = [i for i in incidents if over(i) >= -30]
    if not near:
        return False
    causes = max(near, key=over)["causes"]
    if rule == "no change":
        return not causes or causes[0]["kind"] != "change" or causes[0]["confidence"] < 0.5
    truths = [truth["cause"]] + truth.get("also_accept", [])
    right = lambda c: any(meant(c, t) for t in truths)
    if rule == "component":
        return not causes or causes[0]["confidence"] < 0.5 or right(causes[0])
    return any(right(c) for c in causes[: 3 if rule == "three" else 1])


def meant(cause, truth):
    if truth.get("change_id"):
        return cause.get("change_id") == truth["change_id"]
    if truth["kind"] in ("load", "infra"):
        return cause["kind"] == truth["kind"]
    return cause["kind"] == truth["kind"] and cause.get("service") == truth["service"]


def analyse(binary, folder):
    done = subprocess.run([binary, "analyze", folder, "--format", "json"], capture_output=True, text=True)
    if not done.stdout:
        print(done.stderr, file=sys.stderr)
        return {"incidents": []}
    return json.loads(done.stdout)


def seeded(name, draw):
    return random.Random(zlib.crc32(f"{name}/{draw}".encode()))


def same_system(cases, name):
    """The next incident of the same services, in the order of names."""
    ours = set(cases[name].edges())
    names = [n for n, c in cases.items() if c.truth["incident"] and set(c.edges()) == ours]
    return cases[names[(names.index(name) + 1) % len(names)]]


def copies(folder, out, wanted):
    cases = {n: Case(os.path.join(folder, n)) for n in sorted(os.listdir(folder)) if os.path.isfile(os.path.join(folder, n, "truth.json"))}
    made = []
    for key in wanted:
        _, make, applies, rule = VARIANTS[key]
        for name, case in cases.items():
            if not applies(case):
                continue
            for draw in range(3 if key == "decoys" else 1):
                extra = [same_system(cases, name)] if key.startswith("two-") else []
                copy = make(case, seeded(name, draw), *extra)
                target = os.path.join(out, key, name if draw == 0 else f"{name}-{draw}")
                copy.write(target)
                made.append((key, target, rule, copy.truth))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases")
    parser.add_argument("out")
    parser.add_argument("--binary")
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    wanted = args.only.split(",")
    for key in wanted:
        shutil.rmtree(os.path.join(args.out, key), ignore_errors=True)
    made = copies(args.cases, args.out, wanted)
    if not args.binary:
        return
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        documents = list(pool.map(lambda m: analyse(args.binary, m[1]), made))
    print("| variant | right |\n|---|---|")
    for key in wanted:
        verdicts = [(t, judge(rule, truth, d)) for (k, t, rule, truth), d in zip(made, documents) if k == key]
        wrong = " ".join(os.path.basename(t) for t, right in verdicts if not right)
        print(f"| {VARIANTS[key][0]} | {sum(r for _, r in verdicts)} of {len(verdicts)} |" + (f" <!-- wrong: {wrong} -->" if wrong else ""))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Relations that must hold between what is said of a case and of copies of it: the truth is not asked.

  metamorphic.py BINARY CASES... [--only WORDS,...] [--jobs N] [--every N] [-v]

CASES are folders of cases as of variants.py. Prints, for each relation, for how many cases it holds, and names those for which it does not;
with -v also both answers. A relation that has nothing to work on (logs, metrics, names) leaves a case out.
Where a case says what an operator knew (window.json), so is the tool told.
An answer is: the incidents by their start, and of each the first cause and its confidence. Starts may differ by 2 s, confidences by 0.05; what adds controls may make an answer surer.
"""
import argparse
import concurrent.futures
import datetime as dt
import gzip
import json
import os
import random
import re
import subprocess
import tempfile
import zlib

import tables
from variants import UTC, Case, instant, written

# Names that say what a program is: a log of `postgres` under another name is that of another program.
PRODUCTS = re.compile(
    r"postgres|pgbouncer|mysql|maria|redis|valkey|mongo|nginx|envoy|haproxy|traefik|kafka|rabbit|memcache|elastic|cassandra|clickhouse|"
    r"^(db|database|cache|queue|broker|gateway|proxy|lb|web|api|app|host|node|worker|server|client|user|users|order|orders)$"
)
WORDS = "larch quince rowan hazel alder birch maple aspen cedar spruce linden willow juniper laurel olive poplar sorrel tansy yarrow fennel".split()


def answer(document, moved=0, names=None):
    """(start, kind, service, change, confidence) of each incident, as they would be of the case itself."""
    back = renaming({new: old for old, new in (names or {}).items()})
    out = []
    for incident in document["incidents"]:
        cause = (incident["causes"] or [{"kind": "none", "confidence": 0}])[0]
        service, change = (back(cause.get(key) or "") for key in ("service", "change_id"))
        start = instant(incident["start"]) - dt.timedelta(seconds=moved)
        out.append((start, cause["kind"], service, change, cause["confidence"]))
    return out


def same(one, two, surer=False):
    """`surer`: the second answer may be the surer one."""
    most = 1 if surer else 0.05
    near = lambda a, b: abs((a[0] - b[0]).total_seconds()) <= 2 and a[1:4] == b[1:4] and -0.05 <= b[4] - a[4] <= most
    return len(one) == len(two) and all(near(a, b) for a, b in zip(one, two))


def run(binary, paths, *more):
    done = subprocess.run([binary, "analyze", *paths, "--format", "json", "-q", *more], capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout else {"incidents": []}, done.stdout


def edited(case, edit):
    copy = case.copy()
    edit(copy)
    return copy


def split(copy):
    """Every log in three, as rotation leaves them. A record is not cut: a part begins with a line that has a time."""
    for path in [p for p in copy.files if p.startswith("logs/")]:
        lines = copy.files[path].splitlines(keepends=True)
        stamps = copy.stamps()
        cuts = []
        for third in (len(lines) // 3, 2 * len(lines) // 3):
            while third < len(lines) and not stamps.first(lines[third]):
                third += 1
            cuts.append(third)
        if len(lines) < 9 or path.endswith((".csv", ".json")):
            continue
        stem = path if path.endswith(".log") else path + ".log"
        del copy.files[path]
        copy.files[stem + ".2"], copy.files[stem + ".1"], copy.files[stem] = (
            "".join(lines[: cuts[0]]), "".join(lines[cuts[0] : cuts[1]]), "".join(lines[cuts[1] :]))


def doubled(copy):
    for path in [p for p in copy.files if p.startswith("logs/")]:
        folder, name = os.path.split(path)
        copy.files[f"{folder}/copy-of-{name}"] = copy.files[path]


def beginning(copy):
    """The first time of the logs: of an envelope where there is one, since what it holds may speak of any time."""
    envelope = re.compile(r'"time":"([^"]+)"')
    heads = [copy.files[p][:400] for p in copy.files if p.startswith("logs/")]
    times = [instant(m[1][:19] + "Z") if (m := envelope.search(head)) else copy.stamps().first(head) for head in heads]
    return min(t for t in times if t)


def noise(copy, rng):
    """Five services that write the same few lines all the time, and have nothing to do with anything."""
    begin = beginning(copy)
    for number in range(5):
        name = f"bystander-{number}"
        ticks = sorted(rng.uniform(0, 1500) for _ in range(1500))
        line = lambda t: f"{(begin + dt.timedelta(seconds=t)).strftime('%Y-%m-%d %H:%M:%S')} INFO [{name}] {rng.choice(['tick', 'tock', 'cache refreshed', 'heartbeat sent'])}\n"
        copy.files[f"logs/{name}/{name}.log"] = "".join(map(line, ticks))


def innocent(copy, rng):
    """Changes hours before, at services that nobody else knows."""
    base = copy.span[0] if copy.truth.get("start") else instant((copy.changes() or [{"time": "2026-01-01T00:00:00Z"}])[0]["time"])
    more = [
        {"id": f"innocent-{i}", "time": written(base - dt.timedelta(seconds=rng.uniform(7200, 36000))), "service": f"elsewhere-{i}", "kind": "deploy"}
        for i in range(5)
    ]
    copy.set_changes(copy.changes() + more)


def names_of(case):
    ours = {p.split("/")[1] for p in case.files if p.startswith("logs/")} | {c["service"] for c in case.changes()}
    # `orders_AWS::ECS`: what follows says what it is.
    ours |= {name.split("_")[0] for name in tables.services(case)}
    ours = sorted(s for s in ours if re.fullmatch(r"[A-Za-z][\w-]{4,}", s) and not PRODUCTS.search(s))
    return dict(zip(ours, (f"{a}{b}" for a in WORDS for b in ("hurst", "field", "wick"))))


def renaming(names):
    if not names:
        return lambda text: text
    pattern = re.compile("|".join(rf"(?<![A-Za-z0-9]){re.escape(n)}(?![A-Za-z0-9])" for n in sorted(names, key=len, reverse=True)))
    return lambda text: pattern.sub(lambda m: names[m.group()], text)


def renamed(case, names):
    new = renaming(names)
    copy = case.copy()
    copy.files = {new(p): new(t) for p, t in case.files.items()}
    return copy


# Services that stay calm are further controls: the cause must stay, and may only become surer.
STEADY = "five steady services added to the metrics"
SHIFTS = {"1 s": 1, "37 min": 37 * 60, "-400 days": -400 * 86400, "1,000 days": 1000 * 86400}


SLOW = re.compile(r"(?m)^(SET timestamp=)(\d{10})\b|^(# Time: )(\d{6} [ \d]\d:\d\d:\d\d)")


def shifted(copy, seconds):
    """Also the times of slow logs, which variants.py leaves: `SET timestamp=1795369839;`, `# Time: 261122 17:50:39`."""
    copy.shift(seconds)
    delta = dt.timedelta(seconds=seconds)
    compact = lambda text: (dt.datetime.strptime(text, "%y%m%d %H:%M:%S") + delta).strftime("%y%m%d %k:%M:%S")
    new = lambda m: f"{m[1]}{int(m[2]) + seconds}" if m[1] else f"{m[3]}{compact(m[4])}"
    for path in [p for p in copy.files if p.startswith("logs/")]:
        copy.files[path] = SLOW.sub(new, copy.files[path])
    for path in [p for p in copy.files if p.startswith("metrics/") and p.endswith(".csv")]:
        copy.files[path] = re.sub(r"(?m)^(\d{10})(?=[.,])", lambda m: str(int(m[1]) + seconds), copy.files[path])


def relations(case, name):
    """(relation, copy, seconds that it is moved by, names that it has)."""
    rng = random.Random(zlib.crc32(name.encode()))
    if any(p.startswith("logs/") for p in case.files):
        yield "every log split in three", edited(case, split), 0, None
        yield "every log there twice", edited(case, doubled), 0, None
        yield "five services of noise added to the logs", edited(case, lambda c: noise(c, rng)), 0, None
    if tables.tables(case) + tables.matrices(case):
        yield "every metric file split in three, by time", edited(case, tables.in_time), 0, None
        yield "every metric file there twice", edited(case, tables.twice), 0, None
    if tables.tables(case):
        yield "every table of metrics split in three, by series", edited(case, tables.by_series), 0, None
        yield "rows of metrics in any order", edited(case, lambda c: tables.disordered(c, rng)), 0, None
        yield "times of metrics in milliseconds", edited(case, tables.other_unit), 0, None
        yield STEADY, edited(case, lambda c: tables.bystanders(c, rng)), 0, None
    if any(not tables.is_long(case.files[p].split("\n", 1)[0].split(",")) for p in tables.tables(case)):
        yield "wide tables of metrics written long", edited(case, tables.other_form), 0, None
    yield "five innocent changes added, hours before", edited(case, lambda c: innocent(c, rng)), 0, None
    for what, seconds in SHIFTS.items():
        yield f"everything moved by {what}", edited(case, lambda c: shifted(c, seconds)), seconds, None
    if names := names_of(case):
        yield "services renamed", renamed(case, names), 0, names


def told(path, moved=0, names=None):
    """What an operator would know, as arguments."""
    try:
        with open(os.path.join(path, "window.json")) as file:
            window = json.load(file)
    except FileNotFoundError:
        return []
    start, end = (window.get(key) and written(instant(window[key]) + dt.timedelta(seconds=moved)) for key in ("start", "end"))
    alarm = window.get("alarm") or {}
    symptom = "/".join(renaming(names)(alarm[key]) for key in ("service", "metric") if alarm.get(key))
    return (["--incident", f"{start}..{end}" if end else start] if start else []) + (["--symptom", symptom] if symptom else [])


def shown(answer):
    return "; ".join(f"{start:%H:%M:%S} {kind} {service} {change} {confidence:.3f}" for start, kind, service, change, confidence in answer)


def check(binary, folder, name, only, verbose):
    """{relation: whether it holds}"""
    path = os.path.join(folder, name)
    document, text = run(binary, [path], "--threads", "2", *told(path))
    base = answer(document)
    held = {}
    wanted = lambda relation: not only or any(word in relation for word in only)
    if wanted("threads"):
        held["1, 2 and 4 threads: same bytes"] = all(run(binary, [path], "--threads", n, *told(path))[1] == text for n in ("1", "4"))
    parts = [os.path.join(path, p) for p in sorted(os.listdir(path)) if p not in ("truth.json", "window.json")]
    if wanted("order"):
        whole = run(binary, parts, *told(path))[1]
        held["parts named in another order: same bytes"] = run(binary, parts[::-1], *told(path))[1] == whole
    try:
        case = Case(path)
    except UnicodeDecodeError:
        return held
    if any(p.endswith(".parquet") for p in case.files):
        return held
    for relation, copy, moved, names in relations(case, name):
        if not wanted(relation):
            continue
        with tempfile.TemporaryDirectory() as out:
            copy.write(out)
            other = answer(run(binary, [out], *told(path, moved, names))[0], moved, names)
        held[relation] = same(base, other, relation == STEADY)
        if verbose and not held[relation]:
            print(f"{folder} {name}: {relation}\n  {shown(base)}\n  {shown(other)}", flush=True)
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--only", default="", help="words of relations")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="only every so many-th case")
    args = parser.parse_args()
    cases = [(f, n) for f in args.cases for n in sorted(os.listdir(f)) if os.path.isfile(os.path.join(f, n, "truth.json"))][:: args.every]
    only = [word for word in args.only.split(",") if word]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda c: check(args.binary, *c, only, args.verbose), cases))
    print("| relation | holds |\n|---|---|")
    for relation in dict.fromkeys(r for held in results for r in held):
        tried = [(n, held[relation]) for (_, n), held in zip(cases, results) if relation in held]
        wrong = " ".join(n for n, holds in tried if not holds)
        print(f"| {relation} | {sum(h for _, h in tried)} of {len(tried)} |" + (f" <!-- not: {wrong} -->" if wrong else ""))


if __name__ == "__main__":
    main()

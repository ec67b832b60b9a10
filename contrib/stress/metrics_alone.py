#!/usr/bin/env python3
"""What is found of incidents when there are metrics alone and nobody knows the minute, and what is said of the quiet before them.

  metrics_alone.py OUT BINARY CASES... [--margin SECONDS] [--copies N] [--show]

CASES are folders of cases (bundles with a truth.json). Of each, OUT gets copies without logs: `whole`; `cut`, with nothing of the last SECONDS (60)
before the incident or later; `tiled`, the cut part N times (4) one after the other. Prints for each folder how many incidents are found in the whole,
how often the first cause is the true one, how many are found elsewhere in it, how many cuts and tilings give an incident, and how often the first
resource that is said to have left its range is the true service's, where no incident is found. Metrics in CSV and as Prometheus matrices are cut; cases with
others are counted whole.
"""
import argparse
import csv
import datetime as dt
import io
import json
import os
import shutil

from variants import analyse, edit_matrix, instant, judge

TIMES = ("time", "timestamp", "ts", "date", "datetime")
NEAR = 60


def seconds(text):
    """Epoch seconds of a cell."""
    try:
        value = float(text)
    except ValueError:
        return instant(text).timestamp()
    while abs(value) > 1e11:
        value /= 1000
    return value


def stamp(value):
    return dt.datetime.fromtimestamp(value, dt.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def edit_table(text, edit):
    """The rows of a CSV with their times edited; `None` drops one, several times repeat it."""
    rows = list(csv.reader(io.StringIO(text)))
    at = next(i for i, name in enumerate(rows[0]) if name.strip().lower() in TIMES)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(rows[0])
    for row in rows[1:]:
        time = edit(seconds(row[at]))
        if time is not None:
            table.writerow(row[:at] + [stamp(time)] + row[at + 1:])
    return out.getvalue()


def metrics(folder):
    """Path -> text of the metric files."""
    found = {}
    for base, _, names in os.walk(os.path.join(folder, "metrics")):
        for name in sorted(names):
            with open(os.path.join(base, name)) as file:
                found[os.path.relpath(os.path.join(base, name), folder)] = file.read()
    return found


def can_be_cut(files):
    matrix = lambda text: '"matrix"' in text[:200]
    return all(path.endswith(".csv") or path.endswith(".json") and matrix(text) for path, text in files.items())


def edited(path, text, edit):
    return edit_matrix(text, edit) if path.endswith(".json") else edit_table(text, edit)


def times(files):
    all_times = []
    for path, text in files.items():
        edited(path, text, lambda t: all_times.append(t) or t)
    return sorted(set(all_times))


def cut(files, end):
    return {path: edited(path, text, lambda t: t if t < end else None) for path, text in files.items()}


def tiled(files, number):
    """The same again and again; the distance of two copies is the middle one of neighbouring samples."""
    known = times(files)
    if len(known) < 3:
        return files
    gaps = sorted(b - a for a, b in zip(known, known[1:]))
    length = known[-1] - known[0] + max(gaps[len(gaps) // 2], 1)
    out = {}
    for n in range(number):
        for path, text in files.items():
            stem, ext = os.path.splitext(path)
            out[f"{stem}-{n}{ext}"] = edited(path, text, lambda t: t + n * length)
    return out


def write(folder, source, files, truth):
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w") as file:
            file.write(text)
    for name in ("topology.csv", "changes.jsonl"):
        if os.path.exists(os.path.join(source, name)):
            shutil.copy(os.path.join(source, name), folder)
    if os.path.isdir(os.path.join(source, "configs")):
        shutil.copytree(os.path.join(source, "configs"), os.path.join(folder, "configs"))
    with open(os.path.join(folder, "truth.json"), "w") as file:
        json.dump(truth, file)


def is_near(incident, truth):
    start, end = (instant(truth[field]).timestamp() for field in ("start", "end"))
    return instant(incident["start"]).timestamp() < end + NEAR and instant(incident["end"]).timestamp() > start - NEAR


class Tally:
    def __init__(self):
        self.counts, self.notes = {}, []

    def add(self, what, holds):
        right, all_ = self.counts.get(what, (0, 0))
        self.counts[what] = (right + bool(holds), all_ + 1)

    def note(self, *words):
        self.notes.append(" ".join(map(str, words)))


def examine(case, out, args, tally):
    with open(os.path.join(case, "truth.json")) as file:
        truth = json.load(file)
    files, name = metrics(case), os.path.basename(case)
    if not files:
        return
    said = lambda document: [(i["start"], i["title"]) for i in document["incidents"]]
    write(f"{out}/whole/{name}", case, files, truth)
    document = analyse(args.binary, f"{out}/whole/{name}")
    if not truth["incident"]:
        tally.add("quiet: alarmed", document["incidents"])
        return tally.note("quiet", name, said(document)) if document["incidents"] else None
    near = [i for i in document["incidents"] if is_near(i, truth)]
    tally.add("found", near)
    tally.add("first cause true", near and judge("first", truth, document))
    tally.add("and elsewhere", len(near) < len(document["incidents"]))
    shifts = document["data"].get("resource_shifts", [])
    if not near and shifts:
        tally.add("else first resource of the true service", shifts[0]["service"] == truth["cause"]["service"])
    if not can_be_cut(files):
        return None
    quiet = cut(files, instant(truth["start"]).timestamp() - args.margin)
    for kind, part in (("cut", quiet), ("tiled", tiled(quiet, args.copies))):
        write(f"{out}/{kind}/{name}", case, part, {"incident": False})
        document = analyse(args.binary, f"{out}/{kind}/{name}")
        tally.add(f"{kind}: alarmed", document["incidents"])
        if document["incidents"]:
            tally.note(kind, name, said(document))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("binary")
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--margin", type=float, default=60)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--show", action="store_true", help="what is said of the quiet")
    args = parser.parse_args()
    for number, folder in enumerate(args.cases):
        tally = Tally()
        for name in sorted(os.listdir(folder)):
            if os.path.isfile(os.path.join(folder, name, "truth.json")):
                examine(os.path.join(folder, name), os.path.join(args.out, str(number)), args, tally)
        print(f"{folder}: " + "; ".join(f"{what} {right} of {all_}" for what, (right, all_) in tally.counts.items()))
        if args.show:
            print("".join(f"    {note}\n" for note in tally.notes), end="")


if __name__ == "__main__":
    main()

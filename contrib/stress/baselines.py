#!/usr/bin/env python3
"""What simple rules score on the same cases: largest z-score, and BARO's robust scorer (largest distance from the median in IQRs).

  baselines.py SET...

SET is a folder of cases with metrics, a window.json and a truth.json. Each series is compared before and within the window; a service's score
is that of its best series (Pham, Ha and Zhang, "BARO: robust root cause analysis for microservices", FSE 2024). Prints AC@1 and AC@3 by service.
"""
import csv
import datetime as dt
import glob
import json
import os
import statistics
import sys


def seconds(text):
    try:
        return float(text)
    except ValueError:
        return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def series(case):
    """service -> [[(time, value)]]"""
    found = {}
    for path in glob.glob(os.path.join(case, "metrics", "*.csv")):
        with open(path) as file:
            rows = csv.reader(file)
            head = next(rows)
            for row in rows:
                cells = dict(zip(head, row))
                if "metric" in head:
                    if not cells.get("source"):
                        pairs = [((cells["service"], cells["metric"] + cells.get("instance", "")), cells["value"])]
                    else:
                        pairs = []
                else:
                    pairs = [(tuple(name.rsplit("|" if "|" in name else "_", 1)), v) for name, v in cells.items() if name != "time"]
                for key, value in pairs:
                    if value and len(key) == 2:
                        found.setdefault(key, []).append((seconds(cells["time"]), float(value)))
    by_service = {}
    for (service, _), points in found.items():
        by_service.setdefault(service, []).append(points)
    return by_service


def scores(case):
    window = json.load(open(os.path.join(case, "window.json")))
    start, end = seconds(window["start"]), seconds(window["end"])
    z, baro = {}, {}
    for service, all_points in series(case).items():
        for points in all_points:
            before = [v for t, v in points if t < start and v == v]
            during = [v for t, v in points if start <= t <= end and v == v]
            if len(before) < 3 or not during:
                continue
            mean, sd = statistics.fmean(before), statistics.pstdev(before)
            low, middle, high = statistics.quantiles(before, n=4)
            far = lambda centre, scale: max(abs(v - centre) for v in during) / scale
            # A series without a spread has no scale, and would beat all others by any.
            z[service] = max(z.get(service, 0), far(mean, sd) if sd > 0 else 0)
            baro[service] = max(baro.get(service, 0), far(middle, high - low) if high > low else 0)
    return z, baro


def main():
    for folder in sys.argv[1:]:
        right = {"z-score": [0, 0], "BARO": [0, 0]}
        cases = [os.path.dirname(p) for p in sorted(glob.glob(os.path.join(folder, "*", "truth.json")))]
        for case in cases:
            truth = json.load(open(os.path.join(case, "truth.json")))
            true = {c.get("service") for c in [truth["cause"]] + truth.get("also_accept", [])}
            for name, found in zip(right, scores(case)):
                best = sorted(found, key=lambda s: (-found[s], s))
                right[name][0] += best[:1] != [] and best[0] in true
                right[name][1] += any(s in true for s in best[:3])
        for name, (first, three) in right.items():
            print(f"{folder}: {name} AC@1 {first / len(cases):.2f} AC@3 {three / len(cases):.2f} of {len(cases)}")


if __name__ == "__main__":
    main()

"""Metric files of a case written down in other ways: in parts, twice, in other order, forms and units, and with services that do nothing odd."""
import csv
import io
import json
import statistics

from variants import UTC, edit_matrix, instant

STEADY = 0.02  # how far a bystander's samples lie from its mean, as a share of it


def tables(copy):
    return [p for p in copy.files if p.startswith("metrics/") and p.endswith(".csv")]


def matrices(copy):
    return [p for p in copy.files if p.startswith("metrics/") and p.endswith(".json")]


def rows_of(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


def text_of(header, rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def is_long(header):
    return "metric" in header and "value" in header


def thirds(items):
    return [items[: len(items) // 3], items[len(items) // 3 : 2 * len(items) // 3], items[2 * len(items) // 3 :]]


def in_time(copy):
    """Every table and matrix in three, one after the other in time, as exports by the hour leave them."""
    for path in tables(copy):
        header, rows = rows_of(copy.files.pop(path))
        for number, part in enumerate(thirds(rows)):
            copy.files[path.replace(".csv", f".{number}.csv")] = text_of(header, part)
    for path in matrices(copy):
        text = copy.files.pop(path)
        times = sorted({t for series in json.loads(text)["data"]["result"] for t, _ in series["values"]})
        for number, part in enumerate(map(set, thirds(times))):
            copy.files[path.replace(".json", f".{number}.json")] = edit_matrix(text, lambda t: t if t in part else None)


def by_series(copy):
    """Every table in three by services or columns, as one export each leaves them."""
    for path in tables(copy):
        header, rows = rows_of(copy.files.pop(path))
        for number in range(3):
            name = path.replace(".csv", f".{number}.csv")
            if is_long(header):
                names = sorted({r[header.index("service")] for r in rows})
                part = [r for r in rows if names.index(r[header.index("service")]) % 3 == number]
                copy.files[name] = text_of(header, part)
            else:
                columns = [0] + [c for c in range(1, len(header)) if c % 3 == number]
                copy.files[name] = text_of([header[c] for c in columns], [[r[c] for c in columns] for r in rows])


def twice(copy):
    for path in tables(copy) + matrices(copy):
        copy.files[path.replace("metrics/", "metrics/copy-of-")] = copy.files[path]


def disordered(copy, rng):
    """The rows of every table in any order."""
    for path in tables(copy):
        header, rows = rows_of(copy.files[path])
        rng.shuffle(rows)
        copy.files[path] = text_of(header, rows)


def other_unit(copy):
    """Times in milliseconds since 1970."""
    for path in tables(copy):
        header, rows = rows_of(copy.files[path])
        for row in rows:
            seconds = instant(row[0]).replace(tzinfo=UTC).timestamp() if "-" in row[0] else float(row[0])
            row[0] = str(round(seconds * 1000))
        copy.files[path] = text_of(header, rows)


def parted(column):
    """Service and metric of a wide table's column."""
    for mark in "|:":
        if column.count(mark) == 1:
            return column.split(mark)
    return column.split("_", 1) if "_" in column else ["", column]


def other_form(copy):
    """Wide tables written long."""
    for path in tables(copy):
        header, rows = rows_of(copy.files[path])
        if not is_long(header):
            names = [parted(column) for column in header[1:]]
            long = [[row[0], *name, value] for row in rows for name, value in zip(names, row[1:]) if value]
            copy.files[path] = text_of(["time", "service", "metric", "value"], long)


def bystanders(copy, rng):
    """Five services more in every table, with means and metrics of others and nothing but a little noise."""
    for path in tables(copy):
        header, rows = rows_of(copy.files[path])
        copy.files[path] = text_of(*(more_rows if is_long(header) else more_columns)(header, rows, rng))


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def mean_of(texts):
    """None where there is nothing that a steady service could measure."""
    values = [v for v in map(number, texts) if v is not None]
    return statistics.median(values) if values else None


def around(mean, rng):
    return repr(mean * (1 + STEADY * rng.gauss(0, 1)))


def more_rows(header, rows, rng):
    at = {name: place for place, name in enumerate(header)}
    plain = [r for r in rows if not (r[at["source"]] if "source" in at else "")]
    times = sorted({r[0] for r in rows})
    means = {m: mean_of(r[at["value"]] for r in plain if r[at["metric"]] == m) for m in sorted({r[at["metric"]] for r in plain})}
    for i in range(5):
        for metric, mean in means.items():
            for time in times if mean is not None else []:
                row = [""] * len(header)
                row[0], row[at["service"]], row[at["metric"]], row[at["value"]] = time, f"bystander-{i}", metric, around(mean, rng)
                if "instance" in at:
                    row[at["instance"]] = f"bystander-{i}-0"
                rows.append(row)
    return header, rows


def more_columns(header, rows, rng):
    mark = "|" if "|" in header[1] else "_"
    means = {}
    for place, column in enumerate(header[1:], 1):
        means.setdefault(parted(column)[1], mean_of(r[place] for r in rows))
    new = [(f"bystander-{i}{mark}{metric}", mean) for i in range(5) for metric, mean in means.items() if mean is not None]
    return header + [name for name, _ in new], [r + [around(mean, rng) for _, mean in new] for r in rows]


def services(copy):
    found = set()
    for path in tables(copy):
        header, rows = rows_of(copy.files[path])
        if is_long(header):
            found |= {r[header.index(name)] for name in ("service", "source", "target") if name in header for r in rows}
        else:
            found |= {parted(column)[0] for column in header[1:]}
    return found

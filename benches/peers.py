#!/usr/bin/env python3
"""`whatchanged templates` beside tools that people use on logs, as paired whole-process runs: prints the table of docs/performance.md.

    benches/peers.py [--size 64M] [--rounds 5] [--only NAME,...] [--mixed FILE] [--json FILE] [--access FILE] [--postgresql FILE]

In each round `wc -l`, whatchanged on one thread and the peer read the same page-cached file one after the other; a ratio is taken inside
its round and the median over rounds is shown, so that the drift of the machine cancels. Seconds are of the processor (user and system),
peaks as the kernel accounts them (one below some 15 MiB cannot be seen: it is this script's own). Corpora are made from a seed; the
options name files of your own instead. Slow peers get a small part of a corpus, and the ratios hold for that part.

Peers that are not installed are left out, and the table says so. ripgrep, lnav and pgbadger are in distributions; angle-grinder is
`cargo install ag`; duckdb, polars and drain3 are on PyPI, for the Python that runs this script or the one that PEERS_PYTHON names.
Where things are: BINARY (else built here by cargo), BENCH_CACHE (else whatchanged-bench in the user's cache folder).
"""
import argparse, json, os, random, shlex, shutil, statistics, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("BENCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whatchanged-bench")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
PYTHON = os.environ.get("PEERS_PYTHON", sys.executable)
LEVELS = r"\b(ERROR|WARN|FATAL|error|warn|fatal)\b"
MINUTE, LEVEL = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", r"(?i)\b(trace|debug|info|notice|warn|warning|error|fatal|critical|panic)\b"
# name, corpus, part of it (None: all), command, what it needs of Python
ME = f"{PYTHON} {Path(__file__).resolve()} --run"
ACCESS = "env TERM=dumb lnav -n -c ';SELECT strftime(\"%H:%M\", log_time) m, log_level, count(*) FROM access_log GROUP BY 1, 2' {f}"
PEERS = [
    ("`wc -l`: count lines", "mixed", None, "wc -l {f}", None),
    ("ripgrep: count one word", "mixed", None, "rg -c --no-mmap ERROR {f}", None),
    ("ripgrep: count six level words", "mixed", None, f"rg -c --no-mmap '{LEVELS}' {{f}}", None),
    ("DuckDB: lines by minute and level", "mixed", None, ME + " duckdb {f}", "duckdb"),
    ("polars: lines by minute and level", "mixed", None, ME + " polars {f}", "polars"),
    ("angle-grinder: JSON by level", "json", None, "agrind -f {f} '* | json | count by level'", None),
    ("lnav: requests by minute and level", "access", None, ACCESS, None),
    ("pgbadger: PostgreSQL report", "postgresql", 4 << 20, "pgbadger -q -j 1 -f stderr -p '%m [%p] %q%u@%d ' -o {out}.html {f}", None),
    ("drain3: templates with masks", "mixed", 2 << 20, ME + " drain3 {f}", "drain3"),
]


def run_duckdb(path):
    import duckdb
    lines = (f"read_csv('{path}', columns={{'l': 'VARCHAR'}}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
             "max_line_size=10000000, strict_mode=false, ignore_errors=true)")
    query = f"select regexp_extract(l, '{MINUTE}') m, lower(regexp_extract(l, '{LEVEL}', 1)) v, count(*) n from {lines} group by 1, 2"
    print(len(duckdb.connect().sql(query).fetchall()))


def run_polars(path):
    import polars as pl
    lines = pl.scan_csv(path, has_header=False, new_columns=["l"], separator="\x01", quote_char=None, infer_schema=False,
                        truncate_ragged_lines=True, encoding="utf8-lossy")
    keys = [pl.col("l").str.extract(f"({MINUTE})", 1).alias("m"), pl.col("l").str.extract(LEVEL, 1).str.to_lowercase().alias("v")]
    print(lines.select(keys).group_by("m", "v").len().collect(engine="streaming").height)


def run_drain3(path):
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig
    config = TemplateMinerConfig()
    masks = [(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"), (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*", "TIME"),
             (r"\d+\.\d+\.\d+\.\d+(:\d+)?", "IP"), (r"0x[0-9a-fA-F]+", "HEX"), (r"\b[0-9a-f]{8,}\b", "ID"), (r"\d+", "NUM")]
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in masks]
    miner = TemplateMiner(config=config)
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            miner.add_log_message(line.rstrip("\n"))
    print(len(miner.drain.clusters))


def stamps(size, written, rng):
    """A time of day that moves on with the bytes written, over six hours."""
    at = int(written / size * 21_600_000) + rng.randrange(50)
    return at // 3_600_000, at // 60_000 % 60, at // 1000 % 60, at % 1000


def json_line(clock, rng):
    h, m, s, ms = clock
    level, text = rng.choices([("info", "request completed"), ("info", "cart updated"), ("warn", "retrying payment"), ("error", "upstream timed out")],
                              [70, 24, 4, 2])[0]
    return json.dumps(dict(time=f"2026-03-01T{h:02}:{m:02}:{s:02}.{ms:03}Z", level=level, service="checkout", pid=rng.randrange(9000),
                           traceId=f"{rng.getrandbits(64):016x}", durationMs=rng.randrange(900), msg=f"{text} for order {rng.randrange(10**6)}"),
                      separators=(",", ":"))


def access_line(clock, rng):
    h, m, s, _ = clock
    status = rng.choices([200, 304, 404, 502], [90, 5, 4, 1])[0]
    path = rng.choice(["/", "/cart", "/api/v1/orders/%d" % rng.randrange(10**6), "/static/app.js"])
    return (f'10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)} - - [01/Mar/2026:{h:02}:{m:02}:{s:02} +0000] "GET {path} HTTP/1.1" '
            f'{status} {rng.randrange(90000)} "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"')


def postgresql_line(clock, rng):
    h, m, s, ms = clock
    text = rng.choices(["LOG:  duration: %d.%03d ms  statement: SELECT * FROM orders WHERE id = %d" % (rng.randrange(900), rng.randrange(1000), rng.randrange(10**6)),
                        "LOG:  connection received: host=10.0.0.%d port=%d" % (rng.randrange(1, 255), rng.randrange(1024, 65535)),
                        "ERROR:  canceling statement due to statement timeout"], [80, 18, 2])[0]
    return f"2026-03-01 {h:02}:{m:02}:{s:02}.{ms:03} UTC [{rng.randrange(100, 9000)}] app@shop {text}"


def generated(name, size):
    """The corpus of a kind; made once."""
    path = CACHE / f"{name}-{size}.log"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with open(unfinished, "wb") as out:
        if name == "mixed":
            subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "corpus"], cwd=ROOT, check=True)
            subprocess.run([TARGET / "release/examples/corpus", name, str(size)], stdout=out, check=True)
        else:
            line, rng, written = dict(json=json_line, access=access_line, postgresql=postgresql_line)[name], random.Random(f"1/{name}"), 0
            while written < size:
                block = "".join(line(stamps(size, written, rng), rng) + "\n" for _ in range(1000)).encode()
                written += out.write(block)
    unfinished.rename(path)
    return path


def part_of(path, size):
    """The first lines of a corpus, about so many bytes."""
    if size is None or path.stat().st_size <= size:
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    part = CACHE / f"{path.stem}-first-{size}.log"
    with open(path, "rb") as whole, open(part, "wb") as out:
        out.write(whole.read(size) + whole.readline())
    return part


def once(command):
    with open(CACHE / "out", "wb") as out:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return dict(wall=time.monotonic() - began, cpu=used.ru_utime + used.ru_stime, peak=used.ru_maxrss / 1024, code=process.returncode)


def missing(command, module):
    """What a peer lacks here; None where nothing does."""
    program = command[1:] if command[0] == "env" else command
    program = next(word for word in program if "=" not in word)
    if not (shutil.which(program) or Path(program).exists()):
        return f"{program} is not installed"
    if module is None:
        return None
    there = subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True).returncode == 0
    return None if there else f"{module} is not installed for {Path(PYTHON).name}"


def measure(name, corpus, path, command, binary, rounds):
    ours, lines = [str(binary), "templates", str(path), "--quiet", "--threads", "1"], ["wc", "-l", str(path)]
    for warm in (lines, ours, command):
        once(warm)
    runs = [(once(lines), once(ours), once(command)) for _ in range(rounds)]
    if any(theirs["code"] not in (0, 1) for _, _, theirs in runs):
        return f"| {name} | {corpus} | failed: exit code {runs[-1][2]['code']} | | | | |"
    median = lambda pick: statistics.median(pick(*run) for run in runs)
    size, floor = path.stat().st_size, 1e-3
    theirs, our = median(lambda w, o, t: t["cpu"]), median(lambda w, o, t: o["cpu"])
    return (f"| {name} | {corpus}, {size / (1 << 20):.0f} MiB | {size / 1e6 / max(theirs, floor):.1f} | {size / 1e6 / max(our, floor):.1f} | "
            f"{median(lambda w, o, t: o['cpu'] / max(t['cpu'], floor)):.3g} | {median(lambda w, o, t: o['wall'] / t['wall']):.3g} | "
            f"{max(t['peak'] for _, _, t in runs):.0f} / {max(o['peak'] for _, o, _ in runs):.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="64M")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="peers whose names contain one of these words")
    for name in ("mixed", "json", "access", "postgresql"):
        parser.add_argument(f"--{name}", type=Path, help="a file of your own")
    asked = parser.parse_args()
    size = int(asked.size[:-1]) << dict(K=10, M=20, G=30)[asked.size[-1].upper()] if asked.size[-1].isalpha() else int(asked.size)
    if (binary := os.environ.get("BINARY")) is None:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        binary = TARGET / "release/whatchanged"
    CACHE.mkdir(parents=True, exist_ok=True)
    print("| peer and its work | corpus | its MB per cpu s | ours | our cpu / its | our wall / its | peak MiB, its / ours |\n|" + "---|" * 7)
    for name, corpus, part, command, module in PEERS:
        if asked.only and not any(word in name for word in asked.only.split(",")):
            continue
        words = shlex.split(command.format(f="FILE", out=CACHE / "out"))
        if (why := missing(words, module)) is not None:
            print(f"| {name} | left out: {why} | | | | | |", flush=True)
            continue
        path = part_of(getattr(asked, corpus) or generated(corpus, size), part)
        words = [str(path) if word == "FILE" else word for word in words]
        print(measure(name, corpus, path, words, binary, asked.rounds), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        dict(duckdb=run_duckdb, polars=run_polars, drain3=run_drain3)[sys.argv[2]](sys.argv[3])
    else:
        main()

#!/usr/bin/env python3
"""Summarizes logs on an Apache Spark cluster; `whatchanged analyze` reads the result in place of the logs.

    spark-submit whatchanged_spark.py hdfs:///logs/shop --output hdfs:///summaries/shop --binary ./whatchanged

The executors run the program itself, each over a stretch of a log; what it says of them is merged in a tree on the
executors, and one small Parquet file is left. The report is, byte for byte, that of one reading on one machine,
however the work was cut, tried again or run twice: a task is a pure function of the bytes it reads, results are
collected from the attempt that Spark counts, and the file is named after its content and appears by a rename.

Inputs are files or folders of any file system that Hadoop knows. Executors read paths of `file:` themselves (a mount
that all of them have); all else comes through Spark's own readers: large plain logs by its text source, which cuts
them at line ends, everything else whole. `--read spark` reads `file:` so, too.

Needs pyspark 3.5 or 4. Where pyarrow is there, lines reach the program in batches, else one by one.
"""
import argparse
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

# Bytes of a file that the driver looks at to recognise it; 200 lines tell how a log is written.
HEAD = 1 << 20
# Summaries that are merged by one task.
FAN_IN = 8
# Spark's source of whole files holds one in memory.
LARGEST_WHOLE = (1 << 31) - 1
# The schema of what the text source's tasks return: which piece, its summary, and whether it must be read as a whole.
RESULT = "source string, start long, end long, whole_only boolean, data binary"


def main():
    args = arguments()
    from pyspark.sql import SparkSession

    session = SparkSession.builder.appName("whatchanged summarize").getOrCreate()
    try:
        print(run(session, args))
    finally:
        session.stop()


def arguments(given=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", help="files or folders; a folder is a bundle as `whatchanged analyze` takes it")
    parser.add_argument("--output", required=True, help="folder for the summary")
    parser.add_argument("--binary", help="the program, shipped to the executors; without it `whatchanged` of their PATH")
    cut = parser.add_mutually_exclusive_group()
    cut.add_argument("--split-size", type=int, default=128 << 20, metavar="BYTES", help="of a stretch of a log (128 MiB)")
    cut.add_argument("--splits", type=int, metavar="N", help="about so many tasks, instead")
    parser.add_argument("--since", metavar="TIME", help="leave out what is older; folders such as date=2026-11-22 are pruned")
    parser.add_argument("--until", metavar="TIME", help="leave out what is not older")
    parser.add_argument("--tz", metavar="OFFSET", help="zone of times that name none")
    parser.add_argument("--parsers", metavar="DIR", help="folder with formats of your own, at the same path on all machines")
    parser.add_argument("--read", choices=["auto", "direct", "spark"], default="auto", help="who reads the files (see above)")
    return parser.parse_args(given)


def run(session, args):
    """Makes the summary and returns where it is."""
    context = session.sparkContext
    if __name__ != "__main__":
        context.addPyFile(os.path.abspath(__file__))
    if args.binary:
        context.addFile(os.path.abspath(args.binary))
    job = Job(
        binary=os.path.basename(args.binary) if args.binary else None,
        options=[text for flag in ("since", "until", "tz", "parsers") if getattr(args, flag) for text in ("--" + flag, getattr(args, flag))],
    )
    with tempfile.TemporaryDirectory(prefix="whatchanged-") as scratch:
        files = Files(session, args.inputs, window(args))
        planned = files.plan(scratch, args.binary or "whatchanged", job.options)
        pieces, complaints = [p for p in planned if not p.get("complaint")], [p for p in planned if p.get("complaint")]
        total = sum(piece["bytes"] for piece in pieces)
        size = max(1, -(-total // args.splits)) if args.splits else args.split_size
        direct = [p for p in pieces if args.read == "direct" or (args.read == "auto" and p["path"].startswith("/"))]
        through = [p for p in pieces if p not in direct]
        results = read_directly(context, job, cut(direct, size), complaints)
        if through:
            results = results.union(read_by_spark(session, job, files, through, size, scratch))
        results = results.persist()
        refused = set(results.filter(lambda r: r["whole_only"]).map(lambda r: r["source"]).collect())
        if refused:
            print("to be read as a whole: " + ", ".join(sorted(refused)), file=sys.stderr)
            again = [dict(p, cut=False) for p in pieces if p["source"] in refused]
            kept = results.filter(lambda r: r["source"] not in refused)
            results = kept.union(read_directly(context, job, cut([p for p in again if p in direct or p["path"].startswith("/")], size), []))
            results = results.union(read_by_spark(session, job, files, [p for p in again if not p["path"].startswith("/")], size, scratch))
        final = merged(results.map(lambda r: r["data"]), job)
        return files.publish(final, args.output, scratch)


def window(args):
    """(first, last) day that can hold a wanted record, as dates; a record may be a day away from its folder by its zone."""
    day = datetime.timedelta(days=1)
    parse = lambda text: datetime.date.fromisoformat(text[:10])
    since = parse(args.since) - day if args.since else datetime.date.min
    until = parse(args.until) + day if args.until else datetime.date.max
    return since, until


def cut(pieces, size):
    """Pieces as tasks of about `size` bytes: a stretch of a large log each, or several small files."""
    tasks, together, sum_ = [], [], 0
    for piece in pieces:
        if piece["cut"] and piece["bytes"] > size:
            count = -(-piece["bytes"] // size)
            ends = [piece["bytes"] * i // count for i in range(count + 1)]
            tasks += [[dict(piece, start=start, end=end)] for start, end in zip(ends, ends[1:])]
            continue
        if together and sum_ + piece["bytes"] > size:
            tasks.append(together)
            together, sum_ = [], 0
        together.append(piece)
        sum_ += piece["bytes"]
    return tasks + ([together] if together else [])


class Files:
    """What the inputs are, by the driver's view of the file systems."""

    def __init__(self, session, inputs, days):
        self.jvm = session.sparkContext._jvm
        self.conf = session.sparkContext._jsc.hadoopConfiguration()
        self.inputs = inputs
        self.days = days
        self.heads = {}

    def fs(self, path):
        path = self.jvm.org.apache.hadoop.fs.Path(path)
        return path.getFileSystem(self.conf), path

    def plan(self, scratch, binary, options):
        """The pieces that `summarize --plan` makes of the inputs. Of remote files it sees the beginning and the length."""
        roots, uris = [], {}
        for number, given in enumerate(self.inputs):
            fs, path = self.fs(given)
            matches = fs.globStatus(path)
            if not matches:
                raise SystemExit(f"error: nothing to read at {given}")
            for match_number, status in enumerate(matches):
                below = os.path.join(scratch, f"{number}-{match_number}")
                roots.append(self.mirror(fs, status, below, uris))
        # What stands in for the files are links to them; where they may lead is looked at when they are made.
        words = [binary, "summarize", *roots, "--plan", "--allow-outside", *plan_options(options)]
        plan = subprocess.run(words, stdout=subprocess.PIPE, check=True)
        pieces = [json.loads(line) for line in plan.stdout.splitlines()]
        for piece in pieces:
            local = piece.get("path")
            if local in uris:
                piece["path"] = uris[local]
                if piece["cut"] and not uris[local].startswith("/"):
                    with open(local, "rb") as head:
                        self.heads[piece["source"]] = b"".join(head.read(HEAD).splitlines(keepends=True)[:201])
        return pieces

    def mirror(self, fs, status, below, uris):
        """A local tree that looks like the input: links to local files, the beginnings of others."""
        root = status.getPath()
        if status.isFile():
            # A log that is given by itself is told by its last two folders whose it is.
            folders = root.toUri().getPath().strip("/").split("/")[-3:-1]
            local = os.path.join(below, *folders, root.getName())
            self.stand_in(fs, status, local, uris, None)
            return local
        # What lies in a folder called logs belongs to services, so the name is kept.
        below = os.path.join(below, root.getName() or "root")
        os.makedirs(below, exist_ok=True)
        prefix = root.toUri().getPath().rstrip("/") + "/"
        entries = fs.listFiles(root, True)
        while entries.hasNext():
            entry = entries.next()
            inside = entry.getPath().toUri().getPath()[len(prefix):]
            if self.wanted(inside):
                self.stand_in(fs, entry, os.path.join(below, inside), uris, prefix)
        return below

    def wanted(self, inside):
        """Whether a path lies in no folder of another day: `date=2026-11-22`, `year=2026/month=11/day=22`."""
        parts = dict(re.findall(r"(?:^|/)([A-Za-z_]+)=([^/]+)(?=/)", inside))
        text = next((v for k, v in parts.items() if re.fullmatch(r"\d{4}-?\d\d-?\d\d", v)), None)
        if text is None and {"year", "month", "day"} <= parts.keys():
            text = "%s%02d%02d" % (parts["year"], int(parts["month"]), int(parts["day"]))
        try:
            day = datetime.datetime.strptime(text.replace("-", ""), "%Y%m%d").date() if text else None
        except ValueError:
            day = None
        return day is None or self.days[0] <= day <= self.days[1]

    def stand_in(self, fs, status, local, uris, root):
        """A link to a file of this machine, or the beginning of one that is elsewhere. Links out of `root` are left out, as on one machine."""
        os.makedirs(os.path.dirname(local), exist_ok=True)
        uri = status.getPath().toUri()
        if uri.getScheme() in (None, "file"):
            path = os.path.realpath(uri.getPath())
            if root and os.path.commonpath([path, os.path.realpath(root)]) != os.path.realpath(root):
                print(f"warning: {uri.getPath()} leads out of {root}, to {path}: not read", file=sys.stderr)
                return
            os.symlink(uri.getPath(), local)
            uris[local] = uri.getPath()
            return
        source = fs.open(status.getPath())
        out = self.jvm.java.io.FileOutputStream(local)
        try:
            self.jvm.org.apache.commons.io.IOUtils.copyLarge(source, out, 0, min(HEAD, status.getLen()))
        finally:
            out.close()
            source.close()
        os.truncate(local, status.getLen())
        os.utime(local, (status.getModificationTime() / 1000,) * 2)
        uris[local] = uri.toString()

    def publish(self, data, output, scratch):
        """Puts the summary where it was asked for, under a name of its content, and returns its path."""
        name = hashlib.sha256(data).hexdigest()[:32] + ".summary.parquet"
        local = os.path.join(scratch, name)
        with open(local, "wb") as file:
            file.write(data)
        fs, folder = self.fs(output)
        fs.mkdirs(folder)
        path = lambda name: self.jvm.org.apache.hadoop.fs.Path(folder, name)
        if not fs.exists(path(name)):
            fs.copyFromLocalFile(False, True, self.jvm.org.apache.hadoop.fs.Path("file://" + local), path("." + name))
            fs.rename(path("." + name), path(name))
        return path(name).toString()


def plan_options(options):
    """Of those for all runs, the ones that decide how a log may be cut."""
    pairs = list(zip(options[::2], options[1::2]))
    return [text for flag, value in pairs if flag in ("--tz", "--parsers") for text in (flag, value)]


class Job:
    """What every task needs to run the program."""

    def __init__(self, binary, options):
        self.binary = binary
        self.options = options

    def program(self):
        if not self.binary:
            return "whatchanged"
        from pyspark import SparkFiles

        path = SparkFiles.get(self.binary)
        if not os.access(path, os.X_OK):
            os.chmod(path, 0o755)
        return path

    def command(self, folder, *more):
        out = os.path.join(folder, "out.summary.parquet")
        return out, [self.program(), "summarize", *more, *self.options, "--threads", "1", "--quiet", "--format", "json", "-o", out]

    def summarize(self, pieces):
        """The summary of pieces that can be opened here: (it must be read as a whole, bytes)."""
        with tempfile.TemporaryDirectory(prefix="whatchanged-") as folder:
            plan = os.path.join(folder, "plan")
            with open(plan, "w") as file:
                file.writelines(json.dumps(piece) + "\n" for piece in pieces)
            out, command = self.command(folder, "--pieces", plan)
            return result(checked(subprocess.run(command, capture_output=True)), out)

    def given(self, piece, head=None):
        """A summary that is made of what it is given: (process, when to end it)."""
        folder = tempfile.mkdtemp(prefix="whatchanged-")
        more = []
        if head is not None:
            more = ["--head", os.path.join(folder, "head")]
            with open(more[1], "wb") as file:
                file.write(head)
        out, command = self.command(folder, "--piece", json.dumps(piece), "--stdin", *more)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(os.path.join(folder, "errors"), "wb"))

        def end():
            try:
                process.stdin.close()
                told = process.stdout.read()
                code = process.wait()
                with open(os.path.join(folder, "errors"), "rb") as file:
                    errors = file.read()
                return result(checked(subprocess.CompletedProcess(command, code, told, errors)), out)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        return process, end

    def merge(self, summaries):
        with tempfile.TemporaryDirectory(prefix="whatchanged-") as folder:
            paths = []
            for number, data in enumerate(summaries):
                paths.append(os.path.join(folder, f"{number}.summary.parquet"))
                with open(paths[-1], "wb") as file:
                    file.write(data)
            out = os.path.join(folder, "merged.summary.parquet")
            checked(subprocess.run([self.program(), "merge", *paths, "-o", out], capture_output=True))
            with open(out, "rb") as file:
                return file.read()


def checked(done):
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(done.args[:2])} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done


def result(done, out):
    with open(out, "rb") as file:
        return bool(json.loads(done.stdout)["whole_only"]), file.read()


def read_directly(context, job, tasks, complaints):
    """Results of tasks whose files every executor can open."""
    if complaints:
        tasks = tasks + [complaints]

    def one(pieces):
        whole_only, data = job.summarize(pieces)
        piece = pieces[0]
        source = piece["source"] if piece.get("start") is not None else None
        return {"source": source, "start": piece.get("start"), "end": piece.get("end"), "whole_only": whole_only, "data": data}

    return context.parallelize(tasks, max(1, len(tasks))).map(one)


def read_by_spark(session, job, files, pieces, size, scratch):
    """Results of files that come through Spark's readers."""
    heads = files.heads
    large = {location(p["path"]): p for p in pieces if p["cut"] and p["bytes"] > size}
    small = {location(p["path"]): p for p in pieces if location(p["path"]) not in large}
    results = session.sparkContext.parallelize([], 1)
    too_large = [p["source"] for p in small.values() if p["bytes"] > LARGEST_WHOLE]
    if too_large:
        raise SystemExit(f"error: too large to be read as a whole through Spark, mount it instead: {', '.join(too_large)}")
    if small:
        def whole(row):
            piece = small[location(row["path"])]
            process, end = job.given(piece)
            feed(process, row["content"])
            whole_only, data = end()
            return {"source": None, "start": None, "end": None, "whole_only": whole_only, "data": data}

        paths = [uri(path) for path in sorted(small)]
        results = results.union(session.read.format("binaryFile").load(paths).select("path", "content").rdd.map(whole))
    if large:
        session.conf.set("spark.sql.files.maxPartitionBytes", str(size))
        session.conf.set("spark.sql.files.openCostInBytes", "0")
        session.conf.set("spark.sql.files.minPartitionNum", "1")
        lines = session.read.option("lineSep", "\n").text([uri(path) for path in sorted(large)])
        lines = lines.selectExpr(
            "_metadata.file_path as path", "_metadata.file_block_start as start", "_metadata.file_block_length as length", "cast(value as binary) as line"
        )
        stretches = Stretches(job, large, heads)
        try:
            import pyarrow  # noqa: F401

            read = lines.mapInArrow(stretches.of_batches, RESULT).rdd.map(lambda row: row.asDict())
        except ImportError:
            read = lines.rdd.mapPartitions(stretches.of_rows)
        # Where no line begins there are no rows, and so no result.
        known = read.map(lambda r: (r["source"], r["start"], r["end"])).collect()
        holes = [[hole] for piece in large.values() for hole in missing(piece, known)]
        empty = session.sparkContext.parallelize(holes, max(1, len(holes))).map(lambda hole: stretches.empty(hole[0]))
        results = results.union(read).union(empty)
    return results


def missing(piece, known):
    """The stretches of a file of which nothing was heard."""
    ends = sorted((start, end) for source, start, end in known if source == piece["source"])
    at, holes = 0, []
    for start, end in ends + [(piece["bytes"], piece["bytes"])]:
        if start > at:
            holes.append(dict(piece, start=at, end=start))
        at = max(at, end)
    return holes


class Stretches:
    """Runs the program over stretches whose lines come one behind the other."""

    def __init__(self, job, pieces, heads):
        self.job, self.pieces, self.heads = job, pieces, heads

    def begin(self, path, start, length):
        piece = self.pieces[location(path)]
        piece = dict(piece, start=start, end=min(start + length, piece["bytes"]))
        process, end = self.job.given(piece, self.heads.get(piece["source"]) or b"")
        return piece, process, end

    def empty(self, piece):
        _, end = self.job.given(piece, self.heads.get(piece["source"]) or b"")
        return self.told(piece, end)

    @staticmethod
    def told(piece, end):
        whole_only, data = end()
        return {"source": piece["source"], "start": piece["start"], "end": piece["end"], "whole_only": whole_only, "data": data}

    def of_rows(self, rows):
        current, open_ = None, None
        for path, start, length, line in rows:
            if current != (path, start):
                if open_:
                    yield self.told(open_[0], open_[2])
                current, open_ = (path, start), self.begin(path, start, length)
            feed(open_[1], bytes(line) + b"\n")
        if open_:
            yield self.told(open_[0], open_[2])

    def of_batches(self, batches):
        import pyarrow
        import pyarrow.compute

        def row(told):
            return pyarrow.RecordBatch.from_pylist([told], schema=pyarrow.schema([
                ("source", pyarrow.string()), ("start", pyarrow.int64()), ("end", pyarrow.int64()),
                ("whole_only", pyarrow.bool_()), ("data", pyarrow.binary()),
            ]))

        current, open_ = None, None
        for batch in batches:
            at = 0
            while at < batch.num_rows:
                path, start, length = (batch.column(i)[at].as_py() for i in range(3))
                until = batch.num_rows
                if (batch.column(0)[until - 1].as_py(), batch.column(1)[until - 1].as_py()) != (path, start):
                    until = next(i for i in range(at, until) if (batch.column(0)[i].as_py(), batch.column(1)[i].as_py()) != (path, start))
                if current != (path, start):
                    if open_:
                        yield row(self.told(open_[0], open_[2]))
                    current, open_ = (path, start), self.begin(path, start, length)
                lines = batch.column(3).slice(at, until - at).cast(pyarrow.large_binary())
                joined = pyarrow.compute.binary_join(pyarrow.LargeListArray.from_arrays([0, len(lines)], lines), b"\n")
                feed(open_[1], joined[0].as_buffer())
                feed(open_[1], b"\n")
                at = until
        if open_:
            yield row(self.told(open_[0], open_[2]))


def feed(process, data):
    try:
        process.stdin.write(data)
    except BrokenPipeError:
        # It says itself why it ended.
        pass


def location(path):
    """One spelling of a URI, whoever wrote it."""
    text = urllib.parse.unquote(path)
    scheme, found, rest = text.partition(":")
    if not found or "/" in scheme:
        return text
    return rest if scheme == "file" and not rest.startswith("//") else "/" + rest.lstrip("/") if scheme == "file" else text


def uri(location_):
    return "file://" + location_ if location_.startswith("/") else location_


def merged(summaries, job):
    """All summaries as one, a few at a time on the executors."""
    numbered = summaries.zipWithIndex().map(lambda pair: (pair[1], pair[0]))
    count = summaries.getNumPartitions()
    left = numbered.count()
    while left > FAN_IN:
        left = -(-left // FAN_IN)
        groups = numbered.map(lambda pair: (pair[0] // FAN_IN, pair[1])).groupByKey(min(left, count))
        numbered = groups.map(lambda pair: (pair[0], job.merge(list(pair[1]))))
    last = [data for _, data in sorted(numbered.collect(), key=lambda pair: pair[0])]
    return job.merge(last)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Whether time grows with the bytes and memory does not: `templates` and `analyze` on a small log and on one sixteen times as large.

    benches/growth.py [--small 64M] [--large 1G] [--threads N] [--keep] [SMALL.log LARGE.log]

Without files both are made from a seed, and removed again unless --keep is given. Templates are counted by the tool itself.
"""
import argparse, json, os, subprocess
from pathlib import Path

import peers


def size_of(text):
    return int(text[:-1]) << dict(K=10, M=20, G=30)[text[-1].upper()] if text[-1].isalpha() else int(text)


def made(size):
    path = peers.CACHE / f"mixed-{size}.log"
    peers.generated("mixed", size)
    return path


def told(text):
    """The number of templates in the totals: `525,000 messages, 122 templates; …`."""
    words = text.replace(",", "").split()
    return int(words[words.index("templates;") - 1])


def run(binary, command, path, threads, *more):
    words = [str(binary), command, str(path), *more, *(["--threads", str(threads)] if threads else [])]
    result = peers.once(words)
    if result["code"] != 0:
        raise SystemExit(f"{' '.join(words)}: exit code {result['code']}")
    return result, (peers.CACHE / "out").read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", default="64M", type=size_of)
    parser.add_argument("--large", default="1G", type=size_of)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args()
    if (binary := os.environ.get("BINARY")) is None:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=peers.ROOT, check=True)
        binary = peers.TARGET / "release/whatchanged"
    peers.CACHE.mkdir(parents=True, exist_ok=True)
    small, large = asked.files or (made(asked.small), made(asked.large))
    print("| command | MiB | cpu s | wall s | peak MiB | templates | lines or messages |\n|" + "---|" * 7)
    results = {}
    for command, more in (("templates", ["--quiet"]), ("analyze", ["--quiet", "--format", "json"])):
        for path in (small, large):
            result, text = run(binary, command, path, asked.threads, *more)
            result["templates"] = told(text) if command == "templates" else None
            seen = text.split()[0] if command == "templates" else f"{json.loads(text)['coverage']['lines']:,}"
            results[command, path] = result
            print(f"| `{command}` | {path.stat().st_size / (1 << 20):.0f} | {result['cpu']:.2f} | {result['wall']:.2f} | {result['peak']:.0f} | "
                  f"{result['templates'] or ''} | {seen} |", flush=True)
    for command in ("templates", "analyze"):
        a, b = results[command, small], results[command, large]
        grown = f", templates x {b['templates'] / a['templates']:.3f}" if command == "templates" else ""
        print(f"\n`{command}`: {large.stat().st_size / small.stat().st_size:.1f} times the bytes, cpu x {b['cpu'] / a['cpu']:.1f}, peak memory x {b['peak'] / a['peak']:.2f}{grown}")
    if not asked.files and not asked.keep:
        small.unlink()
        large.unlink()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Logs in which something never comes twice, to see what memory they take.

  cardinality.py WHAT LINES > FILE

WHAT is one of
  words       one sentence with a word that is never said again
  messages    sentences of which no word is ever said again
  crowd       the same, by two thousand services in turn
  services    every line of a service of its own
  instances   every line of an instance of its own
  kinds       five hundred instances that say some thousand things each, about as many callees: no two lines are of one kind
  routes      every request for a path of its own
  users       every request of a user of its own
Words are of letters, so that no mask hides that they differ. Same arguments, same bytes. LINES lines take an hour.
"""
import datetime as dt
import itertools
import sys

LETTERS = "aeioubcdfghklmnprstvz"


def word(number):
    """Letters that only this number has."""
    text = []
    for _ in range(7):
        number, letter = divmod(number, len(LETTERS))
        text.append(LETTERS[letter])
    return "".join(text)


def scattered(number):
    """The same numbers in another order, so that neighbours share no beginning: a step coprime to 21 ** 7."""
    return word(number * 1_000_000_007 % len(LETTERS) ** 7)


def text_of(what, n):
    if what == "words":
        return f'INFO service=shop msg="could not open {scattered(n)} for writing"'
    if what in ("messages", "crowd"):
        service = "shop" if what == "messages" else scattered(n % 2_000)
        return f'INFO service={service} msg="{" ".join(scattered(6 * n + place) for place in range(6))}"'
    if what == "services":
        return f'INFO service={scattered(n)} msg="order placed"'
    if what == "instances":
        return f'INFO service=shop instance={scattered(n)} msg="order placed"'
    if what == "kinds":
        return f'INFO service=shop instance={scattered(n % 499)} peer={scattered(n % 127)} msg="order {scattered(n % 997)} placed"'
    if what == "routes":
        return f'INFO service=shop method=GET path=/{scattered(n)} status=200 duration_ms=12'
    return f'INFO service=shop method=GET path=/cart status=200 duration_ms=12 user={scattered(n)}'


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("words", "messages", "crowd", "services", "instances", "kinds", "routes", "users"):
        sys.exit(__doc__)
    what, lines = sys.argv[1], int(sys.argv[2])
    begin = dt.datetime(2026, 11, 22, 12, 0, 0)
    try:
        for second, group in itertools.groupby(range(lines), lambda n: n * 3600 // lines):
            time = (begin + dt.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
            sys.stdout.write("".join(f"time={time} level={text_of(what, n)}\n" for n in group))
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()

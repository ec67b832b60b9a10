//! What a server's message says, taken apart: durations, lock waits, temporary files, checkpoints, sessions.
//!
//! The texts are those of PostgreSQL's and PgBouncer's sources in English; what is written in another language is counted as an error by
//! its level and code, and nothing more.

/// A message with its numbers. Times in microseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<'m> {
    Duration { us: u64, phase: Phase, statement: Option<&'m str> },
    Waiting { pid: u64, mode: &'m str, object: &'m str, us: u64 },
    Acquired { us: u64 },
    Temporary { bytes: u64 },
    CheckpointStarted { reason: &'m str },
    CheckpointComplete { buffers: u64, wal: [u64; 3], write_us: u64, sync_us: u64, total_us: u64 },
    CheckpointsTooOften,
    Vacuumed { table: &'m str },
    Analyzed { table: &'m str },
    Received,
    Authorized { client: String },
    Ended { us: u64 },
    Version(&'m str),
    Login,
    Opened,
    Closed { reason: &'m str },
    Stats { transactions_per_s: f64, transaction_us: f64, query_us: f64, wait_us: f64 },
    Other,
}

/// The part of an extended query that a duration is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `statement:` and `execute`.
    Run,
    Parse,
    Bind,
    /// The duration alone.
    Bare,
}

/// PostgreSQL's server log.
pub fn postgresql(text: &str) -> Said<'_> {
    let first = text.as_bytes().first().copied().unwrap_or(0);
    let said = match first {
        b'd' => duration(text).or_else(|| ended(text)),
        b'p' => lock(text),
        b't' => text.strip_prefix("temporary file: path ").and_then(|rest| Some(Said::Temporary { bytes: number_after(rest, ", size ")? })),
        b'c' => checkpoint(text).or_else(|| session(text)),
        b'r' => text.strip_prefix("restartpoint starting: ").map(|reason| Said::CheckpointStarted { reason }),
        b'a' => vacuum(text),
        b's' => text.strip_prefix("starting PostgreSQL ").map(|rest| Said::Version(rest.split([' ', ',']).next().unwrap_or(rest))),
        _ => None,
    };
    said.unwrap_or(Said::Other)
}

fn duration(text: &str) -> Option<Said<'_>> {
    let rest = text.strip_prefix("duration: ")?;
    let (number, rest) = rest.split_once(" ms")?;
    let us = micros(number, 1_000.0)?;
    let rest = rest.trim_start();
    let (phase, statement) = match rest {
        r if r.starts_with("statement: ") => (Phase::Run, r.strip_prefix("statement: ")),
        r if r.starts_with("execute ") => (Phase::Run, behind_name(r)),
        r if r.starts_with("parse ") => (Phase::Parse, behind_name(r)),
        r if r.starts_with("bind ") => (Phase::Bind, behind_name(r)),
        // auto_explain prints a plan; the statement was logged or not by itself.
        _ => (Phase::Bare, None),
    };
    Some(Said::Duration { us, phase, statement })
}

/// `execute <unnamed>: SELECT`, `execute fetch from s/c: SELECT`.
fn behind_name(text: &str) -> Option<&str> {
    text.split_once(": ").map(|(_, statement)| statement)
}

fn ended(text: &str) -> Option<Said<'_>> {
    let rest = text.strip_prefix("disconnection: session time: ")?;
    let time = rest.split(' ').next()?;
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(Said::Ended { us: ((hours * 3_600.0 + minutes * 60.0 + seconds) * 1e6).round() as u64 })
}

fn lock(text: &str) -> Option<Said<'_>> {
    let rest = text.strip_prefix("process ")?;
    let (pid, rest) = rest.split_once(' ')?;
    let pid = pid.parse().ok()?;
    if let Some(rest) = rest.strip_prefix("still waiting for ") {
        let (mode, rest) = rest.split_once(" on ")?;
        let (object, after) = rest.split_once(" after ")?;
        return Some(Said::Waiting { pid, mode, object, us: micros(after.split(' ').next()?, 1_000.0)? });
    }
    let rest = rest.strip_prefix("acquired ")?;
    let after = rest.rsplit_once(" after ")?.1;
    Some(Said::Acquired { us: micros(after.split(' ').next()?, 1_000.0)? })
}

fn checkpoint(text: &str) -> Option<Said<'_>> {
    if let Some(reason) = text.strip_prefix("checkpoint starting: ") {
        return Some(Said::CheckpointStarted { reason });
    }
    if text.starts_with("checkpoints are occurring too frequently") {
        return Some(Said::CheckpointsTooOften);
    }
    let rest = text.strip_prefix("checkpoint complete: ")?;
    let seconds = |name: &str| number_text(rest, name).and_then(|text| micros(text, 1e6)).unwrap_or(0);
    let files = |name: &str| -> u64 {
        let before = rest.split_once(name).map_or("", |(before, _)| before);
        before.rsplit([' ', ',', ';']).find(|word| !word.is_empty()).and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    Some(Said::CheckpointComplete {
        buffers: number_after(rest, "wrote ").unwrap_or(0),
        wal: [files(" WAL file(s) added"), files(" removed"), files(" recycled")],
        write_us: seconds("write="),
        sync_us: seconds(" sync="),
        total_us: seconds("total="),
    })
}

fn session(text: &str) -> Option<Said<'_>> {
    if text.starts_with("connection received: ") {
        return Some(Said::Received);
    }
    let rest = text.strip_prefix("connection authorized: ")?;
    let field = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or("?");
    Some(Said::Authorized { client: format!("{}@{}", field("user="), field("database=")) })
}

fn vacuum(text: &str) -> Option<Said<'_>> {
    let rest = text.strip_prefix("automatic ")?;
    let table = rest.split('"').nth(1)?;
    match rest {
        r if r.starts_with("analyze") => Some(Said::Analyzed { table }),
        r if r.starts_with("vacuum") || r.starts_with("aggressive vacuum") => Some(Said::Vacuumed { table }),
        _ => None,
    }
}

/// PgBouncer's log.
pub fn pgbouncer(text: &str) -> Said<'_> {
    if let Some(rest) = text.strip_prefix("stats: ") {
        return stats(rest).unwrap_or(Said::Other);
    }
    match text {
        t if t.starts_with("login attempt: ") => Said::Login,
        t if t.starts_with("new connection to server") => Said::Opened,
        t if t.starts_with("process up: PgBouncer ") => Said::Version(t["process up: PgBouncer ".len()..].split(',').next().unwrap_or("")),
        t => match t.strip_prefix("closing because: ") {
            Some(rest) => Said::Closed { reason: rest.rsplit_once(" (age=").map_or(rest, |(reason, _)| reason) },
            None => Said::Other,
        },
    }
}

fn stats(rest: &str) -> Option<Said<'static>> {
    let part = |name: &str| -> Option<f64> { rest.split(", ").find_map(|p| p.strip_prefix(name))?.split(' ').next()?.parse().ok() };
    let transactions_per_s = rest.split(' ').next()?.parse().ok()?;
    Some(Said::Stats { transactions_per_s, transaction_us: part("xact ")?, query_us: part("query ")?, wait_us: part("wait ")? })
}

/// A number of `unit` seconds/1e6 as whole microseconds.
fn micros(text: &str, scale: f64) -> Option<u64> {
    let value: f64 = text.trim().parse().ok()?;
    (0.0..1e12).contains(&value).then(|| (value * scale).round() as u64)
}

fn number_text<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = &text[text.find(name)? + name.len()..];
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    number_text(text, name)?.parse().ok()
}

/// `Process holding the lock: 223. Wait queue: 106, 96.`, `Processes holding the lock: 1, 2. Wait queue: 3.`
pub fn holders(detail: &str) -> Vec<u64> {
    let behind = ["holding the lock: ", "holding the lock : "].iter().find_map(|text| detail.split_once(text));
    let Some((_, rest)) = behind else { return Vec::new() };
    let list = rest.split('.').next().unwrap_or("");
    list.split(',').filter_map(|pid| pid.trim().parse().ok()).collect()
}

/// The statement that a record carries.
pub fn statement(detail: &str) -> Option<&str> {
    const LABEL: &str = "STATEMENT:  ";
    let at = if detail.starts_with(LABEL) { 0 } else { detail.find("\nSTATEMENT:  ")? + 1 };
    Some(&detail[at + LABEL.len()..])
}

/// The statements of a deadlock: PostgreSQL's `Process 3: UPDATE …` lines, or InnoDB's report.
pub fn deadlocked(detail: &str) -> Vec<&str> {
    let of_process = |line: &'_ str| -> bool {
        let rest = line.trim_start_matches("DETAIL:").trim_start();
        rest.strip_prefix("Process ").is_some_and(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && rest[digits..].starts_with(": ")
        })
    };
    let written = detail.lines().filter(|line| of_process(line)).filter_map(|line| {
        line.split_once(": ").map(|(head, tail)| {
            // `DETAIL:  Process 3: UPDATE` has a colon more.
            if head.trim() == "DETAIL" { tail.split_once(": ").map_or(tail, |(_, tail)| tail) } else { tail }
        })
    });
    let found: Vec<&str> = written.collect();
    if found.is_empty() { innodb(detail) } else { found }
}

/// The line behind `MySQL thread id …` or `MariaDB thread id …` is the statement.
fn innodb(detail: &str) -> Vec<&str> {
    let mut lines = detail.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if (line.starts_with("MySQL thread id") || line.starts_with("MariaDB thread id"))
            && let Some(statement) = lines.next()
            && !statement.starts_with("***")
        {
            found.push(statement.trim());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_postgresql() {
        for (text, expected) in [
            ("", Said::Other),
            ("duration: 1.5 ms  statement: SELECT 1", Said::Duration { us: 1_500, phase: Phase::Run, statement: Some("SELECT 1") }),
            ("duration: 2 ms  execute S_1: SELECT ': '", Said::Duration { us: 2_000, phase: Phase::Run, statement: Some("SELECT ': '") }),
            ("duration: 2 ms  parse <unnamed>: X", Said::Duration { us: 2_000, phase: Phase::Parse, statement: Some("X") }),
            ("duration: 2 ms", Said::Duration { us: 2_000, phase: Phase::Bare, statement: None }),
            ("duration: x ms  statement: SELECT 1", Said::Other),
            (
                "process 7 still waiting for ShareLock on transaction 9 after 1000.5 ms at character 3",
                Said::Waiting { pid: 7, mode: "ShareLock", object: "transaction 9", us: 1_000_500 },
            ),
            ("process 7 acquired ShareLock on transaction 9 after 2000 ms", Said::Acquired { us: 2_000_000 }),
            ("temporary file: path \"base/x\", size 123", Said::Temporary { bytes: 123 }),
            ("checkpoint starting: time", Said::CheckpointStarted { reason: "time" }),
            ("disconnection: session time: 1:00:01.5 user=a database=b", Said::Ended { us: 3_601_500_000 }),
            ("connection authorized: user=a database=b application_name=c", Said::Authorized { client: "a@b".to_owned() }),
            ("automatic vacuum of table \"a.b.c\": index scans: 0", Said::Vacuumed { table: "a.b.c" }),
            ("automatic analyze of table \"a.b.c\" system usage", Said::Analyzed { table: "a.b.c" }),
            ("starting PostgreSQL 15.2 (Debian) on x", Said::Version("15.2")),
            ("process 7 went home", Said::Other),
        ] {
            assert_eq!(postgresql(text), expected, "{text}");
        }
    }

    #[test]
    fn checkpoints_in_numbers() {
        let text = "checkpoint complete: wrote 142 buffers (1.7%); 1 WAL file(s) added, 2 removed, 3 recycled; write=13.866 s, \
                    sync=0.001 s, total=13.867 s; sync files=0, longest=0.000 s";
        let expected =
            Said::CheckpointComplete { buffers: 142, wal: [1, 2, 3], write_us: 13_866_000, sync_us: 1_000, total_us: 13_867_000 };
        assert_eq!(postgresql(text), expected);
    }

    #[test]
    fn messages_of_pgbouncer() {
        let stats = "stats: 3 xacts/s, 9 queries/s, in 1 B/s, out 2 B/s, xact 2159 us, query 414 us, wait 69 us";
        assert_eq!(pgbouncer(stats), Said::Stats { transactions_per_s: 3.0, transaction_us: 2_159.0, query_us: 414.0, wait_us: 69.0 });
        assert_eq!(pgbouncer("closing because: query_wait_timeout (age=121s)"), Said::Closed { reason: "query_wait_timeout" });
        assert_eq!(pgbouncer("stats: none"), Said::Other);
    }

    #[test]
    fn holders_and_statements() {
        let detail = "DETAIL:  Processes holding the lock: 3, 4. Wait queue: 5.\nSTATEMENT:  UPDATE t\n SET a = 1";
        assert_eq!(holders(detail), [3, 4]);
        assert_eq!(statement(detail), Some("UPDATE t\n SET a = 1"));
        assert_eq!((holders("nothing"), statement("")), (vec![], None));
        let deadlock = "DETAIL:  Process 1 waits for ShareLock on transaction 2; blocked by process 3.\nProcess 1: UPDATE a\nProcess 3: UPDATE b\nHINT:  See";
        assert_eq!(deadlocked(deadlock), ["UPDATE a", "UPDATE b"]);
        let innodb = "*** (1) TRANSACTION:\nMariaDB thread id 71, query id 1 localhost u Statistics\nSELECT 1 FOR UPDATE\n*** WAITING";
        assert_eq!(deadlocked(innodb), ["SELECT 1 FOR UPDATE"]);
    }
}

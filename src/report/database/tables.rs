//! The tables of the database view, the same rows for a terminal and for Markdown.

use crate::model::database::{Counted, DatabaseView, Quantiles, Server};
use crate::report::text::{bytes, count, counted, duration, number, sanitize, shorten, width};
use crate::report::{View, escape_markdown};

/// Rows of a first look.
const ROWS: usize = 8;
/// Columns of the terminal that a column of text keeps at least.
const NARROWEST: usize = 24;

/// A server with its tables.
pub struct Block {
    pub title: String,
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
}

/// Numbers to the right, the last column text that may be cut; long texts stand on lines of their own, below their row.
pub struct Table {
    pub title: String,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    pub more: usize,
    pub below: bool,
}

impl Block {
    /// For a terminal of that width.
    pub fn terminal(&self, view: &View) -> String {
        let mut out = format!("{}\n", shorten(&self.title, view.width.max(40)));
        for note in &self.notes {
            for (at, line) in crate::report::wrap(note, view.width.max(40) - 4).into_iter().enumerate() {
                out += &format!("{}{line}\n", if at == 0 { "  " } else { "    " });
            }
        }
        self.tables.iter().for_each(|table| table.terminal(&mut out, view.width.max(40)));
        out
    }

    /// For a chat or an issue.
    pub fn markdown(&self) -> String {
        let mut out = format!("## {}\n\n", escape_markdown(&self.title));
        self.notes.iter().for_each(|note| out += &format!("- {}\n", escape_markdown(note)));
        for table in &self.tables {
            out += &format!(
                "\n**{}**\n\n| {} |\n|{}\n",
                escape_markdown(&table.title),
                table.head.join(" | "),
                "---|".repeat(table.head.len())
            );
            for row in &table.rows {
                let cells: Vec<String> = row.iter().map(|cell| escape_markdown(&cell.replace('\n', " / "))).collect();
                out += &format!("| {} |\n", cells.join(" | "));
            }
        }
        out
    }
}

impl Table {
    fn terminal(&self, out: &mut String, columns: usize) {
        let last = self.head.len().saturating_sub(1);
        let widest = |at: usize| self.rows.iter().map(|row| width(&row[at])).chain([width(self.head[at])]).max().unwrap_or(0);
        let widths: Vec<usize> = (0..last).map(widest).collect();
        let room = columns.saturating_sub(2 + widths.iter().map(|w| w + 2).sum::<usize>()).max(NARROWEST);
        let padded = |at: usize, cell: &str| format!("{}{cell}  ", " ".repeat(widths[at].saturating_sub(width(cell))));
        let start = |row: &[&str]| row.iter().take(last).enumerate().map(|(at, cell)| padded(at, cell)).collect::<String>();
        *out += &format!("  {}\n", shorten(&self.title, columns - 2));
        *out += &format!("  {}{}\n", start(&self.head), self.head.last().unwrap_or(&""));
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let text = cells.last().copied().unwrap_or("");
            if self.below {
                *out += &format!("  {}\n", start(&cells).trim_end());
                text.split('\n').for_each(|line| *out += &format!("      {}\n", shorten(line, columns - 6)));
            } else {
                *out += &format!("  {}{}\n", start(&cells), shorten(text, room));
            }
        }
        if self.more > 0 {
            *out += &format!("  + {} more with --all\n", self.more);
        }
    }
}

fn table(title: &str, head: Vec<&'static str>, rows: Vec<Vec<String>>, view: &View) -> Option<Table> {
    let most = if view.all { usize::MAX } else { ROWS };
    let more = rows.len().saturating_sub(most);
    (!rows.is_empty()).then(|| Table { title: title.to_owned(), head, rows: rows.into_iter().take(most).collect(), more, below: false })
}

fn below(table: Option<Table>) -> Option<Table> {
    table.map(|table| Table { below: true, ..table })
}

fn counts(counted: Counted, compare: bool) -> Vec<String> {
    match compare {
        true => vec![count(counted.all), count(counted.before), count(counted.during)],
        false => vec![count(counted.all)],
    }
}

fn heads(compare: bool, rest: &[&'static str]) -> Vec<&'static str> {
    let first: &[&'static str] = if compare { &["all", "before", "during"] } else { &["all"] };
    first.iter().chain(rest).copied().collect()
}

fn ms(us: u64) -> String {
    milliseconds(us as f64 / 1_000.0)
}

fn milliseconds(ms: f64) -> String {
    crate::report::text::milliseconds(ms)
}

/// Connections against their limits, by server.
pub fn gauges(view: &DatabaseView) -> Vec<Table> {
    let told = |value: Option<f64>| value.map_or("-".to_owned(), number);
    let mut tables: Vec<Table> = Vec::new();
    for gauge in view.gauges.iter().filter(|gauge| gauge.peak > 0.0) {
        let title = format!("CONNECTIONS, WAITS AND LOCKS of {} (medians)", sanitize(gauge.service.as_str()));
        if tables.last().is_none_or(|table| table.title != title) {
            let head = vec!["before", "during", "peak", "at", "limit", "metric"];
            tables.push(Table { title, head, rows: Vec::new(), more: 0, below: false });
        }
        let limit = gauge.limit.as_ref().map_or("-".to_owned(), |(_, limit)| number(*limit));
        let row = vec![told(gauge.before), told(gauge.during), number(gauge.peak), gauge.peak_at.clock(), limit, sanitize(&gauge.metric)];
        if let Some(table) = tables.last_mut() {
            table.rows.push(row);
        }
    }
    tables
}

/// Errors by code, most frequent first. `compare`: with what came before the incident.
pub fn errors(server: &Server, compare: bool, view: &View) -> Option<Table> {
    let rows = server.errors.iter().map(|error| {
        // A code that the log does not have is known from the message.
        let code =
            error.code.as_deref().map_or("-".to_owned(), |code| format!("{}{}", sanitize(code), if error.code_written { "" } else { "*" }));
        let client = error.client.as_deref().map(|client| format!("  ({})", sanitize(client))).unwrap_or_default();
        let mut row = counts(error.count, compare);
        row.extend([code, error.level.name().to_owned(), format!("{}{client}", sanitize(&error.text))]);
        row
    });
    let star = server.errors.iter().any(|error| error.code.is_some() && !error.code_written);
    let title = format!("ERRORS BY SQLSTATE: {}{}", count(server.failed.all), if star { " (* known from the message)" } else { "" });
    table(&title, heads(compare, &["code", "level", "message"]), rows.collect(), view)
}

/// Statements by the time that they took in all.
pub fn statements(server: &Server, compare: bool, view: &View) -> Option<Table> {
    let three = |q: Option<Quantiles>| q.map_or("-".to_owned(), |q| format!("{}/{}/{}", short(q.p50), short(q.p95), short(q.p99)));
    let rows = server.statements.iter().filter(|s| s.count > 0 || s.failed.all > 0).map(|s| {
        let mut row = vec![count(s.count), duration(s.microseconds as f64 / 1e6)];
        if compare {
            row.extend([three(s.before), three(s.during)]);
        } else {
            row.push(three(s.all));
        }
        row.extend([count(s.failed.all), sanitize(&s.shape)]);
        row
    });
    let queries = server.queries;
    let title = format!(
        "STATEMENTS THAT WERE LOGGED: {}, {} in all (p50/p95/p99 in ms)",
        counted(queries.count, "query").replace("querys", "queries"),
        duration(queries.microseconds as f64 / 1e6)
    );
    let head: &[&'static str] = if compare {
        &["count", "total", "before", "during", "failed", "statement"]
    } else {
        &["count", "total", "all", "failed", "statement"]
    };
    below(table(&title, head.to_vec(), rows.collect(), view))
}

/// Milliseconds as a bare number.
fn short(ms: f64) -> String {
    if ms >= 100.0 { format!("{ms:.0}") } else { number(ms) }
}

/// Who waited for whom, the longest waits first.
pub fn locks(server: &Server, view: &View) -> Option<Table> {
    let rows = server.locks.blocked.iter().map(|b| {
        let holder = match (&b.holder, &b.holder_client) {
            (Some(shape), Some(client)) => format!("{} ({})", sanitize(shape), sanitize(client)),
            (Some(shape), None) => sanitize(shape),
            _ => format!("process {}, which logged no statement", b.holder_pid),
        };
        let text = format!("{}\nbehind {holder}", sanitize(&b.waiter));
        vec![count(b.waits), ms(b.longest_us), b.first.clock(), sanitize(&b.mode), sanitize(&b.object), text]
    });
    below(table(
        "WHO WAITED FOR WHOM",
        vec!["waits", "longest", "first", "lock", "on", "waiter, and behind it the holder"],
        rows.collect(),
        view,
    ))
}

/// Deadlocks with their statements.
pub fn deadlocks(server: &Server, view: &View) -> Option<Table> {
    let rows: Vec<Vec<String>> = server
        .deadlocks
        .pairs
        .iter()
        .map(|pair| {
            let shapes: Vec<String> = pair.statements.iter().map(|shape| sanitize(shape)).collect();
            vec![count(pair.count), sanitize(&pair.origin.to_string()), shapes.join("\n")]
        })
        .collect();
    let counts = server.deadlocks.count;
    let title = format!("DEADLOCKS: {} ({} before, {} during)", count(counts.all), count(counts.before), count(counts.during));
    if rows.is_empty() && counts.all > 0 {
        let row = vec![count(counts.all), "-".to_owned(), "the log does not tell the statements".to_owned()];
        return table(&title, vec!["count", "where", "statements"], vec![row], view);
    }
    below(table(&title, vec!["count", "where", "statements of the cycle"], rows, view))
}

/// A sentence on connections; `None` where the log has none.
pub fn sessions(server: &Server) -> Option<String> {
    let sessions = &server.sessions;
    if sessions.authorized.all + sessions.ended.all + sessions.received == 0 {
        return None;
    }
    let mean = if sessions.ended.all > 0 { sessions.session_us as f64 / 1e6 / sessions.ended.all as f64 } else { 0.0 };
    let peak = sessions.peak.map(|(most, at)| format!("; at most {} open at {}", count(most), at.clock())).unwrap_or_default();
    let who: Vec<String> = sessions.by_client.iter().take(3).map(|(client, n)| format!("{} {}", sanitize(client), count(*n))).collect();
    Some(format!(
        "sessions: {} authorized ({}), {} ended, {} long on average{peak}",
        count(sessions.authorized.all),
        who.join(", "),
        count(sessions.ended.all),
        duration(mean)
    ))
}

/// A sentence on waits for locks; `None` where there were none.
pub fn lock_totals(server: &Server) -> Option<String> {
    let locks = &server.locks;
    (locks.waiting.all + locks.acquired.all + locks.timeouts.all > 0).then(|| {
        format!(
            "lock waits: {} waited ({} before, {} during), {} got the lock after {} in all, longest {}; {} gave up",
            count(locks.waiting.all),
            count(locks.waiting.before),
            count(locks.waiting.during),
            count(locks.acquired.all),
            duration(locks.waited_us as f64 / 1e6),
            ms(locks.longest_us),
            count(locks.timeouts.all)
        )
    })
}

/// A sentence on temporary files; `None` where there were none.
pub fn temporary(server: &Server) -> Option<String> {
    let temporary = &server.temporary;
    (temporary.files.all > 0).then(|| {
        let statement = temporary.statement.as_deref().map(|shape| format!(" by {}", shorten(&sanitize(shape), 60))).unwrap_or_default();
        format!(
            "temporary files: {} ({} before, {} during), {} in all, largest {}{statement}",
            count(temporary.files.all),
            count(temporary.files.before),
            count(temporary.files.during),
            bytes(temporary.bytes),
            bytes(temporary.largest)
        )
    })
}

/// A sentence on checkpoints; `None` where the log has none.
pub fn checkpoints(server: &Server) -> Option<String> {
    let c = &server.checkpoints;
    (c.started.all + c.complete > 0).then(|| {
        let reasons: Vec<String> = c.reasons.iter().take(3).map(|(reason, n)| format!("{} {}", sanitize(reason), count(*n))).collect();
        let often = if c.warnings > 0 { format!("; {} that they are too frequent", counted(c.warnings, "warning")) } else { String::new() };
        format!(
            "checkpoints: {} started ({}), {} complete, {} written, longest {}, sync {} in all{often}",
            count(c.started.all),
            reasons.join(", "),
            count(c.complete),
            counted(c.buffers, "buffer"),
            duration(c.longest_us as f64 / 1e6),
            duration(c.sync_us as f64 / 1e6)
        )
    })
}

/// A sentence on automatic vacuums; `None` where the log has none.
pub fn vacuum(server: &Server) -> Option<String> {
    let vacuum = &server.vacuum;
    (vacuum.vacuums.all + vacuum.analyzes.all > 0).then(|| {
        let tables: Vec<String> = vacuum.tables.iter().take(3).map(|(table, n)| format!("{} {}", sanitize(table), count(*n))).collect();
        format!(
            "autovacuum: {} and {} ({})",
            counted(vacuum.vacuums.all, "vacuum"),
            counted(vacuum.analyzes.all, "analyze"),
            tables.join(", ")
        )
    })
}

/// What a pooler told of its clients and servers.
pub fn pooler(server: &Server, compare: bool, view: &View) -> Option<Table> {
    let rows = server.pooler.closed.iter().map(|(reason, closed)| {
        let mut row = counts(*closed, compare);
        row.push(sanitize(reason));
        row
    });
    table("CONNECTIONS CLOSED", heads(compare, &["because"]), rows.collect(), view)
}

/// Sentences on what a pooler did in all.
pub fn pooler_totals(server: &Server) -> Vec<String> {
    let pooler = &server.pooler;
    let mut notes = vec![format!("connections: {} by clients, {} to the server", count(pooler.logins.all), count(pooler.opened.all))];
    if let Some(worst) = pooler.stats.iter().max_by(|a, b| a.wait_us.total_cmp(&b.wait_us)) {
        let rate = pooler.stats.iter().map(|s| s.transactions_per_s).fold(0.0, f64::max);
        let slowest = pooler.stats.iter().map(|s| s.transaction_us).fold(0.0, f64::max);
        notes.push(format!(
            "pool waits: mean wait at most {} at {}; at most {} transactions/s; slowest mean transaction {}",
            milliseconds(worst.wait_us / 1_000.0),
            worst.time.clock(),
            number(rate),
            milliseconds(slowest / 1_000.0)
        ));
    }
    notes
}

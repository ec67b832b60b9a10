//! A summary as a Parquet file. The same summary gives the same bytes.

use std::io::{self, Read, Write};

use super::{COLUMNS, LogState, MARK, SCHEMA, Summarised, Summary, packed};
use crate::model::{Complaint, Exemplar, Gap};
use crate::parse::LogOutcome;
use crate::parse::piece::Piece;
use crate::read::{Content, Source};
use crate::signal::tables::{Cells, Writer};
use crate::template::users::UserSet;
use crate::template::{Cell, RecordCounts, RecordKey, RequestCounts, RequestKey, Symbol};

/// Rows that are turned into columns at once.
const GROUP: usize = 64 * 1024;
/// Bytes of a file in one row.
const CHUNK: u64 = 1 << 20;

/// Some rows of a table, becoming columns.
struct Table<'r, R> {
    rows: &'r [R],
    columns: Vec<(&'static str, Cells)>,
}

impl<'r, R> Table<'r, R> {
    fn whole(mut self, name: &'static str, get: impl Fn(&'r R) -> Option<i64>) -> Self {
        self.columns.push((name, Cells::Whole(self.rows.iter().map(get).collect())));
        self
    }

    fn text(mut self, name: &'static str, get: impl Fn(&'r R) -> Option<String>) -> Self {
        self.columns.push((name, Cells::Text(self.rows.iter().map(get).collect())));
        self
    }

    fn number(mut self, name: &'static str, get: impl Fn(&'r R) -> Option<f64>) -> Self {
        self.columns.push((name, Cells::Number(self.rows.iter().map(get).collect())));
        self
    }

    fn bytes(mut self, name: &'static str, get: impl Fn(&'r R) -> Option<Vec<u8>>) -> Self {
        self.columns.push((name, Cells::Bytes(self.rows.iter().map(get).collect())));
        self
    }
}

fn signed(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

struct Out<W: Write>(Writer<W>);

impl<W: Write> Out<W> {
    /// Rows of a table, a group of them at a time.
    fn table<R>(
        &mut self,
        name: &str,
        rows: impl Iterator<Item = R>,
        columns: impl for<'r> Fn(Table<'r, R>) -> Table<'r, R>,
    ) -> Result<(), String> {
        let mut rows = rows;
        loop {
            let group: Vec<R> = rows.by_ref().take(GROUP).collect();
            if group.is_empty() {
                return Ok(());
            }
            let Table { columns, .. } = columns(Table { rows: &group, columns: Vec::new() });
            self.0.add(name, columns)?;
        }
    }
}

impl Summary {
    /// Writes it.
    ///
    /// # Errors
    /// Of writing, and of reading the small files that it holds.
    pub fn write(&self, out: impl Write) -> Result<(), String> {
        let mut out = Out(Writer::new(out, MARK, COLUMNS)?);
        let manner = self.manner;
        out.table("about", std::iter::once(()), |t| {
            t.whole("id", |()| Some(SCHEMA))
                .text("version", |()| Some(env!("CARGO_PKG_VERSION").to_owned()))
                .text("name", |()| Some(self.identity.clone()))
                .whole("count", |()| manner.utc_offset.map(i64::from))
                .whole("time_us", |()| manner.since.map(|t| t.0))
                .whole("until_us", |()| manner.until.map(|t| t.0))
                .whole("start", |()| self.tally.span.map(|s| s.start.0))
                .whole("end", |()| self.tally.span.map(|s| s.end.0))
                .number("seconds", |()| Some(self.tally.step.seconds()))
                .whole("hash", |()| Some(self.flow.limit.cast_signed()))
                .whole("line", |()| Some(self.flow.events.limit().cast_signed()))
        })?;
        self.sources(&mut out)?;
        self.logs(&mut out)?;
        self.records(&mut out)?;
        self.requests(&mut out)?;
        self.users(&mut out)?;
        self.traces(&mut out)?;
        self.bounds(&mut out)?;
        out.0.finish()
    }

    fn sources<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        out.table("source", self.sources.iter().enumerate(), |t| {
            t.whole("id", |(id, _)| signed(*id as u64))
                .text("path", |(_, s)| Some(s.source.shown.to_string()))
                .text("name", |(_, s)| Some(s.source.kind.name().to_owned()))
                .text("service", |(_, s)| s.source.service.as_ref().map(ToString::to_string))
                .text("instance", |(_, s)| s.source.instance.as_ref().map(ToString::to_string))
                .whole("bytes", |(_, s)| signed(s.source.bytes))
                .whole("time_us", |(_, s)| s.source.near.map(|t| t.0))
                .whole("until_us", |(_, s)| s.source.latest.map(|t| t.0))
                .bytes("data", |(_, s)| match s.source.content {
                    Content::Counted { head } => head.map(|digest| digest.to_vec()),
                    _ => None,
                })
        })?;
        for (id, Summarised { source, log }) in self.sources.iter().enumerate() {
            if log.is_none() && source.is_worth_keeping() {
                let mut input = source.raw().map_err(|e| format!("{}: {e}", source.shown))?;
                while let Some(chunk) = chunk(&mut input).map_err(|e| format!("{}: {e}", source.shown))? {
                    out.table("content", std::iter::once(chunk), |t| {
                        t.whole("of", |_| signed(id as u64)).bytes("data", |chunk| Some(chunk.clone()))
                    })?;
                }
            }
        }
        let complaints = |list: &[Complaint], of: Option<i64>| list.iter().map(|c| (of, c.clone())).collect::<Vec<_>>();
        let mut all = complaints(&self.complaints, None);
        for (id, outcome) in self.outcomes() {
            all.extend(complaints(&outcome.complaints, Some(id)));
        }
        out.table("complaint", all.into_iter(), |t| {
            t.whole("of", |(of, _)| *of)
                .text("path", |(_, c)| Some(c.origin.path.to_string()))
                .whole("line", |(_, c)| signed(c.origin.line))
                .text("text", |(_, c)| Some(c.why.clone()))
                .whole("count", |(_, c)| signed(c.more))
        })
    }

    /// Logs that were read as a whole.
    fn outcomes(&self) -> impl Iterator<Item = (i64, &LogOutcome)> {
        (0..).zip(&self.sources).filter_map(|(id, summarised)| match &summarised.log {
            Some(LogState::Whole(outcome)) => Some((id, outcome)),
            _ => None,
        })
    }

    /// Stretches of logs.
    fn pieces(&self) -> impl Iterator<Item = (i64, &Piece)> {
        (0..).zip(&self.sources).flat_map(|(id, summarised)| {
            let pieces = match &summarised.log {
                Some(LogState::Pieces(pieces)) => pieces.as_slice(),
                _ => &[],
            };
            pieces.iter().map(move |piece| (id, piece))
        })
    }

    fn logs<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        out.table("log", self.outcomes(), |t| {
            t.whole("of", |(id, _)| Some(*id))
                .text("format", |(_, o)| Some(o.coverage.format.clone()))
                .whole("lines", |(_, o)| signed(o.coverage.lines))
                .whole("understood", |(_, o)| signed(o.coverage.understood))
                .whole("records", |(_, o)| signed(o.coverage.records))
                .whole("time_us", |(_, o)| o.coverage.span.map(|s| s.start.0))
                .whole("until_us", |(_, o)| o.coverage.span.map(|s| s.end.0))
                .number("seconds", |(_, o)| o.coverage.rhythm)
        })?;
        let gaps = self.outcomes().flat_map(|(id, outcome)| outcome.coverage.gaps.iter().map(move |gap: &Gap| (id, *gap)));
        out.table("gap", gaps, |t| {
            t.whole("of", |(id, _)| Some(*id))
                .whole("time_us", |(_, g)| Some(g.span.start.0))
                .whole("until_us", |(_, g)| Some(g.span.end.0))
                .whole("line", |(_, g)| signed(g.line))
        })?;
        out.table("piece", self.pieces(), |t| {
            t.whole("of", |(id, _)| Some(*id))
                .whole("start", |(_, p)| signed(p.range.start))
                .whole("end", |(_, p)| signed(p.range.end))
                .whole("lines", |(_, p)| signed(p.lines))
                .text("lead", |(_, p)| Some(p.lead.clone()))
                .text("trail", |(_, p)| Some(p.trail.clone()))
                .text("text", |(_, p)| Some(p.head.clone()))
                .text("name", |(_, p)| p.whole_only.then(|| "whole only".to_owned()))
                .whole("line", |(_, p)| signed(p.ledger.lines))
                .whole("understood", |(_, p)| signed(p.ledger.understood))
                .whole("records", |(_, p)| signed(p.ledger.records))
                .whole("count", |(_, p)| signed(p.ledger.cut))
                .whole("failed", |(_, p)| signed(p.ledger.undated))
                .whole("time_us", |(_, p)| p.ledger.span.map(|s| s.0.0))
                .whole("until_us", |(_, p)| p.ledger.span.map(|s| s.1.0))
                .bytes("data", |(_, p)| Some(packed::beats(p.ledger.beats.all())))
        })?;
        let whole = self.outcomes().flat_map(|(id, o)| o.coverage.misread.iter().map(move |(line, text)| (id, None, *line, text)));
        let pieces =
            self.pieces().flat_map(|(id, p)| p.ledger.misread.iter().map(move |(line, text)| (id, signed(p.range.start), *line, text)));
        out.table("misread", whole.chain(pieces), |t| {
            t.whole("of", |r| Some(r.0)).whole("start", |r| r.1).whole("line", |r| signed(r.2)).text("text", |r| Some(r.3.clone()))
        })
    }

    fn text(&self, symbol: Symbol) -> Option<String> {
        Some(self.tally.symbols.text(symbol).to_owned()).filter(|text| !text.is_empty())
    }

    fn records<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        let text = |symbol| self.tally.symbols.text(symbol);
        let mut kinds: Vec<(&RecordKey, &RecordCounts)> = self.tally.records.iter().map(|(key, counts)| (key, &**counts)).collect();
        kinds.sort_by_cached_key(|(k, _)| {
            (text(k.service), text(k.instance), k.level, text(k.client), text(k.peer), text(k.code), text(k.template))
        });
        out.table("kind", (0..).zip(&kinds), |t| {
            t.whole("id", |(id, _)| Some(*id))
                .text("service", |(_, (k, _))| self.text(k.service))
                .text("instance", |(_, (k, _))| self.text(k.instance))
                .text("level", |(_, (k, _))| Some(k.level.name().to_owned()))
                .text("client", |(_, (k, _))| self.text(k.client))
                .text("peer", |(_, (k, _))| self.text(k.peer))
                .text("code", |(_, (k, _))| self.text(k.code))
                .text("text", |(_, (k, _))| self.text(k.template))
                .whole("time_us", |(_, (_, c))| Some(c.first.0))
                .whole("until_us", |(_, (_, c))| Some(c.last.0))
        })?;
        let counts = (0..).zip(&kinds).flat_map(|(id, (_, c))| c.windows.iter().map(move |(window, count)| (id, window, i64::from(count))));
        out.table("count", counts, |t| {
            t.whole("of", |r: &(i64, i64, i64)| Some(r.0)).whole("window", |r| Some(r.1)).whole("count", |r| Some(r.2))
        })?;
        let examples = (0..).zip(&kinds).flat_map(|(id, (_, counts))| counts.exemplars.ranked().map(move |e| (id, e)));
        out.table("example", examples, |t| {
            t.whole("of", |r: &(i64, (u64, &Exemplar))| Some(r.0))
                .whole("hash", |(_, (rank, _))| Some(rank.cast_signed()))
                .whole("time_us", |(_, (_, e))| Some(e.time.0))
                .text("path", |(_, (_, e))| Some(e.origin.path.to_string()))
                .whole("line", |(_, (_, e))| signed(e.origin.line))
                .text("text", |(_, (_, e))| Some(e.text.clone()))
        })
    }

    fn requests<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        let text = |symbol| self.tally.symbols.text(symbol);
        let mut streams: Vec<(&RequestKey, &RequestCounts)> = self.tally.requests.iter().map(|(key, counts)| (key, &**counts)).collect();
        streams.sort_by_cached_key(|(k, _)| (text(k.service), text(k.instance), text(k.version), text(k.route), text(k.source)));
        out.table("stream", (0..).zip(&streams), |t| {
            t.whole("id", |(id, _)| Some(*id))
                .text("service", |(_, (k, _))| self.text(k.service))
                .text("instance", |(_, (k, _))| self.text(k.instance))
                .text("version", |(_, (k, _))| self.text(k.version))
                .text("route", |(_, (k, _))| self.text(k.route))
                .text("format", |(_, (k, _))| self.text(k.source))
        })?;
        let outcomes = (0..).zip(&streams).flat_map(|(id, (_, c))| c.windows.iter().map(move |(window, cell)| (id, window, cell)));
        out.table("outcome", outcomes, |t| {
            t.whole("of", |r: &(i64, i64, Cell)| Some(r.0))
                .whole("window", |r| Some(r.1))
                .whole("count", |r| Some(i64::from(r.2.completed)))
                .whole("failed", |r| Some(i64::from(r.2.failed)).filter(|n| *n > 0))
                .whole("rejected", |r| Some(i64::from(r.2.rejected)).filter(|n| *n > 0))
                .whole("time_us", |r| r.2.first_failed.map(|t| t.0))
                .bytes("data", |r| packed::latency(&r.2.latency))
        })?;
        let arrivals = (0..).zip(&streams).flat_map(|(id, (_, c))| c.arrivals.iter().map(move |(window, count)| (id, window, count)));
        out.table("arrival", arrivals, |t| {
            t.whole("of", |r: &(i64, i64, u32)| Some(r.0)).whole("window", |r| Some(r.1)).whole("count", |r| Some(i64::from(r.2)))
        })
    }

    fn users<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        let mut rows: Vec<(&str, i64, &str, &UserSet)> = Vec::new();
        for ((service, block), users) in &self.tally.users {
            let service = self.tally.symbols.text(*service);
            rows.extend([(service, *block, "all", &users.all), (service, *block, "failed", &users.failed)]);
        }
        rows.retain(|row| row.3.count() > 0);
        rows.sort_by_key(|row| (row.0, row.1, row.2));
        out.table("user", rows.into_iter(), |t| {
            t.text("service", |r| Some(r.0.to_owned()))
                .whole("window", |r| Some(r.1))
                .text("name", |r| Some(r.2.to_owned()))
                .text("format", |r| Some(if matches!(r.3, UserSet::Exact(_)) { "hashes" } else { "registers" }.to_owned()))
                .whole("count", |r| signed(r.3.count()))
                .bytes("data", |r| packed::users(r.3))
        })
    }

    fn traces<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        let symbols = &self.flow.symbols;
        out.table("word", 0..symbols.len() as u32, |t| {
            t.whole("id", |id| Some(i64::from(*id))).text("text", |id| Some(symbols.text(Symbol(*id)).to_owned()))
        })?;
        let mut traces: Vec<_> = self.flow.traces.iter().collect();
        traces.sort_unstable_by_key(|(hash, _)| **hash);
        out.table("trace", traces.into_iter(), |t| {
            t.whole("hash", |(hash, _)| Some(hash.cast_signed())).bytes("data", |(_, steps)| Some(packed::steps(steps)))
        })
    }

    fn bounds<W: Write>(&self, out: &mut Out<W>) -> Result<(), String> {
        out.table("bound", self.tally.bounds().into_iter(), |t| {
            t.text("service", |b| Some(b.service.clone()))
                .text("name", |b| Some(b.of.to_owned()))
                .whole("count", |b| signed(b.level as u64))
                .whole("hash", |b| Some(b.limit.cast_signed()))
        })?;
        out.table("event", self.flow.events.kept().into_iter(), |t| t.whole("hash", |hash| Some(hash.cast_signed())))
    }
}

impl Source {
    /// Whether anybody looks at its bytes after it was found.
    fn is_worth_keeping(&self) -> bool {
        self.kind != crate::read::SourceKind::Skipped || self.shown.rsplit('/').next() == Some("CODEOWNERS")
    }
}

/// The next bytes, at least one; `None` at the end.
fn chunk(input: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(CHUNK).read_to_end(&mut bytes)?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

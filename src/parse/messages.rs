//! Messages that mean the same whatever envelope they came in: requests, callees, error codes.
//!
//! What they look like stands in `parsers/messages/*.toml`.

use std::borrow::Cow;

use crate::model::Record;

use super::Formats;
use super::assemble::{request, without_address_parts};
use super::cells::{Column, Row, is_nothing};
use super::matching::fill_by;
use super::structured::scan_pairs;

/// Fills what the line's own columns left open.
pub fn read_message(formats: &Formats, record: &mut Record<'_>) {
    if let Some(error) = record.error.take() {
        let row = matched(formats, &error);
        fill(record, &row, &error);
        record.error = Some(error);
    }
    // A borrowed message can be split for as long as the line lives; an owned one is taken out meanwhile.
    if record.request.is_some() && is_request_line(&record.message) {
        return;
    }
    let message = std::mem::take(&mut record.message);
    let row = matched(formats, &message);
    fill(record, &row, &message);
    if record.request.is_none() && message.contains("status") {
        let mut row = Row::default();
        read_pairs(formats, &message, 0, &message, &mut row);
        record.request = request(&row, &message).map(into_owned);
    }
    record.message = message;
}

/// `GET /orders HTTP/1.1`: what an access log has said by its columns already.
fn is_request_line(message: &str) -> bool {
    message.starts_with(|c: char| c.is_ascii_uppercase()) && message.split_once(" HTTP/").is_some_and(|(_, version)| version.len() <= 3)
}

/// The columns of the first pattern of each format that matches.
fn matched(formats: &Formats, text: &str) -> Row {
    let mut row = Row::default();
    if !formats.may_mean_something(text) {
        return row;
    }
    for format in formats.messages() {
        if format.any.is_match(text) {
            let _ = format.patterns.iter().any(|pattern| fill_by(pattern, text, &mut row));
        }
    }
    if let Some(tail) = row.cell(Column::Tail) {
        read_pairs(formats, tail.raw(text), tail.start(), text, &mut row);
    }
    row
}

fn read_pairs(formats: &Formats, pairs: &str, base: usize, text: &str, row: &mut Row) {
    scan_pairs(pairs, base, &mut |key, cell| {
        if let Some((column, rank)) = formats.keys().get(key)
            && !is_nothing(cell.raw(text))
        {
            row.set(column, cell, rank.saturating_add(1));
        }
    });
}

fn fill(record: &mut Record<'_>, row: &Row, text: &str) {
    let owned = |column| row.text(column, text).map(|t: Cow<'_, str>| Cow::Owned(t.into_owned()));
    record.request = record.request.take().or_else(|| request(row, text).map(into_owned));
    record.span = record.span.take().or_else(|| owned(Column::Span));
    record.code = record.code.take().or_else(|| owned(Column::Code));
    record.trace = record.trace.take().or_else(|| owned(Column::Trace));
    record.error = record.error.take().or_else(|| owned(Column::Error));
    let peer = || row.text(Column::Peer, text).and_then(|p| without_address_parts(&p).map(|p| Cow::Owned(p.to_owned())));
    record.peer = record.peer.take().or_else(peer);
}

fn into_owned<'a>(request: crate::model::Request<'_>) -> crate::model::Request<'a> {
    let owned = |text: Option<Cow<'_, str>>| text.map(|t| Cow::Owned(t.into_owned()));
    crate::model::Request {
        method: owned(request.method),
        path: owned(request.path),
        status: request.status,
        duration: request.duration,
        user: owned(request.user),
    }
}

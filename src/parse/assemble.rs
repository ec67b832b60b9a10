//! From cells to a record: which column ends up in which field, and in what form.
//!
//! Does not know where the cells come from.

use std::borrow::Cow;

use crate::model::time::SECOND;
use crate::model::{Record, Request};

use super::cells::{Column, Columns, Row, Spelling};
use super::matching::Head;
use super::trace;

/// A duration above this many microseconds is a mistake in the log: a day.
const LONGEST: i64 = 86_400 * SECOND;

/// Columns that few lines have.
const RARE: Columns = Columns::of(&[
    Column::Version,
    Column::Trace,
    Column::Span,
    Column::CodeLine,
    Column::Code,
    Column::Peer,
    Column::Role,
    Column::Application,
]);
/// Columns that tell of an error, or of more than fits into a line.
const MORE: Columns =
    Columns::of(&[Column::Error, Column::ErrorType, Column::Stack, Column::Detail, Column::Hint, Column::Context, Column::Statement]);
/// Without one of these a line tells of no request.
const OUTCOME: Columns = Columns::of(&[Column::Status, Column::GrpcStatus]);

/// Makes a record of a line's cells, without the outcome of a request. `detail` are the lines that follow it. Time and message readers are the
/// caller's.
pub fn record<'l>(row: &Row, text: &'l str, detail: &'l str, head: Head) -> Record<'l> {
    let cell = |column| row.text(column, text);
    let mut record = Record {
        time: head.time.unwrap_or_default(),
        level: head.level,
        service: cell(Column::Service),
        instance: cell(Column::Instance),
        logger: cell(Column::Logger),
        thread: cell(Column::Thread),
        pid: cell(Column::Pid),
        message: message(row, text),
        ..Record::default()
    };
    if row.has_any(RARE) {
        record.version = cell(Column::Version);
        record.trace = cell(Column::Trace);
        record.span = cell(Column::Span);
        record.code_line = cell(Column::CodeLine);
        record.code = cell(Column::Code).filter(|code| code != "00000");
        record.peer = cell(Column::Peer).and_then(peer);
        record.client = client(row, text);
    }
    if !detail.is_empty() || tells_more(row) {
        record.detail = whole_detail(row, text, detail);
        record.error = error(row, text, &record.detail).or_else(|| error_in_message(&record.message, &record.detail));
    }
    if record.message.is_empty() && !record.detail.is_empty() {
        // .NET writes the message below the line that holds everything else.
        record.message = first_line(&record.detail);
    } else if record.message.is_empty() && ![Column::Message, Column::Request].iter().any(|c| row.has(*c)) {
        record.message = Cow::Borrowed(text.trim());
    }
    record
}

/// Whether a line tells of an error, or of more than fits into a line.
pub fn tells_more(row: &Row) -> bool {
    row.has_any(MORE)
}

fn first_line<'l>(detail: &Cow<'l, str>) -> Cow<'l, str> {
    match detail {
        Cow::Borrowed(detail) => Cow::Borrowed(detail.lines().next().unwrap_or_default().trim()),
        Cow::Owned(detail) => Cow::Owned(detail.lines().next().unwrap_or_default().trim().to_owned()),
    }
}

/// The message, else the request line: an access log has nothing else to say.
pub fn message<'l>(row: &Row, text: &'l str) -> Cow<'l, str> {
    let written = row.text(Column::Message, text).or_else(|| row.text(Column::Request, text));
    match written {
        Some(Cow::Borrowed(message)) => Cow::Borrowed(message.trim()),
        Some(Cow::Owned(message)) if message.trim().len() == message.len() => Cow::Owned(message),
        Some(Cow::Owned(message)) => Cow::Owned(message.trim().to_owned()),
        None => match (row.text(Column::Method, text), row.text(Column::Path, text)) {
            (Some(method), Some(path)) => Cow::Owned(format!("{method} {path}")),
            (None, Some(path)) => path,
            _ => row.text(Column::Error, text).unwrap_or_default(),
        },
    }
}

/// Lines that follow the record, and the columns that hold what PostgreSQL prints in lines of their own.
fn whole_detail<'l>(row: &Row, text: &'l str, following: &'l str) -> Cow<'l, str> {
    const PARTS: [(Column, &str); 5] = [
        (Column::Detail, ""),
        (Column::Hint, "HINT:  "),
        (Column::Context, "CONTEXT:  "),
        (Column::Statement, "STATEMENT:  "),
        (Column::Stack, ""),
    ];
    let mut detail = Cow::Borrowed(following);
    // A field named after the error often holds the whole stack trace.
    let trace_in_error = !row.has(Column::Stack) && row.text(Column::Error, text).is_some_and(|error| error.trim_end().contains('\n'));
    let parts = PARTS.into_iter().chain(trace_in_error.then_some((Column::Error, "")));
    for (column, label) in parts {
        let Some(part) = row.text(column, text) else { continue };
        if detail.is_empty() && label.is_empty() {
            detail = part;
            continue;
        }
        let detail = detail.to_mut();
        if !detail.is_empty() && !detail.ends_with('\n') {
            detail.push('\n');
        }
        detail.push_str(label);
        detail.push_str(&part);
    }
    detail
}

/// The error that a field holds, with its type before it; else the headline of a stack trace.
fn error<'l>(row: &Row, text: &'l str, detail: &str) -> Option<Cow<'l, str>> {
    let headline = || trace::headline(detail).map(|line| Cow::Owned(line.to_owned()));
    let written = row.text(Column::Error, text).filter(|_| row.cell(Column::Error).is_some_and(|cell| cell.spelling != Spelling::Bare));
    // `"error": false` is none.
    let Some(message) = written else {
        return headline().or_else(|| row.text(Column::ErrorType, text));
    };
    if let Some(line) = trace::headline(&message) {
        return Some(Cow::Owned(line.to_owned()));
    }
    match row.text(Column::ErrorType, text) {
        Some(kind) if !message.starts_with(&*kind) => Some(Cow::Owned(format!("{kind}: {message}"))),
        _ => Some(message),
    }
}

/// An exception that is itself the message, its stack trace below.
fn error_in_message<'l>(message: &str, detail: &str) -> Option<Cow<'l, str>> {
    if detail.is_empty() || !trace::is_part(message) {
        return None;
    }
    trace::headline(&format!("{message}\n{detail}")).map(|line| Cow::Owned(line.to_owned()))
}

/// `role/application`, or the one of them that is known.
fn client<'l>(row: &Row, text: &'l str) -> Option<Cow<'l, str>> {
    match (row.text(Column::Role, text), row.text(Column::Application, text)) {
        (Some(role), Some(application)) => Some(Cow::Owned(format!("{role}/{application}"))),
        (role, application) => role.or(application),
    }
}

/// The callee's name or address; `None` for what can be neither.
fn peer(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match text {
        Cow::Borrowed(text) => without_address_parts(text).map(Cow::Borrowed),
        Cow::Owned(text) => without_address_parts(&text).map(|peer| Cow::Owned(peer.to_owned())),
    }
}

/// `http://10.0.0.1:8080/path` without scheme and path; the last of several that a proxy tried one after the other.
pub fn without_address_parts(text: &str) -> Option<&str> {
    let last = text.rsplit([',', ' ']).map(str::trim).find(|part| !part.is_empty() && *part != "-" && *part != ":")?;
    let host = last.split_once("://").map_or(last, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or(host);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_' | b'[' | b']' | b'|');
    (!host.is_empty() && host.len() <= 100 && host.bytes().all(valid)).then_some(host)
}

/// The outcome of a request: a status, and what was asked for.
pub fn request<'l>(row: &Row, text: &'l str) -> Option<Request<'l>> {
    let (status, method, path) = outcome(row, text)?;
    let user = row.text(Column::User, text).filter(|u| u.len() <= 200);
    Some(Request { method, path, status, duration: duration(row, text), user })
}

/// Whether a line tells of one.
pub fn is_request(row: &Row, text: &str) -> bool {
    answer(row, text).is_some() && {
        let line = row.text(Column::Request, text);
        method(row, text, line.as_ref()).is_some() || path(row, text, line.as_ref()).is_some()
    }
}

/// Status, method and path.
type Outcome<'l> = (u16, Option<Cow<'l, str>>, Option<Cow<'l, str>>);

fn outcome<'l>(row: &Row, text: &'l str) -> Option<Outcome<'l>> {
    let status = answer(row, text)?;
    let line = row.text(Column::Request, text);
    let (method, path) = (method(row, text, line.as_ref()), path(row, text, line.as_ref()));
    (method.is_some() || path.is_some()).then_some((status, method, path))
}

/// The status.
fn answer(row: &Row, text: &str) -> Option<u16> {
    if !row.has_any(OUTCOME) {
        return None;
    }
    let grpc = || row.raw(Column::GrpcStatus, text).and_then(grpc_status);
    row.raw(Column::Status, text).and_then(status).or_else(grpc)
}

/// `line`: that of the request, which may tell it.
fn method<'l>(row: &Row, text: &'l str, line: Option<&Cow<'l, str>>) -> Option<Cow<'l, str>> {
    let of_line = || line.and_then(|line| part(line, first_word));
    row.text(Column::Method, text).or_else(of_line).filter(|method| is_method(method))
}

/// The same of its path.
fn path<'l>(row: &Row, text: &'l str, line: Option<&Cow<'l, str>>) -> Option<Cow<'l, str>> {
    let of_line = || line.and_then(|line| part(line, second_word));
    row.text(Column::Path, text).or_else(of_line).map(without_host).filter(|path| !path.is_empty())
}

/// A part of a text, which is borrowed where the text is.
fn part<'l>(text: &Cow<'l, str>, of: fn(&str) -> Option<&str>) -> Option<Cow<'l, str>> {
    match text {
        Cow::Borrowed(text) => of(text).map(Cow::Borrowed),
        Cow::Owned(text) => of(text).map(|part| Cow::Owned(part.to_owned())),
    }
}

fn first_word(text: &str) -> Option<&str> {
    text.get(..memchr::memchr(b' ', text.as_bytes()).unwrap_or(text.len()))
}

fn second_word(text: &str) -> Option<&str> {
    first_word(text.get(memchr::memchr(b' ', text.as_bytes())? + 1..)?)
}

fn is_method(word: &str) -> bool {
    (3..=24).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'_')
}

/// A whole URL becomes its path.
fn without_host(url: Cow<'_, str>) -> Cow<'_, str> {
    if url.starts_with('/') {
        return url;
    }
    let Some(at) = url.find("://") else { return url };
    let path = url[at + 3..].find('/').map_or(url.len(), |slash| at + 3 + slash);
    match url {
        _ if path == url.len() => Cow::Borrowed("/"),
        Cow::Borrowed(url) => Cow::Borrowed(&url[path..]),
        Cow::Owned(url) => Cow::Owned(url[path..].to_owned()),
    }
}

/// HTTP status. A proxy that tried several servers writes `502, 200`: the last one is the answer.
fn status(text: &str) -> Option<u16> {
    // There is no room for several in three bytes.
    let last = if text.len() == 3 { text } else { text.rsplit([',', ':']).next().unwrap_or(text).trim() };
    last.parse().ok().filter(|status| (100..600).contains(status))
}

/// The HTTP status of a gRPC code, as google.rpc.Code maps them; `Unknown` is an error of the server.
fn grpc_status(text: &str) -> Option<u16> {
    const CODES: [(&str, u16); 17] = [
        ("ok", 200),
        ("cancelled", 499),
        ("unknown", 500),
        ("invalidargument", 400),
        ("deadlineexceeded", 504),
        ("notfound", 404),
        ("alreadyexists", 409),
        ("permissiondenied", 403),
        ("resourceexhausted", 429),
        ("failedprecondition", 400),
        ("aborted", 409),
        ("outofrange", 400),
        ("unimplemented", 501),
        ("internal", 500),
        ("unavailable", 503),
        ("dataloss", 500),
        ("unauthenticated", 401),
    ];
    let word: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    let by_number = word.parse::<usize>().ok().and_then(|number| CODES.get(number));
    let found = by_number.or_else(|| CODES.iter().find(|(name, _)| *name == word || (word == "canceled" && *name == "cancelled")))?;
    Some(found.1)
}

/// Microseconds; absent where it is negative or longer than a day.
fn duration(row: &Row, text: &str) -> Option<i64> {
    const UNITS: [(Column, f64); 4] =
        [(Column::DurationUs, 1.0), (Column::DurationMs, 1e3), (Column::DurationS, 1e6), (Column::DurationNs, 1e-3)];
    let by_unit = UNITS.iter().find_map(|(column, unit)| {
        let number = row.raw(*column, text)?.rsplit(',').next()?.trim();
        Some(number.parse::<f64>().ok()? * unit)
    });
    let micros = by_unit.or_else(|| with_unit(&row.text(Column::Duration, text)?))?.round();
    (0.0..=LONGEST as f64).contains(&micros).then_some(micros as i64)
}

/// `15ms`, `1.2s`, `350µs`, `1m2.5s`, `00:00:01.5`; milliseconds where there is no unit.
fn with_unit(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.contains(':') {
        let seconds = text.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?;
        return Some(seconds * 1e6);
    }
    let mut rest = text;
    let mut micros = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        micros += number * unit(after[..letters].trim())?;
        rest = &after[letters..];
    }
    (!text.is_empty()).then_some(micros)
}

/// Microseconds of a unit.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "" | "ms" | "msec" | "millis" | "milliseconds" => 1e3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e6,
        "us" | "µs" | "μs" | "usec" | "micros" => 1.0,
        "ns" | "nanos" => 1e-3,
        "m" | "min" => 60e6,
        "h" => 3600e6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Cell, Spelling};
    use super::*;

    /// A row and its line, from columns and texts.
    fn row(cells: &[(Column, &str)]) -> (Row, String) {
        let (mut row, mut line) = (Row::default(), String::new());
        for (column, text) in cells {
            row.set(*column, Cell::new(line.len(), line.len() + text.len(), Spelling::Plain), 0);
            line.push_str(text);
        }
        (row, line)
    }

    #[test]
    fn a_request_needs_a_status_and_what_was_asked_for() {
        let check = |cells: &[(Column, &str)], expected: Option<(Option<&str>, Option<&str>, u16)>| {
            let (row, line) = row(cells);
            let request = request(&row, &line);
            let found = request.as_ref().map(|r| (r.method.as_deref(), r.path.as_deref(), r.status));
            assert_eq!(found, expected, "{cells:?}");
        };
        use Column::{GrpcStatus, Method, Path, Request, Status};
        check(&[(Status, "200")], None);
        check(&[(Method, "GET"), (Path, "/")], None);
        check(&[(Status, "200"), (Path, "/x?y")], Some((None, Some("/x?y"), 200)));
        check(&[(Status, "200"), (Request, "GET /x HTTP/1.1")], Some((Some("GET"), Some("/x"), 200)));
        check(&[(Status, "400"), (Request, "-")], None);
        check(&[(Status, "400"), (Request, r"\x16\x03\x01")], None);
        check(&[(Status, "502, 200"), (Path, "http://a.b:80/x")], Some((None, Some("/x"), 200)));
        check(&[(Status, "200"), (Path, "https://a.b")], Some((None, Some("/"), 200)));
        check(&[(Status, "99"), (Path, "/")], None);
        check(&[(Status, "700"), (Path, "/")], None);
        check(&[(GrpcStatus, "DeadlineExceeded"), (Path, "/a.B/C")], Some((None, Some("/a.B/C"), 504)));
        check(&[(GrpcStatus, "14"), (Path, "/a.B/C")], Some((None, Some("/a.B/C"), 503)));
        check(&[(GrpcStatus, "RESOURCE_EXHAUSTED"), (Path, "/a.B/C")], Some((None, Some("/a.B/C"), 429)));
        check(&[(Status, "ok"), (Path, "/")], None);
        check(&[(Status, "fine"), (Path, "/")], None);
    }

    #[test]
    fn durations() {
        let check = |column, text: &str, expected: Option<i64>| {
            let (row, line) = row(&[(column, text)]);
            assert_eq!(duration(&row, &line), expected, "{column:?} {text}");
        };
        check(Column::DurationMs, "1.5", Some(1_500));
        check(Column::DurationS, "0.059", Some(59_000));
        check(Column::DurationUs, "7", Some(7));
        check(Column::DurationNs, "1500", Some(2));
        check(Column::DurationS, "0.1, 0.2", Some(200_000));
        check(Column::DurationMs, "-3", None);
        check(Column::DurationMs, "-", None);
        check(Column::DurationMs, "NaN", None);
        check(Column::DurationS, "1e9", None);
        check(Column::Duration, "15ms", Some(15_000));
        check(Column::Duration, "1m2.5s", Some(62_500_000));
        check(Column::Duration, "350µs", Some(350));
        check(Column::Duration, "00:00:01.5", Some(1_500_000));
        check(Column::Duration, "12", Some(12_000));
        check(Column::Duration, "soon", None);
        check(Column::Duration, "", None);
    }

    #[test]
    fn peers() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(without_address_parts(text), expected, "{text}");
        check("http://10.0.0.1:8080/api?x", Some("10.0.0.1:8080"));
        check("10.0.0.1:80, 10.0.0.2:80", Some("10.0.0.2:80"));
        check("orders", Some("orders"));
        check("redis://user:pw@cache:6379/0", Some("cache:6379"));
        check("-", None);
        check("", None);
        check("not a name!", None);
    }
}

//! Stack traces: which lines belong to one, and which of them says what went wrong.
//!
//! Knows Python, Java and its relatives, JavaScript, Go, .NET, Ruby, PHP and Rust. Does not know records.

/// Bytes of a line within which its first word mostly ends.
const NEAR: usize = 12;
/// Longest headline, in bytes.
const LONGEST: usize = 1024;

/// Whether a line that is not indented begins a stack trace or belongs to one.
pub fn is_part(line: &str) -> bool {
    const BEGINNINGS: [&str; 24] = [
        "Traceback (most recent call last)",
        "The above exception was the direct cause",
        "During handling of the above exception",
        "Caused by: ",
        "Suppressed: ",
        "Exception in thread ",
        "... ",
        "at ",
        "File \"",
        "goroutine ",
        "panic: ",
        "fatal error: ",
        "created by ",
        "runtime.",
        "main.",
        "[signal ",
        "exit status ",
        "--- End of ",
        "Stack trace:",
        "stack backtrace:",
        "note: run with `RUST_BACKTRACE",
        "[SQL: ",
        "[parameters: ",
        "(Background on this error at:",
    ];
    const FIRST: [bool; 256] = {
        let (mut first, mut at) = ([false; 256], 0);
        while at < BEGINNINGS.len() {
            first[BEGINNINGS[at].as_bytes()[0] as usize] = true;
            at += 1;
        }
        first
    };
    let Some(first) = line.as_bytes().first() else { return false };
    let begins = FIRST[usize::from(*first)] && BEGINNINGS.iter().any(|begin| line.starts_with(*begin));
    begins || is_php_frame(line) || {
        let (word, rest) = first_word(line);
        (word.bytes().any(|byte| byte == b':') && is_ruby_frame(line, word)) || is_exception(line, (word, rest))
    }
}

/// What stands before the first blank, and the rest.
fn first_word(line: &str) -> (&str, &str) {
    // Most words end before a search by vectors has begun.
    let near = line.bytes().take(NEAR).position(|byte| byte == b' ');
    line.split_at(near.or_else(|| memchr::memchr(b' ', line.as_bytes())).unwrap_or(line.len()))
}

/// `#0 /srv/app/index.php(12): main()`
fn is_php_frame(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(' '))
}

/// ``app/models/order.rb:12:in `save'``
fn is_ruby_frame(line: &str, word: &str) -> bool {
    // The path has no blank.
    let Some(rest) = word.find(".rb:").map(|path| &line[path + 4..]) else { return false };
    rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(":in ")
}

/// Whether a line is the name of an exception, alone or before a colon: `java.io.IOException: closed`, `KeyError: 'x'`.
fn is_exception(line: &str, first: (&str, &str)) -> bool {
    const ENDINGS: [&str; 10] =
        ["Error", "Exception", "Exit", "Interrupt", "Fault", "Failure", "Timeout", "Warning", "Iteration", "Throwable"];
    if !may_begin_with_name(first) {
        return false;
    }
    let name = exception_name(line);
    let last = name.rsplit(['.', ':', '$', '\\']).next().unwrap_or(name);
    !last.is_empty()
        && (ENDINGS.iter().any(|e| last.ends_with(e)) || (name.contains('.') && last.starts_with(|c: char| c.is_ascii_uppercase())))
}

/// The dotted name before a `: ` or the end of the line; empty where the line does not begin with one.
fn exception_name(line: &str) -> &str {
    let name = line.split_once(": ").map_or_else(|| line.strip_suffix(':').unwrap_or(line), |(name, _)| name);
    // Rails puts the message into parentheses.
    let name = name.split_once(" (").filter(|_| line.ends_with("):")).map_or(name, |(name, _)| name);
    let name = name.strip_prefix("Uncaught ").unwrap_or(name);
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$' | b':' | b'\\' | b'/');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && name.len() <= 200 && name.bytes().all(valid) { name } else { "" }
}

/// Whether the first word of a line may be such a name: one that a blank ends has its colon there, or a parenthesis behind.
fn may_begin_with_name((word, rest): (&str, &str)) -> bool {
    rest.is_empty() || word.ends_with(':') || rest.starts_with(" (") || word == "Uncaught"
}

/// The line of a stack trace that says most about what went wrong: Python's last exception, Java's and .NET's innermost
/// cause, elsewhere the exception itself. `None` where the text is no stack trace.
pub fn headline(text: &str) -> Option<&str> {
    if !may_be_trace(text) {
        return None;
    }
    let mut found = Headlines::of(text, false);
    // What is no trace mostly shows that before it is asked of every line whether it is an exception's name.
    if found.is_trace && found.python.or(found.cause).is_none() {
        found = Headlines::of(text, true);
    }
    found.best().map(|line| shortened(line.trim()))
}

/// Whether a text can show that it is a stack trace. One of a single line shows it by how it begins, or ends with a parenthesis.
fn may_be_trace(text: &str) -> bool {
    let begins =
        |trimmed: &str| matches!(trimmed.bytes().next(), Some(b'T' | b'F' | b'C' | b'-' | b'[' | b'p' | b'a' | b'g' | b'#' | b'|'));
    memchr::memchr(b'\n', text.as_bytes()).is_some() || begins(text.trim_start()) || text.ends_with(')')
}

#[derive(Default)]
struct Headlines<'t> {
    /// Exceptions' names are wanted.
    names: bool,
    /// The first line that is an exception's name.
    first: Option<&'t str>,
    /// The last `Caused by:`, `--->` or `[cause]:`.
    cause: Option<&'t str>,
    /// The last exception after Python's frames.
    python: Option<&'t str>,
    go: Option<&'t str>,
    other: Option<&'t str>,
    /// Inside the frames of a Python traceback.
    in_frames: bool,
    /// Something that only stack traces have.
    is_trace: bool,
}

impl<'t> Headlines<'t> {
    fn of(text: &'t str, names: bool) -> Headlines<'t> {
        let mut found = Headlines { names, ..Headlines::default() };
        let mut before = "";
        for line in text.lines() {
            let trimmed = line.trim_start().trim_start_matches("| ").trim_start();
            if trimmed.is_empty() {
                continue;
            }
            found.see(line, trimmed, before);
            before = line;
        }
        found
    }

    fn see(&mut self, line: &'t str, trimmed: &'t str, before: &'t str) {
        let indented = line.starts_with([' ', '\t']);
        if trimmed.starts_with("Traceback (most recent call last)") || (trimmed.starts_with("File \"") && trimmed.contains(", line ")) {
            self.in_frames = true;
            self.is_trace = true;
        } else if self.in_frames && (!indented || line.trim_start().starts_with('|')) {
            self.in_frames = false;
            self.python = Some(trimmed);
        } else if let Some(cause) = cause_of(trimmed) {
            self.cause = Some(cause);
            self.is_trace = true;
        } else if let Some(message) = trimmed.strip_prefix("panic: ") {
            self.go = self.go.or(Some(message).map(|_| trimmed));
            self.is_trace = true;
        } else {
            self.see_other(trimmed, indented, before);
        }
    }

    fn see_other(&mut self, trimmed: &'t str, indented: bool, before: &'t str) {
        let frame = indented && trimmed.starts_with("at ");
        self.is_trace |= frame || trimmed.starts_with("goroutine ") || is_php_frame(trimmed);
        if trimmed.starts_with("fatal error: ") {
            self.go = self.go.or(Some(trimmed));
        }
        if before.starts_with("thread '") && before.contains(" panicked at ") {
            self.other = self.other.or(Some(trimmed));
            self.is_trace = true;
        }
        if is_ruby_head(trimmed) {
            self.other = self.other.or(Some(trimmed));
            self.is_trace = true;
        }
        if self.names && self.first.is_none() && !frame && is_exception(trimmed, first_word(trimmed)) {
            self.first = Some(trimmed);
        }
    }

    fn best(self) -> Option<&'t str> {
        let best = self.python.or(self.cause).or(self.first).or(self.go).or(self.other);
        best.filter(|_| self.is_trace)
    }
}

fn cause_of(trimmed: &str) -> Option<&str> {
    let cause = ["Caused by: ", "---> ", "[cause]: "].iter().find_map(|mark| trimmed.strip_prefix(mark))?;
    Some(cause.strip_prefix('[').map_or(cause, |rest| rest.split_once("] ").map_or(cause, |(_, text)| text)))
}

/// ``app.rb:10:in `pay': out of money (RuntimeError)``
fn is_ruby_head(trimmed: &str) -> bool {
    trimmed.ends_with(')') && trimmed.contains(".rb:") && trimmed.contains(":in ") && trimmed.contains(" (")
}

fn shortened(line: &str) -> &str {
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// What is ruled out by its first word has no name.
        #[test]
        fn names_are_not_ruled_out(line in "(Uncaught )?[A-Za-z_.:$ 0-9]{0,9}( ?\\(|: | )?[A-Za-z_.: ]{0,9}(\\):?|:)?") {
            let name = line.split_once(": ").map_or_else(|| line.strip_suffix(':').unwrap_or(&line), |(name, _)| name);
            let name = name.split_once(" (").filter(|_| line.ends_with("):")).map_or(name, |(name, _)| name);
            let name = name.strip_prefix("Uncaught ").unwrap_or(name);
            proptest::prop_assert!(may_begin_with_name(first_word(&line)) || name.contains(' '), "{}", line);
        }
    }

    proptest::proptest! {
        /// No trace of one line is ruled out by how it begins and ends.
        #[test]
        fn traces_are_not_ruled_out(
            line in "[ \t]{0,2}(\\| ){0,2}[ ]?(Traceback \\(most recent call last\\)|File \"a\", line 1|Caused by: |---> |\\[cause\\]: |panic: |at |goroutine |#1 |a.rb:1:in `b': )?[a-z:() ]{0,9}",
        ) {
            proptest::prop_assert!(may_be_trace(&line) || !Headlines::of(&line, true).is_trace, "{}", line);
        }
    }

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(headline(text), expected, "{text}");
    }

    #[test]
    fn python_takes_the_last_exception_of_a_chain() {
        check(
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n    ^^^\nKeyError: 'x-colour'",
            Some("KeyError: 'x-colour'"),
        );
        check(
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\npsycopg.errors.QueryCanceled: canceling statement\n\n\
             The above exception was the direct cause of the following exception:\n\n\
             Traceback (most recent call last):\n  File \"b.py\", line 2, in g\n    h()\n\
             sqlalchemy.exc.OperationalError: (psycopg.errors.QueryCanceled) canceling statement\n[SQL: SELECT 1]\n(Background on this error at: https://x)",
            Some("sqlalchemy.exc.OperationalError: (psycopg.errors.QueryCanceled) canceling statement"),
        );
        check(
            "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in f\n  | ExceptionGroup: two (2 sub-exceptions)",
            Some("ExceptionGroup: two (2 sub-exceptions)"),
        );
        check("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyboardInterrupt", Some("KeyboardInterrupt"));
    }

    #[test]
    fn java_and_dotnet_take_the_innermost_cause() {
        check(
            "java.util.concurrent.TimeoutException: no answer\n\tat a.B.c(B.java:1)",
            Some("java.util.concurrent.TimeoutException: no answer"),
        );
        check(
            "java.io.IOException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: y\n\t... 3 more\nCaused by: java.io.EOFException: EOF reached\n\tat q",
            Some("java.io.EOFException: EOF reached"),
        );
        check(
            "System.InvalidOperationException: outer\n ---> System.TimeoutException: inner\n   at X.Y()\n   --- End of inner exception stack trace ---",
            Some("System.TimeoutException: inner"),
        );
    }

    #[test]
    fn other_languages() {
        check(
            "TypeError: fetch failed\n    at node:internal/x:1:2\n  [cause]: Error: connect ECONNREFUSED 10.0.0.1:80\n      at y",
            Some("Error: connect ECONNREFUSED 10.0.0.1:80"),
        );
        check("Error: no such order\n    at call (/srv/server.js:36:38)", Some("Error: no such order"));
        check(
            "panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:\nmain.main()",
            Some("panic: runtime error: index out of range [3]"),
        );
        check(
            "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:",
            Some("fatal error: all goroutines are asleep - deadlock!"),
        );
        check(
            "app.rb:10:in `pay': out of money (RuntimeError)\n\tfrom app.rb:20:in `main'",
            Some("app.rb:10:in `pay': out of money (RuntimeError)"),
        );
        check("thread 'main' panicked at src/main.rs:2:5:\nno bread\nnote: run with `RUST_BACKTRACE=1`", Some("no bread"));
    }

    #[test]
    fn what_is_no_trace() {
        for text in [
            "",
            "\n\n",
            "SELECT 1\n  FROM x",
            "Record lock, heap no 13\n 0: len 4",
            "DETAIL: Process holding the lock: 12.",
            "at home\nat work",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn parts() {
        for line in [
            "KeyError: 1",
            "psycopg.errors.QueryCanceled: canceling",
            "java.io.IOException",
            "Caused by: x",
            "goroutine 12 [running]:",
            "#0 /srv/x.php(12): main()",
            "[SQL: SELECT 1]",
            "requests.exceptions.ReadTimeout: x",
            "NoMethodError (undefined method `price' for nil):",
            "app/models/order.rb:12:in `save'",
        ] {
            assert!(is_part(line), "{line}");
        }
        for line in [
            "",
            "hello",
            "Loading: done",
            "2023-08-12 ok",
            "Version: '10.11'",
            "note that this is fine",
            "GET / 200",
            "see order.rb: it is long",
            "Done (in 3 s):",
        ] {
            assert!(!is_part(line), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}\n\\PC{0,80}") {
            headline(&text);
            is_part(&text);
        }
    }
}

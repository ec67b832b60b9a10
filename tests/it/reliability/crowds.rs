//! Names that a log or a metric file invents without end.

use super::bundles::clock;
use super::run::Case;
use crate::tool::Folder;

/// Lines of each log.
const MANY: u32 = 24_000;

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![("names without end", crowds())]
}

fn log(folder: &Folder, line: impl Fn(u32) -> String) {
    let time = |i: u32| clock(i / 40).replace(' ', "T") + "Z";
    let text: String = (0..MANY).map(|i| format!("{{\"time\":\"{}\",\"level\":\"info\",{}}}\n", time(i), line(i))).collect();
    folder.write("logs/odd/odd.log", text.as_bytes());
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn crowds() -> Vec<Case> {
    vec![
        Case::beside("a service a line", |f| log(f, |i| format!("\"service\":\"s{i}x\",\"msg\":\"done\"")), "too many services")
            .undecided(),
        Case::beside(
            "an instance a line",
            |f| log(f, |i| format!("\"service\":\"odd\",\"host\":\"h{i}x\",\"msg\":\"done\"")),
            "too many instances",
        ),
        Case::beside(
            "a route a line",
            |f| log(f, |i| format!("\"msg\":\"request\",\"method\":\"GET\",\"path\":\"/p{}q\",\"status\":200", name(i))),
            "too many routes",
        ),
        Case::beside(
            "a version a line",
            |f| log(f, |i| format!("\"msg\":\"request\",\"method\":\"GET\",\"path\":\"/\",\"status\":200,\"version\":\"1.{i}\"")),
            "too many versions",
        ),
        Case::beside("a callee a line", |f| log(f, |i| format!("\"msg\":\"call\",\"peer.service\":\"p{}\"", name(i))), "too many peers"),
        Case::beside("a message a line", |f| log(f, |i| format!("\"msg\":\"{} {} {}\"", name(i), name(i / 7), name(i / 3))), ""),
        Case::beside("a trace a line", |f| log(f, |i| format!("\"msg\":\"done\",\"trace_id\":\"{i:032x}\",\"span_id\":\"{i:016x}\"")), ""),
        Case::beside(
            "a user a line",
            |f| log(f, |i| format!("\"msg\":\"request\",\"path\":\"/\",\"status\":200,\"user_id\":\"u{i}\"")),
            "",
        ),
        Case::beside("a key a line", |f| log(f, |i| format!("\"msg\":\"done\",\"k{i}\":1")), ""),
        Case::beside(
            "a service a line on standard input",
            |f| log(f, |i| format!("\"service\":\"s{i}x\",\"msg\":\"done\"")),
            "too many services",
        )
        .after("cat \"$BUNDLE/logs/odd/odd.log\" |")
        .with(&["analyze", "-", "--format", "json", "--threads", "4"])
        .undecided(),
        Case::beside(
            "2,500 folders of services",
            |f| (0..2_500).for_each(|i| f.write(&format!("logs/s{i}/a.log"), format!("{} INFO done\n", clock(i % 600)).as_bytes())),
            "too many services",
        )
        .undecided(),
        Case::beside(
            "a series a sample",
            |f| {
                f.write(
                    "metrics/odd.om",
                    format!(
                        "# TYPE x gauge\n{}",
                        (0..250_000).map(|i| format!("x{{job=\"j{i}\"}} 1 {}\n", 1_795_368_000 + i % 600)).collect::<String>()
                    )
                    .as_bytes(),
                )
            },
            "a sample of a series beyond the first 200000",
        ),
        Case::beside(
            "10,000 changes",
            |f| {
                let known = std::fs::read_to_string(f.at("changes.jsonl")).unwrap();
                let more: String = (0..10_000)
                    .map(|i| {
                        format!(
                            "{{\"id\":\"c{i}\",\"time\":\"2026-11-22T12:{:02}:{:02}Z\",\"service\":\"mailer\",\"kind\":\"deploy\"}}\n",
                            i / 60 % 60,
                            i % 60
                        )
                    })
                    .collect();
                f.write("changes.jsonl", (known + &more).as_bytes());
            },
            "",
        ),
    ]
}

/// A word of letters for a number, which no masking takes for a number.
fn name(number: u32) -> String {
    let mut number = number;
    let mut word = String::new();
    for _ in 0..5 {
        word.push(char::from(b'a' + (number % 20) as u8));
        number /= 20;
    }
    word
}

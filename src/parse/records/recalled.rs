//! Tests that lines like ones met before are read as if they were the first.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use super::super::recall::respelled;
use super::super::tokens;
use super::log::Memory;
use super::tests::source;
use super::*;

static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::builtin);

/// What becomes of each record and of each line that is none.
struct Told(Vec<String>);

impl Sink for Told {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        // Who did not need the masked message leaves masking to others.
        let masked = record.masked.map_or_else(|| tokens::mask(&record.message), |masked| masked.text.to_owned());
        self.0.push(format!("{line} {masked} {:?}", Record { masked: None, kind: None, ..record.clone() }));
    }

    fn unread(&mut self, text: &str, line: u64) {
        self.0.push(format!("{line} {text}"));
    }
}

/// Service, level, time and masked text with its error of each record, also where only its kind is told.
#[derive(Default)]
struct Counted {
    told: Vec<String>,
    kinds: BTreeMap<u32, (String, Level)>,
    alike: usize,
    /// Is to be shown every record.
    looks: bool,
}

impl Counted {
    fn tell(&mut self, what: &str, level: Level, time: Time, line: u64) {
        self.told.push(format!("{line} {time:?} {level:?} {what}"));
    }
}

impl Sink for Counted {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        let mut masked = String::new();
        tokens::mask_record(record, &mut masked);
        let what = format!("{} {masked}", record.service.as_deref().unwrap_or_default());
        self.tell(&what, record.level, record.time, line);
        if let Some(kind) = record.kind {
            self.kinds.insert(kind.number, (what, record.level));
        }
    }

    fn wants_requests(&self) -> bool {
        false
    }

    fn alike(&mut self, kind: Tag, level: Level, time: Time, line: u64) -> bool {
        let known = self.kinds.get(&kind.number).filter(|(_, of)| *of == level && !self.looks).cloned();
        let Some((what, _)) = known else { return false };
        self.tell(&what, level, time, line);
        self.alike += 1;
        true
    }
}

/// What is remembered while a log is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remembered {
    Nothing,
    Lines,
    /// The same with no numbers of names, whatever is known of other lines.
    Unnumbered,
}
use Remembered::{Lines, Nothing, Unnumbered};

/// Blocks in which a log is read: what was looked ahead for in one is not looked up in the next.
const BLOCKS: usize = 7;

fn read(opening: &str, text: &str, remembered: Remembered, sink: &mut dyn Sink) {
    let formats: &Formats = &FORMATS;
    let clock = Clock::of(&source(), None);
    let dialect = Dialect::of(formats, &clock, opening);
    let log = Log::new(&dialect, formats, clock, sink);
    let mut log = match remembered {
        Nothing => log.forgetful(),
        Lines => log,
        Unnumbered => log.without_numbers(),
    };
    for block in blocks(text) {
        // As where files are read, the next block stands where this one did.
        let block = block.to_owned();
        log = log.block(&block);
    }
    log.finish();
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.bytes().enumerate().skip(text.len() / BLOCKS).find(|(_, byte)| *byte == b'\n').map_or(rest.len(), |(at, _)| at + 1);
        let (block, left) = rest.split_at(end);
        rest = left;
        Some(block).filter(|block| !block.is_empty())
    })
}

/// Two read the same, each block first by the one or the other, and tell each other what they learn.
fn read_both(opening: &str, text: &str, sinks: [&mut dyn Sink; 2]) {
    let formats: &Formats = &FORMATS;
    let clock = Clock::of(&source(), None);
    let dialect = Dialect::of(formats, &clock, opening);
    let exchange = Arc::default();
    let memory = || Box::new(Memory::shared(&dialect, formats, &exchange));
    let mut logs = sinks.map(|sink| Log::with(memory(), &dialect, clock, sink));
    for block in blocks(text) {
        let block = block.to_owned();
        logs = logs.map(|log| log.block(&block));
        logs.reverse();
    }
    logs.into_iter().for_each(|log| drop(log.finish()));
}

fn told(opening: &str, text: &str, remembered: Remembered) -> Vec<String> {
    let mut told = Told(Vec::new());
    read(opening, text, remembered, &mut told);
    told.0
}

/// How often each line comes, in one spelling or another.
const OFTEN: usize = 40;

/// The lines again and again, some of them in other spellings, in an order that is not theirs.
fn varied(lines: &[&str], times: usize) -> String {
    varied_by(&mut random_numbers(), lines, times)
}

fn varied_by(random: &mut impl FnMut() -> usize, lines: &[&str], times: usize) -> String {
    let mut out = String::new();
    for _ in 0..times * lines.len() {
        let line = lines[random() % lines.len()];
        let numbers: Vec<u8> = (0..30).map(|_| random() as u8).collect();
        match random() % 5 {
            0 => out.push_str(line),
            // What stands before a blank stays, as its time.
            4 => {
                let blanks: Vec<usize> = line.match_indices(' ').map(|(at, _)| at).collect();
                let (stays, differs) = line.split_at(blanks.get(random() % blanks.len().max(1)).copied().unwrap_or(0));
                out.extend([stays, &respelled(differs, &numbers)]);
            }
            // Times and most numbers stay, some digits do not.
            1 | 2 => out.extend(line.bytes().map(|byte| match byte {
                b'0'..=b'9' if random().is_multiple_of(6) => char::from(b'0' + (random() % 10) as u8),
                byte if byte.is_ascii() => char::from(byte),
                _ => '?',
            })),
            _ => out.push_str(&respelled(line, &numbers)),
        }
        out.push('\n');
    }
    out
}

fn check(opening: &str, lines: &[&str]) -> usize {
    check_often(opening, lines, OFTEN)
}

fn check_often(opening: &str, lines: &[&str], times: usize) -> usize {
    check_text(opening, &varied(lines, times))
}

fn check_text(opening: &str, text: &str) -> usize {
    let without = told(opening, text, Nothing);
    for remembered in [Lines, Unnumbered] {
        let with = told(opening, text, remembered);
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(with, without);
        }
        assert_eq!(with.len(), without.len());
    }
    let (mut one, mut other) = (Told(Vec::new()), Told(Vec::new()));
    read_both(opening, text, [&mut one, &mut other]);
    assert!(one.0 == without && other.0 == without, "{opening}");
    without.len()
}

/// The samples of all formats, each line in the envelope of a container's runtime.
fn enveloped() -> Vec<String> {
    let lines = samples().flat_map(|(_, lines)| lines).enumerate();
    let begins = ["065000123Z stdout F", "065Z stdout F", "5+02:00 stderr F", "065000123Z stderr P:a7", "065000123Z stdout F:7f00:P"];
    let begin = |number: usize| if number.is_multiple_of(3) { begins[number / 3 % begins.len()] } else { begins[0] };
    lines.map(|(number, line)| format!("2026-03-01T00:00:0{}.{} {line}", number % 10, begin(number))).collect()
}

/// How many records were told by their kind alone.
fn check_kinds(opening: &str, lines: &[&str]) -> usize {
    alike(opening, &varied(lines, OFTEN))
}

/// The same of a text.
fn alike(opening: &str, text: &str) -> usize {
    let (mut with, mut without) = (Counted::default(), Counted { looks: true, ..Counted::default() });
    read(opening, text, Lines, &mut with);
    read(opening, text, Nothing, &mut without);
    assert_eq!((&with.told, without.alike), (&without.told, 0));
    let (mut one, mut other) = (Counted::default(), Counted::default());
    read_both(opening, text, [&mut one, &mut other]);
    assert!(one.told == without.told && other.told == without.told, "{opening}");
    with.alike
}

/// The samples of a format, line by line; but for those that say how the lines below are to be read.
fn samples() -> impl Iterator<Item = (String, Vec<&'static str>)> {
    FORMATS.lines().iter().map(|format| {
        // But for the headers of blocks.
        let says_how = |line: &str| line.starts_with('#') && !line.starts_with("# ");
        let lines = format.samples.iter().flat_map(|sample| sample.text.lines()).filter(|line| !says_how(line) && !line.is_empty());
        (format.samples.iter().map(|sample| format!("{}\n", sample.text)).collect(), lines.collect())
    })
}

#[test]
fn every_format_by_itself() {
    let told: usize = samples().filter(|(_, lines)| !lines.is_empty()).map(|(opening, lines)| check(&opening, &lines)).sum();
    assert!(told > 5_000, "{told}");
}

#[test]
fn records_of_a_kind_differ_in_time_alone() {
    let alike: usize = samples().filter(|(_, lines)| !lines.is_empty()).map(|(opening, lines)| check_kinds(&opening, &lines)).sum();
    assert!(alike > 500, "{alike}");
}

/// A DETAIL belongs to the line before where both are of one process, whatever program wrote that line.
#[test]
fn details_below_lines_of_a_kind() {
    let line = |number: usize| {
        let time = format!("2026-03-01 00:{:02}:{:02}.{:03}", number / 60 % 60, number % 60, number % 1000);
        let detail = if number.is_multiple_of(7) {
            format!("\n{time} UTC [{}] DETAIL:  Key (id)=({number}) is there.", 800 + number % 2)
        } else {
            String::new()
        };
        format!("{time} INFO shop.cart.Worker [800] took {number} ms{detail}\n")
    };
    let text: String = (0..40 * OFTEN).map(line).collect();
    assert!(alike(&text[..text.len() / 20], &text) > OFTEN);
}

#[test]
fn all_formats_in_envelopes() {
    let lines = enveloped();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(check(&lines.join("\n"), &lines) > 5_000);
}

/// Beginnings of one length, which are those of envelopes or are not for a digit that stands elsewhere.
const BEGINNINGS: [&str; 14] = [
    "2026-03-01T00:00:01.065000123Z stdout F ",
    "2026-03-01T00:00:02.065000123Z stderr F ",
    "20263-0-01T00:00:02.065000123Z stderr F ",
    "2026-03-1T000:00:02.065000123Z stderr F ",
    "2026-03-01T00:00:000.65000123Z stdout F ",
    "2026-13-01T00:00:01.065000123Z stdout F ",
    "2026-03-01T00:00:01.06500123Z stdout F  ",
    "2026-03-01T00:00:01.06500123Z stdout F:7",
    "2026-03-01T00:00:01.0650012Z stdout F:77",
    "2026-03-01T00:00:01.0650012Z stdout F:a ",
    "2026-03-01T00:00:01.0650+02:00 stdout F ",
    "2026-03-01T00:00:01.0650+020:0 stdout F ",
    "2026-03-01T00:00:01.0650-2:000 stdout P ",
    "2026-03-01T00:00:01.065001237 stdout FF ",
];

/// Who wrote, in envelopes that name it: some are words of levels.
const NAMES: [&str; 6] = ["shop", "deb1", "err7", "inf4", "warn", "er12"];

#[test]
fn envelopes_of_one_length() {
    check_beginnings(&BEGINNINGS.map(str::to_owned));
    check_beginnings(&NAMES.map(|name| format!("[pod/{name}/shop] 2023-08-12T14:31:08.123456789Z ")));
    check_beginnings(&NAMES.map(|name| format!("[pod/a/{name}] 2023-08-12T14:31:08.123456789Z ")));
}

fn check_beginnings(beginnings: &[String]) {
    let opening = format!("{}text\n", beginnings[0]).repeat(20);
    let lines: Vec<String> =
        beginnings.iter().flat_map(|begin| ["text", ":a text", ": 7", ""].map(|inside| format!("{begin}{inside}"))).collect();
    let mut random = random_numbers();
    let picked = std::iter::repeat_with(|| lines[random() % lines.len()].as_str());
    let text: String = picked.take(20_000).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(told(&opening, &text, Lines), told(&opening, &text, Nothing));
}

#[test]
fn all_formats_mixed() {
    let lines: Vec<&str> = samples().flat_map(|(_, lines)| lines).collect();
    let opening = lines.join("\n");
    assert!(check(&opening, &lines) > 5_000);
}

/// Headers that no format describes, told by their shape: what they are depends on lengths, on words, on what stands around the time.
const HEADERS: [&str; 32] = [
    "2026/03/01 00:00:07.123 | WARN | worker-3 | took 12 ms",
    "2026/03/01 00:00:07.123 | ERROR | worker-3 | queue 12 full",
    "[WARN] 01-03-2026 00:00:07 shop.cart.Worker (pool-3): took 12 ms",
    "[03.01 00:05:15] chrome.exe - proxy.example.org:7352 close, 4954 bytes (1.16 KB) sent",
    "2026-03-01T00:01:21.720417123Z stdout F INFO order 29664702 created total=394.622",
    "2026-03-01 00:00:01 host7 app[812]: took 3 ms",
    "2026-03-01 00:00:01 debug1: 12 keys",
    "2026-03-01 00:00:01 level12345: 12 keys",
    "2026-03-01 00:00:01 [worker-12] [77] INFO a.B - done 3",
    "2026-03-01 00:00:01 -0500 12 left",
    "2026-03-01 00:00:01 +0530 left",
    "2026-03-01 00:00:01 12:30:07 left",
    "INFO 2026-03-01 00:00:01 1234 main.rs:12 text 5",
    "app 2026-03-01 00:00:01 1 text",
    "app 2026-03-01 00:00:01 1234567 text",
    "3 2026-03-01 00:00:01 text",
    "id 12/11/2026 17:21:02 2026-03-01 00:00:01 text",
    "10:00:01 text 7 of 9",
    "1772323201 text 7 of 9",
    "Mar  1 00:00:01 x 7",
    "2026-03-01 00:00:01 500 text",
    "2026-03-01 00:00:01 0x55f31aae58b0 text",
    "2026-03-01 00:00:01 5141e3f295c8c1d8 text",
    "2026-03-01 00:00:01 [550e8400-e29b-41d4-a716-446655440000] text 7",
    "2026-03-01 00:00:01 [client 10.0.0.7:80] text 7",
    "2026-03-01 00:00:01 [a=1 b=22] text 7",
    "2026-03-01 00:00:01 (open 17",
    "2026-03-01 00:00:01 W 77 tag: text",
    "2026-03-01 00:00:01 w * 64 - text",
    "2026-03-01 00:00:01 word *64 - text",
    "[03.01 00:05:15] chrome.exe *64 - proxy.example.org:5070 close",
    "2026-03-01 00:00:01 E2345 [NET] text 8",
];

#[test]
fn headers_told_by_their_shape() {
    let opening = HEADERS.join("\n");
    assert!(check(&opening, &HEADERS) > 500);
    assert!(check_kinds(&opening, &HEADERS) > 100);
    for header in HEADERS {
        check_often(&opening, &[header], 50 * OFTEN);
    }
}

#[test]
fn envelopes_among_other_lines() {
    let opening: String = samples().map(|(opening, _)| opening).collect();
    let lines = enveloped();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(check(&opening, &lines) > 5_000);
}

/// Objects that begin alike, with strings in them that differ from line to line (`@`), digits (`#`), and escapes (`%`). Some strings tell who
/// logged it, some are keys, messages, errors or times, and a key may be of the one here and of the other there.
const OBJECTS: [&str; 12] = [
    r#""logger":"@","caller":"@","key":"@","msg":"took 12 ms","n":7}"#,
    r#""logger":"@","caller":"@","msg":"read 12 bytes of 0x7f3a12","n":7,"shop":"@"}"#,
    r#""logger":"@","caller":"@","msg":"@","n":7}"#,
    r#""x":[{"logger":"@"}],"caller":"@","msg":"took 12 ms\n7 left"}"#,
    r#""attributes":[{"key":"@","value":{"stringValue":"@"}}],"logger":"@","caller":"@","msg":"m"}"#,
    r#""logger":"@","caller":"@","msg":"broken"#,
    r#""logger":"@","caller":"@","msg":"\u00##345678 x\n12345678\n"}"#,
    r#""logger":"@","caller":"@","msg":"ab \%a##cd#4ef7a8b x\n"}"#,
    r#""o":{"logger":"@","time":"@"},"caller":"@","error":"@","msg":"m 4"}"#,
    r#""thread":"@","logger":"@","caller":"@","msg":"\"id\\\" 12\n\n"}"#,
    r#""logger":"@","msg":[{"caller":"@"},12]}"#,
    r#""msg":"error of logger","caller":"@","logger":"@","thread":["@"]}"#,
];

/// What these strings say; the others are names of many.
const STRINGS: [&str; 20] = [
    "",
    "-",
    "null",
    "error",
    "{",
    "}",
    "a}],",
    "[",
    ":",
    ",",
    "2026-03-01 00:00:01 INFO x",
    r#"a\"b"#,
    r"a\\",
    "é",
    "a b=c d=e",
    r"\t",
    "17",
    r"\u00e9",
    "msg",
    "user 12",
];

/// Numbers that seem to come by chance.
fn random_numbers() -> impl FnMut() -> usize {
    random_numbers_from(7)
}

fn random_numbers_from(mut state: usize) -> impl FnMut() -> usize {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

#[test]
fn objects_whose_strings_differ() {
    let mut random = random_numbers();
    let mut text = String::new();
    for number in 0..12_000 {
        write!(text, r#"{{"level":"info","ts":1772323{:03}.5,"v":1,"#, number / 60).unwrap();
        for byte in OBJECTS[random() % OBJECTS.len()].chars() {
            match byte {
                '@' if random().is_multiple_of(4) => text.push_str(STRINGS[random() % STRINGS.len()]),
                '@' => write!(text, "shop.{}", ["a", "b", "c.d", "e"][random() % 4].repeat(1 + random() % 20)).unwrap(),
                '#' => text.push(['3', '4'][random() % 2]),
                '%' => text.push(['b', 'f'][random() % 2]),
                byte => text.push(byte),
            }
        }
        text.push('\n');
    }
    assert!(check_alike(&text) > 5_000);
}

/// How many records were told by their kind alone.
fn check_alike(text: &str) -> usize {
    let opening: String = text.lines().take(40).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(told(&opening, text, Lines), told(&opening, text, Nothing));
    alike(&opening, text)
}

/// Lines that begin alike, with numbers of names in them that differ (`@`): of machines, identifiers, programs, levels, keys, and in messages.
const NUMBERED: [&str; 8] = [
    "@.prod checkout 12 ID@ - cache hit 7 of 9",
    "@ checkout 12 ID@ [origin ip=\"10.0.0.7\"] user 12 is gone, took 3ms",
    "@ app@ 12 ID@ - user 12 is gone",
    "@ checkout pid@ ID@ - step@ of utf8",
    "@ checkout - - [x@ key@=\"v@\"] level=E@ n@=12 msg=\"took 7\"",
    "@ checkout 1 ID@ - error@: {\"a@\":1}",
    "@ kernel - - - eth@: link up at 12T@ of KB@",
    "AT@ checkout 1 T@ - AT12 T12 12T12 0x@ 0xg@ 9x@ @",
];

#[test]
fn names_whose_numbers_differ() {
    let mut random = random_numbers();
    let mut text = String::new();
    for number in 0..12_000 {
        let (hour, minute) = (number / 3600, number / 60 % 60);
        write!(text, "<13{}>1 2026-03-01T{hour:02}:{minute:02}:07.5Z web-prod-", random() % 6).unwrap();
        for byte in NUMBERED[random() % NUMBERED.len()].chars() {
            match byte {
                '@' => write!(text, "{}", random() % [3, 60, 9_000][random() % 3]).unwrap(),
                byte => text.push(byte),
            }
        }
        text.push('\n');
    }
    assert!(check_alike(&text) > 1_000);
}

#[test]
fn errors_in_messages_are_counted_apart() {
    let text = "2026-03-01 00:00:01,000 INFO shop: GET /a 500 3ms error=boom\n".repeat(20);
    let mut counted = Counted::default();
    read(&text, &text, Lines, &mut counted);
    assert_eq!((counted.told.len(), counted.alike), (20, 0));
    assert!(counted.told.iter().all(|told| told.ends_with(" | boom")), "{:?}", counted.told[0]);
}

/// Logs of a few spoilt lines in a plain test run.
const SPOILT_LOGS: usize = 150;
/// Seconds for them instead, for a long search, and where their numbers begin.
const SECONDS: &str = "WHATCHANGED_FUZZ_SECONDS";
const SEED: &str = "WHATCHANGED_FUZZ_SEED";
/// Files whose lines are taken too in a long search, one in a line.
const LOGS: &str = "WHATCHANGED_FUZZ_LOGS";
/// Bytes of a line of these files that may be spoilt: longer ones are not remembered.
const LONGEST_SPOILT: usize = 900;
/// What formats take for something.
const SIGNS: [char; 19] = ['"', '\\', ' ', '[', ']', '{', '}', ':', 'T', 'Z', '0', 'x', '-', 'a', 'F', '=', ',', '\t', 'é'];

/// A line of which a sign is written over, a piece is left out, or one stands elsewhere too.
fn spoilt(line: &str, random: &mut impl FnMut() -> usize) -> String {
    let mut signs: Vec<char> = line.chars().collect();
    let (at, length) = (random() % signs.len().max(1), random() % 24);
    let piece = at..(at + length).min(signs.len());
    match random() % 3 {
        0 => signs.iter_mut().skip(at).take(1).for_each(|sign| *sign = SIGNS[random() % SIGNS.len()]),
        1 => drop(signs.drain(piece)),
        _ => {
            let to = random() % (signs.len() + 1);
            let piece = signs[piece].to_vec();
            signs.splice(to..to, piece);
        }
    }
    signs.into_iter().collect()
}

/// What is asked for by a variable, if it is.
fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The first lines of the files that are asked for.
fn other_lines() -> Vec<String> {
    let paths: String = asked(LOGS).unwrap_or_default();
    let texts = paths.lines().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).replace('\0', " "));
    let lines =
        |text: String| -> Vec<String> { text.lines().filter(|line| line.len() <= LONGEST_SPOILT).take(2_000).map(str::to_owned).collect() };
    texts.flat_map(lines).collect()
}

/// What a log of a few lines says, of all formats and more, some of them spoilt, is the same whether lines are remembered or not.
#[test]
fn few_spoilt_lines_of_any_format() {
    let (enveloped, others) = (enveloped(), other_lines());
    let own = samples().flat_map(|(_, lines)| lines).chain(HEADERS);
    let pool: Vec<&str> = own.chain(enveloped.iter().chain(&others).map(String::as_str)).collect();
    let (seconds, seed): (Option<u64>, Option<usize>) = (asked(SECONDS), asked(SEED));
    let (begun, mut logs, mut random) = (std::time::Instant::now(), 0, random_numbers_from(seed.unwrap_or(7)));
    while seconds.map_or(logs < SPOILT_LOGS, |seconds| begun.elapsed().as_secs() < seconds) {
        let few = 5 + random() % 45;
        let mut line = || {
            let line = pool[random() % pool.len()];
            if random().is_multiple_of(3) { spoilt(line, &mut random) } else { line.to_owned() }
        };
        let lines: Vec<String> = (0..few).map(|_| line()).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let times = 3 + random() % 30;
        let text = varied_by(&mut random, &lines, times);
        let opening: String = text.lines().take(1 + random() % 200).flat_map(|line| [line, "\n"]).collect();
        check_text(&opening, &text);
        alike(&opening, &text);
        logs += 1;
    }
    assert!(logs > 0);
}

/// What stands behind a number belongs to it or not, and is so masked, whatever its digits are.
#[test]
fn identifiers_behind_numbers() {
    let lines = [
        "2026-03-01 00:00:01 INFO a.B - user 12:21348712-2f40-45d5-a95e-446655440000 is gone",
        "2026-03-01 00:00:01 INFO a.B - step 7.123456789012345Z of 9",
        "2026-03-01 00:00:01 INFO a.B - step 7.5Zx of 12.550e8 and 7,12345678",
    ];
    check_often(&lines.join("\n"), &lines, 50 * OFTEN);
}

/// In a log whose own format is told by its shape, headers are tried before the formats that it did not begin with.
#[test]
fn formats_behind_headers() {
    let opening = "2026-03-01 00:00:01 [worker-12] [77] INFO a.B - done 3\n".repeat(20);
    let clusters =
        "- 1691850667 2023.08.12 R02-M1-N0 2023-08-12-14.31.07.675872 R02-M1-N0 RAS KERNEL INFO instruction cache parity error corrected";
    check_often(&opening, &[clusters], 50 * OFTEN);
}

//! Tests of folding and of pins. That lines are read the same with and without what is remembered is tested where logs are read.

use proptest::prelude::*;

use super::super::matching::Matcher;
use super::super::pattern::Pattern;
use super::super::scanner::Scanned;
use super::super::timestamp::Clock;
use super::super::tokens;
use super::super::varying::Kind;
use super::pins::Pins;
use super::*;

fn folded(text: &str) -> Folded {
    let mut folded = Folded::default();
    refold(&mut folded, text, false);
    folded
}

/// The same without the numbers of names.
fn without_numbers(text: &str) -> Folded {
    let mut folded = Folded::default();
    refold(&mut folded, text, true);
    folded
}

fn refold(folded: &mut Folded, text: &str, without_numbers: bool) {
    assert!(Folded::takes(text), "{text}");
    folded.fold(text, &[], &[], without_numbers);
}

/// Another spelling of a line: the same parts, with bytes and lengths taken from a row of numbers.
pub fn respelled(text: &str, numbers: &[u8]) -> String {
    let folded = without_numbers(text);
    let mut numbers = numbers.iter().copied().cycle();
    let mut number = || usize::from(numbers.next().unwrap_or_default());
    let (mut out, mut copied) = (String::new(), 0);
    for part in folded.parts() {
        out.push_str(&text[copied..part.start()]);
        let length = part.end() - part.start();
        // As often of the same length as of another.
        let length = if number() % 2 == 0 { length } else { 1 + number() % 9 };
        let bytes = part.kind.bytes();
        if matches!(part.kind, Kind::Uuid | Kind::SmallUuid) {
            out.extend(
                text[part.start()..part.end()]
                    .bytes()
                    .map(|byte| if byte == b'-' { '-' } else { char::from(bytes[number() % (bytes.len() - 1)]) }),
            );
            copied = part.end();
            continue;
        }
        out.extend((0..length).map(|_| char::from(bytes[number() % bytes.len()])));
        copied = part.end();
    }
    out + &text[copied..]
}

#[test]
fn what_differs_is_folded() {
    let same = [
        ("took 3 ms", "took 3141 ms"),
        ("at 10.0.0.7:5432", "at 192.168.100.2:1"),
        ("req=5141e3f295c8c1d8;", "req=a0b1c2d3e4;"),
        ("C-0x55f31aae58b0", "C-0x1"),
        ("id abcdefghijklmnop1 x", "id Zyxwvutsrqponmlk234 x"),
        ("tmp16084.0", "tmp2345678.1"),
        ("id 21348712-2f40-45d5-a95e-446655440000", "id abcdef01-0f40-4545-aa5e-44cc55440000"),
        ("id 21348712-2F40-45d5-a95e-446655440000", "id abcdef01-0f40-4545-aa5e-44CC55440000"),
        ("req=5141E3F295C8C1D8;", "req=a0b1c2d3E4;"),
        ("12ms p99", "3ms p99"),
        ("größe 5 µs", "größe 77 µs"),
        ("", ""),
    ];
    for (a, b) in same {
        assert_eq!(folded(a).key(), folded(b).key(), "{a} {b}");
    }
    let apart = [
        ("took 3 ms", "took x ms"),
        ("a1", "b1"),
        ("req=5141e3f295c8c1d8;", "req=5141E3f295c8c1d8;"),
        ("0x5a", "0x5A"),
        ("12T08:00", "123T08:00"),
        ("12T08:00", "12T8:00"),
        ("0x1g", "01x1g"),
        ("ab12cd34", "ab12c"),
        ("ab12g", "ab13g"),
        ("v1", "v2"),
        ("tmp16084", "tmp1608"),
        ("21348712-2f40-45d5-a95e-446655440000", "2134871-2f40-45d5-a95e-446655440000"),
        ("1.2", "1:2"),
        ("a\u{1}", "a2"),
    ];
    for (a, b) in apart {
        assert_ne!(folded(a).key(), folded(b).key(), "{a} {b}");
    }
    assert!(!Folded::takes(&"x".repeat(5000)));
}

#[test]
fn numbers_of_names_are_folded_where_that_is_told() {
    let (one, two) = (without_numbers("ID4 7 utf8 aT12 KB2729094 12T08 0xg7"), without_numbers("ID47 8 utf16 aT1 KB27 12T09 0xg0"));
    assert_eq!(one.key(), two.key());
    assert_eq!(one.parts().iter().map(|part| part.is_of_name()).collect::<Vec<_>>(), [true, false, true, true, true, false, false, true]);
    for (a, b) in [("ID4", "IE4"), ("ID4", "ID4x"), ("ID4", "ID"), ("12T08", "1aT08"), ("12T08", "12T8"), ("tmp16084", "tmp1608")] {
        assert_ne!(without_numbers(a).key(), without_numbers(b).key(), "{a} {b}");
    }
}

/// How many of these lines are known.
fn known(lines: impl Iterator<Item = String>) -> usize {
    let (formats, clock) = (Formats::builtin(), Clock::default());
    let order: Vec<&LineFormat> = formats.lines().iter().collect();
    let (mut matcher, mut recall) = (Matcher::new(&formats), Recall::default());
    let mut is_known = |line: &String| match recall.look(line, &formats, &mut Row::default()) {
        Recalled::No => false,
        Recalled::Known(_) => true,
        Recalled::Again => {
            let mut teacher = Teacher { matcher: &mut matcher, order: &order, first: None, clock: &clock };
            recall.learn(line, &mut teacher, &mut Row::default()).is_some()
        }
    };
    lines.filter(|line| is_known(line)).count()
}

#[test]
fn lines_whose_names_differ_in_numbers_are_known() {
    let line = |number: usize, message: &str| {
        format!("<134>1 2026-03-01T00:00:07.5Z web-1.prod shop 12 ID{} [origin ip=\"10.0.0.7\"] {message}", number * number)
    };
    // Of what masking leaves as it is few are the same.
    assert!(known((0..9_000).map(|number| line(number, "took 7 ms"))) > 7_000);
    assert!(known((0..9_000).map(|number| line(number, &format!("Z{number}")))) < 1_000);
}

#[test]
fn lines_may_have_any_length_and_follow_each_other() {
    let mut one = Folded::default();
    for length in (0..200).chain(1000..=1024).rev() {
        for text in ["x1 ".repeat(400), "7".repeat(1024), "a7f0".repeat(256), "word ".repeat(300)] {
            let text = &text[..length.min(text.len())];
            refold(&mut one, text, false);
            let fresh = folded(text);
            assert_eq!((one.key(), one.parts()), (fresh.key(), fresh.parts()), "{text}");
        }
    }
}

#[test]
fn what_a_line_begins_with_may_be_a_uuid() {
    let mut one = Folded::default();
    let number = "2026-03-01 12345678-1234-1234-12g4-123456789012";
    for text in [number, number, number, "2026-03-01 12345678-1234-1234-1234-123456789012", number] {
        refold(&mut one, text, false);
        let fresh = folded(text);
        assert_eq!((one.key(), one.parts()), (fresh.key(), fresh.parts()), "{text}");
    }
}

/// Fingerprints can be made up.
#[test]
fn what_is_known_of_another_line_names_no_place() {
    let (mut one, long, mut out) = (Folded::default(), "1 22 3 44 5 66 7 88 9 1234 11 12 x", Vec::new());
    refold(&mut one, long, false);
    let known = Known {
        format: None,
        may_have_header: false,
        variant: None,
        is_first: false,
        may_attach: false,
        level: None,
        meant: Meant { message: None, kind: None, is_request: false },
    };
    let (start, end) = (Place { parts: 9, behind: 1 }, Place { parts: 12, behind: 2 });
    let span = Span { column: Column::Message, spelling: Spelling::Plain, start, end };
    write_like((1, &[(3, Pin::Length), (9, Pin::Bytes)]), (&known, &[span]), (&one, long), &mut out);
    let like = Like::read(&out).unwrap();
    let formats = Formats::default();
    let mut read = |text: &str| {
        refold(&mut one, text, false);
        let mut row = Row::default();
        like.spell(&one, text, &mut Vec::new());
        like.known_if_first((&one, text), Wanted::All, &formats, &mut row).map(|_| row.raw(Column::Message, text).map(str::to_owned))
    };
    assert_eq!(read(long), Some(Some("1234 11 12 x".to_owned())));
    assert_eq!(read("é 1"), None);
    let (pin, before) = (Pin::Length, [(9, Pin::Bytes)]);
    assert_eq!(joined(&before, &[pin]), [(0, pin)]);
}

/// What a scan says of a line and of its like, whose pinned parts are the same, is the same.
fn holds(pattern: &str, text: &str, other: &str) -> bool {
    let (one, two) = (without_numbers(text), without_numbers(other));
    if one.key() != two.key() {
        return false;
    }
    let pattern = Pattern::new(pattern);
    let compiled = pattern.compiled().unwrap();
    let mut pins = Pins::new(text, one.parts());
    let first = compiled.is_match_asking(text, &mut pins);
    let alike = one.parts().iter().zip(two.parts()).zip(pins.into_pins()).all(|((a, b), pin)| match pin {
        Pin::Nothing => true,
        Pin::Length => a.end() - a.start() == b.end() - b.start(),
        Pin::Bytes => text[a.start()..a.end()] == other[b.start()..b.end()],
    });
    if !alike || first == Scanned::Unsure {
        return false;
    }
    let second = compiled.is_match_asking(other, &mut ());
    let place = |folded: &Folded, at: usize| {
        let before = folded.parts().iter().take_while(|part| part.end() <= at).count();
        (before, at - before.checked_sub(1).map_or(0, |last| folded.parts()[last].end()))
    };
    match (first, second) {
        (Scanned::Match(a), Scanned::Match(b)) => assert_eq!(place(&one, a), place(&two, b), "{} {text:?} {other:?}", pattern.text),
        _ => assert_eq!(first, second, "{} {text:?} {other:?}", pattern.text),
    }
    true
}

#[test]
fn only_what_a_scan_looked_at_is_pinned() {
    let pins = |pattern: &str, text: &str| {
        let folded = folded(text);
        let mut pins = Pins::new(text, folded.parts());
        Pattern::new(pattern).compiled().unwrap().is_match_asking(text, &mut pins);
        pins.into_pins()
    };
    assert_eq!(
        pins(r"^\d{4}-\d\d (?<pid>\d+) (?<message>.*)$", "2026-01 77 took 3 ms"),
        [Pin::Length, Pin::Length, Pin::Nothing, Pin::Nothing]
    );
    assert_eq!(pins(r"^[01]\d:(?<pid>\S+) x", "12:7a1b x"), [Pin::Bytes, Pin::Nothing]);
    assert_eq!(pins(r"^(?<service>\w+?)\dms", "12ms x"), [Pin::Length]);
    assert_eq!(pins(r"^a-(?<pid>\d{2,})", "a-123"), [Pin::Length]);
    assert_eq!(pins(r"^a-7", "a-12 7"), [Pin::Bytes, Pin::Nothing]);
    assert_eq!(pins(r"^\d{4}-\d\d", "10.0.0.7 x"), [Pin::Nothing; 4]);
    assert_eq!(pins(r"^\d{4}\.\d\d", "10.0.0.7 x"), [Pin::Length, Pin::Nothing, Pin::Nothing, Pin::Nothing]);
}

#[test]
fn kinds_have_their_bytes() {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
        assert!((0..=255).all(|byte| kind.has(byte) == kind.bytes().contains(&byte)));
    }
}

proptest! {
    #[test]
    fn alike_is_masked_alike(text in "[ -~é]{0,40}|[0-9a-fx.:,TZ-]{0,30}|[a-z]{3}[0-9]{4,7}[.:a-z]{2}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[-a0x ]?", numbers in proptest::collection::vec(any::<u8>(), 1..40)) {
        let other = respelled(&text, &numbers);
        let (one, two) = (folded(&text), folded(&other));
        if one.key() == two.key() && !one.parts().iter().any(|part| part.short) {
            prop_assert_eq!(tokens::mask(&text), tokens::mask(&other), "{} {}", text, other);
        }
        let (one, two) = (without_numbers(&text), without_numbers(&other));
        if one.key() == two.key() && !one.parts().iter().chain(two.parts()).any(|part| part.short) {
            prop_assert_eq!(tokens::mask(&text), tokens::mask(&other), "{} {}", text, other);
        }
    }

    /// What stands behind a line that is folded where it stands makes no difference.
    #[test]
    fn lines_are_folded_alike_where_they_stand(
        text in "[ -~é]{0,150}|[0-9a-fx.:,TZ -]{0,200}|([a-z]{1,3}[0-9]{1,7}[.:a-z]{2} ?){0,16}|[ -~]{0,40}[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{6,12})?",
        behind in "(\r?\n)([-0-9a-fx]{0,30}[ -~]{0,20}){1,4}|[-0-9a-fx]{1,9}", names in any::<bool>(),
    ) {
        let block = format!("{text}{behind}{}", "7".repeat(1200));
        let mut alone = Folded::default();
        refold(&mut alone, &text, names);
        let mut within = Folded::default();
        within.fold(&text, block.as_bytes(), &[], names);
        prop_assert_eq!(within.key(), alone.key(), "{}", text);
        prop_assert_eq!(format!("{:?}", within.parts()), format!("{:?}", alone.parts()), "{}", text);
    }

    /// Nor does what was folded before.
    #[test]
    fn a_line_is_folded_as_the_first_one_is(
        texts in proptest::collection::vec("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{3})?Z? ([a-f0-9x]{1,9}[ -]){0,5}[0-9]{1,4}(ms|x|xs|T12)? [ -~]{0,60}", 1..4),
        numbers in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut one = Folded::default();
        for turn in 0..4 {
            for text in &texts {
                let text = if turn % 2 == 0 { text.clone() } else { respelled(text, &numbers) };
                // A letter and a digit that look like parts of numbers may be others.
                for text in [text.replace("0x", "1x"), text.replace("1x", "0x"), text.replace('a', "1"), text] {
                    refold(&mut one, &text, false);
                    let fresh = folded(&text);
                    prop_assert_eq!((one.key(), one.parts()), (fresh.key(), fresh.parts()), "{}", text);
                }
            }
        }
    }

    #[test]
    fn alike_is_scanned_alike(text in "[a-c0-2 \\[\\]:.-]{0,24}", numbers in proptest::collection::vec(any::<u8>(), 1..40)) {
        let other = respelled(&text, &numbers);
        for pattern in [
            r"^(?<service>[a-c]+)(?: (?<pid>\d+))?: (?<message>.*)$",
            r"^(?:\[(?<service>[^\]]*)\] )?(?<pid>\S+) ",
            r"^(?<time>\d+[.:]\d+|[a-c]+)(?<pid>-\S*)?",
            r"^(?<service>.+?): (?<pid>\w+)",
            r"^(?<service>[a-c]*)a(?<pid>\d?)",
            r"^(?:a|ab)(?<service>c|bc)?",
            r"^(?<service>.+?)(?<pid>\d*) ",
            r"^(?<service>.*)(?<pid>\d)(?:-|:)",
            r"^\w{3}(?<pid>[01]+)",
            r"^(?<service>\S+?)-(?<pid>[0-9a-f]{2})",
            r"^(?:\d\d )*(?<pid>[a-f0-9]+)",
        ] {
            holds(pattern, &text, &other);
        }
    }
}

//! Shapes of times, whole and at the beginning of a text.

use super::*;

fn clock() -> Clock {
    Clock { utc_offset: 0, near: Time::parse_rfc3339("2026-11-22T12:00:00Z"), ..Clock::default() }
}

fn check(text: &str, expected: &str) {
    let read = clock().read(text, None).map(|t| {
        let micros = t.0.rem_euclid(SECOND);
        let whole = Time(t.0 - micros).rfc3339();
        if micros == 0 { whole } else { format!("{}.{micros:06}Z", whole.trim_end_matches('Z')) }
    });
    assert_eq!(read.as_deref(), (!expected.is_empty()).then_some(expected), "{text}");
}

#[test]
fn nineteen_digits_may_be_more_than_there_is_time() {
    check("1795281667123456789", "2026-11-21T17:21:07.123456Z");
    for beyond in ["9536680668001101179", "9999999999999999999", "17952816671234567890"] {
        check(beyond, "");
        assert_eq!(clock().read_prefix(beyond), None, "{beyond}");
    }
}

#[test]
fn shapes_with_a_year() {
    for text in [
        "2026-11-22T17:21:07Z",
        "2026-11-22 17:21:07",
        "2026-11-22 17:21:07 UTC",
        "2026-11-22 17:21:07 +0000",
        "2026-11-22T18:21:07+01:00",
        "2026-11-22T18:21:07+01",
        "2026-11-22 18:21:07 CET",
        "2026-11-22T12:21:07-05:00",
        "2026/11/22 17:21:07",
        "2026-11-22_17:21:07",
        "2026-11-22-17:21:07",
        "20261122T172107Z",
        "20261122 17:21:07",
        "261122 17:21:07",
        "22/Nov/2026:17:21:07 +0000",
        "22/Nov/2026:18:21:07 +0100",
        "22 Nov 2026 17:21:07",
        "22-Nov-2026 17:21:07",
        "22.11.2026 17:21:07",
        "11/22/2026 05:21:07 PM",
        "11/22/2026 5:21:07PM",
        "22/11/2026 17:21:07",
        "22-11-2026, 17:21:07",
        "26/11/22 17:21:07",
        "26-11-22 17:21:07",
        "2026-11-22-17.21.07",
        "20261122-17:21:07",
        "20261122-17:21:7:0",
        "20261122-172107",
        "20261122_172107",
        "20261122172107",
        "261122 172107",
        "2026 Nov 22 17:21:07",
        "11.22 17:21:07",
        "@400000006b03248d00000000",
        "Sun Nov 22 17:21:07 2026",
        "Sun Nov 22 18:21:07 CET 2026",
        "Sun, 22 Nov 2026 17:21:07 +0000",
        "Sun, 22 Nov 2026 17:21:07 GMT",
        "Nov 22, 2026 5:21:07 PM",
        "Nov 22 2026 17:21:07",
        "1795368067",
        "1795368067.0",
        "1795368067000",
        "1795368067000000",
        "1795368067000000000",
        "Nov 22 17:21:07",
        "1122 17:21:07",
        "11-22 17:21:07",
        "22 Nov 17:21:07",
        "2026-11-22  17:21:07",
        "17:21:07",
        " 2026-11-22T17:21:07Z ",
        "Sun Nov 22 2026 17:21:07 GMT+0000 (Coordinated Universal Time)",
    ] {
        check(text, "2026-11-22T17:21:07Z");
    }
}

#[test]
fn the_time_that_a_text_begins_with() {
    let check = |text: &str, rest: Option<&str>| {
        let found = clock().read_prefix(text);
        assert_eq!(found.map(|(_, length)| &text[length..]), rest, "{text}");
        if let Some((time, _)) = found {
            assert_eq!(Time(time.0 - time.0.rem_euclid(SECOND)).rfc3339(), "2026-11-22T17:21:07Z", "{text}");
        }
    };
    check("2026-11-22T17:21:07Z INFO x", Some(" INFO x"));
    check("2026-11-22T18:21:07.5+01:00] x", Some("] x"));
    check("2026-11-22 18:21:07,824 +0100 x", Some(" x"));
    check("2026-11-22 18:21:07 CET: x", Some(": x"));
    check("2026-11-22 17:21:07 INFO x", Some(" INFO x"));
    check("2026-11-22 17:21:07 - x", Some(" - x"));
    check("2026-11-22-17.21.07.363779 R02", Some(" R02"));
    check("Nov 22 17:21:07 host x", Some(" host x"));
    check("Sun Nov 22 17:21:07 2026] x", Some("] x"));
    check("Sun Nov 22 18:21:07 CET 2026 x", Some(" x"));
    check("22/Nov/2026:18:21:07 +0100] x", Some("] x"));
    check("20261122-17:21:7:606|x", Some("|x"));
    check("11-22 17:21:07.811  1702", Some("  1702"));
    check("11.22 17:21:07] x", Some("] x"));
    check("1795368067 1 x", Some(" 1 x"));
    check("1795368067.123 x", Some(" x"));
    check("17:21:07.123 [main] x", Some(" [main] x"));
    for text in [
        "",
        "x",
        "17:21 x",
        "12 x",
        "2026 x",
        "17953680670 x",
        "1234567 x",
        "10.0.0.7:80 x",
        "2026-11-22x",
        "Novel 22 x",
        "1.2.3 x",
        "1795368067-x",
    ] {
        check(text, None);
    }
}

#[test]
fn dates_of_digits_are_read_in_the_order_that_the_neighbours_have() {
    let near = |day: &str| Clock { utc_offset: 0, near: Time::parse_rfc3339(day), ..Clock::default() };
    let check = |near: Clock, text: &str, day: &str| assert_eq!(near.read(text, None).unwrap().date(), day, "{text}");
    check(near("2026-04-03T12:00:00Z"), "03/04/2026 10:00:00", "2026-04-03");
    check(near("2026-03-04T12:00:00Z"), "03/04/2026 10:00:00", "2026-03-04");
    check(Clock::default(), "03/04/2026 10:00:00", "2026-03-04");
    check(Clock::default(), "03.04.2026 10:00:00", "2026-04-03");
    check(near("2026-11-22T12:00:00Z"), "17/06/09 20:10:40", "2017-06-09");
    check(near("2009-06-17T12:00:00Z"), "17/06/09 20:10:40", "2009-06-17");
}

#[test]
fn fractions_are_cut_to_microseconds() {
    check("2026-11-22 17:21:07,824", "2026-11-22T17:21:07.824000Z");
    check("2026-11-22T17:21:07.123456789Z", "2026-11-22T17:21:07.123456Z");
    check("22 Nov 2026 17:21:02.037", "2026-11-22T17:21:02.037000Z");
    check("Sun Nov 22 17:21:07.000123 2026", "2026-11-22T17:21:07.000123Z");
    check("1795368067.25", "2026-11-22T17:21:07.250000Z");
    check("1795368067123", "2026-11-22T17:21:07.123000Z");
    check("1795368067123.5", "2026-11-22T17:21:07.123500Z");
    check("17:21:07.5", "2026-11-22T17:21:07.500000Z");
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "x",
        "2026",
        "2026-13-01 00:00:00",
        "2026-02-30 00:00:00",
        "2026-11-22 25:00:00",
        "2026-11-22T17:21:07 now",
        "Nov",
        "Nov 22",
        "99:99",
        "--",
        "1e9",
    ] {
        let read = clock().read(text, None);
        assert!(read.is_none() || text == "2026", "{text} {read:?}");
    }
}

#[test]
fn a_missing_year_is_the_nearest() {
    let new_year = Clock { utc_offset: 0, near: Time::parse_rfc3339("2026-01-01T00:10:00Z"), ..Clock::default() };
    assert_eq!(new_year.read("Dec 31 23:59:00", None).unwrap().date(), "2025-12-31");
    assert_eq!(new_year.read("Jan  1 00:20:00", None).unwrap().date(), "2026-01-01");
    assert_eq!(new_year.read("23:59:00", None).unwrap().rfc3339(), "2025-12-31T23:59:00Z");
    assert_eq!(Clock::default().read("Dec 31 23:59:00", None), None);
}

/// A log of January that was fetched in November is of this year's January, not of next year's.
#[test]
fn a_missing_year_is_none_to_come() {
    let fetched = Time::parse_rfc3339("2026-11-26T06:00:00Z");
    let year = |latest, text: &str| Clock { near: fetched, latest, ..Clock::default() }.read(text, None).unwrap().date()[..4].to_owned();
    assert_eq!(year(fetched, "Jan  3 10:00:00"), "2026");
    assert_eq!(year(None, "Jan  3 10:00:00"), "2027");
    assert_eq!(year(fetched, "Nov 26 20:00:00"), "2026", "a clock that is ahead, or a zone");
    assert_eq!(year(Time::parse_rfc3339("2027-02-01T00:00:00Z"), "Jan  3 10:00:00"), "2027", "still written in February");
}

#[test]
fn a_zone_beside_the_time_or_given_by_the_operator() {
    let local = Clock { utc_offset: 3600, ..Clock::default() };
    assert_eq!(local.read("2026-11-22 18:00:00", None).unwrap().rfc3339(), "2026-11-22T17:00:00Z");
    assert_eq!(local.read("2026-11-22 18:00:00", Some("UTC")).unwrap().rfc3339(), "2026-11-22T18:00:00Z");
    assert_eq!(local.read("2026-11-22 18:00:00Z", None).unwrap().rfc3339(), "2026-11-22T18:00:00Z");
    let patterns = ["%d!%m!%Y %H:%M:%S%.f", "%d!%m!%Y %H:%M:%S %z"].map(|pattern| TimePattern::new(pattern).unwrap());
    assert_eq!(local.read_by(&patterns, "22!11!2026 18:00:00.5", Some("+02:00")).unwrap().rfc3339(), "2026-11-22T16:00:00.500Z");
    assert_eq!(local.read_by(&patterns, "22!11!2026 18:00:00 -0300", Some("+02:00")).unwrap().rfc3339(), "2026-11-22T21:00:00Z");
    assert_eq!(local.read_by(&patterns, "22!13!2026 18:00:00", None), None);
    assert!(TimePattern::new("%Y-%m-%d %E").is_none());
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,40}") {
        clock().read(&text, Some(&text));
        clock().read_prefix(&text);
    }

    /// A count is read as any time is, whatever stands near it.
    #[test]
    fn a_count_is_a_time(text in "(17|20|19|00)[0-9]{6,20}([.,:][0-9]{0,8})?[Z ]?", utc_offset in -50_000..50_000) {
        let clock = Clock { utc_offset, ..clock() };
        let time = Clock::read_count(&text);
        proptest::prop_assert!(time.is_none() || time == clock.read(&text, Some("CET")), "{}", text);
        proptest::prop_assert_eq!(Clock::read_count("1772323200.122"), Some(Time(1_772_323_200_122_000)));
    }

    #[test]
    fn rfc3339_agrees_with_chrono(seconds in 0i64..4_000_000_000) {
        let time = Time(seconds * SECOND);
        proptest::prop_assert_eq!(clock().read(&time.rfc3339(), None), Some(time));
    }
}

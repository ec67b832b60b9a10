//! Tests of streams in which everything is mixed: formats, zones, encodings, broken lines.

use super::tests::read_bytes;

const TRACE: &str = "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    g()\nKeyError: 'x'\n";

/// One line of each of five programs, the second hour of the day, at that minute and second; two of them have a zone.
fn five(second: usize) -> [String; 5] {
    let clock = format!("{:02}:{:02}", second / 60, second % 60);
    [
        format!("2023-08-12 12:{clock},824 INFO [shop] order {second} paid"),
        format!("{{\"time\":\"2023-08-12T14:{clock}+02:00\",\"level\":\"warn\",\"msg\":\"order {second} slow\"}}"),
        format!("time=2023-08-12T12:{clock}Z level=info msg=\"order {second} sent\""),
        format!("10.0.0.7 - - [12/Aug/2023:07:{clock} -0500] \"GET /orders/{second} HTTP/1.1\" 200 12 \"-\" \"curl\""),
        format!("2023-08-12 12:{clock}.870 UTC [4920] shop@orders LOG:  order {second} stored"),
    ]
}

#[test]
fn five_formats_line_by_line() {
    let text: String = (0..600).flat_map(five).map(|line| line + "\n").collect();
    let (seen, outcome) = read_bytes(text.into_bytes());
    assert_eq!((outcome.coverage.lines, outcome.coverage.understood, outcome.coverage.records), (3000, 3000, 3000));
    let span = outcome.coverage.span.unwrap();
    assert_eq!((span.start.rfc3339().as_str(), span.end.date().as_str()), ("2023-08-12T12:00:00Z", "2023-08-12"));
    assert!((span.end - span.start).abs() < 601.0);
    for (number, (line, _, message, detail)) in seen.iter().enumerate() {
        assert_eq!((*line, detail.as_str()), (number as u64 + 1, ""), "{message}");
        let order = number / 5;
        assert!(message.contains(&format!("order {order} ")) || message.contains(&format!("/orders/{order} ")), "{message}");
    }
}

#[test]
fn traces_encodings_and_broken_lines_between_them() {
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    for second in 0..20 {
        for (number, line) in five(second).iter().enumerate() {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(if (second + number) % 3 == 0 { b"\r\n" } else { b"\n" });
            match (second, number) {
                (3, 0) => bytes.extend_from_slice(b"2023-08-12 12:00:03,900 ERROR [shop] caf\xe9 closed\n"),
                (3, 1) | (7, 2) => {
                    bytes.extend_from_slice(b"2023-08-12 12:00:03,950 ERROR [shop] no order\n");
                    bytes.extend_from_slice(TRACE.as_bytes());
                }
                (9, 4) => bytes.extend_from_slice(b"2023-08-12 12:00:09,900 INFO [shop] nul\0 byte\n"),
                (11, 4) => {
                    bytes.extend_from_slice(b"2023-08-12 12:00:11,900 INFO [shop] long ");
                    bytes.resize(bytes.len() + 10_000_000, b'x');
                    bytes.push(b'\n');
                }
                _ => {}
            }
        }
    }
    bytes.extend_from_slice(b"{\"time\":\"2023-08-12T14:00:20+02:00\",\"level\":\"info\",\"msg\":\"cut o");
    let lines = bytes.iter().filter(|b| **b == b'\n').count() as u64 + 1;
    let (seen, outcome) = read_bytes(bytes);
    let coverage = outcome.coverage;
    assert_eq!((coverage.lines, coverage.understood), (lines, lines - 1), "{:?}", coverage.misread);
    assert_eq!(coverage.misread.len(), 1);
    assert_eq!(coverage.misread[0].0, lines);
    assert_eq!(coverage.records, 100 + 5);
    let details: Vec<&str> = seen.iter().map(|s| s.3.as_str()).filter(|detail| !detail.is_empty()).collect();
    assert_eq!(details, [TRACE.trim_end(), TRACE.trim_end()]);
    let messages: Vec<&str> = seen.iter().map(|s| s.2.as_str()).collect();
    assert!(messages.contains(&"caf\u{fffd} closed") && messages.contains(&"nul  byte"));
    assert!(messages.iter().all(|m| !m.ends_with('\r')));
    assert_eq!(outcome.complaints.iter().map(|c| c.why.as_str()).collect::<Vec<_>>(), ["a line of more than 64 KiB lost its middle"]);
}

#[test]
fn utf_16_with_either_byte_order() {
    let text = "\u{feff}2023-08-12 14:31:07,824 INFO [shop] süß\r\n2023-08-12 14:31:08,824 WARNING [shop] 日志\r\n";
    for big_endian in [false, true] {
        let bytes = text.encode_utf16().flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
        let (seen, outcome) = read_bytes(bytes);
        assert_eq!(seen.iter().map(|s| s.2.as_str()).collect::<Vec<_>>(), ["süß", "日志"]);
        assert_eq!((outcome.coverage.format.as_str(), outcome.coverage.understood), ("python-logging", 2));
    }
}

#[test]
fn records_of_documents_keep_their_lines() {
    let text = "[\n  {\n    \"time\": \"2023-08-12T14:31:07Z\",\n    \"msg\": \"one\"\n  },\n  {\n    \"time\": \"2023-08-12T14:31:08Z\",\n    \"msg\": \"two\"\n  }\n]\n";
    let (seen, outcome) = read_bytes(text.into());
    let seen: Vec<(u64, &str)> = seen.iter().map(|s| (s.0, s.2.as_str())).collect();
    assert_eq!(seen, [(2, "one"), (6, "two")]);
    assert_eq!((outcome.coverage.lines, outcome.coverage.understood), (10, 10));
}

#[test]
fn lines_of_a_program_that_indents_them() {
    let (seen, _) =
        read_bytes(b"    2023-08-12T14:31:07.123Z [WARN]  agent.raft: slow\n    2023-08-12T14:31:08.123Z [INFO]  agent: up\n".to_vec());
    assert_eq!(seen.iter().map(|s| s.2.as_str()).collect::<Vec<_>>(), ["slow", "up"]);
}

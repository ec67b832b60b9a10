//! Headers of programs that no format file describes.

use super::*;
use crate::model::Time;

fn check(line: &str, level: &str, logger: &str, message: &str) {
    let clock = Clock { utc_offset: 0, near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() };
    let mut row = Row::default();
    let time = read(line, &clock, &mut row);
    assert!(time.is_some(), "no header: {line}");
    let cell = |column| row.raw(column, line).unwrap_or_default();
    assert_eq!((cell(Column::Level), cell(Column::Logger), cell(Column::Message)), (level, logger, message), "{line}");
}

#[test]
fn headers_of_many_shapes() {
    check("2023-08-12 14:31:07 something happened", "", "", "something happened");
    check("2023-08-12T14:31:07.123Z ERROR no disk", "ERROR", "", "no disk");
    check("[2023-08-12 14:31:08] [warn     ] little disk", "warn     ", "", "little disk");
    check("2023/08/12 14:31:09 +0200 | info | enough disk", "info", "", "enough disk");
    check("2023-08-12 14:31:10.123 +00:00 [INF] started", "INF", "", "started");
    check("2023-08-12 14:31:07,123 ERROR com.example.Orders - no disk", "ERROR", "com.example.Orders", "no disk");
    check("2023-08-12 14:31:07,123 ERROR com.example.Orders no disk", "ERROR", "com.example.Orders", "no disk");
    check("2023-08-12 14:31:07.123 [main] INFO  com.example.Orders - up", "INFO", "com.example.Orders", "up");
    check("2023-08-12 14:31:07.123 INFO [main] com.example.Orders: up", "INFO", "com.example.Orders", "up");
    check("2023-08-12 14:31:07 INFO [orders] up", "INFO", "orders", "up");
    check("2023-08-12 14:31:07 [orders] [INFO] up", "INFO", "orders", "up");
    check("2023-08-12 14:31:07 orders INFO up", "INFO", "orders", "up");
    check("2023-08-12 14:31:07 host-1 orders INFO up", "INFO", "orders", "up");
    check("2023-08-12 14:31:07 4913 INFO nova.compute.manager [req-1 a b] up", "INFO", "nova.compute.manager", "up");
    check("2023-08-12 14:31:07\tINFO\tserver/main.go:45\tup\t{\"a\":1}", "INFO", "server/main.go", "up\t{\"a\":1}");
    check("2023-08-12T14:31:07Z  WARN app::db: slow", "WARN", "app::db", "slow");
    check("[2023-08-12T14:31:07Z WARN  app::db] slow", "WARN", "app::db", "slow");
    check("[INFO] 2023-08-12 14:31:07 up", "INFO", "", "up");
    check("INFO 2023-08-12 14:31:07,123 orders up and running", "INFO", "", "orders up and running");
    check("INFO [2023-08-12 14:31:07,123] com.example.Orders: up", "INFO", "com.example.Orders", "up");
    check("orders-1 2023-08-12 14:31:07 ERROR no disk", "ERROR", "orders-1", "no disk");
    check(
        "[10.30 16:49:06] chrome.exe - proxy.example.org:5070 open through proxy",
        "",
        "chrome.exe",
        "proxy.example.org:5070 open through proxy",
    );
    check("[10.30 16:49:06] chrome.exe *64 - proxy.example.org:5070 close", "", "chrome.exe", "proxy.example.org:5070 close");
    check("20230812-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579", "", "Step_LSC", "onStandStepChanged 3579");
    check("08-12 16:13:38.811  1702  2395 D WindowManager: freezing", "D", "WindowManager", "freezing");
    check("23/08/12 20:10:40 INFO executor.Backend: Registered", "INFO", "executor.Backend", "Registered");
    check("134681 node-246 unix.hw state_change.unavailable 1677804742 1 Component gone", "", "unix.hw", "Component gone");
    check("Aug  7 08:06:15 combo  -- root[2421]: ROOT LOGIN ON tty2", "", "root", "ROOT LOGIN ON tty2");
    check("Aug  7 08:06:15 box com.apple.xpc.launchd[1]: started", "", "com.apple.xpc.launchd", "started");
    check("14:31:07.123 [main] DEBUG a.b.C - up", "DEBUG", "a.b.C", "up");
    check("1691850667.123 INFO orders: up", "INFO", "orders", "up");
    check("W0812 14:31:07.123456 12 reflector.go:12] slow", "W", "reflector.go", "slow");
    check("2023-08-12T14:31:07.123+0000 W STORAGE  [conn12] slow", "W", "STORAGE", "slow");
    check("[14:31:07] [Server thread/INFO]: up", "INFO", "", "up");
    check("12.08.2023 14:31:07,123 *ERROR* [qtp-12] org.example.Billing no disk", "ERROR", "org.example.Billing", "no disk");
    check("20230812143107 INFO up", "INFO", "", "up");
    check("2023-08-12T14:31:07+02:00 INFO orders: up", "INFO", "orders", "up");
    check("2023-08-12 14:31:07 <info> up", "info", "", "up");
    check("2023-08-12 14:31:07 (info) up", "info", "", "up");
    check("2023-08-12 14:31:07.1|ERROR|orders|no disk", "ERROR", "orders", "no disk");
    check("2023-08-12 14:31:07.1; ERROR; no disk", "ERROR", "", "no disk");
}

#[test]
fn sentences_stay_whole() {
    check("2023-08-12 14:31:07 error while reading", "", "", "error while reading");
    check("2023-08-12 14:31:07 INFO Processed order-17: ok", "INFO", "", "Processed order-17: ok");
    check("2023-08-12 14:31:07 INFO Started in 3 s", "INFO", "", "Started in 3 s");
    check("2023-08-12 14:31:07 INFO 12 orders done", "INFO", "", "12 orders done");
    check("2023-08-12 14:31:07 INFO GET /x?a=b HTTP/1.1 200", "INFO", "", "GET /x?a=b HTTP/1.1 200");
    check("2023-08-12 14:31:07 INFO user=7 paid", "INFO", "", "user=7 paid");
    check("2023-08-12 14:31:07 INFO {\"a\": 1}", "INFO", "", "{\"a\": 1}");
    check("2023-08-12 14:31:07 server returned ERROR 5", "", "", "server returned ERROR 5");
    check("2023-08-12 14:31:07 [error] [client 10.0.0.7] File not there", "error", "", "[client 10.0.0.7] File not there");
    check("2023-08-12 14:31:07", "", "", "");
}

#[test]
fn what_has_no_header() {
    let clock = Clock { utc_offset: 0, near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() };
    for line in [
        "",
        "hello",
        "something happened on 2023-08-12 14:31:10",
        "this was the 2023-08-12 10:00:00 backup of the server",
        "at com.a.B(B.java:12)",
        "12:34",
    ] {
        assert!(read(line, &clock, &mut Row::default()).is_none(), "{line}");
    }
}

#[test]
fn prefixes_in_any_order() {
    let clock = Clock { utc_offset: 0, ..Clock::default() };
    let check = |prefix: &str, expected: &[(Column, &str)]| {
        let mut row = Row::default();
        read_prefix(prefix, 0..prefix.len(), &clock, &mut row);
        for (column, text) in expected {
            assert_eq!(row.raw(*column, prefix), Some(*text), "{column:?} {prefix}");
        }
        let filled = Column::ALL.iter().filter(|c| row.has(**c)).count();
        assert_eq!(filled, expected.len(), "{prefix}");
    };
    use Column::{Application, Code, Database, Pid, Role, Time};
    let time = "2023-08-12 14:31:02.123 UTC";
    check("", &[]);
    check("2023-08-12 14:31:02.123 UTC [4913] webshop@orders ", &[(Time, time), (Pid, "4913"), (Role, "webshop"), (Database, "orders")]);
    check(
        "webshop@orders/web 4913 40P01 2023-08-12 14:31:02.123 UTC ",
        &[(Time, time), (Pid, "4913"), (Role, "webshop"), (Database, "orders"), (Application, "web"), (Code, "40P01")],
    );
    check(
        "<2023-08-12 14:31:02.123 UTC|user=webshop,db=orders,app=web,pid=4913,state=57014> ",
        &[(Time, time), (Pid, "4913"), (Role, "webshop"), (Database, "orders"), (Application, "web"), (Code, "57014")],
    );
    check(
        "2023-08-12 14:31:02.123 UTC:10.0.0.7(51234):webshop@orders:[4913]:",
        &[(Time, time), (Pid, "4913"), (Role, "webshop"), (Database, "orders")],
    );
    check("1691850662.123 [4913-1] ", &[(Time, "1691850662.123"), (Pid, "4913")]);
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(2023-08-12 14:31:07 )?\\PC{0,80}") {
        let clock = Clock::default();
        read(&text, &clock, &mut Row::default());
        read_prefix(&text, 0..text.len(), &clock, &mut Row::default());
    }
}

proptest::proptest! {
    /// What stands too far into a line for a header's time is told as if it was looked at.
    #[test]
    fn no_header_is_lost_for_being_far(
        words in "(([A-Za-z]{1,9}|WARN|I|[0-9]{1,3}|app-1|a=b|\\[x\\]|it's|\\{|\")[ |\t]){0,8}",
        time in "2023-08-12 14:31:07|12/Aug/2023:14:31:07 \\+0000|14:31:07|1691850667|Aug 12 14:31:07|5",
        rest in "( [A-Za-z]{1,5}){0,3}( 2023-08-12T14:31:08Z)?( [A-Za-z]{1,5})?",
    ) {
        let clock = Clock { near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() };
        let line = format!("{words}{time}{rest}");
        let found = find_time(&line, &clock, || line.len());
        let expected = found.filter(|(_, place)| Header::new(&line).before(&line[..place.start]));
        proptest::prop_assert_eq!(begun(&line, &clock).map(|(_, time, place)| (time, place)), expected, "{}", line);
    }

    /// What is told of a line's beginning holds whatever follows.
    #[test]
    fn beginnings_without_a_header(
        begun in "(([A-Za-z]{1,9}|WARN|Mon,|Aug|Declined|SELECT|it's|\\*|x=)[ |\t,]{1,2}){1,5}",
        rest in "([0-9]{1,4}|12 Aug 2023|2023-08-12T|Aug 12 |14:31:07|1691850667| |[a-z]{1,3}){0,6}",
    ) {
        let clock = Clock { near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() };
        let line = format!("{begun}7");
        let whole = format!("{begun}{rest}");
        proptest::prop_assert!(!is_none_up_to(&line, begun.len()) || !is_one(&whole, &clock), "{}", whole);
    }
}

#[test]
fn lines_without_a_header_whatever_their_numbers() {
    for (line, end) in
        [("INFO request completed took=7", 28), ("WARN slow query took 7 ms", 20), ("SELECT id, total FROM orders WHERE id = 7", 40)]
    {
        assert!(is_none_up_to(line, end), "{line}");
    }
    for (line, end) in [("shop 7", 5), ("Mon, 7", 5), ("shop Aug 7", 9), ("INFO took 7", 10), ("of Aug 7", 7)] {
        assert!(!is_none_up_to(line, end), "{line}");
    }
}

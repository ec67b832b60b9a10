//! What `db` and `capacity` promise: their documents, the numbers in them, and that nothing breaks them.

use serde_json::{Value, json};

use crate::tool::{Folder, SAMPLES, done, root, sample};

fn document(command: &str, path: &str, more: &[&str]) -> Value {
    done(&[&[command, path, "--format", "json"], more].concat()).json()
}

fn check_schema(command: &str, document: &Value, what: &str) {
    let text = std::fs::read_to_string(root().join(format!("docs/{command}.schema.json"))).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{command} {what}: {errors:#?}");
}

const STDERR: &[u8] = b"\
2026-01-01 00:00:00.000 UTC [1] LOG:  starting PostgreSQL 15.2 (Debian) on x86_64
2026-01-01 00:00:01.000 UTC [7] web@shop/web LOG:  connection authorized: user=web database=shop application_name=web
2026-01-01 00:00:02.000 UTC [7] web@shop/web LOG:  duration: 12.500 ms  statement: SELECT * FROM orders WHERE id = 7
2026-01-01 00:00:03.000 UTC [7] web@shop/web LOG:  duration: 7.500 ms  execute S_1: SELECT * FROM orders WHERE id = $1
2026-01-01 00:00:03.500 UTC [7] web@shop/web LOG:  duration: 0.100 ms  parse S_1: SELECT * FROM orders WHERE id = $1
2026-01-01 00:00:04.000 UTC [8] web@shop/web LOG:  process 8 still waiting for ShareLock on transaction 9 after 1000.100 ms
2026-01-01 00:00:04.000 UTC [8] web@shop/web DETAIL:  Process holding the lock: 7. Wait queue: 8.
2026-01-01 00:00:04.000 UTC [8] web@shop/web STATEMENT:  UPDATE stock SET held = 1 WHERE sku = 'x'
2026-01-01 00:00:05.000 UTC [7] web@shop/web LOG:  duration: 2500.000 ms  statement: DELETE FROM stock
2026-01-01 00:00:06.000 UTC [9] web@shop/web ERROR:  deadlock detected
2026-01-01 00:00:06.000 UTC [9] web@shop/web DETAIL:  Process 9 waits for ShareLock on transaction 1; blocked by process 8.
\tProcess 8 waits for ShareLock on transaction 2; blocked by process 9.
\tProcess 9: UPDATE b SET x = 1
\tProcess 8: UPDATE a SET x = 2
2026-01-01 00:00:06.000 UTC [9] web@shop/web STATEMENT:  UPDATE b SET x = 1
2026-01-01 00:00:07.000 UTC [9] web@shop/web LOG:  temporary file: path \"base/pgsql_tmp/pgsql_tmp9.0\", size 1048576
2026-01-01 00:00:08.000 UTC [2] LOG:  checkpoint starting: time
2026-01-01 00:00:09.000 UTC [2] LOG:  checkpoint complete: wrote 142 buffers (1.7%); 1 WAL file(s) added, 0 removed, 2 recycled; write=0.866 s, sync=0.001 s, total=0.867 s; sync files=0, longest=0.000 s, average=0.000 s
2026-01-01 00:00:10.000 UTC [3] LOG:  automatic vacuum of table \"shop.public.orders\": index scans: 0
2026-01-01 00:00:11.000 UTC [10] web@shop/web FATAL:  sorry, too many clients already
2026-01-01 00:00:12.000 UTC [7] web@shop/web LOG:  disconnection: session time: 0:00:11.000 user=web database=shop host=10.0.0.7 port=1
";

#[test]
fn a_log_of_postgresql_in_numbers() {
    let folder = Folder::new(&[("logs/orders-db/postgresql.log", STDERR)]);
    let found = document("db", &folder.shown(), &[]);
    check_schema("db", &found, "stderr");
    let server = &found["servers"][0];
    assert_eq!((&server["service"], &server["version"]), (&json!("orders-db"), &json!("15.2")));
    let queries = &server["queries"];
    assert_eq!((&queries["count"], &queries["total_ms"], &queries["parses"]), (&json!(3), &json!(2520.0), &json!(1)));
    let shapes: Vec<(&str, u64)> = server["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["shape"].as_str().unwrap(), s["count"].as_u64().unwrap()))
        .filter(|s| s.1 > 0)
        .collect();
    assert_eq!(shapes, [("delete from stock", 1), ("select * from orders where id = ?", 2)]);
    let blocked = &server["locks"]["blocked"][0];
    assert_eq!((&blocked["waiter"], &blocked["holder"]), (&json!("update stock set held = ? where sku = ?"), &json!("delete from stock")));
    let deadlock = &server["deadlocks"]["by_statements"][0]["statements"];
    assert_eq!(*deadlock, json!(["update a set x = ?", "update b set x = ?"]));
    let codes: Vec<&Value> = server["errors"].as_array().unwrap().iter().map(|e| &e["code"]).collect();
    assert_eq!(codes, [&json!("40P01"), &json!("53300")]);
    for (path, expected) in [
        ("/temporary_files/bytes", json!(1_048_576)),
        ("/checkpoints/buffers", json!(142)),
        ("/checkpoints/wal_recycled", json!(2)),
        ("/autovacuum/vacuums/all", json!(1)),
        ("/sessions/authorized/all", json!(1)),
        ("/sessions/total_ms", json!(11_000.0)),
        ("/failed/all", json!(2)),
    ] {
        assert_eq!(server.pointer(path), Some(&expected), "{path}");
    }
}

#[test]
fn a_slow_log_and_a_deadlock_of_mysql() {
    let slow: &[u8] = b"# Time: 2026-01-01T00:00:39.123456Z\n# User@Host: stock[stock] @ app [10.0.0.7]  Id:    65\n\
        # Query_time: 1.250000  Lock_time: 0.001272 Rows_sent: 1  Rows_examined: 1\nSET timestamp=1767225639;\nSELECT stock FROM products WHERE id = 1 FOR UPDATE;\n";
    let error: &[u8] = b"2026-01-01  0:00:45 71 [Note] InnoDB: Transactions deadlock detected, dumping detailed information.\n\
        2026-01-01  0:00:45 71 [Note] InnoDB: \n*** (1) TRANSACTION:\n\nMariaDB thread id 71, OS thread handle 1, query id 10 127.0.0.1 u Statistics\n\
        SELECT stock FROM products WHERE id = 2 FOR UPDATE\n2026-01-01  0:00:45 71 [Note] InnoDB: *** WE ROLL BACK TRANSACTION (1)\n";
    let folder = Folder::new(&[("logs/stock-db/slow.log", slow), ("logs/stock-db/error.log", error)]);
    let found = document("db", &folder.shown(), &[]);
    check_schema("db", &found, "mysql");
    let server = &found["servers"][0];
    assert_eq!(server["engine"], "MySQL/MariaDB");
    assert_eq!(server["statements"][0]["total_ms"], 1_250.0);
    assert_eq!(server["deadlocks"]["count"]["all"], 1);
    assert_eq!(server["deadlocks"]["by_statements"][0]["statements"], json!(["select stock from products where id = ? for update"]));
}

#[test]
fn samples_fit_the_schemas_in_every_format() {
    for name in SAMPLES {
        for command in ["db", "capacity"] {
            check_schema(command, &document(command, &sample(name), &[]), name);
            for format in ["terminal", "markdown"] {
                let run = done(&[command, &sample(name), "--format", format]);
                let widest = run.out.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(format == "markdown" || widest <= 80, "{command} {name}: {widest} columns");
            }
        }
    }
}

#[test]
fn poor_and_hostile_bundles_are_told_of() {
    let hostile: &[u8] = b"2026-01-01 00:00:06.000 UTC [9] a\x1b]0;x\x07@b/c ERROR:  \x1b[2Jevil \"\x9b31m\" | `x`\n\
        2026-01-01 00:00:06.000 UTC [9] a@b/c STATEMENT:  SELECT '\x1b[31m', \"</td><script>\"\n";
    let bundles: [(&str, &[u8]); 4] = [
        ("logs/a/a.log", b""),
        ("changes.jsonl", b"{]"),
        ("logs/db/postgresql.log", hostile),
        ("m.csv", b"time,service,metric,value\n2024-01-01T00:00:00Z,db,pg_max_connections,0\n"),
    ];
    for (name, bytes) in bundles {
        let folder = Folder::new(&[(name, bytes)]);
        for command in ["db", "capacity"] {
            check_schema(command, &document(command, &folder.shown(), &[]), name);
            for format in ["terminal", "markdown"] {
                let out = done(&[command, &folder.shown(), "--format", format]).out;
                assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{7}']), "{command} {name} {format}");
            }
        }
    }
}

#[test]
fn the_founding_pool_is_planned() {
    let found = document("capacity", &sample("checkout-outage"), &["--times", "1,2"]);
    let pool = found["pools"].as_array().unwrap().iter().find(|p| p["service"] == "checkout").unwrap();
    assert_eq!(pool["size"], 15.0, "rolled back at the end of the data");
    assert_eq!(pool["needed"].as_array().unwrap().len(), 2);
    let (one, two) = (&pool["needed"][0]["connections"], &pool["needed"][1]["connections"]);
    assert!(one.as_u64() < two.as_u64() && one.as_u64() > Some(1), "{one} {two}");
    assert!(found["first"]["at_times"].as_f64().unwrap() > 0.0);
}

/// The same log read by one thread or several, whole or in two files.
#[test]
fn neither_threads_nor_files_change_the_numbers() {
    let half = STDERR.len() / 2 + STDERR[STDERR.len() / 2..].iter().position(|b| *b == b'\n').unwrap() + 1;
    let parts = Folder::new(&[("logs/db/1.log", &STDERR[..half]), ("logs/db/2.log", &STDERR[half..])]);
    let whole = Folder::new(&[("logs/db/1.log", STDERR)]);
    let one = document("db", &parts.shown(), &["--threads", "1"]);
    assert_eq!(one, document("db", &parts.shown(), &["--threads", "4"]));
    let of = |document: &Value| document["servers"][0]["queries"].clone();
    assert_eq!(of(&one), of(&document("db", &whole.shown(), &[])));
}

#[test]
fn the_mechanism_of_the_founding_outage_is_named() {
    let found = document("analyze", &sample("checkout-outage"), &[]);
    let mechanism = &found["incidents"][0]["mechanism"];
    assert_eq!(
        (&mechanism["name"], &mechanism["service"], &mechanism["corroborated"]),
        (&json!("pool_too_small"), &json!("checkout"), &json!(true))
    );
    let excluded: Vec<&str> = mechanism["excluded"].as_array().unwrap().iter().filter_map(|e| e["name"].as_str()).collect();
    for other in ["server_limit", "slow_database", "lock_queue", "network"] {
        assert!(excluded.contains(&other), "{other} is not excluded: {mechanism:#}");
    }
    assert_eq!(document("analyze", &sample("quiet-day"), &[])["incidents"], json!([]));
    assert_eq!(document("analyze", &sample("checkout-outage"), &["--no-knowledge"])["incidents"][0]["mechanism"], Value::Null);
}

/// Ten quiet minutes and three bad ones of a service `shopfront` with a database `orders-db`. In the bad minutes every second request fails
/// with `error`; `server` is what the database writes then, each second.
fn outage(error: &str, server: Option<&str>, changes: &str, metrics: &str) -> Folder {
    let (mut app, mut database) = (String::new(), String::new());
    for second in 0..900 {
        let clock = format!("2026-05-04T10:{:02}:{:02}", second / 60, second % 60);
        let bad = (600..780).contains(&second);
        for request in 0..4 {
            let failed = bad && request % 2 == 0;
            let status = if failed { 500 } else { 200 };
            if failed {
                app += &format!("{{\"time\":\"{clock}.{request}00Z\",\"level\":\"error\",\"msg\":{}}}\n", json!(error));
            }
            app += &format!(
                "{{\"time\":\"{clock}.{request}50Z\",\"level\":\"info\",\"msg\":\"request completed\",\"method\":\"GET\",\"path\":\"/orders\",\"status\":{status},\"duration_ms\":{}}}\n",
                if failed { 900 } else { 20 + request }
            );
        }
        let stamp = clock.replace('T', " ");
        if let Some(line) = server.filter(|_| bad) {
            database += &format!("{stamp}.500 UTC [{}] shop@orders/shopfront {line}\n", 100 + second % 7);
        } else if second % 30 == 0 {
            database += &format!("{stamp}.500 UTC [9] LOG:  checkpoint starting: time\n");
        }
    }
    let mut files: Vec<(&str, &[u8])> = vec![
        ("logs/shopfront/app.log", app.as_bytes()),
        ("logs/orders-db/postgresql.log", database.as_bytes()),
        ("topology.csv", b"source,target\nshopfront,orders-db\n"),
    ];
    if !changes.is_empty() {
        files.push(("changes.jsonl", changes.as_bytes()));
    }
    if !metrics.is_empty() {
        files.push(("metrics/db.csv", metrics.as_bytes()));
    }
    Folder::new(&files)
}

fn metric(name: &str, before: f64, during: f64) -> String {
    let rows = (0..180).map(|n| {
        let second = n * 5;
        let value = if (600..780).contains(&second) { during } else { before };
        format!("2026-05-04T10:{:02}:{:02}Z,orders-db,{name},{value}\n", second / 60, second % 60)
    });
    format!("time,service,metric,value\n{}", rows.collect::<String>())
}

#[track_caller]
fn check_mechanism(expected: &str, folder: &Folder) {
    let found = document("analyze", &folder.shown(), &[]);
    let mechanism = &found["incidents"][0]["mechanism"];
    assert_eq!(mechanism["name"], expected, "{mechanism:#}");
    assert!(!mechanism["evidence"].as_array().unwrap().is_empty(), "{mechanism:#}");
}

#[test]
fn each_mechanism_is_told_from_the_others() {
    let hikari = "HikariPool-1 - Connection is not available, request timed out after 30005ms (total=10, active=10, idle=0, waiting=37)";
    let deploy = |diff: &str| {
        let id = json!({"id": "r-7", "time": "2026-05-04T10:09:55Z", "service": "shopfront", "kind": "deploy", "diff": diff});
        format!("{id}\n")
    };
    let smaller = deploy(
        "--- a/app.properties\n+++ b/app.properties\n@@ -1 +1 @@\n-spring.datasource.hikari.maximum-pool-size=40\n+spring.datasource.hikari.maximum-pool-size=10\n",
    );
    check_mechanism("pool_too_small", &outage(hikari, None, &smaller, ""));
    check_mechanism("connection_leak", &outage(hikari, None, &deploy(""), &metric("pg_connections_idle_in_transaction", 1.0, 9.0)));
    let pg = |text: &str| format!("org.postgresql.util.PSQLException: {text}");
    for (expected, error, server) in [
        ("server_limit", pg("FATAL: sorry, too many clients already"), Some("FATAL:  sorry, too many clients already")),
        (
            "slow_database",
            pg("ERROR: canceling statement due to statement timeout"),
            Some("ERROR:  canceling statement due to statement timeout"),
        ),
        (
            "lock_queue",
            pg("ERROR: canceling statement due to lock timeout"),
            Some("LOG:  process 7 still waiting for AccessShareLock on relation 16403 of database 5 after 1000.100 ms"),
        ),
        ("deadlock", pg("ERROR: deadlock detected"), Some("ERROR:  deadlock detected")),
        ("network", "dial tcp orders-db:5432: i/o timeout".to_owned(), None),
        (
            "credentials",
            pg("FATAL: password authentication failed for user \"shop\""),
            Some("FATAL:  password authentication failed for user \"shop\""),
        ),
        ("dns", "dial tcp: lookup orders-db.internal: no such host".to_owned(), None),
        (
            "disk",
            pg("ERROR: could not extend file \"base/5/16403\": No space left on device"),
            Some("ERROR:  could not extend file \"base/5/16403\": No space left on device"),
        ),
    ] {
        check_mechanism(expected, &outage(&error, server, "", ""));
    }
}

/// What fails for reasons of its own has no mechanism of connections, and a message that was always there names none.
#[test]
fn other_failures_have_no_mechanism() {
    for error in ["NullPointerException: order is null", "payment provider responded 502"] {
        let found = document("analyze", &outage(error, None, "", "").shown(), &[]);
        assert_eq!(found["incidents"][0]["mechanism"], Value::Null, "{error}");
    }
}

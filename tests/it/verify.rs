//! What `verify` promises: worse for the guilty, not for the innocent, and "cannot tell" when there is too little to tell by.

use serde_json::Value;

use crate::tool::{Folder, SAMPLES, done, root, run, sample};

const OUTAGE: &str = "checkout-outage";

fn verify(path: &str, more: &[&str]) -> Value {
    done(&[&["verify", path, "--format", "json"], more].concat()).json()
}

fn verdicts(document: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    document["changes"].as_array().unwrap().iter().map(|c| (text(&c["change_id"]), text(&c["verdict"]))).collect()
}

fn check_schema(document: &Value, what: &str) {
    let text = std::fs::read_to_string(root().join("docs/verify.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

#[test]
fn only_the_guilty_is_worse() {
    for name in SAMPLES {
        let document = verify(&sample(name), &[]);
        check_schema(&document, name);
        for (id, verdict) in verdicts(&document) {
            let guilty = name == OUTAGE && id == "deploy-7958";
            assert_eq!(verdict == "worse", guilty || name == "innocent-deploy" && verdict == "worse", "{name} {id}: {verdict}");
        }
    }
    let outage = verify(&sample(OUTAGE), &["--change", "deploy-7958"]);
    let checks = outage["changes"][0]["checks"].as_array().unwrap();
    let failed = checks.iter().find(|c| c["kind"] == "failed_share" && c["service"] == "checkout").unwrap();
    assert!(failed["p_adjusted"].as_f64().unwrap() < 0.001 && failed["effect"].as_f64().unwrap() > 0.1, "{failed:#}");
    assert!(outage["changes"][0]["blamed"].as_f64().unwrap() > 0.5);
}

#[test]
fn the_gate_asks_for_a_rollback_and_says_why() {
    let closed = run(&["verify", &sample(OUTAGE), "--change", "deploy-7958", "--fail-on", "worse"]);
    assert_eq!(closed.code, Some(3), "{}", closed.err);
    assert!(closed.err.contains("worse after checkout deploy-7958") && closed.err.contains("failed"), "{}", closed.err);
    for (more, code) in [
        (&["--change", "no-such"][..], 1),
        (&["--within", "soon"], 2),
        (&["--tolerate", "0"], 2),
        (&["--change", "deploy-7953", "--fail-on", "worse"], 0),
        (&["--change", "deploy-7953", "--format", "markdown"], 0),
    ] {
        let path = sample(OUTAGE);
        assert_eq!(run(&[&["verify", &path], more].concat()).code, Some(code), "{more:?}");
    }
}

/// Access lines of one service: so many a second, of which every `failing`-th fails (0: none) from `from` on.
fn access(seconds: std::ops::Range<i64>, a_second: i64, fails: impl Fn(i64) -> bool, ms: impl Fn(i64, i64) -> i64) -> String {
    let mut out = String::new();
    let mut n = 0;
    for second in seconds {
        let (hour, minute, rest) = (second / 3_600, second / 60 % 60, second % 60);
        for i in 0..a_second {
            n += 1;
            let status = if fails(n) { 500 } else { 200 };
            let millis = 1_000 * i / a_second;
            let duration = ms(second, n);
            out += &format!(
                "{{\"time\":\"2024-03-0{}T{:02}:{minute:02}:{rest:02}.{millis:03}Z\",\"level\":\"info\",\"service\":\"web\",\"method\":\"GET\",\"path\":\"/a\",\"status\":{status},\"duration_ms\":{duration}}}\n",
                4 + hour / 24,
                hour % 24
            );
        }
    }
    out
}

fn deploy(time: &str) -> Vec<u8> {
    format!("{{\"id\":\"d1\",\"time\":\"{time}\",\"service\":\"web\",\"kind\":\"deploy\",\"version\":\"2\",\"previous_version\":\"1\"}}\n")
        .into_bytes()
}

fn verdict_of(log: &str, time: &str) -> Value {
    let folder = Folder::new(&[("logs/web/web.log", log.as_bytes()), ("changes.jsonl", &deploy(time))]);
    verify(&folder.shown(), &["--change", "d1"])["changes"][0].clone()
}

#[test]
fn a_tenth_that_fails_is_worse_and_a_healthy_deploy_is_not() {
    let minute = |second: i64| 20 + second % 7;
    let half = 600 * 10;
    let worse = verdict_of(&access(0..1_200, 10, |n| n > half && n % 10 == 0, |s, _| minute(s)), "2024-03-04T00:10:00Z");
    assert_eq!(worse["verdict"], "worse", "{worse:#}");
    let fine = verdict_of(&access(0..1_200, 10, |_| false, |s, _| minute(s)), "2024-03-04T00:10:00Z");
    assert_eq!(fine["verdict"], "not_worse", "{fine:#}");
}

/// Trap: no data is neither health nor failure.
#[test]
fn too_little_traffic_cannot_tell_and_says_how_much_would() {
    let half = 600 / 30;
    let mut sparse = String::new();
    for line in access(0..1_200, 1, |n| n > 30 * half && n % 2 == 0, |_, _| 20).lines().step_by(30) {
        sparse += &format!("{line}\n");
    }
    let found = verdict_of(&sparse, "2024-03-04T00:10:00Z");
    assert_eq!(found["verdict"], "cannot_tell", "{found:#}");
    assert!(found["more_traffic"].as_f64().unwrap() > 1.0, "{found:#}");
    let nothing = verdict_of(&access(0..590, 5, |_| false, |_, _| 20), "2024-03-04T00:10:00Z");
    assert_eq!(nothing["verdict"], "cannot_tell", "no data after: {nothing:#}");
}

/// Trap: a ramp that comes every day is not the change.
#[test]
fn the_same_hours_of_the_day_before_count() {
    // Every day requests take three times as long from noon on; the deploy is at noon of the second day.
    let noon = 12 * 3_600;
    let slow = |second: i64, n: i64| if second % 86_400 >= noon { 300 } else { 100 } + n % 5;
    let mut log = access(noon - 3_600..noon + 3_600, 1, |_| false, slow);
    log += &access(86_400 + noon - 3_600..86_400 + noon + 3_600, 1, |_| false, slow);
    let found = verdict_of(&log, "2024-03-05T12:00:00Z");
    assert_ne!(found["verdict"], "worse", "{found:#}");
    assert!(found["checks"].to_string().contains("the day before were like that"), "{found:#}");
    // Without the day before it looks like the deploy's doing.
    let folder = Folder::new(&[("logs/web/web.log", log.as_bytes()), ("changes.jsonl", &deploy("2024-03-05T12:00:00Z"))]);
    let log: String = log.lines().filter(|l| l.contains("03-05T")).map(|l| format!("{l}\n")).collect();
    folder.write("logs/web/web.log", log.as_bytes());
    assert_eq!(verify(&folder.shown(), &[])["changes"][0]["verdict"], "worse");
}

/// Trap: cold caches are slow at first.
#[test]
fn a_cold_cache_that_warms_up_is_not_worse() {
    let cold = |second: i64, n: i64| if (600..800).contains(&second) { 400 } else { 60 } + n % 5;
    let found = verdict_of(&access(0..1_500, 5, |_| false, cold), "2024-03-04T00:10:00Z");
    assert_ne!(found["verdict"], "worse", "{found:#}");
    let stays = |second: i64, n: i64| if second >= 600 { 400 } else { 60 } + n % 5;
    let found = verdict_of(&access(0..1_500, 5, |_| false, stays), "2024-03-04T00:10:00Z");
    assert_eq!(found["verdict"], "worse", "{found:#}");
}

/// Trap: a request that is tried five times fails five times, and so one fault looks like many.
#[test]
fn retries_of_a_few_faults_are_no_rise() {
    // Every six minutes, before the deploy as after it, two seconds of requests fail and are tried again and again; after it once more.
    let storm = |second: i64| second % 360 < 2 || second == 2_000;
    let per_second = 8;
    let failing = |n: i64| storm((n - 1) / per_second);
    let found = verdict_of(&access(0..3_600, per_second, failing, |_, n| 20 + n % 7), "2024-03-04T00:30:00Z");
    assert_ne!(found["verdict"], "worse", "{found:#}");
    // Naively 96 failures of 14,400 are more than 80, and a storm twice a minute is a rise indeed.
    let often = |n: i64| storm((n - 1) / per_second) || (n > 1_800 * per_second && ((n - 1) / per_second) % 30 < 2);
    let found = verdict_of(&access(0..3_600, per_second, often, |_, n| 20 + n % 7), "2024-03-04T00:30:00Z");
    assert_eq!(found["verdict"], "worse", "{found:#}");
}

/// Trap: what a timer does at the full hour is not done by the deploy shortly before.
#[test]
fn a_job_at_the_full_hour_is_not_the_deploy() {
    let job = |second: i64| second % 3_600 < 240;
    let fails = |n: i64| job((n - 1) / 4) && n % 5 == 0;
    let slow = |second: i64, n: i64| if job(second) { 700 } else { 40 } + n % 7;
    let log = access(0..5 * 3_600, 4, fails, slow);
    let found = verdict_of(&log, "2024-03-04T03:50:00Z");
    assert_ne!(found["verdict"], "worse", "{found:#}");
    assert_ne!(verdict_of(&log, "2024-03-04T03:10:00Z")["verdict"], "worse");
}

/// Trap: by a clock that is slow the effect comes before its cause.
#[test]
fn a_slow_clock_does_not_hide_the_effect() {
    let line = |service: &str, second: i64, n: i64, status: u16| {
        let (minute, rest, millis) = (second / 60, second % 60, 250 * (n % 4));
        format!(
            "{{\"time\":\"2024-03-04T00:{minute:02}:{rest:02}.{millis:03}Z\",\"level\":\"info\",\"service\":\"{service}\",\"trace_id\":\"{n:016x}\",\
             \"method\":\"GET\",\"path\":\"/a\",\"status\":{status},\"duration_ms\":{}}}\n",
            20 + n % 7
        )
    };
    let (mut gateway, mut web) = (String::new(), String::new());
    for n in 4 * 180..4 * 1_500_i64 {
        let second = n / 4;
        let status = if second >= 900 && n % 6 == 0 { 500 } else { 200 };
        gateway += &line("gateway", second, n + 1, status);
        web += &line("web", second - 90, n + 1, status);
    }
    let logs = [("logs/gateway/g.log", gateway.as_bytes()), ("logs/web/web.log", web.as_bytes())];
    let deploy = deploy("2024-03-04T00:15:00Z");
    let folder = Folder::new(&[logs[0], logs[1], ("changes.jsonl", &deploy)]);
    let document = verify(&folder.shown(), &[]);
    assert_eq!(document["changes"][0]["verdict"], "worse", "{:#}", document["changes"][0]);
}

const TEN: &str = "2024-03-04T00:10:05Z";

/// A roll-out at ten past to one of several instances of `web`, with metrics by minute: `sample` says what a metric of an instance was in
/// a minute, if anything.
fn staged(olds: &[&str], metrics: &[&str], sample: impl Fn(&str, &str, i64) -> Option<f64>) -> Value {
    let mut rows = String::from("time,service,metric,value,instance,source,target\n");
    for minute in 0..25 {
        for (second, instance) in olds.iter().chain(&["web-new"]).enumerate() {
            for metric in metrics {
                let value = sample(metric, instance, minute).filter(|_| *instance != "web-new" || minute > 10);
                let edge = if metric.ends_with("(%)") { "," } else { "shop,web" };
                let cell = value.map_or(String::new(), |v| v.to_string());
                rows += &format!("2024-03-04T00:{minute:02}:{:02}Z,web,{metric},{cell},{instance},{edge}\n", 40 + second % 2);
            }
        }
    }
    let change = format!(
        "{{\"id\":\"d1\",\"time\":\"{TEN}\",\"service\":\"web\",\"kind\":\"deploy\",\"version\":\"2\",\"previous_version\":\"1\",\"instances\":[\"web-new\"]}}\n"
    );
    let folder = Folder::new(&[("metrics/mesh.csv", rows.as_bytes()), ("changes.jsonl", change.as_bytes())]);
    verify(&folder.shown(), &["--change", "d1"])["changes"][0].clone()
}

/// An instance that crashes again and again answers in few steps only; its siblings are several controls, not one.
#[test]
fn few_steps_of_one_instance_against_many_of_its_siblings() {
    let answers = |minute: i64| [12, 13, 15, 17, 18].contains(&minute);
    let side = |fails: bool| {
        move |metric: &str, instance: &str, minute: i64| match (metric, instance) {
            _ if minute > 19 => None,
            (_, "web-new") if !answers(minute) => None,
            ("Latency_server", _) => Some(20.0),
            (_, "web-new") if fails && minute != 15 => Some(0.0),
            _ => Some(100.0),
        }
    };
    let (olds, metrics) = (["web-a", "web-b", "web-c", "web-d"], ["SuccessRate_server", "Latency_server"]);
    let found = staged(&olds, &metrics, side(true));
    assert_eq!((&found["verdict"], &found["basis"]), (&"worse".into(), &"instances".into()), "{found:#}");
    assert_eq!(found["checks"][0]["kind"], "metric_failures", "{found:#}");
    let (low, high) = (found["checks"][0]["effect_low"].as_f64().unwrap(), found["checks"][0]["effect_high"].as_f64().unwrap());
    assert!(0.0 < low && low < 0.8 && 0.8 < high && high <= 1.0, "a share cannot fall by more than all: {low} to {high}");
    assert_ne!(staged(&olds, &metrics, side(false))["verdict"], "worse");
}

/// Trap: nobody calls the service any more. What siblings show is their last latency, and the new instance never had one.
#[test]
fn an_instance_that_nobody_calls_is_not_silent() {
    let metrics = ["SuccessRate_server", "Latency_server", "CPUUsageRate(%)"];
    let called = |until: i64| {
        move |metric: &str, instance: &str, minute: i64| match (metric, instance) {
            ("CPUUsageRate(%)", _) => Some(3.0),
            (_, "web-new") => None,
            ("Latency_server", _) => Some(20.0),
            _ => (minute < until).then_some(100.0),
        }
    };
    let found = staged(&["web-a", "web-b"], &metrics, called(12));
    assert_eq!(found["verdict"], "cannot_tell", "{found:#}");
    assert_eq!(staged(&["web-a", "web-b"], &metrics, called(25))["verdict"], "worse", "while its siblings are called it is");
}

#[test]
fn an_instance_that_carries_half_as_much_is_worse_before_users_feel_it() {
    let metrics = ["SuccessRate_server", "CPUUsageRate(%)"];
    // What the new instance needs in each minute, what its siblings need, and what one of them needed before.
    let need = |new: fn(i64) -> f64, old: f64, once: f64| {
        move |metric: &str, instance: &str, minute: i64| match (metric, instance) {
            ("SuccessRate_server", _) => Some(100.0),
            (_, "web-new") => Some(new(minute)),
            (_, "web-b") if minute <= 10 => Some(once),
            _ => Some(old + (minute % 3) as f64 / 10.0),
        }
    };
    let grows = |minute: i64| 9.0 * (minute - 10) as f64;
    let olds = ["web-a", "web-b", "web-c"];
    let found = staged(&olds, &metrics, need(grows, 7.0, 7.0));
    assert_eq!(found["verdict"], "worse", "{found:#}");
    assert!(found["checks"][0]["kind"] == "capacity" && found["checks"][0]["decides"] == true, "{found:#}");
    for (case, why) in [
        (need(grows, 7.0, 95.0), "an old one did the same before: it is a role, not the version"),
        (need(|_| 9.0, 3.0, 3.0), "three times next to nothing leaves room"),
        (need(|_| 90.0, 60.0, 60.0), "half as much again is no half"),
        (need(|minute| if minute < 15 { 95.0 } else { 8.0 }, 7.0, 7.0), "it warmed up"),
    ] {
        let found = staged(&olds, &metrics, case);
        assert_ne!(found["verdict"], "worse", "{why}: {found:#}");
    }
}

/// Trap: a wrong answer leaves no trace where it is given, and old and new instances look alike while all who ask fail.
#[test]
fn harm_that_shows_with_callers_only() {
    let head = "time,service,metric,value,instance,source,target\n";
    let sample = |minute: i64, fails: bool| if fails && minute > 21 { 20.0 + (minute % 4) as f64 * 15.0 } else { 100.0 };
    let bundle = |fails: bool, changes: &str| {
        let mut rows = head.to_owned();
        for minute in 0..45 {
            let mut add = |service: &str, instance: &str, edge: &str, value: f64| {
                rows += &format!("2024-03-04T00:{minute:02}:40Z,{service},SuccessRate_server,{value},{instance},{edge}\n");
            };
            for instance in ["web-a", "web-b"].into_iter().chain((minute > 20).then_some("web-new")) {
                add("web", instance, "shop,web", 100.0);
            }
            add("pay", "pay-a", "shop,pay", 100.0);
            add("mail", "mail-a", "front,mail", 100.0);
            add("shop", "shop-a", "front,shop", sample(minute, fails));
        }
        let folder = Folder::new(&[("metrics/mesh.csv", rows.as_bytes()), ("changes.jsonl", changes.as_bytes())]);
        verify(&folder.shown(), &["--change", "d1"])["changes"][0].clone()
    };
    let change = |id: &str, service: &str, time: &str, instances: &str| {
        format!(
            "{{\"id\":\"{id}\",\"time\":\"{time}\",\"service\":\"{service}\",\"kind\":\"deploy\",\"version\":\"2\",\"previous_version\":\"1\",\"instances\":[{instances}]}}\n"
        )
    };
    let twenty = "2024-03-04T00:20:05Z";
    let own = change("d1", "web", twenty, "\"web-new\"");
    let harmless = bundle(false, &own);
    assert_eq!((&harmless["verdict"], &harmless["basis"]), (&"not_worse".into(), &"instances".into()), "{harmless:#}");
    let alone = bundle(true, &own);
    assert_eq!(alone["verdict"], "worse", "{alone:#}");
    assert!(alone["checks"][0]["service"] == "shop" && alone["checks"][0]["p_adjusted"].as_f64().unwrap() < 0.05, "{alone:#}");
    // What is called beside it can have done the same harm; what nobody calls on the way cannot.
    for (rival, verdict) in [("shop", "cannot_tell"), ("pay", "cannot_tell"), ("mail", "worse")] {
        for instances in ["\"web-new\"", ""] {
            let changes = change("d1", "web", twenty, instances) + &change("d2", rival, "2024-03-04T00:19:30Z", "");
            let found = bundle(true, &changes);
            assert_eq!(found["verdict"], verdict, "{rival} {instances}: {found:#}");
            let confounded = found["checks"][0]["statement"].as_str().unwrap().contains("cannot be told apart");
            assert_eq!(confounded, verdict == "cannot_tell", "{rival} {instances}: {found:#}");
        }
    }
}

//! Tests of finding files and of whose they are.

use super::*;

fn check_owner(shown: &str, numbered: bool, service: &str, instance: Option<&str>) {
    assert_eq!(owner(shown, numbered), (Some(service.to_owned()), instance.map(str::to_owned)), "{shown}");
}

#[test]
fn service_and_instance_from_the_place() {
    check_owner("logs/shop/access.log.gz", false, "shop", None);
    check_owner("logs/shop/shop.log", false, "shop", None);
    check_owner("logs/shop/shop-2.log", false, "shop", Some("shop-2"));
    check_owner("logs/shop/shop_2.log.1.gz", false, "shop", Some("shop_2"));
    check_owner("logs/shop/shop-7d9f8b-x2x4q.log", false, "shop", Some("shop-7d9f8b-x2x4q"));
    check_owner("logs/shop/shop-access.log", false, "shop", None);
    check_owner("logs/shop/shop-error.log", false, "shop", None);
    check_owner("logs/shop/node1.log", true, "shop", Some("node1"));
    check_owner("logs/shop/shop-1/app.log", false, "shop", Some("shop-1"));
    check_owner("bundle/logs/shop/app.log-20230812", false, "shop", None);
    check_owner("logs/shop.log", false, "shop", None);
    check_owner("shop.json.zst", false, "shop", None);
    check_owner("deep/down/shop.txt", false, "shop", None);
    check_owner(".log", false, ".log", None);
}

#[test]
fn metric_files_name_a_service_or_nobody() {
    let check = |place: &str, service: Option<&str>, instance: Option<&str>| {
        assert_eq!(measured(place), (service.map(str::to_owned), instance.map(str::to_owned)), "{place}");
    };
    check("metrics/shop.prom", Some("shop"), None);
    check("bundle/metrics/shop/shop-1.om", Some("shop"), Some("shop-1"));
    check("metrics/shop/scrape-2023-08-12T14-30-00.prom", Some("shop"), None);
    check("metrics/shop-2023-08-12T14-30-00.prom", Some("shop"), None);
    check("metrics/metrics.om", None, None);
    check("metrics/scrape-1691850600.prom", None, None);
    check("vmstat.txt", None, None);
    check("metrics/otlp_metrics.json", None, None);
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn shown(bundle: &Bundle) -> Vec<&str> {
    bundle.sources.iter().map(|s| &*s.shown).collect()
}

#[test]
fn a_folder_is_walked_in_order_without_what_is_hidden_or_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs/b/b-1.log", "logs/a/node2.log", "logs/a/node1.log", "truth.json", "window.json", ".git/x", "sub/truth.json"] {
        write(folder.path(), name, "2023-08-12 14:30:00 INFO x\n");
    }
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    assert_eq!(shown(&bundle), ["logs/a/node1.log", "logs/a/node2.log", "logs/b/b-1.log", "sub/truth.json"]);
    let instances: Vec<_> = bundle.sources.iter().map(|s| s.instance.as_ref().map(InstanceId::as_str)).collect();
    assert_eq!(instances, [Some("node1"), Some("node2"), Some("b-1"), None]);
    assert_eq!(bundle.complaints, []);
}

#[test]
fn what_people_wrote_about_a_bundle_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["expected.md", "README", "README.txt", "logs/a/notes.markdown", "logs/a/readme.log"] {
        write(folder.path(), name, "2023-08-12 14:30:00 INFO x\n");
    }
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    assert_eq!(shown(&bundle), ["logs/a/readme.log"]);
}

#[test]
fn a_file_that_is_reached_twice_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs/a/a.log", "changes.jsonl"] {
        write(folder.path(), name, "2023-08-12 14:30:00 INFO x\n");
    }
    let at = |path: &str| folder.path().join(path);
    let all = [at(""), at("logs"), at("./logs/a/a.log"), at("changes.jsonl"), at("logs/../changes.jsonl")];
    for start in 0..all.len() {
        let mut paths = all.clone();
        paths.rotate_left(start);
        let bundle = Bundle::open(&paths).unwrap();
        assert_eq!(shown(&bundle), ["changes.jsonl", "logs/a/a.log"], "{paths:?}");
        assert_eq!(bundle.sources[1].service, Some("a".into()));
    }
}

#[test]
fn a_copy_is_read_once_and_under_the_name_of_what_it_is_of() {
    let folder = tempfile::tempdir().unwrap();
    let line = "2023-08-12 14:30:00 INFO x\n";
    for (name, lines) in [("web-1", 3), ("copy-of-web-1", 3), ("web-2", 3), ("cart-1", 900), ("cart-2", 900)] {
        write(folder.path(), &format!("logs/web/{name}.log"), &line.repeat(lines));
    }
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    let read: Vec<&str> = bundle.sources.iter().filter(|source| source.kind == SourceKind::Log).map(|source| &*source.shown).collect();
    assert_eq!(read, ["logs/web/cart-1.log", "logs/web/cart-2.log", "logs/web/web-1.log", "logs/web/web-2.log"]);
    let said: Vec<String> = bundle.complaints.iter().map(|complaint| format!("{} {}", complaint.origin.path, complaint.why)).collect();
    assert_eq!(said, ["logs/web/copy-of-web-1.log holds the same as logs/web/web-1.log: read once"]);
}

#[test]
fn a_year_is_taken_from_a_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.log", "Aug 12 14:30:00 host a: x\n");
    write(folder.path(), "b.log", "2019-08-12 14:30:00 INFO x\n");
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    assert!(bundle.sources.iter().all(|s| s.near.unwrap().date() == "2019-08-12"));
}

/// Two recordings in one folder are two incidents; a bundle with a folder for each service is one.
#[test]
fn folders_that_are_bundles_themselves_are_told() {
    let said = |files: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let text = if file.ends_with(".json") {
                r#"[{"id": "d-1", "time": "2023-08-12T14:00:00Z", "kind": "deploy", "service": "a"}]"#
            } else {
                "2023-08-12 14:30:00 INFO x\n"
            };
            write(folder.path(), file, text);
        }
        let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
        bundle.complaints.into_iter().map(|complaint| complaint.why).collect::<Vec<_>>()
    };
    let two = said(&["monday/changes.json", "monday/logs/a.log", "friday/changes.json", "friday/logs/b.log"]);
    assert!(two.iter().any(|why| why.starts_with("2 folders with changes and telemetry of their own (friday, monday)")), "{two:?}");
    assert_eq!(said(&["changes/one.json", "changes/two.json", "logs/a/a.log", "logs/b/b.log"]), [""; 0]);
    assert_eq!(said(&["changes.json", "a/changes.json", "a/a.log", "b/changes.json", "b/b.log"]), [""; 0]);
}

#[test]
fn what_cannot_be_read_at_all_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none");
    assert!(Bundle::open(std::slice::from_ref(&missing)).unwrap_err().to_string().ends_with("no such file or folder"));
    assert!(Bundle::open(&[folder.path().to_owned()]).unwrap_err().to_string().ends_with("nothing to read here"));
    assert!(Bundle::open(&[]).is_err());
}

#[cfg(unix)]
#[test]
fn links_in_circles_end_and_special_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "logs/a.log", "x\n");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("logs/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("logs/broken")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("logs/socket")).unwrap();
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    assert_eq!(shown(&bundle), ["logs/a.log"]);
    let complaints: Vec<String> = bundle.complaints.iter().map(|c| format!("{} {}", c.origin, c.why)).collect();
    assert_eq!(complaints, ["logs/broken no such file or folder", "logs/socket neither a file nor a folder"]);
}

#[test]
fn garbage_is_skipped_with_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "core", "\u{1}\u{2}\u{0}\u{0}\u{3}");
    let bundle = Bundle::open(&[folder.path().to_owned()]).unwrap();
    assert_eq!(bundle.sources[0].kind, SourceKind::Skipped);
    assert_eq!(bundle.complaints[0].why, "not text");
}

#[test]
fn a_configuration_belongs_to_the_folder_it_is_in() {
    let check = |shown: &str, service: Option<&str>| assert_eq!(configured(shown).as_deref(), service, "{shown}");
    check("configs/shop/2.14.0.yaml", Some("shop"));
    check("bundle/config/shop/prod/app.env", Some("shop"));
    check("configs/shop.yaml", Some("shop"));
    check("shop.yaml", None);
}

#[test]
fn patterns_are_expanded_where_no_shell_did() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs/a/a.log", "logs/b/b.log", "logs/b/.c.log", "logs/b/b.txt", "odd[1].log"] {
        write(folder.path(), name, "2023-08-12 14:30:00 INFO x\n");
    }
    let check = |pattern: &str, expected: Result<&[&str], &str>| match (Bundle::open(&[folder.path().join(pattern)]), expected) {
        (Ok(bundle), Ok(expected)) => assert_eq!(shown(&bundle), expected, "{pattern}"),
        (Err(error), Err(expected)) => assert!(error.reason.contains(expected), "{pattern}: {error}"),
        (found, _) => panic!("{pattern}: {found:?}"),
    };
    check("logs/*/*.log", Ok(&["a.log", "b.log"]));
    check("logs/**/b.*", Ok(&["b.log", "b.txt"]));
    check("logs/?", Ok(&["a.log", "b.log", "b.txt"]));
    check("odd[1].log", Ok(&["odd[1].log"]));
    check("odd[[]1].log", Ok(&["odd[1].log"]));
    check("logs/*/*.gz", Err("no file matches"));
    check("logs/***/x", Err("not a pattern"));
    check("logs/a/b.log", Err("no such file"));
}

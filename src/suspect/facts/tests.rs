//! Tests of what is known of configuration keys and messages.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_built_in_files_load_and_all_samples_pass() {
    let wrong = Facts::wrong_samples(KEYS_FILE, SIGNATURES_FILE).unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_role_and_every_symptom_is_known() {
    let facts = Facts::builtin();
    let roles: BTreeSet<KeyRole> = facts.key_facts.iter().map(|known| known.role).collect();
    assert_eq!(roles, KeyRole::ALL.iter().copied().collect());
    let symptoms: BTreeSet<Symptom> = facts.symptoms.iter().copied().collect();
    assert_eq!(symptoms, Symptom::ALL.iter().copied().collect());
    assert!(
        facts.key_facts.len() >= 100 && facts.symptoms.len() >= 120,
        "{} keys, {} signatures",
        facts.key_facts.len(),
        facts.symptoms.len()
    );
}

#[test]
fn no_knowledge_knows_nothing() {
    assert_eq!(Facts::empty().key("db.pool.max"), None);
    assert_eq!(Facts::empty().symptom("Connection refused", Some("53300")), None);
}

#[test]
fn codes_count_before_texts() {
    let facts = Facts::builtin();
    for (text, code, expected) in [
        ("zu viele Verbindungen", Some("53300"), Some(Symptom::ConnectionLimit)),
        ("connection refused", Some("28P01"), Some(Symptom::Auth)),
        ("x", Some("1205"), Some(Symptom::LockWait)),
        ("x", Some("08XYZ"), Some(Symptom::Reset)),
        ("x", Some("econnrefused"), Some(Symptom::Refused)),
        ("connection refused", Some("99999"), Some(Symptom::Refused)),
        ("all is well", Some("00000"), None),
        ("", None, None),
    ] {
        assert_eq!(facts.symptom(text, code), expected, "{text} {code:?}");
    }
}

#[test]
fn beginnings_are_what_all_messages_together_say() {
    let facts = Facts::builtin();
    let samples: toml::Table = SIGNATURES_FILE.1.parse().unwrap();
    let texts: Vec<&str> =
        samples["message"].as_array().unwrap().iter().flat_map(|m| m["yes"].as_array().unwrap()).map(|t| t.as_str().unwrap()).collect();
    let begins = |text: &&&str| matches!(facts.symptom(text, None), Some(Symptom::Started | Symptom::Reloaded));
    assert!(texts.iter().filter(begins).count() >= 5 && texts.len() > 100);
    for text in &texts {
        assert_eq!(facts.beginning(text), facts.symptom(text, None).filter(|_| begins(&text)), "{text}");
    }
}

#[test]
fn the_unit_is_that_of_the_name_before_that_of_the_fact() {
    let facts = Facts::builtin();
    assert_eq!(facts.key("spring.datasource.hikari.connectionTimeout").unwrap().unit, Some(Unit::Milliseconds));
    assert_eq!(facts.key("hikari.connection-timeout-seconds").unwrap().unit, Some(Unit::Seconds));
    assert_eq!(facts.key("db.pool.max").unwrap(), KeyFact { role: KeyRole::Pool, worse: Worse::Lower, unit: None });
}

/// Loads a file with one fault.
#[track_caller]
fn check_fault(keys: &str, signatures: &str, file: &str, why: &str) {
    let error = Facts::load(("k.toml", keys), ("s.toml", signatures)).unwrap_err();
    assert!(error.file == file && error.why.contains(why), "{error}");
}

#[test]
fn faults_name_the_file_and_what_was_meant() {
    let key = |text: &str| format!("[[key]]\n{text}\nyes = ['a']\n");
    check_fault(&key("role = 'pol'\nworse = 'lower'\nmatch = 'a'"), "", "k.toml", "did you mean \"pool\"?");
    check_fault(&key("role = 'pool'\nworse = 'lowr'\nmatch = 'a'"), "", "k.toml", "did you mean \"lower\"?");
    check_fault(&key("role = 'pool'\nworse = 'lower'\nmatch = 'a('"), "", "k.toml", "'(?:^| )(?:a()(?: |$)'");
    check_fault(&key("role = 'pool'\nworse = 'lower'\nmatch = 'a'\nunit = 'parsec'"), "", "k.toml", "unknown unit");
    check_fault(&key("role = 'pool'\nworse = 'lower'\nmatsh = 'a'"), "", "k.toml", "matsh");
    check_fault(
        "key = []",
        "[[message]]\nsymptom = 'conection.refused'\nmatch = 'a'\nyes = ['a']\n",
        "s.toml",
        "did you mean \"connection.refused\"?",
    );
    check_fault("key = []", "[[code]]\nsymptom = 'auth'\ncodes = ['1', '1']\n", "s.toml", "given twice");
}

#[test]
fn samples_that_fail_are_told() {
    let keys = "[[key]]\nrole = 'pool'\nworse = 'lower'\nmatch = 'pool'\nyes = ['a.pool', 'b']\nno = ['c.pool']\n";
    let signatures = "[[message]]\nsymptom = 'auth'\nmatch = 'denied'\nyes = ['Denied', 'x']\nno = ['denied']\n";
    let wrong = Facts::wrong_samples(("k", keys), ("s", signatures)).unwrap();
    assert_eq!(wrong.len(), 4, "{wrong:?}");
}

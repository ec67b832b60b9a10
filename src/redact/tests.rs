//! What is replaced and what is left alone.

use super::*;

fn redactor() -> Redactor {
    Redactor::new(&[7; 32], true)
}

#[test]
fn what_must_not_be_shared_is_gone() {
    let cases: [(&str, &str); 18] = [
        ("login failed for jane.doe@example.org today", "jane.doe"),
        ("Authorization: Bearer abcdef0123456789ghij", "abcdef0123456789ghij"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIi"),
        ("key AKIAIOSFODNN7EXAMPLE used", "IOSFODNN7"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "klmnop"),
        ("STRIPE=sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39Hq"),
        ("postgres://app:hunter2@db:5432/orders", "hunter2"),
        ("password=hunter2", "hunter2"),
        ("db.password: hunter", "hunter"),
        (r#"{"password":"hunter2","n":1}"#, "hunter2"),
        (r#"{\"api_key\":\"k-123456\"}"#, "k-123456"),
        ("DB_PASSWORD='hunter2 '", "hunter2"),
        ("card 4111 1111 1111 1111 declined", "4111"),
        ("pan=5555555555554444", "5555555555554444"),
        ("amex 378282246310005.", "378282246310005"),
        ("from 203.0.113.9:4711", "203.0.113.9"),
        ("from [2001:db8::ff00:42:8329]", "2001:db8"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ];
    let redactor = redactor();
    for (text, secret) in cases {
        let redacted = redactor.text(text);
        assert!(!redacted.contains(secret), "{text} -> {redacted}");
        assert_eq!(redactor.text(&redacted).matches("redacted").count(), redacted.matches("redacted").count(), "twice: {redacted}");
    }
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    let redactor = Redactor::new(&[7; 32], false);
    for text in [
        "1692345678901234567 ns and 1692345678901 ms",
        "order 4111111111111112 has a wrong check digit",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "max_tokens: 400",
        "secret_scanning=true",
        "password: authentication failed for user app",
        "token=expired",
        "FATAL: password authentication failed for user \"app\"",
        "10.0.0.7 - - GET /orders/42?page=3 200",
        "image@sha256:0123456789abcdef",
        "a@b",
        "took 6011.5 ms",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn pseudonyms_are_stable_and_hold_only_with_the_key() {
    let (a, b) = (redactor(), Redactor::new(&[8; 32], true));
    assert_eq!(a.text("x jane@example.org"), a.text("x jane@example.org"));
    assert_ne!(a.text("jane@example.org"), a.text("john@example.org"));
    assert_ne!(a.text("jane@example.org"), b.text("jane@example.org"));
    let card = a.text("4111-1111-1111-1111");
    assert!(card.starts_with("99") && card.len() == 19 && card.matches('-').count() == 3, "{card}");
    assert_eq!(a.value("db.password", "15"), "15");
    assert_ne!(a.value("db.password", "correct horse"), "correct horse");
}

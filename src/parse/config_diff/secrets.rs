//! Credentials in configuration values: shown as a mark, never as themselves.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Words that make a key a credential.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "requirepass",
    "masterauth",
];

/// Two words that do so together.
const SECRET_PAIRS: [(&str, &str); 9] = [
    ("api", "key"),
    ("private", "key"),
    ("access", "key"),
    ("secret", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("auth", "key"),
    ("account", "key"),
    ("shared", "key"),
];

/// `proxy_pass` hands a request on.
const PASSES_ON: [&str; 6] = ["proxy", "grpc", "fastcgi", "uwsgi", "scgi", "memcached"];

/// Last words that make a key a setting about a credential: `token.ttl`, `password_min_length`, `secret_name`.
const ABOUT: &str = "\
    ttl timeout length max min expiry expires expiration ms s sec seconds minutes hours days enabled name file path url uri endpoint \
    ref version type count limit limits size policy rotation header algorithm issuer audience encryption cache interval required \
    bucket";

/// Both values with credentials replaced by marks. Equal values get equal marks, and different ones different marks.
pub(super) fn masked(key: &str, before: Option<&str>, after: Option<&str>) -> (Option<String>, Option<String>) {
    if !is_secret(key) {
        return (before.map(masked_inside), after.map(masked_inside)).apart(before, after);
    }
    hidden(before, after)
}

/// Both values as marks, whatever their key is.
pub(super) fn hidden(before: Option<&str>, after: Option<&str>) -> (Option<String>, Option<String>) {
    let hide = |value: &str| if value.is_empty() { String::new() } else { mark(value) };
    (before.map(hide), after.map(hide)).apart(before, after)
}

trait Apart {
    fn apart(self, before: Option<&str>, after: Option<&str>) -> Self;
}

impl Apart for (Option<String>, Option<String>) {
    /// A mark has 16 bits; two values that share one by chance must still differ.
    fn apart(mut self, before: Option<&str>, after: Option<&str>) -> Self {
        if before != after
            && self.0 == self.1
            && let Some(shown) = &mut self.1
        {
            shown.push('*');
        }
        self
    }
}

/// Whether the value of that key is a credential.
fn is_secret(key: &str) -> bool {
    let words = words(key.rsplit('.').next().unwrap_or(key));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ends_in_pass = matches!(words.as_slice(), [.., before, "pass"] if !PASSES_ON.contains(before)) || words == ["pass"];
    let named = ends_in_pass
        || words.iter().any(|word| SECRET.contains(word))
        || words.windows(2).any(|pair| SECRET_PAIRS.contains(&(pair[0], pair[1])));
    let counts_tokens = words.contains(&"tokens");
    named && !counts_tokens && !words.last().is_some_and(|last| ABOUT.split(' ').any(|about| about == *last))
}

fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Passwords inside a value: `scheme://user:password@host`, `password=…;`.
fn masked_inside(value: &str) -> String {
    static USERINFO: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)([^/\s@]+)(@)").expect("a fixed expression"));
    static SETTING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)(\b(?:password|passwd|pwd|secret|token|api[_-]?key)\s*=\s*)([^\s;&,"']+)()"#).expect("a fixed expression")
    });
    static BEARER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)(\b(?:bearer|basic)\s+)([\w.~+/=-]{8,})()").expect("a fixed expression"));
    let hide = |found: &Captures<'_>| format!("{}{}{}", &found[1], mark(&found[2]), &found[3]);
    let value = USERINFO.replace_all(value, hide);
    let value = SETTING.replace_all(&value, hide);
    let value = BEARER.replace_all(&value, hide);
    match value.contains("-----BEGIN") && value.contains("PRIVATE KEY") {
        true => mark(&value),
        false => value.into_owned(),
    }
}

/// `**** (#3fa1)`: too short to find the credential by trying, long enough to tell two apart.
fn mark(value: &str) -> String {
    // FNV-1a, because the mark must be the same on every machine and in every version.
    let hash = value.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("**** (#{:04x})", (hash ^ (hash >> 32)) & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_credentials() {
        for key in [
            "db.password",
            "DB_PASSWORD",
            "stripe.apiKey",
            "auth.client_secret",
            "tls.privateKey",
            "SLACK_TOKEN",
            "DB_PASS",
            "aws.secretAccessKey",
            "requirepass",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "token.ttl",
            "password_min_length",
            "secretName",
            "max_tokens",
            "location./.proxy_pass",
            "auth.token_ttl_seconds",
            "tls.privateKey.path",
            "db.pool.max",
            "keyboard",
            "",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn a_mark_tells_values_apart_and_never_shows_them() {
        let (old, new) = masked("db.password", Some("hunter2"), Some("hunter3"));
        assert!(old.as_ref().is_some_and(|m| m.starts_with("****") && !m.contains("hunter")), "{old:?}");
        assert_ne!(old, new);
        assert_eq!(masked("db.password", Some("a"), Some("a")).0, masked("x.password", None, Some("a")).1);
        assert_eq!(masked("db.password", Some(""), None), (Some(String::new()), None));
    }

    #[test]
    fn passwords_inside_values() {
        for (value, hidden, kept) in [
            ("postgres://app:s3cret@db.x:5432/y", "s3cret", "@db.x:5432/y"),
            ("redis://:s3cret@cache:6379/0", "s3cret", "@cache:6379/0"),
            ("Server=db;Password=s3cret;Port=1", "s3cret", ";Port=1"),
            ("Bearer abcdefgh12345", "abcdefgh12345", "Bearer "),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc", "abc", "****"),
        ] {
            let shown = masked_inside(value);
            assert!(!shown.contains(hidden) && shown.contains(kept) && shown.contains("****"), "{shown}");
        }
        for value in ["http://db.x:5432/y", "a:b@c", "user@example.com", "12"] {
            assert_eq!(masked_inside(value), value);
        }
    }
}

//! Secrets and personal data become pseudonyms: e-mail addresses, keys, tokens, passwords, card numbers, and addresses of machines where
//! asked for.
//!
//! The same text gets the same pseudonym all over a bundle and its reports, so that counting distinct users or comparing two values still
//! works. Pseudonyms are made with a key that comes from the contents of the bundle itself: without it nobody can try out guesses, and two
//! bundles cannot be compared with each other. What is replaced keeps its shape (an address stays an address, a number stays as long), so
//! that a redacted bundle is read as the bundle was.

mod rules;
pub mod walk;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use rules::{Kind, Rule};

/// What begins so was put there by a redactor.
const MARK: &str = "redacted-";
/// The domain of pseudonymous addresses; `.invalid` belongs to nobody (RFC 2606).
const DOMAIN: &str = "redacted.invalid";

/// Replaces what must not be shared.
#[derive(Debug)]
pub struct Redactor {
    key: [u8; 32],
    rules: Vec<Rule>,
}

impl Redactor {
    /// `key`: anything that only holders of the bundle know. `addresses`: IP addresses, too.
    pub fn new(key: &[u8; 32], addresses: bool) -> Redactor {
        Redactor { key: *key, rules: rules::all(addresses) }
    }

    /// The text without what must not be shared; borrowed where it holds nothing of that.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut current = Cow::Borrowed(text);
        for rule in &self.rules {
            if let Some(replaced) = self.apply(rule, &current) {
                current = Cow::Owned(replaced);
            }
        }
        current
    }

    /// A value whose key says that it is secret.
    pub fn value<'t>(&self, key: &str, value: &'t str) -> Cow<'t, str> {
        if rules::is_secret_key(key) && !rules::is_plain_value(value) && !value.starts_with(MARK) {
            return Cow::Owned(self.pseudonym(Kind::Secret, value));
        }
        self.text(value)
    }

    fn apply(&self, rule: &Rule, text: &str) -> Option<String> {
        let mut out: Option<String> = None;
        let mut last = 0;
        for found in rule.expression.captures_iter(text) {
            let Some(secret) = found.name("s") else { continue };
            if secret.start() < last || !rules::is_meant(rule.kind, text, &found, secret.range()) {
                continue;
            }
            let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
            out.push_str(&text[last..secret.start()]);
            out.push_str(&self.pseudonym(rule.kind, secret.as_str()));
            last = secret.end();
        }
        out.map(|out| out + &text[last..])
    }

    fn pseudonym(&self, kind: Kind, secret: &str) -> String {
        let hash = Sha256::new().chain_update(self.key).chain_update([kind as u8]).chain_update(secret.as_bytes()).finalize();
        let hex = |n: usize| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..n].to_owned();
        match kind {
            Kind::Email => format!("u{}@{DOMAIN}", hex(10)),
            Kind::Secret => format!("{MARK}{}", hex(12)),
            Kind::Card => {
                // No issuer's numbers begin with 99.
                let mut digits = "99".chars().chain(hash.iter().map(|byte| char::from(b'0' + byte % 10)));
                secret.chars().map(|c| if c.is_ascii_digit() { digits.next().unwrap_or('9') } else { c }).collect()
            }
            Kind::Ipv4 => format!("10.{}.{}.{}", hash[0], hash[1], hash[2]),
            Kind::Ipv6 => format!(
                "fd00::{:x}:{:x}:{:x}",
                u16::from_be_bytes([hash[0], hash[1]]),
                u16::from_be_bytes([hash[2], hash[3]]),
                u16::from_be_bytes([hash[4], hash[5]])
            ),
        }
    }
}

#[cfg(test)]
mod tests;

//! A configuration key as a list of plain words, whatever its style, and the unit that its name ends with.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
    Bytes,
    Kibibytes,
    Mebibytes,
    Gibibytes,
    Percent,
}

impl Unit {
    /// The unit that a word names.
    pub fn from_word(word: &str) -> Option<Unit> {
        Some(match word {
            "us" | "usec" | "micros" | "microseconds" | "microsecond" => Unit::Microseconds,
            "ms" | "msec" | "msecs" | "millis" | "milliseconds" | "millisecond" | "milli" => Unit::Milliseconds,
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
            "mins" | "minute" | "minutes" => Unit::Minutes,
            "h" | "hour" | "hours" | "hrs" => Unit::Hours,
            "d" | "day" | "days" => Unit::Days,
            "byte" | "bytes" => Unit::Bytes,
            "kb" | "kib" | "kbytes" | "kilobytes" => Unit::Kibibytes,
            "mb" | "mib" | "mbytes" | "megabytes" | "megs" => Unit::Mebibytes,
            "gb" | "gib" | "gigabytes" => Unit::Gibibytes,
            "percent" | "pct" | "percentage" => Unit::Percent,
            _ => return None,
        })
    }

    /// One of this unit in the base unit of its kind: seconds, bytes, or one.
    pub fn scale(self) -> f64 {
        match self {
            Unit::Microseconds => 1e-6,
            Unit::Milliseconds => 1e-3,
            Unit::Seconds | Unit::Bytes => 1.0,
            Unit::Minutes => 60.0,
            Unit::Hours => 3_600.0,
            Unit::Days => 86_400.0,
            Unit::Kibibytes => 1_024.0,
            Unit::Mebibytes => 1_048_576.0,
            Unit::Gibibytes => 1_073_741_824.0,
            Unit::Percent => 0.01,
        }
    }

    /// Whether it is a unit of time.
    pub fn is_time(self) -> bool {
        matches!(self, Unit::Microseconds | Unit::Milliseconds | Unit::Seconds | Unit::Minutes | Unit::Hours | Unit::Days)
    }

    /// Whether it is a unit of size.
    pub fn is_size(self) -> bool {
        matches!(self, Unit::Bytes | Unit::Kibibytes | Unit::Mebibytes | Unit::Gibibytes)
    }
}

/// Words that people run together: `maxpoolsize`, `TIMEOUTMS`, `ttlSeconds`.
const PARTS: &str = "\
    acquire active address age alive api attempts backlog backoff batch body breaker buffer buffers burst bytes cache capacity cert \
    circuit client clients conn connect connection connections conns core count cpu database db deadline default delay depth disk \
    enable enabled endpoint errors eviction expiry factor feature file files flag heap host hours idle initial instances interval \
    keep key length level life lifetime limit limits live lock log max maximum memory message millis min minimum minutes ms name \
    nodes open overflow packet password path per percentage period policy pool port process processes queue ram rate read recycle replicas request \
    requests reset response retries retry sec seconds server session size socket start statement stmt thread threads time timeout \
    token total ttl url";

static PART_WORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| PARTS.split_whitespace().collect());

/// The words of a key, lower-case, in the singular, usual abbreviations written out; and the unit that it ends with, which is not among the
/// words. `spring.datasource.hikari.maximum-pool-size` is `spring datasource hikari max pool size`.
pub fn key_words(key: &str) -> (Vec<String>, Option<Unit>) {
    let mut words: Vec<String> = split(key).iter().flat_map(|word| taken_apart(word)).collect();
    let unit = words.last().filter(|_| words.len() > 1).and_then(|word| Unit::from_word(word));
    if unit.is_some() {
        words.pop();
    }
    if words.last().is_some_and(|word| word == "in" && unit.is_some()) {
        words.pop();
    }
    (words.iter().map(|word| plain(word)).collect(), unit)
}

/// At everything but letters and digits, and where the case says that a word begins: `maxIdleTime`, `HTTPServer`.
fn split(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = key.chars().take(400).collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| chars[i]);
        let starts_upper = c.is_uppercase()
            && (before.is_some_and(char::is_lowercase)
                // `S3Bucket`, but `C3P0` is one word.
                || (before.is_some_and(|b| b.is_ascii_digit()) && chars.get(at + 1).is_none_or(|n| !n.is_ascii_digit()))
                || (before.is_some_and(char::is_uppercase)
                    && chars.get(at + 1).is_some_and(|n| n.is_lowercase())
                    && !ends_plural(&chars, at + 1)));
        if !c.is_alphanumeric() || starts_upper {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `URLs`, `IDs`: the small letter belongs to the capitals.
fn ends_plural(chars: &[char], at: usize) -> bool {
    chars[at] == 's' && chars.get(at + 1).is_none_or(|c| !c.is_lowercase())
}

/// Words run together, taken apart where that leaves nothing over.
fn taken_apart(word: &str) -> Vec<String> {
    let is_part = |text: &str| PART_WORDS.contains(text);
    if word.len() < 4
        || word.len() > 40
        || is_part(word)
        || !word.is_ascii()
        || matches!(word, "keepalive" | "timeout" | "lifetime" | "reconnect")
    {
        return vec![word.to_owned()];
    }
    // best[i]: the fewest parts that make up the first i letters.
    let mut best: Vec<Option<Vec<&str>>> = vec![None; word.len() + 1];
    best[0] = Some(Vec::new());
    for end in 1..=word.len() {
        for start in 0..end {
            if let Some(parts) = best[start].as_ref().filter(|_| is_part(&word[start..end])) {
                let parts: Vec<&str> = parts.iter().copied().chain([&word[start..end]]).collect();
                if best[end].as_ref().is_none_or(|known| parts.len() < known.len()) {
                    best[end] = Some(parts);
                }
            }
        }
    }
    best.pop().flatten().map_or_else(|| vec![word.to_owned()], |parts| parts.into_iter().map(str::to_owned).collect())
}

/// One spelling for each word.
fn plain(word: &str) -> String {
    let singular = match word {
        w if w.len() > 4 && w.ends_with("ies") => format!("{}y", &w[..w.len() - 3]),
        w if w.len() > 5 && (w.ends_with("sses") || w.ends_with("xes") || w.ends_with("ches")) => w[..w.len() - 2].to_owned(),
        w if w.len() > 3
            && w.ends_with('s')
            && !w.ends_with("ss")
            && !w.ends_with("us")
            && !w.ends_with("is")
            && !matches!(w, "https" | "postgres" | "kubernetes" | "always" | "alias") =>
        {
            w[..w.len() - 1].to_owned()
        }
        w => w.to_owned(),
    };
    match singular.as_str() {
        "maximum" | "maximal" => "max",
        "minimum" | "minimal" => "min",
        "conn" => "connection",
        "mem" => "memory",
        "addr" => "address",
        "passwd" | "pwd" => "password",
        "cred" => "credential",
        "num" | "number" | "nr" => "count",
        "stmt" => "statement",
        "tx" | "txn" | "trx" => "transaction",
        "exec" => "execution",
        "cfg" | "conf" => "config",
        "srv" => "server",
        "svc" => "service",
        "req" => "request",
        "resp" => "response",
        "msg" => "message",
        "dir" => "directory",
        "ttl" => "ttl",
        "sz" => "size",
        "len" => "length",
        "expiration" | "expire" => "expiry",
        other => return other.to_owned(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_gives_the_same_words() {
        for (key, words, unit) in [
            ("", "", None),
            ("db.pool.maxSize", "db pool max size", None),
            ("DB_POOL_MAX_SIZE", "db pool max size", None),
            ("db-pool-max-size", "db pool max size", None),
            ("DB_POOLMAXSIZE", "db pool max size", None),
            ("spring.datasource.hikari.maximum-pool-size", "spring datasource hikari max pool size", None),
            ("up.TIMEOUTMS", "up timeout", Some(Unit::Milliseconds)),
            ("cache.ttlSeconds", "cache ttl", Some(Unit::Seconds)),
            ("clients.x.retries", "client x retry", None),
            ("HTTPServer.URLs", "http server url", None),
            ("limits.memory_mb", "limit memory", Some(Unit::Mebibytes)),
            ("seconds", "second", None),
            ("expiry_in_days", "expiry", Some(Unit::Days)),
            ("redis.addresses", "redis address", None),
            ("poolside", "poolside", None),
            ("min", "min", None),
            ("über.größe", "über größe", None),
            ("s3Bucket", "s3 bucket", None),
            ("C3P0_MAX_SIZE", "c3p0 max size", None),
        ] {
            let (found, found_unit) = key_words(key);
            assert_eq!((found.join(" ").as_str(), found_unit), (words, unit), "{key}");
        }
    }
}

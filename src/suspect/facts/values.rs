//! Configuration values as numbers, and how they may be spelt in a message.

use super::words::{Unit, key_words};

/// A value in its base unit: seconds, bytes, or a plain number. `true`, `on` and `yes` are 1, their opposites 0. `None` for texts.
///
/// Sizes count by 1024, as the programs do that read them. A lone `m` is minutes below 100 and thousandths above (Kubernetes' `500m`).
pub fn numeric_value(value: &str) -> Option<f64> {
    let value = value.trim();
    match value.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "enabled" => return Some(1.0),
        "false" | "off" | "no" | "disabled" => return Some(0.0),
        _ => {}
    }
    if let Some(heap) = value.split_whitespace().find_map(|option| option.strip_prefix("-Xmx")) {
        return quantity(heap, true).map(|(number, unit)| number * unit.map_or(1.0, Unit::scale));
    }
    if let Some(iso) = value.strip_prefix("PT") {
        return sum_of_quantities(&iso.to_ascii_lowercase());
    }
    match quantity(value, false) {
        Some((number, Some(unit))) => Some(number * unit.scale()),
        Some((number, None)) => Some(number),
        None if value.ends_with(['m', 'M']) => {
            quantity(&value[..value.len() - 1], false).filter(|(_, unit)| unit.is_none()).map(|(n, _)| minutes_or_thousandths(n, value))
        }
        None => sum_of_quantities(value),
    }
}

/// A length of time in seconds: the unit is the value's own, or else `unit`. `None` for what is no time, and where no unit is known.
pub fn seconds(value: &str, unit: Option<Unit>) -> Option<f64> {
    match quantity(value, false) {
        Some((number, own)) => own.or(unit).filter(|unit| unit.is_time()).map(|unit| number * unit.scale()),
        None => numeric_value(value).filter(|_| value.trim().starts_with("PT") || value.trim().starts_with(|c: char| c.is_ascii_digit())),
    }
}

/// `1M` is a size (nginx, MySQL), `500m` thousandths, `5m` minutes.
fn minutes_or_thousandths(number: f64, value: &str) -> f64 {
    match () {
        () if value.ends_with('M') => number * Unit::Mebibytes.scale(),
        () if number >= 100.0 => number / 1_000.0,
        () => number * Unit::Minutes.scale(),
    }
}

/// A number with an optional unit behind it. In a `heap` size, `m` is megabytes.
fn quantity(text: &str, heap: bool) -> Option<(f64, Option<Unit>)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".-+_".contains(c))).unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    let unit = match text[end..].trim() {
        "" => None,
        "m" | "M" if heap => Some(Unit::Mebibytes),
        "%" => Some(Unit::Percent),
        "B" | "b" => Some(Unit::Bytes),
        "k" | "K" | "Ki" => Some(Unit::Kibibytes),
        "Mi" => Some(Unit::Mebibytes),
        "g" | "G" | "Gi" => Some(Unit::Gibibytes),
        "min" => Some(Unit::Minutes),
        "µs" => Some(Unit::Microseconds),
        "w" => return Some((number * 7.0, Some(Unit::Days))),
        word => Some(Unit::from_word(&word.to_ascii_lowercase())?),
    };
    number.is_finite().then_some((number, unit))
}

/// `1m30s`, `1h 30m`.
fn sum_of_quantities(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    let mut count = 0;
    while !rest.is_empty() && count < 8 {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let letters = rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |at| digits + at);
        sum += number
            * match &rest[digits..letters] {
                "m" | "min" => 60.0,
                unit => Unit::from_word(unit).filter(|unit| unit.is_time())?.scale(),
            };
        rest = rest[letters..].trim_start();
        count += 1;
    }
    (count > 0 && rest.is_empty()).then_some(sum)
}

/// How the value of a key may be written in a message, its own spelling first: a duration in seconds and milliseconds, a size in its usual
/// units, a URL or address as its host. Each once; empty for values that say nothing, such as `true`.
pub fn spellings(key: &str, value: &str) -> Vec<String> {
    let value = value.trim();
    let mut found = Vec::new();
    if value.is_empty() || ["true", "false", "on", "off", "yes", "no", "null", "none"].contains(&value.to_ascii_lowercase().as_str()) {
        return found;
    }
    found.push(value.to_owned());
    match measured(key, value) {
        Some((seconds, unit)) if unit.is_time() => found.extend(durations(seconds)),
        Some((bytes, unit)) if unit.is_size() => found.extend(sizes(bytes)),
        _ => found.extend(host(value)),
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|text| seen.insert(text.clone()));
    found
}

/// The value in base units and the kind of its unit, which the value itself or the key names.
fn measured(key: &str, value: &str) -> Option<(f64, Unit)> {
    if let Some((number, unit)) = quantity(value, false) {
        let unit = unit.or_else(|| key_words(key).1)?;
        return Some((number * unit.scale(), unit));
    }
    numeric_value(value)
        .filter(|_| value.starts_with(|c: char| c.is_ascii_digit()) || value.starts_with("PT"))
        .map(|seconds| (seconds, Unit::Seconds))
}

fn durations(seconds: f64) -> Vec<String> {
    let (s, ms) = (trimmed(seconds), trimmed(seconds * 1_000.0));
    let mut found = vec![s.clone(), format!("{seconds:.1}"), format!("{seconds:.2}"), format!("{seconds:.3}"), ms.clone()];
    found.retain(|text| text.parse::<f64>().is_ok_and(|parsed| (parsed - seconds).abs() <= seconds.abs() * 1e-9) || *text == ms);
    let with_point = format!("{seconds:.1}");
    found.extend([
        format!("{s}s"),
        format!("{s} s"),
        format!("{s} sec"),
        format!("{s} seconds"),
        format!("{with_point}s"),
        format!("{ms}ms"),
        format!("{ms} ms"),
    ]);
    if seconds >= 60.0 && seconds % 60.0 == 0.0 {
        found.extend([format!("{}m", trimmed(seconds / 60.0)), format!("{}m0s", trimmed(seconds / 60.0))]);
    }
    found.retain(|text| !text.starts_with("0.0s") && text != "0.0" && text != "0.00" && text != "0.000");
    found
}

fn sizes(bytes: f64) -> Vec<String> {
    let mut found = vec![trimmed(bytes)];
    for (scale, names) in [(1_024.0, ["kB", "KB", "K"]), (1_048_576.0, ["MB", "MiB", "M"]), (1_073_741_824.0, ["GB", "GiB", "G"])] {
        if bytes >= scale && (bytes / scale).fract() == 0.0 {
            let number = trimmed(bytes / scale);
            found.extend(names.iter().flat_map(|name| [format!("{number}{name}"), format!("{number} {name}")]));
        }
    }
    found
}

/// The number without trailing zeros.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The host of a URL or of `host:port`, alone and with its port.
fn host(value: &str) -> Vec<String> {
    let after_scheme = value.split_once("://").map(|(_, rest)| rest);
    let authority = after_scheme.unwrap_or(value).split(['/', '?', ' ', ',']).next().unwrap_or("");
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let (name, port) = authority.rsplit_once(':').map_or((authority, None), |(name, port)| (name, Some(port)));
    let is_port = port.is_some_and(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
    let is_host = name.len() > 1
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        && name.contains(|c: char| c.is_ascii_alphabetic() || c == '.');
    match is_host && (after_scheme.is_some() || is_port) {
        true if is_port => vec![authority.to_owned(), name.to_owned()],
        true => vec![name.to_owned()],
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_base_units() {
        for (value, expected) in [
            ("", None),
            ("abc", None),
            ("1.9.4", None),
            ("v2", None),
            ("10.0.0.1:80", None),
            ("3000", Some(3_000.0)),
            ("-1", Some(-1.0)),
            ("1_000", Some(1_000.0)),
            ("2.50", Some(2.5)),
            ("3s", Some(3.0)),
            ("500ms", Some(0.5)),
            ("30 s", Some(30.0)),
            ("1m30s", Some(90.0)),
            ("PT1M30S", Some(90.0)),
            ("5m", Some(300.0)),
            ("500m", Some(0.5)),
            ("1M", Some(1_048_576.0)),
            ("64MB", Some(67_108_864.0)),
            ("512Mi", Some(536_870_912.0)),
            ("-Xms1g -Xmx512m", Some(536_870_912.0)),
            ("50%", Some(0.5)),
            ("true", Some(1.0)),
            ("Off", Some(0.0)),
            ("inf", None),
            ("1e", None),
        ] {
            assert_eq!(numeric_value(value), expected, "{value}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (value, unit, expected) in [
            ("", Some(Unit::Seconds), None),
            ("on", Some(Unit::Seconds), None),
            ("400", None, None),
            ("64MB", Some(Unit::Seconds), None),
            ("400", Some(Unit::Milliseconds), Some(0.4)),
            ("2s", Some(Unit::Milliseconds), Some(2.0)),
            ("1m30s", None, Some(90.0)),
            ("5m", Some(Unit::Seconds), Some(300.0)),
        ] {
            assert_eq!(seconds(value, unit), expected, "{value}");
        }
    }

    #[test]
    fn spellings_of_values() {
        for (key, value, wanted, unwanted) in [
            ("call.timeout_ms", "700", vec!["700", "0.7", "0.70", "700ms", "700 ms", "0.7s"], vec!["7"]),
            ("pool.timeout_s", "4.0", vec!["4.0", "4", "4.00", "4s", "4000", "4000ms"], vec!["40"]),
            ("x.timeout", "3s", vec!["3s", "3", "3.0", "3000"], vec![]),
            ("pool.max_size", "7", vec!["7"], vec!["7s", "7.0"]),
            ("max", "64MB", vec!["64MB", "64 MB", "67108864", "65536kB"], vec!["64s"]),
            ("a.url", "http://u:p@db.x:8080/y", vec!["db.x:8080", "db.x"], vec!["u", "http"]),
            ("a.host", "db.x", vec!["db.x"], vec![]),
            ("a.flag", "true", vec![], vec!["true", "1"]),
            ("a", "", vec![], vec![""]),
        ] {
            let found = spellings(key, value);
            for text in wanted {
                assert!(found.iter().any(|f| f == text), "{key}={value}: {text} is not among {found:?}");
            }
            for text in unwanted {
                assert!(!found.iter().any(|f| f == text), "{key}={value}: {text} is among {found:?}");
            }
        }
    }
}
